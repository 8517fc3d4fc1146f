//! Records: what everything on a connection is cut into (section 3.3).

use super::Fault;

/// Bytes of a record before its content.
pub const HEADER_LEN: usize = 8;
/// Most bytes of content that one record has.
pub const MAX_CONTENT: usize = 65535;
/// The version of the protocol.
const VERSION: u8 = 1;
/// Bytes of content that tell of a file.
pub(super) const FILE_LEN: u16 = 16;

/// What a record is about (section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A request begins.
    BeginRequest = 1,
    /// The web server wants a request to end.
    AbortRequest,
    /// A request ended.
    EndRequest,
    /// A piece of a request's variables.
    Params,
    /// A piece of a request's body.
    Stdin,
    /// A piece of a response, head included.
    Stdout,
    /// A piece of what goes to the log.
    Stderr,
    /// A piece of the file that a filter works on.
    Data,
    /// A question about the application's limits.
    GetValues,
    /// The answer to it.
    GetValuesResult,
    /// The answer to a management record of a kind that the application does not know.
    UnknownType,
    /// A piece of a response that is a range of a file, whose descriptor travels beside the record. The protocol
    /// has no such kind: an application sends it only to a web server of ours that has asked for it.
    File = 0xf1,
}

impl Kind {
    /// The kind of this number.
    pub fn of(raw: u8) -> Option<Kind> {
        Some(match raw {
            1 => Kind::BeginRequest,
            2 => Kind::AbortRequest,
            3 => Kind::EndRequest,
            4 => Kind::Params,
            5 => Kind::Stdin,
            6 => Kind::Stdout,
            7 => Kind::Stderr,
            8 => Kind::Data,
            9 => Kind::GetValues,
            10 => Kind::GetValuesResult,
            11 => Kind::UnknownType,
            0xf1 => Kind::File,
            _ => return None,
        })
    }
}

/// How a request ended for the protocol (section 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProtocolStatus {
    /// It was answered.
    RequestComplete = 0,
    /// It was refused: the connection serves another.
    CantMpxConn,
    /// It was refused: there is too much to do.
    Overloaded,
    /// It was refused: the application does not play the role asked for.
    UnknownRole,
}

/// The beginning of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The kind's number; see [`Kind::of`].
    pub kind: u8,
    /// The request; 0 for a management record.
    pub id: u16,
    /// Bytes of content.
    pub length: u16,
    /// Bytes without a meaning after it.
    pub padding: u8,
}

impl Header {
    /// Reads one. The only error is another version.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Header, Fault> {
        let [version, kind, id1, id0, length1, length0, padding, _] = *bytes;
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        Ok(Header {
            kind,
            id: u16::from_be_bytes([id1, id0]),
            length: u16::from_be_bytes([length1, length0]),
            padding,
        })
    }

    /// As it goes over the connection.
    pub fn bytes(self) -> [u8; HEADER_LEN] {
        let ([id1, id0], [length1, length0]) = (self.id.to_be_bytes(), self.length.to_be_bytes());
        [VERSION, self.kind, id1, id0, length1, length0, self.padding, 0]
    }
}

/// The header of a record without padding, for content that is sent without copying it.
pub fn header(kind: Kind, id: u16, length: u16) -> [u8; HEADER_LEN] {
    Header {
        kind: kind as u8,
        id,
        length,
        padding: 0,
    }
    .bytes()
}

/// Appends content as records; none at all as one empty record, which ends a stream.
pub fn push(out: &mut Vec<u8>, kind: Kind, id: u16, content: &[u8]) {
    let (mut piece, mut rest) = content.split_at(content.len().min(MAX_CONTENT));
    loop {
        // No piece is longer than 16 bits tell.
        out.extend_from_slice(&header(kind, id, u16::try_from(piece.len()).unwrap_or(u16::MAX)));
        out.extend_from_slice(piece);
        if rest.is_empty() {
            return;
        }
        (piece, rest) = rest.split_at(rest.len().min(MAX_CONTENT));
    }
}

/// Appends the end of a request (section 5.5).
pub fn push_end(out: &mut Vec<u8>, id: u16, app_status: u32, status: ProtocolStatus) {
    let [a3, a2, a1, a0] = app_status.to_be_bytes();
    push(
        out,
        Kind::EndRequest,
        id,
        &[a3, a2, a1, a0, status as u8, 0, 0, 0],
    );
}

/// Appends a range of a file as a piece of a response.
pub fn push_file(out: &mut Vec<u8>, id: u16, offset: u64, length: u64) {
    out.extend_from_slice(&header(Kind::File, id, FILE_LEN));
    out.extend_from_slice(&offset.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_is_read_as_it_was_written(kind in any::<u8>(), id in any::<u16>(), length in any::<u16>(),
                                              padding in any::<u8>()) {
            let header = Header { kind, id, length, padding };
            prop_assert_eq!(Header::parse(&header.bytes()), Ok(header));
        }
    }

    #[test]
    fn a_kind_is_found_by_its_number() {
        for raw in 0..=u8::MAX {
            assert_eq!(
                Kind::of(raw).map(|kind| kind as u8),
                ((1..=11).contains(&raw) || raw == 0xf1).then_some(raw)
            );
        }
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = header(Kind::Stdout, 1, 0);
        for version in [0, 2, b'H', 0xff] {
            bytes[0] = version;
            assert_eq!(Header::parse(&bytes), Err(Fault::Version(version)));
        }
    }

    /// lengths around 16 bits.
    #[test]
    fn content_is_cut_at_what_16_bits_can_tell() {
        for (length, expected) in [
            (0, &[0][..]),
            (1, &[1]),
            (65_535, &[65_535]),
            (65_536, &[65_535, 1]),
            (131_071, &[65_535, 65_535, 1]),
        ] {
            let mut out = Vec::new();
            push(&mut out, Kind::Stdin, 7, &vec![b'x'; length]);
            let (mut rest, mut lengths) = (&out[..], Vec::new());
            while let Some((head, after)) = rest.split_first_chunk::<HEADER_LEN>() {
                let header = Header::parse(head).expect("version 1");
                assert_eq!(
                    (header.kind, header.id, header.padding),
                    (Kind::Stdin as u8, 7, 0)
                );
                lengths.push(header.length);
                rest = &after[usize::from(header.length)..];
            }
            assert_eq!(lengths, expected, "{length}");
        }
    }
}
