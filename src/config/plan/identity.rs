//! Whom the processes of a group run as: the rules of section 2.1 of the contract, over a database of accounts
//! that is handed in.

use std::fmt;
use std::path::PathBuf;

use super::Identity;
use crate::config::daemon_group::DaemonOptions;
use crate::config::python_home::ServingUser;

/// A user of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its home directory.
    pub home: PathBuf,
}

/// The system's users and groups.
pub trait Accounts {
    /// The user of this name.
    fn user_named(&self, name: &str) -> Option<Account>;
    /// The user of this number.
    fn user_numbered(&self, uid: u32) -> Option<Account>;
    /// Number of the group of this name.
    fn group_named(&self, name: &str) -> Option<u32>;
    /// Numbers of the groups of a user, `gid` among them.
    fn groups_of(&self, user: &str, gid: u32) -> Vec<u32>;
    /// How many groups a process can have.
    fn most_groups(&self) -> usize;
}

/// Whom httpd runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpdAccount {
    /// Whether it was started by root, and so can start processes as others.
    pub root: bool,
    /// User number of its children.
    pub uid: u32,
    /// Group number of its children.
    pub gid: u32,
}

impl HttpdAccount {
    /// Who reads files as its children, which have all groups of their user.
    #[must_use]
    pub fn serving_user(self, accounts: &dyn Accounts) -> ServingUser {
        let gids = match accounts.user_numbered(self.uid) {
            Some(account) => accounts.groups_of(&account.name, self.gid),
            None => vec![self.gid],
        };
        ServingUser { uid: self.uid, gids }
    }
}

impl Identity {
    /// Who reads files as the processes. Those that cannot be started as somebody else have all groups of their
    /// user.
    #[must_use]
    pub fn serving_user(&self, accounts: &dyn Accounts) -> ServingUser {
        let gids = match &self.user {
            Some(name) if !self.change => accounts.groups_of(name, self.gid),
            _ => self.groups.iter().copied().chain([self.gid]).collect(),
        };
        ServingUser { uid: self.uid, gids }
    }
}

/// Whom scripts must belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptOwner {
    /// The user of this number.
    User(u32),
    /// The group of this number.
    Group(u32),
}

/// What the names in a group's options stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Whom its processes run as.
    pub identity: Identity,
    /// Who owns its sockets.
    pub socket_uid: u32,
    /// Whom scripts must belong to.
    pub script_owner: Option<ScriptOwner>,
    /// Options without effect, as httpd was not started by root.
    pub ignored: Vec<&'static str>,
}

/// Why a group cannot have its processes. Its `Display` is one line with the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityProblem {
    /// No user of this name or number.
    NoUser {
        /// The option.
        option: &'static str,
        /// What was written.
        value: String,
    },
    /// No group of this name or number.
    NoGroup {
        /// The option.
        option: &'static str,
        /// What was written.
        value: String,
    },
    /// The processes would run as root.
    Root,
    /// More groups than a process can have.
    TooManyGroups {
        /// How many there would be.
        count: usize,
        /// How many there can be.
        most: usize,
    },
    /// `chroot=` where httpd was not started by root.
    ChrootWithoutRoot,
}

impl fmt::Display for IdentityProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser { option, value } => write!(
                f,
                "{option}={value:?}: there is no such user; correct the name, create the user, or write its \
                 number as #uid"
            ),
            Self::NoGroup { option, value } => write!(
                f,
                "{option}={value:?}: there is no such group; correct the name, create the group, or write its \
                 number as #gid"
            ),
            Self::Root => f.write_str(
                "WSGI process blocked from running as root. Name a user without privileges by user=, or by \
                 httpd's User",
            ),
            Self::TooManyGroups { count, most } => write!(
                f,
                "supplementary-groups= and the primary group are {count} groups, and a process can have {most}; \
                 name fewer"
            ),
            Self::ChrootWithoutRoot => f.write_str(
                "chroot= works only when httpd is started by root; start it so, or remove the option",
            ),
        }
    }
}

impl std::error::Error for IdentityProblem {}

/// Looks up what the options name.
///
/// # Errors
/// The first name that stands for nobody, or for somebody that processes must not run as.
pub fn resolve(
    options: &DaemonOptions,
    httpd: HttpdAccount,
    accounts: &dyn Accounts,
) -> Result<Resolved, IdentityProblem> {
    let user = Lookup { accounts, httpd };
    let wanted = user.wanted(options)?;
    let socket_uid = match &options.socket_user {
        Some(name) => user.user("socket-user", name)?.0,
        None => httpd.uid,
    };
    let script_owner = match (&options.script_user, &options.script_group) {
        (Some(name), _) => Some(ScriptOwner::User(user.user("script-user", name)?.0)),
        (None, Some(name)) => Some(ScriptOwner::Group(user.group("script-group", name)?)),
        (None, None) => None,
    };
    if options.chroot.is_some() && !httpd.root {
        return Err(IdentityProblem::ChrootWithoutRoot);
    }
    let (identity, ignored) = if httpd.root {
        (wanted, Vec::new())
    } else {
        let own = user.own(options);
        let ignored = ignored(options, &wanted, &own, socket_uid);
        (own, ignored)
    };
    Ok(Resolved {
        identity,
        socket_uid: if httpd.root { socket_uid } else { httpd.uid },
        script_owner,
        ignored,
    })
}

/// Options that would make a difference if httpd had been started by root.
fn ignored(options: &DaemonOptions, wanted: &Identity, own: &Identity, socket_uid: u32) -> Vec<&'static str> {
    [
        ("user", options.user.is_some() && wanted.uid != own.uid),
        ("group", options.group.is_some() && wanted.gid != own.gid),
        ("supplementary-groups", options.supplementary_groups.is_some()),
        (
            "socket-user",
            options.socket_user.is_some() && socket_uid != own.uid,
        ),
    ]
    .into_iter()
    .filter_map(|(option, differs)| differs.then_some(option))
    .collect()
}

struct Lookup<'a> {
    accounts: &'a dyn Accounts,
    httpd: HttpdAccount,
}

impl Lookup<'_> {
    /// Whom the processes run as where httpd can start them so.
    fn wanted(&self, options: &DaemonOptions) -> Result<Identity, IdentityProblem> {
        let (uid, account) = match &options.user {
            Some(name) => self.user("user", name)?,
            None => (self.httpd.uid, self.accounts.user_numbered(self.httpd.uid)),
        };
        if uid == 0 {
            return Err(IdentityProblem::Root);
        }
        // It does not follow `user=`.
        let gid = match &options.group {
            Some(name) => self.group("group", name)?,
            None => self.httpd.gid,
        };
        let groups = self.groups(options, account.as_ref(), gid)?;
        let other_user = uid != self.httpd.uid;
        let home = account.as_ref().map(|account| account.home.clone());
        Ok(Identity {
            change: true,
            uid,
            gid,
            groups,
            user: account.map(|account| account.name),
            working_directory: working_directory(options).or_else(|| home.clone().filter(|_| other_user)),
            home,
        })
    }

    /// Whom the processes run as where they cannot be started as somebody else.
    fn own(&self, options: &DaemonOptions) -> Identity {
        let HttpdAccount { uid, gid, .. } = self.httpd;
        let account = self.accounts.user_numbered(uid);
        Identity {
            change: false,
            uid,
            gid,
            groups: Vec::new(),
            home: account.as_ref().map(|account| account.home.clone()),
            user: account.map(|account| account.name),
            working_directory: working_directory(options),
        }
    }

    fn groups(
        &self,
        options: &DaemonOptions,
        account: Option<&Account>,
        gid: u32,
    ) -> Result<Vec<u32>, IdentityProblem> {
        let Some(names) = &options.supplementary_groups else {
            return Ok(account.map_or_else(
                || vec![gid],
                |account| self.accounts.groups_of(&account.name, gid),
            ));
        };
        let mut groups = vec![gid];
        for name in names {
            groups.push(self.group("supplementary-groups", name)?);
        }
        let (count, most) = (groups.len(), self.accounts.most_groups());
        if count > most {
            return Err(IdentityProblem::TooManyGroups { count, most });
        }
        Ok(groups)
    }

    /// A name, or `#` and a number, which need not be in the database.
    fn user(&self, option: &'static str, value: &str) -> Result<(u32, Option<Account>), IdentityProblem> {
        let account = match value.strip_prefix('#') {
            Some(number) => number
                .parse()
                .ok()
                .map(|uid| (uid, self.accounts.user_numbered(uid))),
            None => self
                .accounts
                .user_named(value)
                .map(|account| (account.uid, Some(account))),
        };
        account.ok_or_else(|| IdentityProblem::NoUser {
            option,
            value: value.to_owned(),
        })
    }

    fn group(&self, option: &'static str, value: &str) -> Result<u32, IdentityProblem> {
        let gid = match value.strip_prefix('#') {
            Some(number) => number.parse().ok(),
            None => self.accounts.group_named(value),
        };
        gid.ok_or_else(|| IdentityProblem::NoGroup {
            option,
            value: value.to_owned(),
        })
    }
}

fn working_directory(options: &DaemonOptions) -> Option<PathBuf> {
    options.home.as_ref().map(PathBuf::from)
}

#[cfg(test)]
mod tests;
