//! Messages with descriptors between two processes, over a pair of UNIX sockets.
//!
//! A message is its length (4 bytes, as the machine counts), then as many bytes. Descriptors travel with its
//! first byte and are closed on exec where they arrive.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Most descriptors of one message.
pub const MOST_DESCRIPTORS: usize = 16;
/// Longest message: more is a peer gone mad.
const LONGEST: usize = 64 << 20;

/// One end.
#[derive(Debug)]
pub struct Channel {
    socket: UnixStream,
}

/// What arrived.
#[derive(Debug, Default)]
pub struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its descriptors.
    pub descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Two ends, both closed on exec.
    pub fn pair() -> io::Result<(Channel, Channel)> {
        let (one, two) = UnixStream::pair()?;
        Ok((Channel { socket: one }, Channel { socket: two }))
    }

    /// An end that was inherited.
    pub fn from_descriptor(descriptor: OwnedFd) -> Channel {
        Channel {
            socket: UnixStream::from(descriptor),
        }
    }

    /// How long [`receive`](Self::receive) and [`send`](Self::send) wait for each part of a message; for
    /// ever unless set.
    pub fn set_patience(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(limit)?;
        self.socket.set_write_timeout(limit)
    }

    /// Sends a message. Blocks while the peer does not read.
    pub fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        if bytes.len() > LONGEST || descriptors.len() > MOST_DESCRIPTORS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the message is too large",
            ));
        }
        let length = u32::try_from(bytes.len())
            .map_err(io::Error::other)?
            .to_ne_bytes();
        let sent = send_first(&self.socket, &length, descriptors)?;
        send_all(&self.socket, length.get(sent..).unwrap_or_default())?;
        send_all(&self.socket, bytes)
    }

    /// Waits for a message; `None` when the peer has closed its end.
    pub fn receive(&self) -> io::Result<Option<Message>> {
        let mut length = [0; 4];
        let mut message = Message::default();
        let first = receive_first(&self.socket, &mut length, &mut message.descriptors)?;
        if first == 0 {
            return Ok(None);
        }
        if let Some(rest) = length.get_mut(first..) {
            (&self.socket).read_exact(rest)?;
        }
        let length = usize::try_from(u32::from_ne_bytes(length)).map_err(io::Error::other)?;
        if length > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the message is too large",
            ));
        }
        message.bytes.resize(length, 0);
        (&self.socket).read_exact(&mut message.bytes)?;
        Ok(Some(message))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Room for a control message with [`MOST_DESCRIPTORS`], aligned as its header is.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    room: [u8; 128],
}

const DESCRIPTOR_BYTES: usize = size_of::<RawFd>();

/// Sends without the signal that a closed peer raises: the process may be httpd's parent.
fn send_all(socket: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = send_first(socket, bytes, &[])?;
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// Sends the descriptors, and as many of the bytes as go at once.
fn send_first(socket: &UnixStream, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut control = Control { room: [0; 128] };
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    let size = u32::try_from(descriptors.len() * DESCRIPTOR_BYTES).map_err(io::Error::other)?;
    // SAFETY: sizes only; `MOST_DESCRIPTORS` fit the room.
    unsafe {
        if !descriptors.is_empty() {
            message.msg_control = (&raw mut control).cast();
            message.msg_controllen = libc::CMSG_SPACE(size) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            for (index, descriptor) in descriptors.iter().enumerate() {
                data.add(index).write_unaligned(descriptor.as_raw_fd());
            }
        }
    }
    loop {
        // SAFETY: a message whose parts are alive.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
        match usize::try_from(sent) {
            Ok(sent) => return Ok(sent),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

fn receive_first(socket: &UnixStream, bytes: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut control = Control { room: [0; 128] };
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>() as _;
    let received = loop {
        // SAFETY: a message whose parts are alive and writable.
        let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
        match usize::try_from(received) {
            Ok(received) => break received,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    };
    // SAFETY: the kernel filled the control room; each descriptor in it is new and ours.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                #[allow(clippy::unnecessary_cast, reason = "its type differs between C libraries")]
                let size = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for index in 0..size / DESCRIPTOR_BYTES {
                    descriptors.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok(received)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let (one, two) = Channel::pair().expect("a pair");
        std::thread::scope(|scope| {
            scope.spawn(move || {
                one.send(b"", &[]).expect("sent");
                one.send(&vec![7; 1 << 20], &[]).expect("sent");
            });
            assert_eq!(two.receive().expect("arrives").expect("open").bytes, b"");
            let large = two.receive().expect("arrives").expect("open");
            assert!(large.bytes.len() == 1 << 20 && large.bytes.iter().all(|byte| *byte == 7));
            assert!(two.receive().expect("ends").is_none());
        });
    }

    #[test]
    fn descriptors_travel_with_their_message() {
        let (one, two) = Channel::pair().expect("a pair");
        let zero = File::open("/dev/zero").expect("opens");
        let all = vec![zero.as_fd(); MOST_DESCRIPTORS];
        one.send(b"first", &all).expect("sent");
        one.send(b"second", &[]).expect("sent");
        drop(zero);
        let first = two.receive().expect("arrives").expect("open");
        assert_eq!(
            (&*first.bytes, first.descriptors.len()),
            (&b"first"[..], MOST_DESCRIPTORS)
        );
        for descriptor in first.descriptors {
            let mut byte = [1];
            File::from(descriptor).read_exact(&mut byte).expect("reads");
            assert_eq!(byte, [0]);
        }
        let second = two.receive().expect("arrives").expect("open");
        assert!(second.descriptors.is_empty());
    }

    #[test]
    fn a_silent_peer_is_waited_for_no_longer_than_set() {
        let (_one, two) = Channel::pair().expect("a pair");
        two.set_patience(Some(Duration::from_millis(20))).expect("set");
        assert!(two.receive().is_err());
        assert!(two.send(&vec![0; 16 << 20], &[]).is_err());
    }

    #[test]
    fn a_closed_peer_is_an_error_and_no_signal() {
        let (one, two) = Channel::pair().expect("a pair");
        drop(two);
        assert!(one.send(b"lost", &[]).is_err());
    }
}
