//! Appending to logs that may not take anything: a log is often the pipe of another program, which may have stopped
//! reading, or a file on a full disk. Nobody who has something to do waits for it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::poll::Poll;

/// How long a reader may be behind before records are dropped.
const PATIENCE: Duration = Duration::from_millis(100);
/// As many bytes as a pipe that is not full takes at once (`PIPE_BUF`).
const PIPE_PIECE: usize = 4096;

/// Most logs whose losses are counted: those that never take anything again would be more with each restart of httpd.
const MOST_LOGS: usize = 256;

/// A log, whichever descriptor leads to it: device and inode.
type Identity = (libc::dev_t, libc::ino_t);

/// Records that this process has dropped and told nobody of, by the log that did not take them.
static LOST: Mutex<BTreeMap<Identity, u32>> = Mutex::new(BTreeMap::new());

fn lost() -> MutexGuard<'static, BTreeMap<Identity, u32>> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Appends a record, or drops and counts it. How many were dropped since this log last took one, to be told once.
pub fn append(log: BorrowedFd<'_>, record: &[u8]) -> u32 {
    let (identity, kind) = recognise(log);
    // A reader that was waited for in vain is not waited for again until it reads.
    let patience = match lost().contains_key(&identity) {
        false => PATIENCE,
        true => Duration::ZERO,
    };
    if write_all(log, kind, record, patience).is_ok() {
        return lost().remove(&identity).unwrap_or(0);
    }
    let mut lost = lost();
    if lost.len() < MOST_LOGS || lost.contains_key(&identity) {
        let count = lost.entry(identity).or_default();
        *count = count.saturating_add(1);
    }
    0
}

fn write_all(log: BorrowedFd<'_>, kind: Kind, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
    let begin = Instant::now();
    while !bytes.is_empty() {
        match kind.write(log, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = patience.saturating_sub(begin.elapsed());
                if left.is_zero() {
                    return Err(error);
                }
                is_writable(log, left)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_writable(log: BorrowedFd<'_>, limit: Duration) -> io::Result<bool> {
    let mut poll = Poll::default();
    poll.add_writable(log);
    Ok(poll.wait(Some(limit))?.contains(&true))
}

/// What a log is. The descriptor is httpd's, too, so that it cannot be set to never wait: each write has to say so.
#[derive(Clone, Copy)]
enum Kind {
    Pipe,
    Socket,
    /// A file, whose disk is waited for.
    Other,
}

/// Which log it is, and of what kind.
fn recognise(log: BorrowedFd<'_>) -> (Identity, Kind) {
    // SAFETY: plain numbers, for which zero is a value.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a live descriptor and a valid out-parameter.
    let known = unsafe { libc::fstat(log.as_raw_fd(), &raw mut status) } == 0;
    let kind = match status.st_mode & libc::S_IFMT {
        libc::S_IFIFO if known => Kind::Pipe,
        libc::S_IFSOCK if known => Kind::Socket,
        _ => Kind::Other,
    };
    ((status.st_dev, status.st_ino), kind)
}

impl Kind {
    /// Writes what goes without waiting; `WouldBlock` when that is nothing.
    fn write(self, log: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Kind::Pipe => match write_to_pipe(log, bytes) {
                Err(error) if is_unknown(&error) => write_where_there_is_room(log, bytes),
                written => written,
            },
            Kind::Socket => {
                let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                // SAFETY: a live socket, and bytes of the length told.
                counted(unsafe { libc::send(log.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
            }
            Kind::Other => write(log, bytes),
        }
    }
}

fn write_to_pipe(pipe: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: a live descriptor and one part that is only read; -1 is the position where the pipe is.
    counted(unsafe { libc::pwritev2(pipe.as_raw_fd(), &raw const part, 1, -1, libc::RWF_NOWAIT) })
}

/// Whether the kernel does not know how to write to a pipe without waiting (before Linux 6.5).
fn is_unknown(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [libc::EOPNOTSUPP, libc::EINVAL, libc::ENOSYS]
        .map(Some)
        .contains(&number)
}

/// Another writer that comes in between can still make this wait.
fn write_where_there_is_room(pipe: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    if !is_writable(pipe, Duration::ZERO)? {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    write(pipe, bytes.get(..PIPE_PIECE).unwrap_or(bytes))
}

fn write(log: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: a live descriptor, and bytes of the length told.
    counted(unsafe { libc::write(log.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) })
}

fn counted(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    /// As much as goes without waiting for a reader.
    fn write_now(log: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
        write_all(log, recognise(log).1, bytes, Duration::ZERO)
    }

    #[test]
    fn records_that_nobody_reads_are_dropped_and_counted() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut written = 0_usize;
        let record = [b'x'; 1000];
        while write_now(writer.as_fd(), &record).is_ok() {
            written += record.len();
        }
        assert!(written > 10_000, "{written}");
        let begin = Instant::now();
        for _ in 0..1000 {
            assert_eq!(append(writer.as_fd(), &record), 0);
        }
        let taken = begin.elapsed();
        assert!(taken >= PATIENCE && taken < Duration::from_secs(5), "{taken:?}");
        // Others have lost nothing, and are waited for.
        let file = tempfile::tempfile().expect("a file");
        assert_eq!(append(file.as_fd(), b"y"), 0);
        let mut read = vec![0; written];
        reader.read_exact(&mut read).expect("what was written");
        let copy = writer.try_clone().expect("copied");
        assert_eq!(append(copy.as_fd(), b"after"), 1000);
        assert_eq!(append(writer.as_fd(), b"later"), 0);
    }

    #[test]
    fn a_full_disk_loses_records_of_its_own_logs_alone() {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("there");
        assert_eq!(append(full.as_fd(), b"x"), 0);
        let (_reader, writer) = io::pipe().expect("a pipe");
        assert_eq!(append(writer.as_fd(), b"y"), 0);
        let (identity, _) = recognise(full.as_fd());
        assert_eq!(lost().remove(&identity), Some(1));
    }

    #[test]
    fn sockets_and_old_kernels_do_not_wait_either() {
        let (one, two) = UnixStream::pair().expect("a pair");
        while write_now(one.as_fd(), &[b'x'; 1000]).is_ok() {}
        drop(two);
        let (reader, writer) = io::pipe().expect("a pipe");
        let begin = Instant::now();
        let writes = std::iter::repeat_with(|| write_where_there_is_room(writer.as_fd(), &[b'x'; 1000]));
        let written = writes.take_while(Result::is_ok).count();
        assert!(written > 10, "{written}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        drop(reader);
    }

    #[test]
    fn a_file_is_appended_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let open = || {
            File::options()
                .create(true)
                .append(true)
                .open(&path)
                .expect("opened")
        };
        for file in [open(), open()] {
            write_now(file.as_fd(), b"line\n").expect("written");
        }
        assert_eq!(std::fs::read(&path).expect("read"), b"line\nline\n");
    }
}
