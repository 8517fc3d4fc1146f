//! The system's accounts, and whom httpd runs as.

use crate::config::plan::identity::{Account, Accounts, HttpdAccount};
use crate::httpd::process;
use crate::sys::user;

/// The system's database of users and groups.
pub(super) struct System;

impl Accounts for System {
    fn user_named(&self, name: &str) -> Option<Account> {
        user::user_named(name).map(account)
    }

    fn user_numbered(&self, uid: u32) -> Option<Account> {
        user::user_numbered(uid).map(account)
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        user::group_named(name)
    }

    fn groups_of(&self, user: &str, gid: u32) -> Vec<u32> {
        user::groups_of(user.as_bytes(), gid)
    }

    fn most_groups(&self) -> usize {
        user::most_groups()
    }
}

fn account(user: user::User) -> Account {
    let user::User { name, uid, home, .. } = user;
    Account { name, uid, home }
}

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
