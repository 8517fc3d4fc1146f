//! Files of programs: that of this code, and whether others can be run at all.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The shared library, or the program, that holds this code, as it was named when it was loaded.
pub fn own_file() -> Option<PathBuf> {
    // SAFETY: plain pointers, for which null is a value.
    let mut found: libc::Dl_info = unsafe { std::mem::zeroed() };
    let inside = own_file as *const libc::c_void;
    // SAFETY: an address of this code and a valid out-parameter.
    if unsafe { libc::dladdr(inside, &raw mut found) } == 0 || found.dli_fname.is_null() {
        return None;
    }
    // SAFETY: a C string that lives as long as the library, which is never unloaded.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// Whether the file system of this file runs no programs; no where that cannot be told.
pub fn is_mounted_noexec(file: &Path) -> bool {
    let Ok(name) = CString::new(file.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: plain numbers, for which zero is a value.
    let mut facts: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: a C string and a valid out-parameter.
    let asked = unsafe { libc::statvfs(name.as_ptr(), &raw mut facts) };
    asked == 0 && facts.f_flag & libc::ST_NOEXEC != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_its_own_file() {
        let own = own_file().expect("found").canonicalize().expect("exists");
        let running = std::env::current_exe().expect("known");
        assert_eq!(own, running.canonicalize().expect("exists"));
    }

    #[test]
    fn programs_run_from_where_this_one_does_and_not_from_where_none_may() {
        let own = std::env::current_exe().expect("known");
        assert!(!is_mounted_noexec(&own));
        let mounts = std::fs::read_to_string("/proc/mounts").expect("readable");
        let proc = mounts
            .lines()
            .find(|line| line.split(' ').nth(1) == Some("/proc"))
            .expect("mounted");
        assert_eq!(
            is_mounted_noexec(Path::new("/proc/self")),
            proc.contains("noexec")
        );
    }
}
