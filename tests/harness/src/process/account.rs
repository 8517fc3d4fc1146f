//! The account that servers run as.

use std::fs;

use super::is_root;

/// Accounts that distributions give to httpd; a server started by root runs as the first known.
const ACCOUNTS: [&str; 5] = ["www-data", "apache", "wwwrun", "http", "nobody"];

/// The account that servers started by root run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: &'static str,
    /// The name of its group.
    pub group: &'static str,
    /// Its user id.
    pub user_id: u32,
    /// The id of its group.
    pub group_id: u32,
}

/// The account for a server; `None` when this process is not root and servers run as it does.
///
/// # Panics
/// When the machine has none of the usual accounts.
pub fn serving_account() -> Option<Account> {
    is_root().then(|| {
        let found = ACCOUNTS.iter().find_map(|name| {
            let user_id = database_id("/etc/passwd", name)?;
            let group = [name, "nogroup"].into_iter().find_map(|group| {
                let group_id = database_id("/etc/group", group)?;
                Some((group, group_id))
            });
            let (group, group_id) = group?;
            Some(Account {
                name,
                group,
                user_id,
                group_id,
            })
        });
        found.expect("an account for httpd")
    })
}

/// `NAME:x:ID:...`
fn database_id(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let mut fields = text
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    fields.nth(1)?.parse().ok()
}
