//! Stream sockets that web servers connect to, of whichever family.
//!
//! A connection comes as a [`UnixStream`] whatever its family: all that is done with one (reading, writing,
//! timeouts, the end) is the same, and only its peer's address is not.

use std::ffi::c_int;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, lchown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Listens at `path` for whoever may write to a file of `mode` and of `owner` (user and group numbers; this
/// process's unless set). A socket that nobody listens at any more is replaced.
///
/// # Errors
/// What the system says; `AddrInUse` when somebody listens there, and when there is something else.
pub fn listen_at_path(
    path: &Path,
    mode: u32,
    owner: (Option<u32>, Option<u32>),
    backlog: u32,
) -> io::Result<OwnedFd> {
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    if owner != (None, None) {
        lchown(path, owner.0, owner.1)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    let listener = OwnedFd::from(listener);
    listen_again(&listener, backlog)?;
    Ok(listener)
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "there is a file that is no socket",
        ));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there")),
    }
}

/// Listens at an address of the network.
///
/// # Errors
/// What the system says.
pub fn listen_at_address(address: SocketAddr, backlog: u32) -> io::Result<OwnedFd> {
    let listener = OwnedFd::from(TcpListener::bind(address)?);
    listen_again(&listener, backlog)?;
    Ok(listener)
}

/// Has a socket that listens already keep as many connections waiting.
pub(super) fn listen_again(listener: &impl AsRawFd, backlog: u32) -> io::Result<()> {
    let backlog = c_int::try_from(backlog).unwrap_or(c_int::MAX);
    // SAFETY: a live socket.
    if unsafe { libc::listen(listener.as_raw_fd(), backlog) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether a descriptor is a stream socket that listens.
pub fn listens(descriptor: &impl AsFd) -> bool {
    option(descriptor.as_fd(), libc::SO_ACCEPTCONN) == Some(1)
        && option(descriptor.as_fd(), libc::SO_TYPE) == Some(libc::SOCK_STREAM)
}

fn option(descriptor: BorrowedFd<'_>, name: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of::<c_int>()).ok()?;
    // SAFETY: a live descriptor, and room of the length told.
    let got = unsafe {
        libc::getsockopt(
            descriptor.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    (got == 0).then_some(value)
}

/// Lets [`accept`] come back with `WouldBlock` where nobody waits.
///
/// # Errors
/// What the system says.
pub fn set_nonblocking(listener: &OwnedFd) -> io::Result<()> {
    // SAFETY: fcntl only reads and sets flags of a live descriptor.
    let set = unsafe {
        let flags = libc::fcntl(listener.as_raw_fd(), libc::F_GETFL);
        flags >= 0 && libc::fcntl(listener.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) >= 0
    };
    if set {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The next connection.
///
/// # Errors
/// What the system says; `WouldBlock` when nobody waits.
pub fn accept(listener: &OwnedFd) -> io::Result<UnixStream> {
    let mut address = libc::sockaddr {
        sa_family: 0,
        sa_data: [0; 14],
    };
    let mut length = libc::socklen_t::try_from(size_of::<libc::sockaddr>()).map_err(io::Error::other)?;
    // SAFETY: a live socket, and room of the length told; a longer address is cut.
    let raw = unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            &raw mut address,
            &raw mut length,
            libc::SOCK_CLOEXEC,
        )
    };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else knows.
    let stream = UnixStream::from(unsafe { OwnedFd::from_raw_fd(raw) });
    if c_int::from(address.sa_family) != libc::AF_UNIX {
        // An answer is written whole: nothing is gained by holding its last piece back.
        set_option(&stream, libc::IPPROTO_TCP, libc::TCP_NODELAY, &1_i32)?;
    }
    Ok(stream)
}

/// Has no further connection begin, for all who share the listener: whoever tries is refused. Connections that have
/// begun can be accepted, and handshakes be completed that are under way. Comes before [`shut`].
pub fn turn_away(listener: &OwnedFd) {
    if option(listener.as_fd(), libc::SO_DOMAIN) == Some(libc::AF_UNIX) {
        return shut(listener);
    }
    // What arrives at any interface that there is finds no listener any more. Another process may have been first;
    // where it cannot be done (before Linux 5.7), a connection that begins at this very moment is lost.
    const NO_INTERFACE: c_int = c_int::MAX;
    let _ = set_option(listener, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, &NO_INTERFACE);
}

/// Ends a listener for all who share it: whoever connects is refused, and whoever waits to be accepted on one of
/// the network is broken off.
pub fn shut(listener: &OwnedFd) {
    // SAFETY: a live socket. One that was shut before is no worse.
    unsafe { libc::shutdown(listener.as_raw_fd(), libc::SHUT_RDWR) };
}

/// Has the end of a connection look like a failure where its family can say so: the peer of a TCP connection
/// sees a reset instead of an end.
pub fn break_off(stream: &UnixStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // A connection of the other family ends as ever.
    let _ = set_option(stream, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
}

fn set_option<T>(stream: &impl AsRawFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: a live socket, and a value of the length told.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            level,
            name,
            (&raw const *value).cast(),
            length,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};

    #[test]
    fn both_families_are_accepted_and_read_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sock");
        let by_path = listen_at_path(&path, 0o660, (None, None), 5).expect("listens");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let by_address = listen_at_address(address, 5).expect("listens");
        assert!(listens(&by_path) && listens(&by_address));
        let bound = TcpListener::from(by_address.try_clone().expect("copied"));
        let mut unix = UnixStream::connect(&path).expect("connects");
        let mut inet = TcpStream::connect(bound.local_addr().expect("bound")).expect("connects");
        for (listener, client) in [(&by_path, &mut unix as &mut dyn Write), (&by_address, &mut inet)] {
            client.write_all(b"hello").expect("written");
            let mut stream = accept(listener).expect("accepted");
            assert!(!listens(&stream));
            let mut room = [0; 5];
            stream.read_exact(&mut room).expect("reads");
            assert_eq!(&room, b"hello");
        }
        set_nonblocking(&by_path).expect("set");
        assert_eq!(
            accept(&by_path).map(|_| ()).expect_err("nobody").kind(),
            io::ErrorKind::WouldBlock
        );
    }

    /// Whoever has connected is heard, and whoever comes later is not kept waiting.
    #[test]
    fn a_listener_that_turns_away_keeps_who_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sock");
        let by_path = listen_at_path(&path, 0o660, (None, None), 5).expect("listens");
        let _waiting = UnixStream::connect(&path).expect("connects");
        turn_away(&by_path);
        accept(&by_path).expect("was there before");
        shut(&by_path);
        assert!(UnixStream::connect(&path).is_err());

        let by_address = listen_at_address(SocketAddr::from(([127, 0, 0, 1], 0)), 5).expect("listens");
        let bound = TcpListener::from(by_address.try_clone().expect("copied"));
        let address = bound.local_addr().expect("bound");
        let mut waiting = TcpStream::connect(address).expect("connects");
        turn_away(&by_address);
        let late = TcpStream::connect(address).expect_err("refused");
        assert_eq!(late.kind(), io::ErrorKind::ConnectionRefused);
        let mut accepted = accept(&by_address).expect("was there before");
        waiting.write_all(b"hello").expect("written");
        let mut room = [0; 5];
        accepted.read_exact(&mut room).expect("still passes");
        shut(&by_address);
        let late = TcpStream::connect(address).expect_err("refused");
        assert_eq!(late.kind(), io::ErrorKind::ConnectionRefused);
        accepted.write_all(b"hello").expect("is not touched");
        waiting.read_exact(&mut room).expect("arrives");
    }

    #[test]
    fn a_connection_that_is_broken_off_is_reset() {
        let by_address = listen_at_address(SocketAddr::from(([127, 0, 0, 1], 0)), 5).expect("listens");
        let bound = TcpListener::from(by_address.try_clone().expect("copied"));
        let mut client = TcpStream::connect(bound.local_addr().expect("bound")).expect("connects");
        let stream = accept(&by_address).expect("accepted");
        break_off(&stream);
        drop(stream);
        let error = client.read(&mut [0; 1]).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let _ = client.shutdown(Shutdown::Both);
    }

    #[test]
    fn only_a_socket_that_nobody_listens_at_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sock");
        let first = listen_at_path(&path, 0o600, (None, None), 5).expect("listens");
        let again = listen_at_path(&path, 0o600, (None, None), 5).expect_err("in use");
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        listen_at_path(&path, 0o666, (None, None), 5).expect("replaces it");
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("written");
        assert!(listen_at_path(&file, 0o600, (None, None), 5).is_err());
        assert!(file.exists());
    }
}
