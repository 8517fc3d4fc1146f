//! Taking records apart as their bytes arrive, however those are cut.

use super::Fault;
use super::record::{HEADER_LEN, Header};

/// One step through a record.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// A record begins.
    Start(Header),
    /// Some of the content of the record that began.
    Content(&'a [u8]),
    /// The record that began is complete, padding included.
    Finish,
}

/// Where in the stream of records a connection is.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// A header that has not arrived in full.
    partial: [u8; HEADER_LEN],
    filled: usize,
    /// Whether a record has begun that is not complete.
    inside: bool,
    content_left: usize,
    padding_left: usize,
}

impl Records {
    /// Takes from the front of `input`; `None` when all of it is taken and the next step needs more.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Step<'a>>, Fault> {
        if !self.inside {
            return Ok(self.header(input)?.map(Step::Start));
        }
        if self.content_left > 0 {
            let piece = take(input, self.content_left);
            self.content_left -= piece.len();
            return Ok((!piece.is_empty()).then_some(Step::Content(piece)));
        }
        self.padding_left -= take(input, self.padding_left).len();
        if self.padding_left > 0 {
            return Ok(None);
        }
        self.inside = false;
        Ok(Some(Step::Finish))
    }

    /// Whether every record that began is complete.
    pub(super) fn is_at_boundary(&self) -> bool {
        !self.inside && self.filled == 0
    }

    fn header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Fault> {
        let bytes = match input.split_first_chunk::<HEADER_LEN>() {
            Some((whole, rest)) if self.filled == 0 => {
                *input = rest;
                *whole
            }
            _ => {
                let piece = take(input, HEADER_LEN - self.filled);
                for (byte, own) in piece.iter().zip(self.partial.iter_mut().skip(self.filled)) {
                    *own = *byte;
                }
                self.filled += piece.len();
                if self.filled < HEADER_LEN {
                    return Ok(None);
                }
                self.partial
            }
        };
        self.filled = 0;
        let header = Header::parse(&bytes)?;
        self.inside = true;
        self.content_left = usize::from(header.length);
        self.padding_left = usize::from(header.padding);
        Ok(Some(header))
    }
}

/// Takes at most `most` bytes from the front.
fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (piece, rest) = input.split_at(input.len().min(most));
    *input = rest;
    piece
}

/// Content of a known length.
#[derive(Debug)]
pub(super) struct Collected<const N: usize> {
    bytes: [u8; N],
    filled: usize,
}

impl<const N: usize> Default for Collected<N> {
    fn default() -> Self {
        Collected {
            bytes: [0; N],
            filled: 0,
        }
    }
}

impl<const N: usize> Collected<N> {
    /// Adds what there is room for.
    pub(super) fn add(&mut self, piece: &[u8]) {
        for (own, byte) in self.bytes.iter_mut().skip(self.filled).zip(piece) {
            *own = *byte;
        }
        self.filled = N.min(self.filled + piece.len());
    }

    /// Takes what was added.
    pub(super) fn take(&mut self) -> [u8; N] {
        std::mem::take(self).bytes
    }
}
