//! Descriptors that travel beside the bytes of a UNIX stream socket (`SCM_RIGHTS`).
//!
//! They arrive with the first byte of what they were sent with. Whoever reads those bytes without asking for
//! descriptors lets the kernel close them.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use super::stream::repeat;

/// Most descriptors of one message.
pub const MOST_DESCRIPTORS: usize = 16;

const DESCRIPTOR_BYTES: usize = size_of::<RawFd>();

/// Room for a control message with [`MOST_DESCRIPTORS`], aligned as its header is.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    room: [u8; 80],
}

/// What arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Bytes; 0 at the end.
    pub length: usize,
    /// Whether descriptors came that there was no room for, or that the process could not take. They are closed.
    pub is_cut: bool,
}

/// Sends the descriptors, and as many of the bytes as go at once; without the signal that a closed peer raises.
pub fn send(socket: &UnixStream, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if descriptors.len() > MOST_DESCRIPTORS {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "too many descriptors for one message",
        ));
    }
    let mut control = Control { room: [0; 80] };
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !descriptors.is_empty() {
        let size = u32::try_from(descriptors.len() * DESCRIPTOR_BYTES).map_err(io::Error::other)?;
        message.msg_control = (&raw mut control).cast();
        // SAFETY: sizes only; `MOST_DESCRIPTORS` fit the room.
        unsafe {
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
    // SAFETY: a message whose parts are alive.
    repeat(|| unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) })
}

/// Receives bytes, and up to `most` descriptors, which are closed on exec. `wait` is whether to wait for something;
/// `WouldBlock` when there is nothing, or when the read timeout of the socket is over.
pub fn receive(
    socket: &UnixStream,
    bytes: &mut [u8],
    wait: bool,
    most: usize,
    mut take: impl FnMut(OwnedFd),
) -> io::Result<Arrival> {
    let mut control = Control { room: [0; 80] };
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let size = most.min(MOST_DESCRIPTORS) * DESCRIPTOR_BYTES;
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    // The length and not the space of a control message: its padding would be room for one more.
    // SAFETY: a size only.
    message.msg_controllen = unsafe { libc::CMSG_LEN(u32::try_from(size).unwrap_or_default()) } as _;
    let flags = if wait { 0 } else { libc::MSG_DONTWAIT } | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: a message whose parts are alive and writable.
    let length = repeat(|| unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })?;
    // SAFETY: the kernel filled the control room as far as it says; each descriptor in it is new and ours.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                #[allow(clippy::unnecessary_cast, reason = "its type differs between C libraries")]
                let size = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for index in 0..size / DESCRIPTOR_BYTES {
                    take(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok(Arrival {
        length,
        is_cut: message.msg_flags & libc::MSG_CTRUNC != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    fn received(socket: &UnixStream, most: usize) -> (Arrival, Vec<OwnedFd>) {
        let mut all = Vec::new();
        let arrival = receive(socket, &mut [0; 64], true, most, |one| all.push(one)).expect("received");
        (arrival, all)
    }

    #[test]
    fn descriptors_come_with_their_first_byte_and_not_before() {
        let (one, two) = UnixStream::pair().expect("a pair");
        let zero = File::open("/dev/zero").expect("opens");
        (&one).write_all(b"before").expect("sent");
        assert_eq!(send(&one, b"with", &[zero.as_fd()]).ok(), Some(4));
        (&one).write_all(b"after").expect("sent");
        drop(zero);
        let (arrival, mut all) = received(&two, 1);
        assert_eq!((arrival.is_cut, all.len()), (false, 1));
        assert!(arrival.length == 10, "what comes after them is another arrival");
        let mut byte = [1];
        File::from(all.remove(0)).read_exact(&mut byte).expect("reads");
        assert_eq!(byte, [0]);
        let (arrival, all) = received(&two, 1);
        assert_eq!((arrival.length, all.len()), (5, 0));
    }

    #[test]
    fn descriptors_without_room_are_told_and_closed() {
        let (one, two) = UnixStream::pair().expect("a pair");
        let (end, mut other_end) = UnixStream::pair().expect("a pair");
        send(&one, b"x", &[end.as_fd(), end.as_fd(), end.as_fd()]).expect("sent");
        drop(end);
        let (arrival, all) = received(&two, 1);
        assert_eq!((arrival.length, arrival.is_cut, all.len()), (1, true, 1));
        drop(all);
        assert_eq!(other_end.read(&mut [0]).ok(), Some(0), "one is still open");
    }

    #[test]
    fn nobody_waits_unless_asked_and_no_more_go_than_fit() {
        let (one, two) = UnixStream::pair().expect("a pair");
        let nothing = receive(&two, &mut [0; 8], false, 1, drop).expect_err("nothing there");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        let many = vec![one.as_fd(); MOST_DESCRIPTORS + 1];
        assert!(send(&one, b"x", &many).is_err());
        drop(two);
        assert!(send(&one, b"x", &[]).is_err(), "and no signal");
    }
}
