//! What a peer does wrong.

use std::fmt;

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not begin with the length of the headers.
    NoLength,
    /// The headers are longer than allowed, in bytes.
    HeadersTooLarge(usize),
    /// No comma ends the headers.
    NoComma,
    /// Names and values do not end with zero bytes, or a name is empty.
    MalformedHeaders,
    /// CONTENT_LENGTH is missing, stands twice, or is no number.
    ContentLength,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoLength => f.write_str("SCGI: no length of the headers at the beginning"),
            Fault::HeadersTooLarge(limit) => write!(f, "SCGI: headers of more than {limit} bytes"),
            Fault::NoComma => f.write_str("SCGI: no comma after the headers"),
            Fault::MalformedHeaders => f.write_str("SCGI: malformed headers"),
            Fault::ContentLength => f.write_str("SCGI: no proper CONTENT_LENGTH"),
        }
    }
}

impl std::error::Error for Fault {}
