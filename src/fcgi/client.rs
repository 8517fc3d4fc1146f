//! What a web server does: it sends requests and reads answers, one request at a time on a connection.

use super::Fault;
use super::record::{self, FILE_LEN, Header, Kind};
use super::stream::{Collected, Records, Step};

/// The role that answers requests (section 6.2).
pub(super) const RESPONDER: u16 = 1;
/// The flag of a connection that stays open after its request.
pub(super) const KEEP_CONN: u8 = 1;
/// Most management records beside one answer: none is asked for.
const MAX_MANAGEMENT: u32 = 16;

/// Appends the beginning of a request and its variables, encoded by
/// [`push_pair`](super::params::push_pair).
pub fn push_request(out: &mut Vec<u8>, id: u16, keep: bool, params: &[u8]) {
    let [role1, role0] = RESPONDER.to_be_bytes();
    let flags = if keep { KEEP_CONN } else { 0 };
    record::push(out, Kind::BeginRequest, id, &[role1, role0, flags, 0, 0, 0, 0, 0]);
    if !params.is_empty() {
        record::push(out, Kind::Params, id, params);
    }
    record::push(out, Kind::Params, id, &[]);
}

/// Appends a piece of the request's body.
pub fn push_body(out: &mut Vec<u8>, id: u16, piece: &[u8]) {
    // An empty record would end the body.
    if !piece.is_empty() {
        record::push(out, Kind::Stdin, id, piece);
    }
}

/// Appends the end of the request's body.
pub fn push_body_end(out: &mut Vec<u8>, id: u16) {
    record::push(out, Kind::Stdin, id, &[]);
}

/// Appends the wish that the request ends (section 5.4).
pub fn push_abort(out: &mut Vec<u8>, id: u16) {
    record::push(out, Kind::AbortRequest, id, &[]);
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Some of the response.
    Stdout(&'a [u8]),
    /// Some of the response that is in a file, whose descriptor came beside the record.
    File {
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// Some of what goes to the log.
    Stderr(&'a [u8]),
    /// The answer is complete.
    End {
        /// What a CGI program would have exited with.
        app_status: u32,
        /// A [`ProtocolStatus`](record::ProtocolStatus), or what the peer takes for one.
        protocol_status: u8,
    },
}

/// Reads the answer to one request.
#[derive(Debug)]
pub struct AnswerReader {
    records: Records,
    id: u16,
    /// The kind of the record that content belongs to; `None` for one that is not about the request.
    kind: Option<Kind>,
    is_empty: bool,
    takes_files: bool,
    stdout_ended: bool,
    stderr_ended: bool,
    file: Collected<16>,
    end: Collected<8>,
    management: u32,
    finished: bool,
}

impl AnswerReader {
    /// For the answer to request `id`. `takes_files` is whether the application was told that parts of it may be
    /// [files](Answer::File).
    pub fn new(id: u16, takes_files: bool) -> Self {
        AnswerReader {
            records: Records::default(),
            id,
            kind: None,
            is_empty: false,
            takes_files,
            stdout_ended: false,
            stderr_ended: false,
            file: Collected::default(),
            end: Collected::default(),
            management: 0,
            finished: false,
        }
    }

    /// Takes from the front of `input`; `None` when it needs more. Content is handed on as it arrives.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Answer<'a>>, Fault> {
        if self.finished {
            return if input.is_empty() {
                Ok(None)
            } else {
                Err(Fault::AfterEnd)
            };
        }
        while let Some(step) = self.records.next(input)? {
            match (step, self.kind) {
                (Step::Start(header), _) => self.kind = self.start(header)?,
                (Step::Content(piece), Some(Kind::Stdout)) => return Ok(Some(Answer::Stdout(piece))),
                (Step::Content(piece), Some(Kind::Stderr)) => return Ok(Some(Answer::Stderr(piece))),
                (Step::Content(piece), Some(Kind::File)) => self.file.add(piece),
                (Step::Content(piece), Some(_)) => self.end.add(piece),
                (Step::Finish, Some(Kind::File)) => return Ok(Some(self.file())),
                (Step::Finish, Some(Kind::EndRequest)) => return Ok(Some(self.finish())),
                (Step::Finish, Some(Kind::Stdout)) => self.stdout_ended |= self.is_empty,
                (Step::Finish, Some(Kind::Stderr)) => self.stderr_ended |= self.is_empty,
                (Step::Content(_) | Step::Finish, _) => {}
            }
        }
        Ok(None)
    }

    /// Whether [`Answer::End`] was given.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether every record that began is complete.
    pub fn is_at_boundary(&self) -> bool {
        self.records.is_at_boundary()
    }

    /// Checks the beginning of a record.
    fn start(&mut self, header: Header) -> Result<Option<Kind>, Fault> {
        let Header { kind, id, length, .. } = header;
        let known = Kind::of(kind).ok_or(Fault::Kind(kind))?;
        self.is_empty = length == 0;
        if id == 0 {
            if !matches!(known, Kind::GetValuesResult | Kind::UnknownType) {
                return Err(Fault::Kind(kind));
            }
            self.management += 1;
            if self.management > MAX_MANAGEMENT {
                return Err(Fault::ManagementFlood);
            }
            return Ok(None);
        }
        if id != self.id {
            return Err(Fault::Id {
                id,
                expected: self.id,
            });
        }
        match known {
            Kind::File if !self.takes_files => return Err(Fault::Kind(kind)),
            Kind::File if length != FILE_LEN => return Err(Fault::Length { kind, length }),
            Kind::Stdout | Kind::File if !self.stdout_ended => {}
            Kind::Stderr if !self.stderr_ended => {}
            Kind::Stdout | Kind::File | Kind::Stderr => return Err(Fault::StreamEnded(kind)),
            Kind::EndRequest if length == 8 => {}
            Kind::EndRequest => return Err(Fault::Length { kind, length }),
            _ => return Err(Fault::Kind(kind)),
        }
        Ok(Some(known))
    }

    fn file(&mut self) -> Answer<'static> {
        let content = u128::from_be_bytes(self.file.take());
        let half = |half: u128| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default();
        Answer::File {
            offset: half(content >> 64),
            length: half(content),
        }
    }

    fn finish(&mut self) -> Answer<'static> {
        self.finished = true;
        let [a3, a2, a1, a0, protocol_status, ..] = self.end.take();
        Answer::End {
            app_status: u32::from_be_bytes([a3, a2, a1, a0]),
            protocol_status,
        }
    }
}

#[cfg(test)]
mod tests;
