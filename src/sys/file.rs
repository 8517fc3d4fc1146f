//! Descriptors that Python code named.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

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
    fn a_closed_descriptor_is_an_error() {
        assert!(duplicate(-1).is_err());
        assert!(duplicate(1_000_000).is_err());
    }
}
