//! Files of programs: that of this code, whether it is still there, and whether others can be run at all.

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

/// The file that holds this code, as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its path, with links resolved.
    pub path: PathBuf,
    /// Whether the file has been removed, or replaced by another, since this process loaded it.
    pub is_gone: bool,
}

/// The file that this code was loaded from; `None` where the kernel does not tell.
pub fn loaded() -> Option<Loaded> {
    let inside = own_file as *const libc::c_void as usize;
    mapped_at(&std::fs::read("/proc/self/maps").ok()?, inside)
}

/// The file in whose mapping an address lies: `START-END PERMISSIONS OFFSET DEVICE INODE   PATH` (proc(5)).
fn mapped_at(maps: &[u8], address: usize) -> Option<Loaded> {
    const GONE: &[u8] = b" (deleted)";
    const FIELDS: usize = 6;
    let number = |text: &[u8]| usize::from_str_radix(str::from_utf8(text).ok()?, 16).ok();
    let covers = |line: &&[u8]| {
        let range = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let mut ends = range.split(|byte| *byte == b'-').map(number);
        let (Some(Some(start)), Some(Some(end))) = (ends.next(), ends.next()) else {
            return false;
        };
        (start..end).contains(&address)
    };
    let line = maps.split(|byte| *byte == b'\n').find(covers)?;
    let path = line
        .splitn(FIELDS, |byte| *byte == b' ')
        .nth(FIELDS - 1)?
        .trim_ascii_start();
    let (path, is_gone) = match path.strip_suffix(GONE) {
        Some(path) => (path, true),
        None => (path, false),
    };
    path.starts_with(b"/").then(|| Loaded {
        path: PathBuf::from(OsStr::from_bytes(path)),
        is_gone,
    })
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
    fn what_is_loaded_is_there_until_it_is_removed() {
        let running = std::env::current_exe().expect("known");
        let found = loaded().expect("told");
        assert_eq!((found.path, found.is_gone), (running, false));
        let maps = b"1000-2000 r--p 00000000 08:01 77 /lib/a b.so\n2000-3000 r-xp 00001000 08:01 78                 \
                     /lib/c d.so (deleted)\n3000-4000 rw-p 00000000 00:00 0 \n4000-5000 rw-p 00000000 00:00 0 [heap]\n";
        let at = |address| mapped_at(maps, address).map(|found| (found.path, found.is_gone));
        assert_eq!(at(0x1fff), Some(("/lib/a b.so".into(), false)));
        assert_eq!(at(0x2000), Some(("/lib/c d.so".into(), true)));
        assert_eq!([at(0x3000), at(0x4000), at(0x5000)], [None, None, None]);
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
