//! Whom httpd runs as.

use crate::config::plan::identity::HttpdAccount;
use crate::httpd::process;
use crate::sys::user;

/// Whom httpd's children run as: `User` and `Group`, where httpd was started by root.
pub(super) fn httpd() -> HttpdAccount {
    let own = user::own_uid();
    let (uid, gid) = if own == 0 {
        process::serving_user()
    } else {
        (own, user::own_gid())
    };
    HttpdAccount {
        root: own == 0,
        uid,
        gid,
    }
}
