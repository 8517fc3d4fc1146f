//! UNIX stream sockets, as one thread drives them beside another descriptor.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::passing;

/// Sizes of a socket's buffers in bytes; the system's where unset.
#[derive(Clone, Copy, Debug, Default)]
pub struct BufferSizes {
    /// For sending.
    pub send: Option<u32>,
    /// For receiving.
    pub receive: Option<u32>,
}

/// Connects to the socket at `path`. Waits at most for `limit` while the listener's queue is full, which is
/// then the error `WouldBlock`; with a limit of zero not at all.
pub fn connect(path: &Path, limit: Duration, sizes: BufferSizes) -> io::Result<UnixStream> {
    let (address, length) = address_of(path)?;
    let wait = if limit.is_zero() { libc::SOCK_NONBLOCK } else { 0 };
    // SAFETY: known numbers.
    let raw = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | wait, 0) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else knows.
    let stream = UnixStream::from(unsafe { OwnedFd::from_raw_fd(raw) });
    for (option, size) in [(libc::SO_SNDBUF, sizes.send), (libc::SO_RCVBUF, sizes.receive)] {
        if let Some(size) = size {
            set_size(&stream, option, size)?;
        }
    }
    if !limit.is_zero() {
        stream.set_write_timeout(Some(limit))?;
    }
    loop {
        // SAFETY: a live socket, and an address of the length told.
        let connected = unsafe { libc::connect(stream.as_raw_fd(), (&raw const address).cast(), length) };
        if connected == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn address_of(path: &Path) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    let path = path.as_os_str().as_bytes();
    // SAFETY: plain numbers, for which zero is a value.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX.try_into().unwrap_or_default();
    // The last byte stays zero.
    if path.is_empty() || path.contains(&0) || path.len() >= address.sun_path.len() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the socket's path is too long",
        ));
    }
    for (to, from) in address.sun_path.iter_mut().zip(path) {
        *to = std::ffi::c_char::from_ne_bytes([*from]);
    }
    let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + path.len() + 1;
    Ok((
        address,
        libc::socklen_t::try_from(length).map_err(io::Error::other)?,
    ))
}

fn set_size(stream: &UnixStream, option: c_int, size: u32) -> io::Result<()> {
    let size = c_int::try_from(size).unwrap_or(c_int::MAX);
    let length = libc::socklen_t::try_from(size_of::<c_int>()).map_err(io::Error::other)?;
    // SAFETY: a live socket, and a value of the length told.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const size).cast(),
            length,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The user who made the listener that a stream is connected to, or who connected to it.
pub fn peer_uid(stream: &UnixStream) -> io::Result<u32> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).map_err(io::Error::other)?;
    // SAFETY: a live socket, and room of the length told.
    let got = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    if got == 0 {
        Ok(peer.uid)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sends what the peer has room for; `WouldBlock` when that is nothing.
pub fn send_now(stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    repeat(|| {
        // SAFETY: a live socket, and bytes of the length told.
        unsafe {
            libc::send(
                stream.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
            )
        }
    })
}

/// As a plain write, of what is followed by the end of the connection: both travel together.
pub fn send_last(stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    repeat(|| {
        // SAFETY: a live socket, and bytes of the length told.
        unsafe {
            libc::send(
                stream.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_NOSIGNAL | libc::MSG_MORE,
            )
        }
    })
}

/// Receives what is there; 0 at the end. `WouldBlock` when that is nothing.
pub fn receive_now(stream: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    receive_with(stream, buffer, libc::MSG_DONTWAIT)
}

/// Waits for something to receive; 0 at the end. `WouldBlock` when the read timeout of the stream is over.
pub fn receive(stream: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    receive_with(stream, buffer, 0)
}

fn receive_with(stream: &UnixStream, buffer: &mut [u8], flags: c_int) -> io::Result<usize> {
    repeat(|| {
        // SAFETY: a live socket, and room of the length told.
        unsafe {
            libc::recv(
                stream.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                flags,
            )
        }
    })
}

/// A descriptor that came beside what was received.
#[derive(Debug, Default)]
pub struct Beside {
    /// The first one, until somebody takes it.
    pub descriptor: Option<OwnedFd>,
    /// Whether another came that could not be kept, and is closed: there was one already, or the process could not
    /// take it.
    pub has_lost: bool,
}

/// Receives as [`receive`] does if `wait`, else as [`receive_now`], and a descriptor that comes along.
pub fn receive_with_descriptor(
    stream: &UnixStream,
    buffer: &mut [u8],
    wait: bool,
    beside: &mut Beside,
) -> io::Result<usize> {
    let Beside { descriptor, has_lost } = beside;
    let mut is_second = false;
    let arrival = passing::receive(stream, buffer, wait, 1, |one| {
        is_second = descriptor.is_some();
        descriptor.get_or_insert(one);
    })?;
    *has_lost |= is_second || arrival.is_cut;
    Ok(arrival.length)
}

/// Calls again what a signal has interrupted.
pub(super) fn repeat(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(count) => return Ok(count),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// A descriptor, what it is waited for, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// The descriptor; a negative one is left out.
    pub descriptor: RawFd,
    /// Wait until it can be read; then whether it can, or has failed.
    pub read: bool,
    /// Wait until it can be written; then whether it can, or has failed.
    pub write: bool,
    /// Wait until nothing goes in either direction any more; then whether that is so. A peer that has only
    /// closed its sending half is not gone.
    pub gone: bool,
    /// Wait until the peer has closed at least its sending half; then whether it has.
    pub closing: bool,
}

impl Watch {
    fn poll(self) -> libc::pollfd {
        let bit = |wanted: bool, bit| if wanted { bit } else { 0 };
        let events = bit(self.read, libc::POLLIN)
            | bit(self.write, libc::POLLOUT)
            | bit(self.closing, libc::POLLRDHUP);
        libc::pollfd {
            // A descriptor that is waited for nothing would still report its end, at once and for ever.
            fd: if events == 0 && !self.gone {
                -1
            } else {
                self.descriptor
            },
            events,
            revents: 0,
        }
    }

    fn take(&mut self, events: libc::c_short) {
        let failed = events & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0;
        self.read &= failed || events & libc::POLLIN != 0;
        self.write &= failed || events & libc::POLLOUT != 0;
        self.gone &= failed;
        self.closing &= failed || events & libc::POLLRDHUP != 0;
    }
}

/// Waits until one of two descriptors is ready, or `limit` is over. Whether one is.
pub fn wait(one: &mut Watch, two: &mut Watch, limit: Duration) -> io::Result<bool> {
    let mut polls = [one.poll(), two.poll()];
    // A wait that is rounded down to nothing would spin.
    let millis = limit.as_micros().div_ceil(1000);
    let millis = c_int::try_from(millis).unwrap_or(c_int::MAX);
    // SAFETY: two valid entries.
    let ready = unsafe { libc::poll(polls.as_mut_ptr(), 2, millis) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let [first, second] = polls;
    one.take(if ready > 0 { first.revents } else { 0 });
    two.take(if ready > 0 { second.revents } else { 0 });
    Ok(ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixListener;
    use std::time::Instant;

    fn listener(name: &str) -> (UnixListener, std::path::PathBuf) {
        let path = std::env::temp_dir().join(format!("rwsgi-{name}-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        (UnixListener::bind(&path).expect("bound"), path)
    }

    #[test]
    fn a_stream_knows_who_listens() {
        let (listener, path) = listener("peer");
        let sizes = BufferSizes {
            send: Some(8192),
            receive: Some(8192),
        };
        let stream = connect(&path, Duration::from_secs(1), sizes).expect("connected");
        let (accepted, _) = listener.accept().expect("accepted");
        assert_eq!(peer_uid(&stream).ok(), peer_uid(&accepted).ok());
        assert_ne!(peer_uid(&stream).expect("told"), u32::MAX);
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_full_queue_is_waited_for_no_longer_than_asked() {
        let (listener, path) = listener("full");
        let mut waiting = Vec::new();
        let begin = Instant::now();
        let error = loop {
            match connect(&path, Duration::from_millis(50), BufferSizes::default()) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        assert!(begin.elapsed() >= Duration::from_millis(40));
        let error = connect(&path, Duration::ZERO, BufferSizes::default()).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        drop(listener);
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_path_that_does_not_fit_is_an_error() {
        let path = "/".to_owned() + &"x".repeat(108);
        assert!(connect(Path::new(&path), Duration::ZERO, BufferSizes::default()).is_err());
    }

    #[test]
    fn sending_and_receiving_never_wait_unless_asked() {
        let (one, mut two) = UnixStream::pair().expect("a pair");
        let mut buffer = [0; 16];
        let nothing = receive_now(&one, &mut buffer).expect_err("nothing there");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        two.write_all(b"abc").expect("sent");
        assert_eq!(receive(&one, &mut buffer).ok(), Some(3));
        while send_now(&one, &[0; 65536]).is_ok() {}
        drop(two);
        assert!(send_now(&one, b"x").is_err());
    }

    #[test]
    fn one_descriptor_is_kept_and_others_are_closed() {
        let (one, two) = UnixStream::pair().expect("a pair");
        let (end, mut other_end) = UnixStream::pair().expect("a pair");
        let (mut beside, mut buffer) = (Beside::default(), [0; 8]);
        let mut receive = |beside: &mut Beside| receive_with_descriptor(&two, &mut buffer, false, beside);
        assert!(receive(&mut beside).is_err(), "nothing there");
        passing::send(&one, b"a", &[end.as_fd()]).expect("sent");
        assert_eq!(receive(&mut beside).ok(), Some(1));
        assert!(beside.descriptor.is_some() && !beside.has_lost);
        passing::send(&one, b"b", &[end.as_fd()]).expect("sent");
        assert_eq!(receive(&mut beside).ok(), Some(1));
        assert!(beside.descriptor.is_some() && beside.has_lost);
        drop((end, beside));
        assert_eq!(std::io::Read::read(&mut other_end, &mut [0]).ok(), Some(0));
    }

    #[test]
    fn the_ready_one_of_two_is_told() {
        let (one, two) = UnixStream::pair().expect("a pair");
        let (three, mut four) = UnixStream::pair().expect("a pair");
        four.write_all(b"x").expect("sent");
        let watch = |stream: &UnixStream| Watch {
            descriptor: stream.as_raw_fd(),
            read: true,
            write: false,
            gone: false,
            closing: false,
        };
        let (mut first, mut second) = (watch(&one), watch(&three));
        assert!(wait(&mut first, &mut second, Duration::from_secs(5)).expect("polled"));
        assert!(!first.read && second.read);
        let mut none = Watch {
            descriptor: -1,
            read: false,
            write: false,
            gone: false,
            closing: false,
        };
        let mut first = watch(&one);
        assert!(!wait(&mut first, &mut none, Duration::from_millis(1)).expect("polled"));
        assert!(!first.read);
        drop(two);
        let mut first = watch(&one);
        assert!(wait(&mut first, &mut none, Duration::from_secs(5)).expect("polled"));
        assert!(first.read);
    }
}
