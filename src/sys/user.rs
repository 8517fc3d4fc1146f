//! Users and groups.

use std::ffi::CString;

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
}
