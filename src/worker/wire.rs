//! The reading side of a connection: bytes as they arrive, and the records in them.

use std::fmt;
use std::io;
use std::ops::Range;
use std::os::unix::net::UnixStream;

use crate::config::plan::Protocol;
use crate::fcgi::server::{Event, MAX_PARAMS, RequestReader};
use crate::sys::stream;
use crate::{fcgi, scgi};

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

/// What a peer does wrong.
#[derive(Debug)]
pub(super) enum Fault {
    FastCgi(fcgi::Fault),
    Scgi(scgi::Fault),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::FastCgi(fault) => fault.fmt(f),
            Fault::Scgi(fault) => fault.fmt(f),
        }
    }
}

/// What understands the bytes.
enum Reader {
    FastCgi(Box<RequestReader>),
    Scgi(scgi::RequestReader),
}

/// What has been read, and how far it is understood.
pub(super) struct Wire {
    reader: Reader,
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
    /// Whether a request is counted as awaited or running on the connection.
    pub(super) is_counted: bool,
}

impl Wire {
    pub(super) fn new(protocol: Protocol) -> Wire {
        Wire {
            reader: match protocol {
                Protocol::FastCgi => Reader::FastCgi(Box::new(RequestReader::new(MAX_PARAMS))),
                Protocol::Scgi => Reader::Scgi(scgi::RequestReader::new(scgi::MAX_HEADERS)),
            },
            buffer: vec![0; USUAL],
            unread: 0..0,
            body: 0..0,
            filled: false,
            keep: protocol == Protocol::FastCgi,
            replies: Vec::new(),
            is_counted: false,
        }
    }

    /// Takes one thing out of what has been read; `None` when more has to be read.
    pub(super) fn take(&mut self) -> Result<Option<Taken>, Fault> {
        let mut input = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let (taken, piece) = match &mut self.reader {
            Reader::FastCgi(reader) => match reader.next(&mut input, &mut self.replies) {
                Err(fault) => return Err(Fault::FastCgi(fault)),
                Ok(None) => (None, 0),
                Ok(Some(event)) => match event {
                    Event::Begin { keep, .. } => {
                        self.keep = keep;
                        (Some(Taken::Begin), 0)
                    }
                    Event::Params => (Some(Taken::Params), 0),
                    Event::Stdin(piece) => (Some(Taken::Body), piece.len()),
                    Event::StdinEnd => (Some(Taken::BodyEnd), 0),
                    Event::Abort => (Some(Taken::Abort), 0),
                    Event::Reply => (Some(Taken::Reply), 0),
                },
            },
            Reader::Scgi(reader) => match reader.next(&mut input) {
                Err(fault) => return Err(Fault::Scgi(fault)),
                Ok(None) => (None, 0),
                Ok(Some(scgi::Event::Headers)) => (Some(Taken::Params), 0),
                Ok(Some(scgi::Event::Body(piece))) => (Some(Taken::Body), piece.len()),
                Ok(Some(scgi::Event::BodyEnd)) => (Some(Taken::BodyEnd), 0),
            },
        };
        self.unread.start = self.unread.end - input.len();
        if taken == Some(Taken::Body) {
            // A piece ends where what is unread begins.
            self.body = self.unread.start - piece..self.unread.start;
        }
        Ok(taken)
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

    /// The number of the request; 1 where requests have none.
    pub(super) fn request_id(&self) -> u16 {
        match &self.reader {
            Reader::FastCgi(reader) => reader.id(),
            Reader::Scgi(_) => 1,
        }
    }

    /// Whether the connection is kept after the request.
    pub(super) fn is_kept(&self) -> bool {
        self.keep
    }

    /// Exchanges the memory of the request's variables for `other`.
    pub(super) fn swap_params(&mut self, other: &mut Vec<u8>) {
        match &mut self.reader {
            Reader::FastCgi(reader) => reader.swap_params(other),
            Reader::Scgi(reader) => reader.swap_headers(other),
        }
    }

    /// Forgets the request. What is left of its body is skipped when it arrives.
    pub(super) fn end_request(&mut self) {
        self.body = 0..0;
        if let Reader::FastCgi(reader) = &mut self.reader {
            reader.reset();
        }
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
        let mut wire = Wire::new(Protocol::FastCgi);
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
