//! Memory that processes share.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

/// An anonymous file of zeros, closed on exec. Its size cannot be changed any more, so that nobody can take
/// the memory away from under those who map it.
pub fn anonymous(name: &CStr, bytes: usize) -> io::Result<OwnedFd> {
    // SAFETY: a C string and known flags.
    let raw = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else knows.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(raw) });
    file.set_len(u64::try_from(bytes).unwrap_or(u64::MAX))?;
    // SAFETY: our own descriptor and known flags.
    let sealed = unsafe {
        libc::fcntl(
            file.as_raw_fd(),
            libc::F_ADD_SEALS,
            libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL,
        )
    };
    if sealed < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file.into())
}

/// Words that several processes have mapped.
#[derive(Debug)]
pub struct SharedWords {
    file: OwnedFd,
    start: NonNull<AtomicU32>,
    words: usize,
}

// SAFETY: atomics only, in a mapping that lives as long as this.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// New ones, zero.
    pub fn new(name: &CStr, words: usize) -> io::Result<SharedWords> {
        Self::map(anonymous(name, words * size_of::<AtomicU32>())?, words)
    }

    /// Maps `words` of a file made by [`new`](Self::new) in another process.
    pub fn map(file: OwnedFd, words: usize) -> io::Result<SharedWords> {
        let bytes = words * size_of::<AtomicU32>();
        let file = File::from(file);
        if words == 0 || file.metadata()?.len() < bytes as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the shared memory is smaller than it should be",
            ));
        }
        // SAFETY: the kernel chooses the address; the file is as long as the mapping and sealed at that.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at null"))?;
        Ok(SharedWords {
            file: file.into(),
            start,
            words,
        })
    }

    /// The words.
    pub fn words(&self) -> &[AtomicU32] {
        // SAFETY: mapped for as long as `self` lives; any bits are an AtomicU32.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl AsFd for SharedWords {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`, and nobody borrows the words any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.words * size_of::<AtomicU32>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn two_mappings_share_their_words() {
        let one = SharedWords::new(c"test", 8).expect("mapped");
        let copy = one.as_fd().try_clone_to_owned().expect("copied");
        let two = SharedWords::map(copy, 8).expect("mapped again");
        one.words()[7].store(5, Ordering::Relaxed);
        assert_eq!(two.words()[7].load(Ordering::Relaxed), 5);
    }

    #[test]
    fn the_memory_cannot_be_taken_away() {
        let shared = SharedWords::new(c"test", 8).expect("mapped");
        let copy = File::from(shared.as_fd().try_clone_to_owned().expect("copied"));
        assert!(copy.set_len(0).is_err());
    }

    #[test]
    fn more_words_than_there_are_cannot_be_mapped() {
        let shared = SharedWords::new(c"test", 8).expect("mapped");
        let copy = shared.as_fd().try_clone_to_owned().expect("copied");
        assert!(SharedWords::map(copy, 1 << 20).is_err());
    }
}
