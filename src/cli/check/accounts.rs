//! Whom httpd would run as.

use crate::config::plan::identity::HttpdAccount;
use crate::sys::user;

/// Whom httpd's children run as, by `User` and `Group`: those count where root starts it, as only root can check
/// for others.
pub(super) fn httpd(user: Option<&str>, group: Option<&str>) -> HttpdAccount {
    let own = HttpdAccount {
        root: false,
        uid: user::own_uid(),
        gid: user::own_gid(),
    };
    if own.uid != 0 {
        return own;
    }
    let found = user.and_then(user::user_meant);
    let gid = group.and_then(user::group_number_meant);
    HttpdAccount {
        root: true,
        uid: found.as_ref().map_or(u32::MAX, |found| found.uid),
        gid: gid.or(found.map(|found| found.gid)).unwrap_or(u32::MAX),
    }
}
