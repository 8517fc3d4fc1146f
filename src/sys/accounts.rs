//! The system's users and groups, as the plan of a daemon group asks for them.

use super::user;
use crate::config::plan::identity::{Account, Accounts};

/// The system's database of users and groups.
#[derive(Debug, Clone, Copy)]
pub struct System;

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
