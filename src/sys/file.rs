//! Descriptors that Python code named, and what a file system allows.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A descriptor of our own for the file that `descriptor` refers to, closed on exec.
///
/// The number may be anything; one that is not open is reported as an error.
pub fn duplicate(descriptor: RawFd) -> io::Result<File> {
    // SAFETY: fcntl only reads the number; a bad one gives EBADF.
    let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else knows.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
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
    use std::io::Read;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_copy_outlives_the_original() {
        let original = File::open("/dev/zero").expect("opens");
        let mut copy = duplicate(original.as_raw_fd()).expect("duplicates");
        drop(original);
        let mut byte = [1];
        copy.read_exact(&mut byte).expect("reads");
        assert_eq!(byte, [0]);
    }

    #[test]
    fn programs_run_from_where_this_one_does_and_not_from_proc() {
        let own = std::env::current_exe().expect("known");
        assert!(!is_mounted_noexec(&own));
        let line = std::fs::read_to_string("/proc/mounts").expect("readable");
        let proc = line
            .lines()
            .find(|line| line.split(' ').nth(1) == Some("/proc"))
            .expect("mounted");
        assert_eq!(
            is_mounted_noexec(Path::new("/proc/self")),
            proc.contains("noexec")
        );
    }

    #[test]
    fn a_closed_descriptor_is_an_error() {
        assert!(duplicate(-1).is_err());
        assert!(duplicate(1_000_000).is_err());
    }
}
