//! A request's body on its way to a worker: what was collected before, then what still comes.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::client::Client;
use crate::fcgi::client::{push_body, push_body_end};
use crate::fcgi::record::MAX_CONTENT;
use crate::gateway::BodyError;
use crate::sys;

/// How much is collected in memory; what is longer goes to a file.
const IN_MEMORY: u64 = 1 << 20;

/// Why a body could not be collected.
#[derive(Debug)]
pub(super) enum Uncollected {
    /// It does not come from the client.
    Client(BodyError),
    /// There is no room for it.
    NoRoom(io::Error),
}

/// The beginning of a body, or all of it, kept until the request is answered so that it can be sent again.
#[derive(Debug, Default)]
pub(super) struct Collected {
    memory: Vec<u8>,
    file: Option<File>,
    in_file: u64,
    is_all: bool,
}

impl Collected {
    /// The body of a request that has none.
    pub(super) fn nothing() -> Self {
        Collected {
            is_all: true,
            ..Collected::default()
        }
    }

    /// Reads up to `limit` bytes. May block. `buffer` is for the pieces.
    pub(super) fn read<C: Client>(
        client: &mut C,
        limit: u64,
        buffer: &mut [u8],
    ) -> Result<Self, Uncollected> {
        let mut collected = Collected::default();
        while collected.length() < limit {
            let left = usize::try_from(limit - collected.length()).unwrap_or(usize::MAX);
            let length = buffer.len().min(left);
            let room = buffer.get_mut(..length).unwrap_or_default();
            let read = client.read(room).map_err(Uncollected::Client)?;
            if read == 0 {
                collected.is_all = true;
                break;
            }
            collected
                .add(room.get(..read).unwrap_or_default())
                .map_err(Uncollected::NoRoom)?;
        }
        Ok(collected)
    }

    fn add(&mut self, piece: &[u8]) -> io::Result<()> {
        let in_memory = u64::try_from(self.memory.len() + piece.len()).unwrap_or(u64::MAX);
        if self.file.is_none() && in_memory <= IN_MEMORY {
            self.memory
                .try_reserve(piece.len())
                .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            self.memory.extend_from_slice(piece);
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(sys::file::nameless(&std::env::temp_dir())?),
        };
        file.write_all(piece)?;
        self.in_file += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn length(&self) -> u64 {
        u64::try_from(self.memory.len())
            .unwrap_or(u64::MAX)
            .saturating_add(self.in_file)
    }
}

/// What is next of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// As many bytes of the buffer.
    Piece(usize),
    /// Nothing until the client has sent more.
    Later,
    /// The end.
    End,
}

/// One try of sending a body.
#[derive(Debug)]
pub(super) struct Sending<'b> {
    collected: &'b Collected,
    sent: u64,
    has_streamed: bool,
    is_over: bool,
}

impl<'b> Sending<'b> {
    pub(super) fn new(collected: &'b Collected) -> Self {
        Sending {
            collected,
            sent: 0,
            has_streamed: false,
            is_over: false,
        }
    }

    /// Appends a short body right after the request's variables, so that all goes out at once.
    pub(super) fn begin(&mut self, out: &mut Vec<u8>, id: u16) {
        let Collected {
            memory, file, is_all, ..
        } = self.collected;
        if memory.len() > MAX_CONTENT || file.is_some() {
            return;
        }
        push_body(out, id, memory);
        self.sent = u64::try_from(memory.len()).unwrap_or(u64::MAX);
        if *is_all {
            push_body_end(out, id);
            self.is_over = true;
        }
    }

    /// Whether bytes were sent that nobody has kept: the request cannot be sent again.
    pub(super) fn has_streamed(&self) -> bool {
        self.has_streamed
    }

    /// Whether its end was given.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Copies the next piece to `buffer`. Never blocks but for the disk.
    pub(super) fn next<C: Client>(&mut self, client: &mut C, buffer: &mut [u8]) -> Result<Next, BodyError> {
        let kept = self.kept(buffer).map_err(|error| {
            let reason = format!("the collected body could not be read: {error}");
            BodyError::Broken(reason)
        })?;
        if kept > 0 {
            self.sent += u64::try_from(kept).unwrap_or(u64::MAX);
            return Ok(Next::Piece(kept));
        }
        let arrived = if self.collected.is_all {
            Some(0)
        } else {
            client.read_arrived(buffer)?
        };
        match arrived {
            Some(0) => {
                self.is_over = true;
                Ok(Next::End)
            }
            Some(read) => {
                self.has_streamed = true;
                Ok(Next::Piece(read))
            }
            None => Ok(Next::Later),
        }
    }

    /// Copies what was collected and not sent yet.
    fn kept(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let in_memory = usize::try_from(self.sent).unwrap_or(usize::MAX);
        if let Some(rest) = self.collected.memory.get(in_memory..)
            && !rest.is_empty()
        {
            return io::Read::read(&mut &*rest, buffer);
        }
        let from = self
            .sent
            .saturating_sub(u64::try_from(self.collected.memory.len()).unwrap_or(u64::MAX));
        match &self.collected.file {
            Some(file) if from < self.collected.in_file => match file.read_at(buffer, from)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                read => Ok(read),
            },
            _ => Ok(0),
        }
    }
}
