//! Reading a request.

use super::{Fault, Headers};

/// Most bytes of headers, unless told otherwise.
pub const MAX_HEADERS: usize = 16 << 20;
/// Most digits of the length of the headers.
const MAX_DIGITS: u8 = 9;
/// Most digits of the length of the body.
const MAX_LENGTH_DIGITS: usize = 18;

/// What happened on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The headers are complete; see [`RequestReader::headers`].
    Headers,
    /// Some of the body.
    Body(&'a [u8]),
    /// The body is complete.
    BodyEnd,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The length of the headers, of which so many digits have come.
    Length { digits: u8 },
    /// The headers.
    Headers,
    /// The comma after them.
    Comma,
    /// The body.
    Body,
    /// Nothing more.
    Done,
}

/// Reads one request.
#[derive(Debug)]
pub struct RequestReader {
    phase: Phase,
    /// Bytes of headers or body still to come.
    left: u64,
    max_headers: usize,
    headers: Vec<u8>,
}

impl RequestReader {
    /// For a request with at most `max_headers` bytes of headers.
    pub fn new(max_headers: usize) -> Self {
        RequestReader {
            phase: Phase::Length { digits: 0 },
            left: 0,
            max_headers,
            headers: Vec::new(),
        }
    }

    /// The text of the headers, complete after [`Event::Headers`]; see [`Headers`].
    pub fn headers(&self) -> &[u8] {
        &self.headers
    }

    /// Exchanges the memory of the headers for `other`, so that they can be kept while the body is read.
    pub fn swap_headers(&mut self, other: &mut Vec<u8>) {
        other.clear();
        std::mem::swap(&mut self.headers, other);
    }

    /// Takes from the front of `input`; `None` when it needs more. The body is handed on as it arrives. What
    /// comes after the body is left alone.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Fault> {
        loop {
            match self.phase {
                Phase::Done => return Ok(None),
                Phase::Body if self.left == 0 => {
                    self.phase = Phase::Done;
                    return Ok(Some(Event::BodyEnd));
                }
                _ if input.is_empty() => return Ok(None),
                Phase::Length { digits } => self.length(take(input, 1), digits)?,
                Phase::Headers => {
                    let piece = take(input, self.left);
                    self.count(piece);
                    self.headers.extend_from_slice(piece);
                    if self.left == 0 {
                        self.phase = Phase::Comma;
                    }
                }
                Phase::Comma => {
                    if take(input, 1) != b"," {
                        return Err(Fault::NoComma);
                    }
                    self.left = content_length(&self.headers)?;
                    self.phase = Phase::Body;
                    return Ok(Some(Event::Headers));
                }
                Phase::Body => {
                    let piece = take(input, self.left);
                    self.count(piece);
                    return Ok(Some(Event::Body(piece)));
                }
            }
        }
    }

    fn count(&mut self, piece: &[u8]) {
        let taken = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(taken);
    }

    /// One byte of the length of the headers.
    fn length(&mut self, byte: &[u8], digits: u8) -> Result<(), Fault> {
        match byte {
            b":" if digits > 0 => {
                let too_large = usize::try_from(self.left).map_or(true, |length| length > self.max_headers);
                if too_large {
                    return Err(Fault::HeadersTooLarge(self.max_headers));
                }
                self.phase = if self.left == 0 {
                    Phase::Comma
                } else {
                    Phase::Headers
                };
            }
            // A number has no zero in front (netstrings).
            [digit @ b'0'..=b'9'] if digits < MAX_DIGITS && (digits == 0 || self.left > 0) => {
                self.left = self.left * 10 + u64::from(digit - b'0');
                self.phase = Phase::Length { digits: digits + 1 };
            }
            _ => return Err(Fault::NoLength),
        }
        Ok(())
    }
}

/// At most `most` bytes from the front of `input`.
fn take<'a>(input: &mut &'a [u8], most: u64) -> &'a [u8] {
    let length = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
    let (piece, rest) = input.split_at(length);
    *input = rest;
    piece
}

/// The length of the body, after a look at all headers.
fn content_length(text: &[u8]) -> Result<u64, Fault> {
    let mut length = None;
    for pair in Headers::new(text) {
        let (name, value) = pair?;
        if name != b"CONTENT_LENGTH" {
            continue;
        }
        let is_number =
            !value.is_empty() && value.len() <= MAX_LENGTH_DIGITS && value.iter().all(u8::is_ascii_digit);
        if !is_number || length.is_some() {
            return Err(Fault::ContentLength);
        }
        let digits = value.iter().map(|digit| u64::from(digit - b'0'));
        length = Some(digits.fold(0, |number, digit| number * 10 + digit));
    }
    length.ok_or(Fault::ContentLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, bool), Fault> {
        let mut reader = RequestReader::new(100);
        let (mut body, mut ended) = (Vec::new(), false);
        while !bytes.is_empty() {
            let mut piece = take(&mut bytes, step as u64);
            while let Some(event) = reader.next(&mut piece)? {
                match event {
                    Event::Headers => {}
                    Event::Body(piece) => body.extend_from_slice(piece),
                    Event::BodyEnd => ended = true,
                }
            }
        }
        Ok((reader.headers().to_vec(), body, ended))
    }

    #[test]
    fn a_request_is_read_however_it_is_cut() {
        let headers = b"CONTENT_LENGTH\x005\0SCGI\x001\0A\0\0";
        let request = [b"27:", &headers[..], b",hello, and more"].concat();
        assert_eq!(headers.len(), 27);
        for step in 1..request.len() + 1 {
            let (text, body, ended) = read(&request, step).expect("valid");
            assert_eq!(
                (&text[..], &body[..], ended),
                (&headers[..], &b"hello"[..], true),
                "{step}"
            );
        }
        let (_, body, ended) = read(&request[..request.len() - 14], 100).expect("valid so far");
        assert_eq!((&body[..], ended), (&b"h"[..], false));
    }

    #[test]
    fn a_request_without_a_body_ends_at_once() {
        assert_eq!(read(b"17:CONTENT_LENGTH\x000\0,", 3).map(|read| read.2), Ok(true));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (bytes, fault) in [
            (&b":,"[..], Fault::NoLength),
            (b"x", Fault::NoLength),
            (b"-1:", Fault::NoLength),
            (b"017:", Fault::NoLength),
            (b"1234567890:", Fault::NoLength),
            (b"GET / HTTP/1.1\r\n", Fault::NoLength),
            (b"101:", Fault::HeadersTooLarge(100)),
            (b"0:,", Fault::ContentLength),
            (b"17:CONTENT_LENGTH\x000\0;", Fault::NoComma),
            (b"17:CONTENT_LENGTH\x00x\0,", Fault::ContentLength),
            (b"16:CONTENT_LENGTH\0\0,", Fault::ContentLength),
            (
                b"34:CONTENT_LENGTH\x001\0CONTENT_LENGTH\x001\0,",
                Fault::ContentLength,
            ),
            (b"18:CONTENT_LENGTH\x0010x,", Fault::MalformedHeaders),
            (b"4:A\0B\0,", Fault::ContentLength),
        ] {
            for step in [1, 2, bytes.len()] {
                assert_eq!(read(bytes, step), Err(fault), "{bytes:?} {step}");
            }
        }
    }
}
