//! The head of a response as a CGI program writes it (RFC 3875, 6.2): from a worker to the web server.
//!
//! Only `Status` has a meaning, and only as the first line; that of a `Location` is up to the client.

use std::fmt;

use memchr::memchr;

use super::HeaderFault;
use super::headers::{Head, MAX_FIELDS, MAX_HEAD_BYTES};

/// Most bytes of a head as text: every line has up to four bytes besides its name and value.
const MAX_TEXT: usize = MAX_HEAD_BYTES + 4 * (MAX_FIELDS + 16);

/// Appends a head as text, with the empty line after it.
pub fn push_head(head: &Head, out: &mut Vec<u8>) {
    push_line(out, b"Status", head.status_line());
    if let Some(length) = head.content_length() {
        push_line(out, b"Content-Length", length.to_string().as_bytes());
    }
    for (name, value) in head.fields() {
        push_line(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

fn push_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Why a head cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// A line is longer than allowed, in bytes.
    LineTooLong(usize),
    /// All lines together are longer than allowed.
    TooLarge,
    /// A line is no header, or the first one no status.
    MalformedLine,
    /// A status or header that no response may have.
    Invalid(HeaderFault),
}

impl fmt::Display for HeadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeadFault::LineTooLong(limit) => write!(f, "response header line of more than {limit} bytes"),
            HeadFault::TooLarge => write!(f, "response headers of more than {MAX_HEAD_BYTES} bytes"),
            HeadFault::MalformedLine => f.write_str("malformed response header line"),
            HeadFault::Invalid(fault) => fault.fmt(f),
        }
    }
}

/// Reads a head from pieces of text, however those are cut.
#[derive(Debug)]
pub struct HeadReader {
    max_line: usize,
    /// A line that has not arrived in full.
    partial: Vec<u8>,
    taken: usize,
    has_status: bool,
    is_complete: bool,
}

impl HeadReader {
    /// For lines of at most `max_line` bytes, without their ends.
    pub fn new(max_line: usize) -> Self {
        HeadReader {
            max_line,
            partial: Vec::new(),
            taken: 0,
            has_status: false,
            is_complete: false,
        }
    }

    /// Takes from the front of `input` into `head`, up to and with the empty line. Whether the head is
    /// complete: the rest of `input` then belongs to the body.
    pub fn feed(&mut self, input: &mut &[u8], head: &mut Head) -> Result<bool, HeadFault> {
        while !self.is_complete {
            let Some(end) = memchr(b'\n', input) else {
                self.keep(input)?;
                *input = &[];
                return Ok(false);
            };
            let (line, rest) = input.split_at(end);
            *input = rest.get(1..).unwrap_or_default();
            self.count(end + 1)?;
            if self.partial.is_empty() {
                self.line(line, head)?;
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                // One byte more than allowed is kept: it may be the CR.
                let room = self.max_line.saturating_add(2).saturating_sub(whole.len());
                whole.extend_from_slice(line.get(..room).unwrap_or(line));
                self.line(&whole, head)?;
                whole.clear();
                self.partial = whole;
            }
        }
        Ok(true)
    }

    fn count(&mut self, more: usize) -> Result<(), HeadFault> {
        self.taken = self.taken.saturating_add(more);
        if self.taken > MAX_TEXT {
            return Err(HeadFault::TooLarge);
        }
        Ok(())
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), HeadFault> {
        let length = self.partial.len().saturating_add(piece.len());
        // The last byte may be the CR.
        if length > self.max_line.saturating_add(1) {
            return Err(HeadFault::LineTooLong(self.max_line));
        }
        self.count(piece.len())?;
        self.partial.extend_from_slice(piece);
        Ok(())
    }

    fn line(&mut self, line: &[u8], head: &mut Head) -> Result<(), HeadFault> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.max_line {
            return Err(HeadFault::LineTooLong(self.max_line));
        }
        if line.is_empty() {
            self.is_complete = self.has_status;
            return self.has_status.then_some(()).ok_or(HeadFault::MalformedLine);
        }
        let colon = memchr(b':', line).filter(|colon| *colon > 0);
        let (name, value) = line.split_at(colon.ok_or(HeadFault::MalformedLine)?);
        let value = value.get(1..).unwrap_or_default();
        // One space belongs to the line, any more to the value.
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.has_status {
            return head.add(name, value).map_err(HeadFault::Invalid);
        }
        if !name.eq_ignore_ascii_case(b"status") {
            return Err(HeadFault::MalformedLine);
        }
        self.has_status = true;
        head.set_status(value).map_err(HeadFault::Invalid)
    }
}
