//! The other end of a UNIX socket.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;

/// User number of the process that connected, or that listens, as the kernel noted it then.
pub fn user_of(socket: impl AsFd) -> io::Result<u32> {
    let mut credentials = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut size = libc::socklen_t::try_from(size_of::<libc::ucred>()).map_err(io::Error::other)?;
    // SAFETY: an open descriptor, and room of the size that is told.
    let done = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut size,
        )
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(credentials.uid)
}

/// Reads what has arrived, without waiting; `None` when nothing has, 0 bytes at the end.
pub fn receive_arrived(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    // SAFETY: an open socket and a writable buffer of the length told.
    let received = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(received).map(Some).or_else(|_| {
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        }
    })
}

/// Reads at least one byte, unless the end comes; waits as long as the socket's timeout says.
pub fn receive(mut socket: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_peer_of_a_pair_is_ourselves() {
        use std::os::unix::fs::MetadataExt;
        let (one, _two) = UnixStream::pair().expect("a pair");
        let own = std::fs::metadata("/proc/self").expect("metadata").uid();
        assert_eq!(user_of(&one).expect("told"), own);
    }

    #[test]
    fn what_has_not_arrived_is_not_waited_for() {
        let (one, mut two) = UnixStream::pair().expect("a pair");
        let mut room = [0; 8];
        assert_eq!(receive_arrived(&one, &mut room).expect("reads"), None);
        two.write_all(b"abc").expect("written");
        assert_eq!(receive_arrived(&one, &mut room).expect("reads"), Some(3));
        drop(two);
        assert_eq!(receive_arrived(&one, &mut room).expect("reads"), Some(0));
    }
}
