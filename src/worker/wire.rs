//! The reading side of a connection: bytes as they arrive, and the records in them.

use std::io;
use std::ops::Range;
use std::os::unix::net::UnixStream;

use crate::fcgi::Fault;
use crate::fcgi::server::{Event, MAX_PARAMS, RequestReader};
use crate::sys::stream;

/// Bytes of the buffer: most requests arrive whole.
const USUAL: usize = 8 << 10;
/// Bytes of the buffer while a long body arrives.
const LARGE: usize = 64 << 10;

/// One thing that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A request begins.
    Begin,
    /// Its variables are complete.
    Params,
    /// Some of its body is in [`Wire::take_body`].
    Body,
    /// Its body is complete.
    BodyEnd,
    /// It is to end.
    Abort,
    /// There is something to send in [`Wire::replies`].
    Reply,
}

/// What has been read, and how far it is understood.
pub(super) struct Wire {
    reader: RequestReader,
    buffer: Vec<u8>,
    /// What of the buffer has been read and not looked at.
    unread: Range<usize>,
    /// What of the buffer belongs to the request's body and has not been taken.
    body: Range<usize>,
    /// Whether the last read filled the buffer: there may be more, of which epoll does not tell again.
    filled: bool,
    keep: bool,
    /// What answers records that belong to no request.
    pub(super) replies: Vec<u8>,
}

impl Wire {
    pub(super) fn new() -> Wire {
        Wire {
            reader: RequestReader::new(MAX_PARAMS),
            buffer: vec![0; USUAL],
            unread: 0..0,
            body: 0..0,
            filled: false,
            keep: true,
            replies: Vec::new(),
        }
    }

    /// Takes one thing out of what has been read; `None` when more has to be read.
    pub(super) fn take(&mut self) -> Result<Option<Taken>, Fault> {
        let mut input = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let event = self.reader.next(&mut input, &mut self.replies)?;
        self.unread.start = self.unread.end - input.len();
        Ok(event.map(|event| match event {
            Event::Begin { keep, .. } => {
                self.keep = keep;
                Taken::Begin
            }
            Event::Params => Taken::Params,
            Event::Stdin(piece) => {
                // A piece ends where what is unread begins.
                self.body = self.unread.start - piece.len()..self.unread.start;
                Taken::Body
            }
            Event::StdinEnd => Taken::BodyEnd,
            Event::Abort => Taken::Abort,
            Event::Reply => Taken::Reply,
        }))
    }

    /// Copies what there is of the body, and fits, into `room`; 0 when there is nothing.
    pub(super) fn take_body(&mut self, room: &mut [u8]) -> usize {
        let length = self.body.len().min(room.len());
        let end = self.body.start + length;
        if let (Some(from), Some(to)) = (self.buffer.get(self.body.start..end), room.get_mut(..length)) {
            to.copy_from_slice(from);
        }
        self.body.start = end;
        length
    }

    /// Whether all that was read has been taken, so that more can be read.
    pub(super) fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.body.is_empty()
    }

    /// Whether the last read may have left something behind.
    pub(super) fn may_have_more(&self) -> bool {
        self.filled
    }

    /// Reads what has arrived, without waiting; `None` when nothing has, 0 at the end. Only when
    /// [empty](Self::is_empty).
    pub(super) fn read_arrived(&mut self, socket: &UnixStream) -> io::Result<Option<usize>> {
        match stream::receive_now(socket, &mut self.buffer) {
            Ok(read) => {
                self.note_read(read);
                Ok(Some(read))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.note_read(0);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for more of a body; 0 at the end. Only when [empty](Self::is_empty).
    pub(super) fn read_body(&mut self, socket: &UnixStream) -> io::Result<usize> {
        if self.buffer.len() < LARGE && self.filled {
            self.buffer.resize(LARGE, 0);
        }
        let read = stream::receive(socket, &mut self.buffer)?;
        self.note_read(read);
        Ok(read)
    }

    fn note_read(&mut self, length: usize) {
        self.unread = 0..length;
        self.filled = length == self.buffer.len();
    }

    /// The number of the request.
    pub(super) fn request_id(&self) -> u16 {
        self.reader.id()
    }

    /// Whether the connection is kept after the request.
    pub(super) fn is_kept(&self) -> bool {
        self.keep
    }

    /// Exchanges the memory of the request's variables for `other`.
    pub(super) fn swap_params(&mut self, other: &mut Vec<u8>) {
        self.reader.swap_params(other);
    }

    /// Forgets the request. What is left of its body is skipped when it arrives.
    pub(super) fn end_request(&mut self) {
        self.body = 0..0;
        self.reader.reset();
        if self.buffer.len() > USUAL && self.unread.is_empty() {
            self.buffer = vec![0; USUAL];
            self.unread = 0..0;
            // The next read is a smaller one: look before sleeping.
            self.filled = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fcgi::record::{self, Kind};
    use std::io::Write;

    #[test]
    fn a_body_is_taken_in_pieces_of_any_size() {
        let (mut theirs, ours) = UnixStream::pair().expect("a pair");
        let mut sent = Vec::new();
        record::push(&mut sent, Kind::BeginRequest, 1, &[0, 1, 1, 0, 0, 0, 0, 0]);
        record::push(&mut sent, Kind::Params, 1, b"");
        record::push(&mut sent, Kind::Stdin, 1, b"hello");
        record::push(&mut sent, Kind::Stdin, 1, b"");
        theirs.write_all(&sent).expect("sent");
        let mut wire = Wire::new();
        assert_eq!(wire.read_arrived(&ours).expect("reads"), Some(sent.len()));
        assert_eq!(wire.take().expect("valid"), Some(Taken::Begin));
        assert!(wire.request_id() == 1 && wire.is_kept());
        assert_eq!(wire.take().expect("valid"), Some(Taken::Params));
        assert_eq!(wire.take().expect("valid"), Some(Taken::Body));
        let mut room = [0; 3];
        assert_eq!(wire.take_body(&mut room), 3);
        assert_eq!(&room, b"hel");
        assert_eq!(wire.take_body(&mut room), 2);
        assert_eq!(&room[..2], b"lo");
        assert_eq!(wire.take_body(&mut room), 0);
        assert_eq!(wire.take().expect("valid"), Some(Taken::BodyEnd));
        assert_eq!(wire.take().expect("valid"), None);
        assert!(wire.is_empty() && !wire.may_have_more());
    }
}
