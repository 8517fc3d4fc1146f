//! What a peer did wrong.

use std::fmt;

/// Why a connection cannot go on: what the peer sent is not what FastCGI allows at this point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A record of another version of the protocol, or no record at all.
    Version(u8),
    /// A record of a kind that this end does not get, or not at this point.
    Kind(u8),
    /// A record of another request.
    Id {
        /// The request that it names.
        id: u16,
        /// The only one there is.
        expected: u16,
    },
    /// A record whose content is longer or shorter than its kind allows.
    Length {
        /// The record's kind.
        kind: u8,
        /// The length of its content.
        length: u16,
    },
    /// A record of a stream that has ended.
    StreamEnded(u8),
    /// Bytes after the end of the answer.
    AfterEnd,
    /// More records that are not about a request than there is a reason for.
    ManagementFlood,
    /// More requests at once than one connection may ask for.
    RequestFlood,
    /// Variables of more bytes than allowed.
    ParamsTooLarge(usize),
    /// A name or value that ends after the content that it is in.
    PairCut,
    /// A pair without a name.
    PairUnnamed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Version(version) => write!(f, "record of version {version} instead of 1"),
            Fault::Kind(kind) => write!(f, "record of kind {kind} that has no place here"),
            Fault::Id { id, expected } => write!(f, "record of request {id} instead of {expected}"),
            Fault::Length { kind, length } => write!(f, "record of kind {kind} with {length} bytes"),
            Fault::StreamEnded(kind) => write!(f, "record of kind {kind} after the end of its stream"),
            Fault::AfterEnd => f.write_str("bytes after the end of the answer"),
            Fault::ManagementFlood => f.write_str("too many management records"),
            Fault::RequestFlood => f.write_str("too many requests at once"),
            Fault::ParamsTooLarge(limit) => write!(f, "variables of more than {limit} bytes"),
            Fault::PairCut => f.write_str("name or value longer than what it is in"),
            Fault::PairUnnamed => f.write_str("variable without a name"),
        }
    }
}

impl std::error::Error for Fault {}
