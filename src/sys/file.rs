//! Descriptors that Python code named or that another process handed over, and files without a name.

use std::ffi::c_int;
use std::fmt;
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

/// The same file opened once more, for reading: with a position of its own, which nobody else moves. Needs `/proc`,
/// and the right to open the file that the process had when it was opened.
pub fn reopen(file: &File) -> io::Result<File> {
    if !is_readable(file)? {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Whether a descriptor is open for reading.
fn is_readable(file: &File) -> io::Result<bool> {
    // SAFETY: an open descriptor.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    // One that only names its file looks as if it could be read.
    Ok(flags & libc::O_PATH == 0 && flags & libc::O_ACCMODE != libc::O_WRONLY)
}

/// Whether a file is kept by a program, which may let whoever reads it wait for ever (FUSE).
pub fn is_kept_by_program(file: &File) -> io::Result<bool> {
    // SAFETY: plain numbers, for which zero is a value.
    let mut details: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: an open descriptor, and room of the type that is filled.
    let told: c_int = unsafe { libc::fstatfs(file.as_raw_fd(), &raw mut details) };
    if told < 0 {
        return Err(io::Error::last_os_error());
    }
    #[allow(clippy::unnecessary_cast, reason = "their types differ between C libraries")]
    let (kind, fuse) = (details.f_type as i64, libc::FUSE_SUPER_MAGIC as i64);
    Ok(kind == fuse)
}

/// Why a range of a file that another process handed over is not read.
#[derive(Debug)]
pub enum RangeFault {
    /// A pipe, a device, a directory or a socket.
    NotRegular,
    /// Its descriptor is not open for reading.
    NotReadable,
    /// It ends before the range does.
    TooShort,
    /// It is [kept by a program](is_kept_by_program).
    KeptByProgram,
    /// The system does not tell what it is.
    System(io::Error),
}

impl fmt::Display for RangeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RangeFault::NotRegular => f.write_str("the file is no regular one"),
            RangeFault::NotReadable => f.write_str("the file is not open for reading"),
            RangeFault::TooShort => f.write_str("the file is shorter than the range"),
            RangeFault::KeptByProgram => {
                f.write_str("the file is in a file system that a program keeps (FUSE)")
            }
            RangeFault::System(error) => write!(f, "the file cannot be examined: {error}"),
        }
    }
}

/// Whether `length` bytes from `offset` on can be read from a file that another process handed over, as far as can
/// be told now.
pub fn check_range(file: &File, offset: u64, length: u64) -> Result<(), RangeFault> {
    let details = file.metadata().map_err(RangeFault::System)?;
    if !details.is_file() {
        return Err(RangeFault::NotRegular);
    }
    if !is_readable(file).map_err(RangeFault::System)? {
        return Err(RangeFault::NotReadable);
    }
    if is_kept_by_program(file).map_err(RangeFault::System)? {
        return Err(RangeFault::KeptByProgram);
    }
    match offset.checked_add(length) {
        Some(end) if end <= details.len() => Ok(()),
        _ => Err(RangeFault::TooShort),
    }
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
    fn a_file_that_is_opened_once_more_has_a_position_of_its_own() {
        let mut original = tempfile::tempfile().expect("made");
        original.write_all(b"content").expect("written");
        let mut again = reopen(&original).expect("opened");
        let mut text = String::new();
        again.read_to_string(&mut text).expect("reads");
        assert_eq!(text, "content");
        original.write_all(b"more").expect("written where it was");
        assert_eq!(original.metadata().expect("there").len(), 11);
        assert!(again.write_all(b"x").is_err(), "it is for reading only");
        let folder = tempfile::tempdir().expect("made");
        let written = File::create(folder.path().join("written")).expect("made");
        assert!(reopen(&written).is_err(), "who may not read it may not here");
    }

    #[test]
    fn a_range_is_of_a_regular_file_that_can_be_read_and_is_as_long() {
        let mut file = tempfile::NamedTempFile::new().expect("made");
        file.write_all(&[b'x'; 100]).expect("written");
        let of = |options: &mut OpenOptions| options.open(file.path()).expect("opened");
        let read_only = of(OpenOptions::new().read(true));
        for (offset, length) in [(0, 100), (40, 60), (100, 0)] {
            assert!(
                check_range(&read_only, offset, length).is_ok(),
                "{offset} {length}"
            );
        }
        for (offset, length) in [
            (0, 101),
            (100, 1),
            (1, u64::MAX),
            (u64::MAX, u64::MAX),
            (u64::MAX, 1),
        ] {
            let fault = check_range(&read_only, offset, length);
            assert!(matches!(fault, Err(RangeFault::TooShort)), "{offset} {length}");
        }
        let write_only = of(OpenOptions::new().write(true));
        assert!(matches!(
            check_range(&write_only, 0, 1),
            Err(RangeFault::NotReadable)
        ));
        let named = of(OpenOptions::new().read(true).custom_flags(libc::O_PATH));
        assert!(matches!(check_range(&named, 0, 1), Err(RangeFault::NotReadable)));
        let folder = File::open("/").expect("opens");
        assert!(matches!(check_range(&folder, 0, 1), Err(RangeFault::NotRegular)));
        let (pipe, _end) = std::io::pipe().expect("made");
        let pipe = File::from(OwnedFd::from(pipe));
        assert!(matches!(check_range(&pipe, 0, 1), Err(RangeFault::NotRegular)));
        let memory = File::open("/proc/self/mem").expect("opens");
        assert!(matches!(check_range(&memory, 0, 1), Err(RangeFault::TooShort)));
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
