//! Messages with descriptors between two processes, over a pair of UNIX sockets.
//!
//! A message is its length (4 bytes, as the machine counts), then as many bytes. Descriptors travel with its
//! first byte and are closed on exec where they arrive.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::passing::{self, MOST_DESCRIPTORS};

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
        if bytes.len() > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the message is too large",
            ));
        }
        let length = u32::try_from(bytes.len())
            .map_err(io::Error::other)?
            .to_ne_bytes();
        let sent = passing::send(&self.socket, &length, descriptors)?;
        send_all(&self.socket, length.get(sent..).unwrap_or_default())?;
        send_all(&self.socket, bytes)
    }

    /// Waits for a message; `None` when the peer has closed its end.
    pub fn receive(&self) -> io::Result<Option<Message>> {
        let mut length = [0; 4];
        let mut message = Message::default();
        let take = |descriptor| message.descriptors.push(descriptor);
        let first = passing::receive(&self.socket, &mut length, true, MOST_DESCRIPTORS, take)?.length;
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

/// Sends without the signal that a closed peer raises: the process may be httpd's parent.
fn send_all(socket: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = passing::send(socket, bytes, &[])?;
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
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
