//! The one validator for status and headers that leave an application.

use std::fmt;
use std::ops::Range;

use super::bytes::{HeaderName, has_control};

/// A response's status and headers, checked.
///
/// All text lies in one buffer, so that a head can be filled again without new memory.
#[derive(Debug, Default)]
pub struct Head {
    status: u16,
    text: Vec<u8>,
    status_line: Range<usize>,
    fields: Vec<(Range<usize>, Range<usize>)>,
    content_length: Option<u64>,
    dropped: Vec<Range<usize>>,
}

/// What is wrong with a status line or a header. Its text is what the application's exception says.
#[derive(Debug, PartialEq, Eq)]
pub struct HeaderFault(String);

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Headers that belong to the connection: framing is the server's alone (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&[u8]; 7] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

/// The header that output filters go by.
pub const CONTENT_TYPE: HeaderName = HeaderName::new(b"content-type");
/// The header that is checked and counted against.
pub const CONTENT_LENGTH: HeaderName = HeaderName::new(b"content-length");
/// The header that belongs to error responses too.
pub const WWW_AUTHENTICATE: HeaderName = HeaderName::new(b"www-authenticate");

/// Most bytes of status line and headers together.
pub const MAX_HEAD_BYTES: usize = 1 << 20;
/// Most headers of one response.
pub const MAX_FIELDS: usize = 4096;

impl Head {
    /// Forgets the contents and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        self.dropped.clear();
        self.content_length = None;
        self.status = 0;
        self.status_line = 0..0;
    }

    /// Sets the status from `200 OK` (PEP 3333, "The start_response() Callable").
    pub fn set_status(&mut self, line: &[u8]) -> Result<(), HeaderFault> {
        let Some((digits, reason)) = line.split_first_chunk::<3>().filter(|(digits, _)| {
            digits
                .iter()
                .fold(true, |all, digit| all & digit.is_ascii_digit())
        }) else {
            return fault("status code must be a 3 digit integer", line);
        };
        match reason.first() {
            None | Some(b' ') => {}
            Some(b'0'..=b'9') => return fault("status code must be a 3 digit integer", line),
            Some(_) => return fault("no space following status code", line),
        }
        if has_control(reason) {
            return fault("control character in status reason phrase", line);
        }
        let status = digits
            .iter()
            .fold(0_u16, |number, digit| number * 10 + u16::from(digit - b'0'));
        if !(200..=999).contains(&status) {
            return fault("status code must not be informational", line);
        }
        self.check_size(line.len())?;
        self.status = status;
        self.status_line = self.append(line);
        Ok(())
    }

    /// Adds a header; one that belongs to the connection is noted in [`dropped`](Self::dropped) instead.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeaderFault> {
        if CONTENT_LENGTH.is(name) {
            return self.add_content_length(value);
        }
        // Nearly every response has it, and there is nothing to check about its name.
        let is_content_type = CONTENT_TYPE.is(name);
        if !is_content_type {
            check_name(name)?;
        }
        check_value(value)?;
        self.check_size(name.len() + value.len())?;
        if self.fields.len() >= MAX_FIELDS {
            return Err(HeaderFault(format!("more than {MAX_FIELDS} headers")));
        }
        if !is_content_type && is_hop_by_hop(name) {
            let range = self.append(name);
            self.dropped.push(range);
            return Ok(());
        }
        let name = self.append(name);
        let value = self.append(value);
        self.fields.push((name, value));
        Ok(())
    }

    fn add_content_length(&mut self, value: &[u8]) -> Result<(), HeaderFault> {
        let length = parse_length(value);
        let Some(length) = length.filter(|length| self.content_length.is_none_or(|known| known == *length))
        else {
            check_value(value)?;
            // mod_wsgi shows this value, unlike others, as a str.
            let shown = bytes_literal(value);
            let shown = shown.strip_prefix('b').unwrap_or(&shown);
            return Err(HeaderFault(format!(
                "invalid Content-Length header value: {shown}"
            )));
        };
        self.content_length = Some(length);
        Ok(())
    }

    fn check_size(&self, more: usize) -> Result<(), HeaderFault> {
        if self.text.len().saturating_add(more) > MAX_HEAD_BYTES {
            return Err(HeaderFault(format!(
                "response headers are larger than {MAX_HEAD_BYTES} bytes"
            )));
        }
        Ok(())
    }

    fn append(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        start..self.text.len()
    }

    fn text(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Status code and reason phrase, as the application gave them.
    pub fn status_line(&self) -> &[u8] {
        self.text(&self.status_line)
    }

    /// The headers in order, without Content-Length and without those of the connection.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields
            .iter()
            .map(|(name, value)| (self.text(name), self.text(value)))
    }

    /// The declared Content-Length.
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// Declares the Content-Length, if the application did not.
    pub fn declare_content_length(&mut self, length: u64) {
        self.content_length.get_or_insert(length);
    }

    /// Names of headers that were left out because they belong to the connection.
    pub fn dropped(&self) -> impl Iterator<Item = &[u8]> {
        self.dropped.iter().map(|range| self.text(range))
    }
}

fn fault<T>(what: &str, value: &[u8]) -> Result<T, HeaderFault> {
    Err(HeaderFault(format!("{what}: {}", bytes_literal(value))))
}

/// A value as Python shows `bytes`; long ones are cut.
fn bytes_literal(value: &[u8]) -> String {
    const LONGEST: usize = 200;
    let quote = if value.contains(&b'\'') && !value.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut text = format!("b{quote}");
    for byte in value.iter().take(LONGEST) {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\'' if quote == '\'' => text.push_str("\\'"),
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push(quote);
    if value.len() > LONGEST {
        text.push_str("...");
    }
    text
}

fn check_name(name: &[u8]) -> Result<(), HeaderFault> {
    if !name.is_empty() && is_all_tokens(name) {
        return Ok(());
    }
    if name.is_empty() {
        return Err(HeaderFault("header name is empty".into()));
    }
    for byte in name {
        match byte {
            b' ' => return fault("space character in header name", name),
            byte if byte.is_ascii_control() => return fault("control character in header name", name),
            byte if !is_token(*byte) => return fault("invalid character in header name", name),
            _ => {}
        }
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), HeaderFault> {
    if !has_control(value) {
        return Ok(());
    }
    for byte in value {
        match byte {
            b'\r' | b'\n' => return fault("carriage return/line feed character in header value", value),
            b'\t' => {}
            byte if byte.is_ascii_control() => return fault("control character in header value", value),
            _ => {}
        }
    }
    Ok(())
}

/// Which bytes are `tchar` (RFC 9110, 5.6.2).
#[allow(clippy::indexing_slicing, reason = "in the compiler, below 256")]
const TOKENS: [bool; 256] = {
    let mut tokens = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "below 256")]
        let value = byte as u8;
        tokens[byte] = value.is_ascii_alphanumeric()
            || matches!(
                value,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    tokens
};

fn is_all_tokens(text: &[u8]) -> bool {
    // Without a branch for each byte.
    let (blocks, rest) = text.as_chunks::<4>();
    let mut all = true;
    for block in blocks {
        all &= block.iter().fold(true, |all, byte| all & is_token(*byte));
    }
    all && rest.iter().all(|byte| is_token(*byte))
}

fn is_token(byte: u8) -> bool {
    TOKENS.get(usize::from(byte)).copied().unwrap_or(false)
}

fn is_hop_by_hop(name: &[u8]) -> bool {
    // Lengths of the names above; most headers are told apart by theirs.
    if !matches!(name.len(), 2 | 7 | 10 | 16 | 17) {
        return false;
    }
    HOP_BY_HOP
        .iter()
        .any(|known| known.len() == name.len() && known.eq_ignore_ascii_case(name))
}

/// A Content-Length: digits only, within 63 bits (RFC 9110, 8.6).
pub fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    let length = value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })?;
    (length <= i64::MAX.unsigned_abs()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head_with(name: &[u8], value: &[u8]) -> Result<Head, String> {
        let mut head = Head::default();
        head.add(name, value).map_err(|fault| fault.to_string())?;
        Ok(head)
    }

    fn status_fault(line: &[u8]) -> String {
        Head::default().set_status(line).expect_err("a fault").to_string()
    }

    #[test]
    fn accepts_usual_and_bare_status_lines() {
        for (line, status) in [
            (&b"200 OK"[..], 200),
            (b"200", 200),
            (b"599 \xe9", 599),
            (b"404 Not Found", 404),
        ] {
            let mut head = Head::default();
            head.set_status(line).expect("valid");
            assert_eq!((head.status(), head.status_line()), (status, line));
        }
    }

    #[test]
    fn refuses_bad_status_lines_with_the_value() {
        assert_eq!(
            status_fault(b"abc"),
            "status code must be a 3 digit integer: b'abc'"
        );
        assert_eq!(
            status_fault(b"2000 OK"),
            "status code must be a 3 digit integer: b'2000 OK'"
        );
        assert_eq!(
            status_fault(b"99 x"),
            "status code must be a 3 digit integer: b'99 x'"
        );
        assert_eq!(status_fault(b"200OK"), "no space following status code: b'200OK'");
        assert_eq!(
            status_fault(b"200 OK\r\nX: y"),
            "control character in status reason phrase: b'200 OK\\r\\nX: y'"
        );
        assert_eq!(
            status_fault(b"100 Continue"),
            "status code must not be informational: b'100 Continue'"
        );
    }

    #[test]
    fn refuses_bad_names() {
        assert_eq!(head_with(b"", b"x").unwrap_err(), "header name is empty");
        assert_eq!(
            head_with(b"a b", b"x").unwrap_err(),
            "space character in header name: b'a b'"
        );
        assert_eq!(
            head_with(b"a\n", b"x").unwrap_err(),
            "control character in header name: b'a\\n'"
        );
        assert_eq!(
            head_with(b"a:b", b"x").unwrap_err(),
            "invalid character in header name: b'a:b'"
        );
        assert_eq!(
            head_with(b"\xe9", b"x").unwrap_err(),
            "invalid character in header name: b'\\xe9'"
        );
    }

    #[test]
    fn refuses_bad_values() {
        assert_eq!(
            head_with(b"a", b"x\r").unwrap_err(),
            "carriage return/line feed character in header value: b'x\\r'"
        );
        assert_eq!(
            head_with(b"a", b"x\ny").unwrap_err(),
            "carriage return/line feed character in header value: b'x\\ny'"
        );
        assert_eq!(
            head_with(b"a", b"\0").unwrap_err(),
            "control character in header value: b'\\x00'"
        );
        assert!(head_with(b"a", b"tab\tis fine, \xe9 too").is_ok());
    }

    #[test]
    fn connection_headers_never_get_through() {
        for name in [
            &b"Transfer-Encoding"[..],
            b"connection",
            b"Upgrade",
            b"TE",
            b"Keep-Alive",
            b"Trailer",
        ] {
            let head = head_with(name, b"x").expect("dropped, not refused");
            assert_eq!((head.fields().count(), head.dropped().next()), (0, Some(name)));
        }
    }

    #[test]
    fn content_length_is_a_plain_number_said_once() {
        assert_eq!(
            head_with(b"Content-Length", b"12")
                .expect("valid")
                .content_length(),
            Some(12)
        );
        for bad in [
            &b""[..],
            b"+1",
            b"-1",
            b"1,1",
            b" 1",
            b"0x1",
            b"9223372036854775808",
            b"x",
        ] {
            assert!(head_with(b"Content-Length", bad).is_err(), "{bad:?}");
        }
        let mut head = head_with(b"Content-Length", b"12").expect("valid");
        assert!(head.add(b"content-length", b"12").is_ok());
        assert!(head.add(b"content-length", b"13").is_err());
    }

    #[test]
    fn size_is_bounded() {
        assert!(head_with(b"a", &vec![b'x'; MAX_HEAD_BYTES + 1]).is_err());
        let mut head = Head::default();
        for _ in 0..MAX_FIELDS {
            head.add(b"a", b"x").expect("within the limit");
        }
        assert!(head.add(b"a", b"x").is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_gets_through_can_break_a_line(name in prop::collection::vec(any::<u8>(), 0..20),
                                                      value in prop::collection::vec(any::<u8>(), 0..40),
                                                      status in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut head = Head::default();
            let _ = head.set_status(&status);
            let _ = head.add(&name, &value);
            prop_assert!(!head.status_line().iter().any(|byte| *byte == 0x7f || *byte < 0x20));
            for (name, value) in head.fields() {
                prop_assert!(!name.is_empty() && name.iter().all(|byte| is_token(*byte)));
                prop_assert!(!value.iter().any(|byte| *byte == 0x7f || (*byte < 0x20 && *byte != b'\t')));
            }
        }
    }
}
