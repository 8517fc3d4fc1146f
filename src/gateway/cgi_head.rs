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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A head's contents.
    type Contents = (Vec<u8>, Option<u64>, Vec<(Vec<u8>, Vec<u8>)>);

    fn contents(head: &Head) -> Contents {
        let fields = head.fields();
        let fields = fields.map(|(name, value)| (name.to_vec(), value.to_vec()));
        (
            head.status_line().to_vec(),
            head.content_length(),
            fields.collect(),
        )
    }

    fn read(text: &[u8], max_line: usize, step: usize) -> Result<(Head, Vec<u8>), HeadFault> {
        let (mut reader, mut head, mut body) = (HeadReader::new(max_line), Head::default(), Vec::new());
        let mut is_complete = false;
        for mut piece in text.chunks(step) {
            is_complete = reader.feed(&mut piece, &mut head)?;
            assert!(is_complete || piece.is_empty());
            assert!(reader.partial.len() <= max_line + 1);
            body.extend_from_slice(piece);
        }
        assert!(is_complete, "no end of the head");
        Ok((head, body))
    }

    fn refused(text: &[u8]) -> HeadFault {
        let faults = [1, 2, 7, text.len()].map(|step| read(text, 100, step).expect_err("a fault"));
        let [first, others @ ..] = faults;
        assert!(others.iter().all(|other| *other == first), "{others:?}");
        first
    }

    fn a_head() -> impl Strategy<Value = Head> {
        let field = ("[!#-\'*+.0-9A-Za-z^_`|~-]{1,20}", "[\t -~\u{80}-\u{ff}]{0,40}");
        let fields = prop::collection::vec(field, 0..8);
        ("[2-9][0-9]{2}( [ -~]{0,20})?", any::<Option<u32>>(), fields).prop_map(|(status, length, fields)| {
            let mut head = Head::default();
            head.set_status(status.as_bytes()).expect("a status");
            for (name, value) in fields {
                // Content-Length, and those of the connection, go their own ways.
                let _ = head.add(name.as_bytes(), value.as_bytes());
            }
            if let Some(length) = length {
                head.declare_content_length(length.into());
            }
            head
        })
    }

    proptest! {
        #[test]
        fn a_head_arrives_as_it_was(head in a_head(), step in 1_usize..200) {
            let mut text = Vec::new();
            push_head(&head, &mut text);
            text.extend_from_slice(b"body\r\n\r\n");
            let (read, body) = read(&text, 32768, step).expect("no fault");
            prop_assert_eq!(contents(&read), contents(&head));
            prop_assert_eq!(body, b"body\r\n\r\n");
        }

        #[test]
        fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..200), step in 1_usize..200) {
            let text = [b"Status: 200\n", &text[..]].concat();
            let (mut reader, mut head) = (HeadReader::new(50), Head::default());
            for mut piece in text.chunks(step) {
                if reader.feed(&mut piece, &mut head).is_err() {
                    break;
                }
                prop_assert!(reader.partial.len() <= 51);
            }
        }
    }

    #[test]
    fn every_split_gives_the_same() {
        let text = b"Status: 200 OK\r\nContent-Length: 4\r\nA:b\nC:  d\t\r\n\r\nbody";
        let expected = contents(&read(text, 100, text.len()).expect("no fault").0);
        assert_eq!(expected.2[1], (b"C".to_vec(), b" d\t".to_vec()));
        for split in 0..text.len() {
            let (mut reader, mut head) = (HeadReader::new(100), Head::default());
            let (mut first, mut rest) = text.split_at(split);
            let _ = reader.feed(&mut first, &mut head).expect("no fault");
            assert_eq!(reader.feed(&mut rest, &mut head), Ok(true), "{split}");
            assert_eq!(contents(&head), expected, "{split}");
            assert_eq!([first, rest].concat(), b"body", "{split}");
        }
    }

    #[test]
    fn lines_that_are_no_headers_are_told_from_bad_headers() {
        for text in [
            &b"\r\n\r\n"[..],
            b"A: b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"Status: 200\r\nno colon\r\n\r\n",
            b"Status: 200\r\n: b\r\n\r\n",
        ] {
            assert_eq!(refused(text), HeadFault::MalformedLine, "{text:?}");
        }
        for text in [
            &b"Status: 100 Continue\r\n\r\n"[..],
            b"Status: 200\r\nA B: c\r\n\r\n",
            b"Status: 200\r\nA: b\rc\r\n\r\n",
            b"Status: 200\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ] {
            assert!(matches!(refused(text), HeadFault::Invalid(_)), "{text:?}");
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_allowed() {
        for limit in [8191, 8192, 8193, 32_768, 65_536] {
            for end in ["\n", "\r\n"] {
                for (value, fits) in [(limit - 3, true), (limit - 2, false)] {
                    let text = format!("Status: 200\r\nA: {}{end}\r\n", "x".repeat(value));
                    for step in [limit / 3, limit + 5, text.len()] {
                        let read =
                            read(text.as_bytes(), limit, step).map(|(head, _)| contents(&head).2[0].1.len());
                        let expected = if fits {
                            Ok(value)
                        } else {
                            Err(HeadFault::LineTooLong(limit))
                        };
                        assert_eq!(read, expected, "{limit} {value} {step}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_when_it_is_too_long() {
        let text = [&b"Status: 200\r\nA: "[..], &[b'x'; 1 << 20]].concat();
        let (mut reader, mut head) = (HeadReader::new(32_768), Head::default());
        let taken = text
            .chunks(1000)
            .take_while(|piece| reader.feed(&mut &piece[..], &mut head).is_ok());
        assert_eq!(taken.count(), 32);
    }

    #[test]
    fn a_head_is_bounded_even_where_nothing_of_it_is_kept() {
        let (mut reader, mut head) = (HeadReader::new(100), Head::default());
        assert_eq!(reader.feed(&mut &b"Status: 200\n"[..], &mut head), Ok(false));
        let line = b"Content-Length: 5\r\n";
        let lines = std::iter::repeat_with(|| reader.feed(&mut &line[..], &mut head));
        let fault = lines.take(MAX_TEXT / line.len() + 1).find_map(Result::err);
        assert_eq!(fault, Some(HeadFault::TooLarge));
    }

    #[test]
    fn the_largest_head_of_an_application_fits() {
        let mut head = Head::default();
        head.set_status(b"200").expect("a status");
        let value = [b'x'; 255];
        for _ in 0..MAX_FIELDS - 16 {
            head.add(b"n", &value).expect("within the limit");
        }
        let room = MAX_HEAD_BYTES - 3 - 256 * (MAX_FIELDS - 16);
        head.add(b"n", &vec![b'x'; room - 1]).expect("within the limit");
        assert!(head.add(b"n", b"").is_err());
        head.declare_content_length(i64::MAX.unsigned_abs());
        let mut text = Vec::new();
        push_head(&head, &mut text);
        let (read, _) = read(&text, 32_768, 4096).expect("no fault");
        assert_eq!(contents(&read), contents(&head));
    }
}
