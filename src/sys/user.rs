//! Users and groups.

use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Largest entry of the user database that is read; the C library's own start size is 1 KiB.
const LARGEST_ENTRY: usize = 1 << 20;

/// A user of the system's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Number of its primary group.
    pub gid: u32,
    /// Its home directory.
    pub home: PathBuf,
}

/// The user of this name; `None` when there is none, or the database cannot be asked.
pub fn user_named(name: &str) -> Option<User> {
    let name = CString::new(name).ok()?;
    // SAFETY: valid pointers, of which the C library keeps none.
    find_user(|entry, room, size, found| unsafe { libc::getpwnam_r(name.as_ptr(), entry, room, size, found) })
}

/// The user of this number; `None` when there is none, or the database cannot be asked.
pub fn user_numbered(uid: u32) -> Option<User> {
    // SAFETY: valid pointers, of which the C library keeps none.
    find_user(|entry, room, size, found| unsafe { libc::getpwuid_r(uid, entry, room, size, found) })
}

/// Number of the group of this name; `None` when there is none, or the database cannot be asked.
pub fn group_named(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut entry: libc::group = unsafe { std::mem::zeroed() };
    with_room(|room, size| {
        let mut found = std::ptr::null_mut();
        // SAFETY: valid pointers, of which the C library keeps none.
        let status = unsafe { libc::getgrnam_r(name.as_ptr(), &raw mut entry, room, size, &raw mut found) };
        (status, (!found.is_null()).then_some(entry.gr_gid))
    })
}

/// The user that `text` means: a name, or `#` and a number.
pub fn user_meant(text: &str) -> Option<User> {
    match text.strip_prefix('#') {
        Some(number) => number.parse().ok().and_then(user_numbered),
        None => user_named(text),
    }
}

/// Number of the user that `text` means: a name, or `#` and a number, which needs no entry in the database.
pub fn user_number_meant(text: &str) -> Option<u32> {
    match text.strip_prefix('#') {
        Some(number) => number.parse().ok(),
        None => user_named(text).map(|user| user.uid),
    }
}

/// Number of the group that `text` means, as for [users](user_number_meant).
pub fn group_number_meant(text: &str) -> Option<u32> {
    match text.strip_prefix('#') {
        Some(number) => number.parse().ok(),
        None => group_named(text),
    }
}

/// The user that this process acts as.
pub fn own_uid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

/// The group that this process acts as.
pub fn own_gid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::getegid() }
}

/// How many supplementary groups a process can have.
pub fn most_groups() -> usize {
    // SAFETY: a plain query.
    let most = unsafe { libc::sysconf(libc::_SC_NGROUPS_MAX) };
    usize::try_from(most).unwrap_or(16)
}

fn find_user(
    ask: impl Fn(*mut libc::passwd, *mut c_char, usize, *mut *mut libc::passwd) -> c_int,
) -> Option<User> {
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    with_room(|room, size| {
        let mut found = std::ptr::null_mut();
        let status = ask(&raw mut entry, room, size, &raw mut found);
        // SAFETY: an entry that was found holds C strings in `room`.
        let text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_bytes();
        let user = (status == 0 && !found.is_null()).then(|| User {
            name: String::from_utf8_lossy(text(entry.pw_name)).into_owned(),
            uid: entry.pw_uid,
            gid: entry.pw_gid,
            home: PathBuf::from(OsStr::from_bytes(text(entry.pw_dir))),
        });
        (status, user)
    })
}

/// Asks with more and more room for the entry's texts.
fn with_room<T>(mut ask: impl FnMut(*mut c_char, usize) -> (c_int, Option<T>)) -> Option<T> {
    let mut room: Vec<c_char> = vec![0; 1024];
    loop {
        match ask(room.as_mut_ptr(), room.len()) {
            (libc::EINTR, _) => {}
            (libc::ERANGE, _) if room.len() < LARGEST_ENTRY => room.resize(room.len() * 4, 0),
            (_, answer) => return answer,
        }
    }
}

/// The group numbers of the user `name`, `gid` among them; just `gid` when the user is not known.
pub fn groups_of(name: &[u8], gid: u32) -> Vec<u32> {
    let Ok(name) = CString::new(name) else {
        return vec![gid];
    };
    let mut groups: Vec<libc::gid_t> = vec![gid; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: a C string, and room for `count` numbers.
        let found = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or_default();
        if found >= 0 {
            groups.truncate(count);
            return groups;
        }
        if count <= groups.len() {
            return vec![gid];
        }
        groups.resize(count, gid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_group_is_among_them() {
        assert!(groups_of(b"root", 0).contains(&0));
        assert_eq!(groups_of(b"no such user", 7), [7]);
    }

    #[test]
    fn users_and_groups_are_found_by_name_and_number() {
        let root = user_named("root").expect("there is root");
        assert_eq!((root.uid, root.gid, &*root.name), (0, 0, "root"));
        assert!(root.home.is_absolute());
        assert_eq!(user_meant("#0"), Some(root.clone()));
        assert_eq!(user_meant("root"), Some(root.clone()));
        assert_eq!(user_numbered(0), Some(root));
        assert_eq!(
            (
                user_meant("#x"),
                user_number_meant("#x"),
                group_number_meant("#-1")
            ),
            (None, None, None)
        );
        assert_eq!(user_number_meant("root"), Some(0));
        assert_eq!(
            (user_number_meant("#4242"), group_number_meant("#4242")),
            (Some(4242), Some(4242))
        );
        assert_eq!(group_named("root").or(group_named("wheel")), Some(0));
        assert_eq!(user_named("no such user"), None);
        assert_eq!(group_named("no such group"), None);
        assert_eq!(user_numbered(u32::MAX - 7), None);
    }
}
