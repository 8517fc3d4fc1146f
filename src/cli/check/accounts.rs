//! The system's accounts, for whom a group would run as.

use crate::config::plan::identity::{Account, Accounts, HttpdAccount};
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
    let number = |text: &str| {
        text.strip_prefix('#')
            .and_then(|digits| digits.parse::<u32>().ok())
    };
    let found =
        user.and_then(|name| number(name).map_or_else(|| user::user_named(name), user::user_numbered));
    let gid = group.and_then(|name| number(name).or_else(|| user::group_named(name)));
    HttpdAccount {
        root: true,
        uid: found.as_ref().map_or(u32::MAX, |found| found.uid),
        gid: gid.or(found.map(|found| found.gid)).unwrap_or(u32::MAX),
    }
}
