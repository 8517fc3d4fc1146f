//! What an application does: it reads requests, one at a time on a connection.

use smallvec::SmallVec;

use super::Fault;
use super::client::{KEEP_CONN, RESPONDER};
use super::management::Management;
use super::record::{self, Header, Kind, ProtocolStatus};
use super::stream::{Collected, Records, Step};

/// Most bytes of variables, unless told otherwise.
pub const MAX_PARAMS: usize = 16 << 20;
/// Memory for variables that is kept from one request to the next, in bytes.
const KEPT_PARAMS: usize = 256 << 10;
/// Most requests of a connection whose records are skipped at one time.
const MAX_SKIPPED: usize = 64;

/// What happened on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A request begins.
    Begin {
        /// Its number on the connection.
        id: u16,
        /// The role that the application is to play; always the responder's.
        role: u16,
        /// Whether the connection stays open after it.
        keep: bool,
    },
    /// The variables are complete; see [`RequestReader::params`].
    Params,
    /// Some of the body.
    Stdin(&'a [u8]),
    /// The body is complete.
    StdinEnd,
    /// The web server wants the request to end.
    Abort,
    /// Something to send was appended to `replies`.
    Reply,
}

/// What the active request may send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request is active.
    Idle,
    Params,
    Stdin,
    /// The body is complete.
    Complete,
    Aborted,
}

/// What is done with the content of the record that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Begin,
    Management,
    Params,
    Stdin,
    Abort,
    Skip,
}

/// Reads requests.
///
/// A request that is refused, or reset before its body was complete, may still have records under way; those
/// are skipped.
#[derive(Debug)]
pub struct RequestReader {
    records: Records,
    header: Option<(Header, Use)>,
    phase: Phase,
    id: u16,
    begin: Collected<8>,
    params: Vec<u8>,
    max_params: usize,
    skipped: SmallVec<[u16; 4]>,
    management: Management,
}

impl RequestReader {
    /// For requests with at most `max_params` bytes of variables.
    pub fn new(max_params: usize) -> Self {
        RequestReader {
            records: Records::default(),
            header: None,
            phase: Phase::Idle,
            id: 0,
            begin: Collected::default(),
            params: Vec::new(),
            max_params,
            skipped: SmallVec::new(),
            management: Management::default(),
        }
    }

    /// Sets what a web server that asks is told: how many connections and requests there may be at once.
    pub fn set_limits(&mut self, connections: u32, requests: u32) {
        self.management.set_limits(connections, requests);
    }

    /// Makes ready for the next request of the connection, and keeps memory of a usual size.
    pub fn reset(&mut self) {
        if matches!(self.phase, Phase::Params | Phase::Stdin) {
            // The peer did not ask for too much here: the oldest is forgotten instead.
            if self.skipped.len() >= MAX_SKIPPED {
                self.skipped.remove(0);
            }
            self.skipped.push(self.id);
        }
        if let Some((_, used @ (Use::Params | Use::Stdin | Use::Abort))) = &mut self.header {
            *used = Use::Skip;
        }
        self.phase = Phase::Idle;
        self.id = 0;
        self.params.clear();
        if self.params.capacity() > KEPT_PARAMS {
            self.params = Vec::new();
        }
    }

    /// The encoded variables of the active request, complete after [`Event::Params`].
    pub fn params(&self) -> &[u8] {
        &self.params
    }

    /// Exchanges the memory of the variables for `other`, so that they can be kept while the body is read.
    pub fn swap_params(&mut self, other: &mut Vec<u8>) {
        other.clear();
        std::mem::swap(&mut self.params, other);
    }

    /// The active request; 0 without one.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Whether no request is active and no record has begun.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle && self.records.is_at_boundary()
    }

    /// Takes from the front of `input`; `None` when it needs more. The body is handed on as it arrives.
    pub fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        replies: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, Fault> {
        while let Some(step) = self.records.next(input)? {
            let event = match (step, self.header) {
                (Step::Start(header), _) => {
                    self.header = Some((header, self.start(header)?));
                    None
                }
                (Step::Content(piece), Some((_, Use::Stdin))) => Some(Event::Stdin(piece)),
                (Step::Content(piece), Some((_, used))) => {
                    self.content(used, piece)?;
                    None
                }
                (Step::Finish, Some((header, used))) => {
                    self.header = None;
                    self.finish(header, used, replies)?
                }
                (Step::Content(_) | Step::Finish, None) => None,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Checks the beginning of a record.
    fn start(&mut self, header: Header) -> Result<Use, Fault> {
        let Header { kind, id, length, .. } = header;
        let known = Kind::of(kind);
        if id == 0 {
            self.management.start(header)?;
            return Ok(Use::Management);
        }
        let is_active = self.phase != Phase::Idle && id == self.id;
        match known.ok_or(Fault::Kind(kind))? {
            Kind::BeginRequest if is_active => Err(Fault::Kind(kind)),
            Kind::BeginRequest if length != 8 => Err(Fault::Length { kind, length }),
            Kind::BeginRequest => Ok(Use::Begin),
            Kind::AbortRequest if length != 0 => Err(Fault::Length { kind, length }),
            // The request may have been answered while the wish was under way.
            Kind::AbortRequest if !is_active => Ok(Use::Skip),
            Kind::Params | Kind::Stdin | Kind::Data if self.skipped.contains(&id) => Ok(Use::Skip),
            _ if !is_active => Err(Fault::Id {
                id,
                expected: self.id,
            }),
            known => self.start_active(known, kind),
        }
    }

    /// Whether the active request may have this record now.
    fn start_active(&self, known: Kind, kind: u8) -> Result<Use, Fault> {
        match (known, self.phase) {
            (Kind::AbortRequest, Phase::Params | Phase::Stdin | Phase::Complete) => Ok(Use::Abort),
            (Kind::Params, Phase::Params) => Ok(Use::Params),
            (Kind::Stdin, Phase::Stdin) => Ok(Use::Stdin),
            (Kind::Params, Phase::Stdin) | (Kind::Params | Kind::Stdin, Phase::Complete) => {
                Err(Fault::StreamEnded(kind))
            }
            _ => Err(Fault::Kind(kind)),
        }
    }

    fn content(&mut self, used: Use, piece: &[u8]) -> Result<(), Fault> {
        match used {
            Use::Begin => self.begin.add(piece),
            Use::Management => self.management.content(piece),
            Use::Params if self.params.len().saturating_add(piece.len()) > self.max_params => {
                return Err(Fault::ParamsTooLarge(self.max_params));
            }
            Use::Params => self.params.extend_from_slice(piece),
            Use::Stdin | Use::Abort | Use::Skip => {}
        }
        Ok(())
    }

    fn finish(
        &mut self,
        header: Header,
        used: Use,
        replies: &mut Vec<u8>,
    ) -> Result<Option<Event<'static>>, Fault> {
        let ends_stream = header.length == 0;
        Ok(match used {
            Use::Begin => Some(self.begin(header.id, replies)?),
            Use::Management => {
                self.management.finish(replies)?;
                Some(Event::Reply)
            }
            Use::Params if ends_stream => {
                self.phase = Phase::Stdin;
                Some(Event::Params)
            }
            Use::Stdin if ends_stream => {
                self.phase = Phase::Complete;
                Some(Event::StdinEnd)
            }
            Use::Abort => {
                self.phase = Phase::Aborted;
                Some(Event::Abort)
            }
            Use::Skip => {
                self.finish_skipped(header);
                None
            }
            Use::Params | Use::Stdin => None,
        })
    }

    fn begin(&mut self, id: u16, replies: &mut Vec<u8>) -> Result<Event<'static>, Fault> {
        let [role1, role0, flags, ..] = self.begin.take();
        let role = u16::from_be_bytes([role1, role0]);
        if self.phase != Phase::Idle {
            return self.refuse(id, ProtocolStatus::CantMpxConn, replies);
        }
        if role != RESPONDER {
            return self.refuse(id, ProtocolStatus::UnknownRole, replies);
        }
        self.skipped.retain(|skipped| *skipped != id);
        self.phase = Phase::Params;
        self.id = id;
        Ok(Event::Begin {
            id,
            role,
            keep: flags & KEEP_CONN != 0,
        })
    }

    fn refuse(
        &mut self,
        id: u16,
        status: ProtocolStatus,
        replies: &mut Vec<u8>,
    ) -> Result<Event<'static>, Fault> {
        if !self.skipped.contains(&id) {
            if self.skipped.len() >= MAX_SKIPPED {
                return Err(Fault::RequestFlood);
            }
            self.skipped.push(id);
        }
        record::push_end(replies, id, 0, status);
        Ok(Event::Reply)
    }

    /// Forgets a skipped request with its last record.
    fn finish_skipped(&mut self, header: Header) {
        let is_last = match Kind::of(header.kind) {
            Some(Kind::AbortRequest) => true,
            Some(Kind::Stdin) => header.length == 0,
            _ => false,
        };
        if is_last {
            self.skipped.retain(|id| *id != header.id);
        }
    }
}

#[cfg(test)]
mod tests;
