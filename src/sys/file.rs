//! Descriptors that Python code named, and files without a name.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// Has everything written to `descriptor` go to the end of its file, where it is one: others may write there too.
pub fn write_at_end(descriptor: impl AsFd) {
    let number = descriptor.as_fd().as_raw_fd();
    // SAFETY: an open descriptor and plain flags; where it cannot be, all is as before.
    unsafe {
        let flags = libc::fcntl(number, libc::F_GETFL);
        if flags >= 0 {
            libc::fcntl(number, libc::F_SETFL, flags | libc::O_APPEND);
        }
    }
}

/// A new file in `folder` that nobody else can open, and that is gone with its last descriptor.
pub fn nameless(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options.clone().custom_flags(libc::O_TMPFILE).open(folder) {
        // The file system has no such files; a directory is what older kernels take it for.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {}
        opened => return opened,
    }
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("rwsgi-{}-{number}", std::process::id()));
    // Never one that is there already, a link of somebody else's least of all.
    let file = options.create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn two_writers_do_not_overwrite_each_other() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut one = file.reopen().expect("opened");
        let mut two = OpenOptions::new().append(true).open(file.path()).expect("opened");
        write_at_end(&one);
        two.write_all(b"two").expect("written");
        one.write_all(b"one").expect("written");
        assert_eq!(std::fs::read(file.path()).expect("read"), b"twoone");
    }

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

    #[test]
    fn a_nameless_file_is_not_in_its_folder() {
        let folder = std::env::temp_dir().join(format!("rwsgi-nameless-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        let file = nameless(&folder).expect("made");
        file.set_len(10).expect("writable");
        assert_eq!(std::fs::read_dir(&folder).expect("readable").count(), 0);
        std::fs::remove_dir(&folder).expect("empty");
        assert!(nameless(&folder).is_err());
    }
}
