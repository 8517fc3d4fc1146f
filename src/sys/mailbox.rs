//! The end of a [`Channel`](super::channel::Channel) that never waits: for a process that has many peers and
//! trusts none of them.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Longest message that is accepted, and most that is kept for a peer that does not read.
const LONGEST: usize = 1 << 20;

/// One end, for messages without descriptors; those that a peer sends along are closed unseen.
#[derive(Debug)]
pub struct Mailbox {
    socket: UnixStream,
    arrived: Vec<u8>,
    leaving: VecDeque<u8>,
    ended: bool,
}

impl Mailbox {
    /// A mailbox, and the descriptor of the peer's end, which blocks and is closed on exec.
    pub fn pair() -> io::Result<(Mailbox, std::os::fd::OwnedFd)> {
        let (socket, other) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        let mailbox = Mailbox {
            socket,
            arrived: Vec::new(),
            leaving: VecDeque::new(),
            ended: false,
        };
        Ok((mailbox, other.into()))
    }

    /// Sends a message, now or with a later [`flush`](Self::flush). An error when the peer has gone, or has
    /// left too much unread.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        if self.leaving.len().saturating_add(bytes.len()) > LONGEST {
            return Err(io::Error::other("the peer does not read its messages"));
        }
        self.leaving.extend(length.to_ne_bytes());
        self.leaving.extend(bytes);
        self.flush()
    }

    /// Whether something waits for the peer to read.
    pub fn wants_to_write(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Sends as much as goes without waiting.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.leaving.is_empty() {
            let (front, _) = self.leaving.as_slices();
            match self.socket.write(front) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => drop(self.leaving.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    self.leaving.clear();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The messages that have arrived. An error when one is longer than any may be.
    pub fn receive(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut piece = [0; 4096];
        while !self.ended && self.arrived.len() <= LONGEST {
            match self.socket.read(&mut piece) {
                Ok(0) => self.ended = true,
                Ok(count) => self.arrived.extend(piece.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.ended = true,
            }
        }
        let mut messages = Vec::new();
        while let Some((length, rest)) = self.arrived.split_first_chunk() {
            let length = usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(usize::MAX);
            if length > LONGEST {
                // Where the next message begins, nobody knows.
                self.ended = true;
                self.arrived.clear();
                return Err(io::Error::other("a message is too long"));
            }
            let Some(message) = rest.get(..length) else {
                break;
            };
            messages.push(message.to_vec());
            self.arrived.drain(..4 + length);
        }
        Ok(messages)
    }

    /// Whether nothing more will arrive: the peer has closed its end, or sent what is no message.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::super::channel::Channel;
    use super::*;

    #[test]
    fn a_channel_understands_a_mailbox_and_the_other_way_round() {
        let (mut mailbox, other) = Mailbox::pair().expect("a pair");
        let channel = Channel::from_descriptor(other);
        mailbox.send(b"to").expect("sent");
        assert_eq!(channel.receive().expect("arrives").expect("open").bytes, b"to");
        channel.send(b"from", &[]).expect("sent");
        channel.send(b"", &[]).expect("sent");
        assert_eq!(mailbox.receive().expect("arrives"), [&b"from"[..], b""]);
        drop(channel);
        assert!(mailbox.receive().expect("nothing").is_empty());
        assert!(mailbox.has_ended() && mailbox.send(b"x").is_err());
    }

    #[test]
    fn half_a_message_is_waited_for_without_blocking() {
        let (mut mailbox, other) = Mailbox::pair().expect("a pair");
        let mut other = UnixStream::from(other);
        other.write_all(&5_u32.to_ne_bytes()).expect("written");
        other.write_all(b"hel").expect("written");
        assert!(mailbox.receive().expect("no message").is_empty());
        other.write_all(b"lo").expect("written");
        assert_eq!(mailbox.receive().expect("one message"), [b"hello"]);
    }

    #[test]
    fn a_peer_cannot_make_us_wait_or_fill_our_memory() {
        let (mut mailbox, other) = Mailbox::pair().expect("a pair");
        while mailbox.send(&[0; 65536]).is_ok() {}
        assert!(mailbox.leaving.len() <= LONGEST + 4096);
        let mut other = UnixStream::from(other);
        other.write_all(&u32::MAX.to_ne_bytes()).expect("written");
        assert!(mailbox.receive().is_err());
        assert!(mailbox.has_ended());
    }
}
