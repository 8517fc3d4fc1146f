//! Records that are not about a request (section 4).

use super::Fault;
use super::params::{Pairs, push_pair};
use super::record::{self, Header, Kind};

/// Most bytes of a question; the names that there are need 46.
const MAX_QUESTION: u16 = 1024;

/// What a web server may ask.
#[derive(Debug)]
pub(super) struct Management {
    kind: u8,
    question: Vec<u8>,
    max_conns: u32,
    max_reqs: u32,
}

impl Default for Management {
    fn default() -> Self {
        Management {
            kind: 0,
            question: Vec::new(),
            max_conns: 1,
            max_reqs: 1,
        }
    }
}

impl Management {
    pub(super) fn set_limits(&mut self, connections: u32, requests: u32) {
        self.max_conns = connections;
        self.max_reqs = requests;
    }

    /// Checks the beginning of a record of request 0. Kinds that only belong to requests are a fault.
    pub(super) fn start(&mut self, header: Header) -> Result<(), Fault> {
        let Header { kind, length, .. } = header;
        match Kind::of(kind) {
            Some(Kind::GetValues) if length > MAX_QUESTION => return Err(Fault::Length { kind, length }),
            // To other web servers this kind is as unknown as any.
            Some(Kind::GetValues | Kind::File) | None => {}
            Some(_) => return Err(Fault::Kind(kind)),
        }
        self.kind = kind;
        self.question.clear();
        Ok(())
    }

    /// Keeps what may be a question.
    pub(super) fn content(&mut self, piece: &[u8]) {
        if self.kind == Kind::GetValues as u8 {
            self.question.extend_from_slice(piece);
        }
    }

    /// Appends the answer.
    pub(super) fn finish(&mut self, replies: &mut Vec<u8>) -> Result<(), Fault> {
        if self.kind != Kind::GetValues as u8 {
            record::push(replies, Kind::UnknownType, 0, &[self.kind, 0, 0, 0, 0, 0, 0, 0]);
            return Ok(());
        }
        let mut known = [
            (&b"FCGI_MAX_CONNS"[..], Some(self.max_conns)),
            (b"FCGI_MAX_REQS", Some(self.max_reqs)),
            (b"FCGI_MPXS_CONNS", Some(0)),
        ];
        let mut answer = Vec::new();
        for pair in Pairs::new(&self.question) {
            let (asked, _) = pair?;
            // Each is told once, however often it is asked for.
            let value = known.iter_mut().find(|(name, _)| *name == asked);
            if let Some((name, Some(value))) = value.map(|(name, value)| (name, value.take())) {
                push_pair(&mut answer, name, value.to_string().as_bytes());
            }
        }
        record::push(replies, Kind::GetValuesResult, 0, &answer);
        Ok(())
    }
}
