//! Responses as they arrived on the wire.

use std::fmt;

/// How a response says where its body ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body: HEAD, 1xx, 204, 304.
    None,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The body ends with the connection.
    UntilClose,
}

/// Status line and header fields.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status line without its line end.
    pub status_line: String,
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub version: String,
    /// The status code.
    pub status: u16,
    /// The reason phrase, possibly empty.
    pub reason: String,
    /// Name and value in the order they came, the bytes as latin-1.
    pub headers: Vec<(String, String)>,
    /// The bytes, with the empty line.
    pub raw: Vec<u8>,
}

impl Head {
    /// Reads a head whose raw bytes end with the empty line.
    ///
    /// # Errors
    /// What is malformed.
    pub(crate) fn parse(raw: &[u8]) -> Result<Head, String> {
        let text: String = raw.iter().copied().map(char::from).collect();
        let mut lines = text
            .strip_suffix("\r\n\r\n")
            .ok_or("no empty line after the head")?
            .split("\r\n");
        let status_line = lines.next().unwrap_or_default().to_string();
        let (version, rest) = status_line
            .split_once(' ')
            .ok_or_else(|| format!("status line {status_line:?}"))?;
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = code.parse().map_err(|_| format!("status line {status_line:?}"))?;
        let headers = lines.map(parse_field).collect::<Result<_, _>>()?;
        let (version, reason) = (version.to_string(), reason.to_string());
        Ok(Head {
            status_line,
            version,
            status,
            reason,
            headers,
            raw: raw.to_vec(),
        })
    }

    /// The value of the first field of this name, any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The values of all fields of this name, any case.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// How the body is framed.
    ///
    /// # Errors
    /// When the framing fields cannot be believed.
    pub(crate) fn framing(&self, answers_head: bool) -> Result<Framing, String> {
        if answers_head || self.status < 200 || self.status == 204 || self.status == 304 {
            return Ok(Framing::None);
        }
        let codings = self.header_all("transfer-encoding");
        let lengths = self.header_all("content-length");
        match (codings.as_slice(), lengths.as_slice()) {
            ([], []) => Ok(Framing::UntilClose),
            ([], [length]) => length
                .parse()
                .map(Framing::Length)
                .map_err(|_| format!("Content-Length: {length}")),
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            _ => Err(format!(
                "Transfer-Encoding {codings:?} with Content-Length {lengths:?}"
            )),
        }
    }
}

fn parse_field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| format!("header line {line:?}"))?;
    Ok((name.to_string(), value.trim_matches([' ', '\t']).to_string()))
}

/// One response, final head and body.
#[derive(Clone)]
pub struct Response {
    /// The status line without its line end.
    pub status_line: String,
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub version: String,
    /// The status code.
    pub status: u16,
    /// The reason phrase, possibly empty.
    pub reason: String,
    /// Name and value in the order they came, the bytes as latin-1.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// How the body was framed.
    pub framing: Framing,
    /// Whether the body came whole: all of `Content-Length`, the last chunk, or an orderly close.
    pub complete: bool,
    /// Status codes of interim (1xx) responses before it.
    pub interim: Vec<u16>,
    /// The bytes of the final head, with the empty line.
    pub raw_head: Vec<u8>,
}

/// As much as a reader of a failed test needs: the body as text, and not for ever.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 500;
        let text: String = self.text().chars().take(LONGEST).collect();
        f.debug_struct("Response")
            .field("status_line", &self.status_line)
            .field("headers", &self.headers)
            .field("framing", &self.framing)
            .field("complete", &self.complete)
            .field("interim", &self.interim)
            .field("length", &self.body.len())
            .field("text", &text)
            .finish()
    }
}

impl Response {
    pub(crate) fn new(
        head: Head,
        framing: Framing,
        body: Vec<u8>,
        complete: bool,
        interim: Vec<u16>,
    ) -> Response {
        let Head {
            status_line,
            version,
            status,
            reason,
            headers,
            raw,
        } = head;
        Response {
            status_line,
            version,
            status,
            reason,
            headers,
            body,
            framing,
            complete,
            interim,
            raw_head: raw,
        }
    }

    /// The value of the first field of this name, any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The values of all fields of this name, any case.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The body as text, invalid UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the server announced that the connection ends here.
    pub fn says_close(&self) -> bool {
        self.header_all("connection")
            .iter()
            .any(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// What [`decode_chunked`] found at the start of a buffer.
pub(crate) enum Chunked {
    /// The whole body, and how many bytes of the buffer it took.
    Done(Vec<u8>, usize),
    /// More bytes are needed.
    Partial {
        /// What is decoded so far.
        body: Vec<u8>,
        /// How many bytes of the buffer, and how many of these, belong to chunks that are whole.
        whole: (usize, usize),
    },
}

/// Decodes a chunked body with its trailers (RFC 9112, section 7.1).
///
/// # Errors
/// What is malformed.
pub(crate) fn decode_chunked(bytes: &[u8]) -> Result<Chunked, String> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let whole = (at, body.len());
        let Some(end) = find(&bytes[at..], b"\r\n") else {
            return Ok(Chunked::Partial { body, whole });
        };
        let line = String::from_utf8_lossy(&bytes[at..at + end]);
        let digits = line.split(';').next().unwrap_or_default().trim_end();
        let size = usize::from_str_radix(digits, 16).map_err(|_| format!("chunk size {line:?}"))?;
        at += end + 2;
        if size == 0 {
            return Ok(match end_of_trailers(&bytes[at..]) {
                Some(used) => Chunked::Done(body, at + used),
                None => Chunked::Partial { body, whole },
            });
        }
        let data = &bytes[at..];
        body.extend_from_slice(&data[..size.min(data.len())]);
        if data.len() < size + 2 {
            return Ok(Chunked::Partial { body, whole });
        }
        if &data[size..size + 2] != b"\r\n" {
            return Err("a chunk does not end with CRLF".to_string());
        }
        at += size + 2;
    }
}

fn end_of_trailers(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        Some(2)
    } else {
        find(bytes, b"\r\n\r\n").map(|at| at + 4)
    }
}

/// Where `needle` starts in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes()).expect("a head")
    }

    #[test]
    fn the_framing_follows_the_fields() {
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").framing(false),
            Ok(Framing::Length(5))
        );
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").framing(false),
            Ok(Framing::Chunked)
        );
        assert_eq!(
            head("HTTP/1.1 200 OK\r\n\r\n").framing(false),
            Ok(Framing::UntilClose)
        );
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").framing(true),
            Ok(Framing::None)
        );
        assert_eq!(
            head("HTTP/1.1 304 Not Modified\r\n\r\n").framing(false),
            Ok(Framing::None)
        );
    }

    #[test]
    fn conflicting_framing_is_an_error() {
        assert!(
            head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
                .framing(false)
                .is_err()
        );
        assert!(
            head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n")
                .framing(false)
                .is_err()
        );
    }

    #[test]
    fn a_chunked_body_is_done_only_with_its_last_chunk() {
        let whole = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\nNEXT";
        assert!(
            matches!(decode_chunked(whole), Ok(Chunked::Done(body, used)) if body == b"abcde" && used == whole.len() - 4)
        );
        assert!(
            matches!(decode_chunked(b"3\r\nabc\r\n"), Ok(Chunked::Partial { body, whole: (8, 3) }) if body == b"abc")
        );
        assert!(
            matches!(decode_chunked(b"5\r\nab"), Ok(Chunked::Partial { body, whole: (0, 0) }) if body == b"ab")
        );
        assert!(matches!(decode_chunked(b"0\r\n"), Ok(Chunked::Partial { .. })));
        assert!(decode_chunked(b"3\r\nabcd\r\n").is_err());
    }
}
