//! Descriptors that a process was started with.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that were taken over, one bit each.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Takes over the open descriptor `number`, from 3 to 63, which whoever started the process left there for
/// us. It is closed on exec from now on. Each number is taken over once at most.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    let bit = u32::try_from(number)
        .ok()
        .filter(|number| (3..64).contains(number))
        .map(|number| 1_u64 << number)
        .ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: fcntl only reads the number; one that is not open gives EBADF.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if TAKEN.fetch_or(bit, Ordering::SeqCst) & bit != 0 {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // SAFETY: open, and given out to nobody before.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(take(2).is_err());
        assert!(take(64).is_err());
    }
}
