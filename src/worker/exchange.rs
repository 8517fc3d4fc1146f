//! An exchange over a FastCGI connection.

mod body;
mod others;

use std::io::{self, IoSlice};

use super::connection::Connection;
use super::log;
use super::output::{Output, write_all};
use super::server::Server;
use super::wire::Wire;
use crate::config::plan::Protocol;
use crate::fcgi::record::{self, Kind};
use crate::gateway::wire::LogEntry;
use crate::gateway::{
    BodyError, BodyLength, BodyRule, ClientGone, Code, Exchange, FileRange, Head, Level, Origin, Outcome,
};
use crate::scoreboard::{Position, Slot};
use crate::sys::{clock, process};

/// What is the same for all of a request.
pub(super) struct Manner<'a> {
    /// Its number.
    pub(super) id: u16,
    /// The script.
    pub(super) script: &'a [u8],
    /// The length of its body.
    pub(super) body: BodyLength,
    /// Whether the client asked for the head alone.
    pub(super) is_head: bool,
    /// Whether log lines go as frames.
    pub(super) framed_log: bool,
    /// Whether files may be handed over.
    pub(super) hands_over_files: bool,
    /// What a web server speaks that is not ours; its word on the body is not taken.
    pub(super) public: Option<Protocol>,
    /// The process, for a request that is a sign of its activity.
    pub(super) activity: Option<Position<'a>>,
    /// Where httpd notes what its client does.
    pub(super) slot: Option<Slot<'a>>,
}

/// One request on a connection.
pub(super) struct FcgiExchange<'a> {
    server: &'a Server,
    connection: &'a Connection,
    wire: &'a mut Wire,
    output: &'a mut Output,
    manner: Manner<'a>,
    reads: u32,
    body_ended: bool,
    aborted: bool,
    /// Bytes of the body that are still to come, where that is known and not yet checked.
    body_left: Option<u64>,
    /// The connection cannot be used any more.
    broken: bool,
}

impl<'a> FcgiExchange<'a> {
    pub(super) fn new(
        server: &'a Server,
        connection: &'a Connection,
        wire: &'a mut Wire,
        output: &'a mut Output,
        manner: Manner<'a>,
    ) -> Self {
        let has_records = manner.public != Some(Protocol::Scgi);
        output.begin(has_records.then_some(manner.id), manner.hands_over_files);
        let body_left = match manner.body {
            BodyLength::Known(length) => manner.public.map(|_| length),
            BodyLength::None | BodyLength::Open => None,
        };
        FcgiExchange {
            server,
            connection,
            wire,
            output,
            manner,
            reads: 0,
            body_ended: false,
            aborted: false,
            body_left,
            broken: false,
        }
    }

    /// Ends the request; whether the connection can be used for another.
    pub(super) fn conclude(mut self, outcome: Outcome) -> bool {
        if self.manner.public.is_some() {
            return self.conclude_for_others(outcome);
        }
        let app_status = match outcome {
            Outcome::Complete => 0,
            Outcome::Truncated => 1,
            Outcome::ClientGone => {
                self.output.discard();
                1
            }
            Outcome::Failed(_) if self.output.is_begun() => {
                self.output.discard();
                1
            }
            Outcome::Failed(status) => {
                self.output.discard();
                u32::from(status)
            }
        };
        self.skip_arrived();
        if !self.broken {
            let ended = self.output.end(self.connection.socket(), app_status);
            // Without the end of the request, the other side sees that something is missing.
            self.broken = ended.is_err();
        }
        self.tell_arrivals_again();
        !self.broken
    }

    fn note_activity(&self) {
        if let Some(position) = &self.manner.activity {
            position.note_activity(clock::millis());
        }
    }

    fn written(&mut self, written: io::Result<()>) -> Result<(), ClientGone> {
        self.note_activity();
        written.map_err(|_| {
            self.broken = true;
            ClientGone
        })
    }

    fn before_writing(&mut self) -> Result<(), ClientGone> {
        self.end_if_forked();
        if self.broken || self.aborted || (self.connection.is_notified() && self.look_for_abort()) {
            return Err(ClientGone);
        }
        Ok(())
    }

    /// A copy of the process that the application forked must not touch the connection.
    fn end_if_forked(&self) {
        if process::is_forked_copy() {
            process::end_forked_copy();
        }
    }

    fn write_log(&mut self, level: Level, code: Option<Code>, origin: Option<Origin<'_>>, text: &[u8]) {
        self.end_if_forked();
        if self.manner.public.is_some() && !log::lets_through(level) {
            return;
        }
        let mut entry = Vec::new();
        if self.manner.framed_log {
            let code = code.map(Code::number);
            LogEntry {
                level,
                code,
                origin,
                text,
            }
            .push(&mut entry);
        } else {
            if let Some(code) = code {
                entry.extend_from_slice(format!("{code}: ").as_bytes());
            }
            entry.extend_from_slice(text);
        }
        let mut records = Vec::with_capacity(entry.len() + record::HEADER_LEN);
        if !entry.is_empty() {
            record::push(&mut records, Kind::Stderr, self.manner.id, &entry);
        }
        // At once, and not with the answer: the process may not live as long.
        let has_way = !self.broken && self.manner.public != Some(Protocol::Scgi);
        let written = has_way && write_all(self.connection.socket(), &mut [IoSlice::new(&records)]).is_ok();
        if !written {
            self.broken |= has_way;
            let code = code.map_or_else(String::new, |code| format!("{code}: "));
            log::process(level, &[code.as_bytes(), text].concat());
        }
    }
}

impl Exchange for FcgiExchange<'_> {
    fn body_length(&self) -> BodyLength {
        self.manner.body
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        self.end_if_forked();
        self.note_activity();
        self.read_body(buffer)
    }

    fn head(&mut self, head: &Head) {
        self.output.head(head);
    }

    fn stage(&mut self, piece: &[u8]) {
        if self.output.has_file() {
            let written = self.output.flush(self.connection.socket());
            let _ = self.written(written);
        }
        self.output.text(piece);
    }

    fn stage_file(&mut self, file: FileRange) {
        // Its length is declared, and a client that asked for the head gets no more.
        if !self.manner.is_head {
            self.output.file(file);
        }
    }

    fn flush(&mut self) -> Result<(), ClientGone> {
        self.before_writing()?;
        let written = self.output.flush(self.connection.socket());
        self.written(written)
    }

    fn send(&mut self, piece: &[u8]) -> Result<(), ClientGone> {
        self.before_writing()?;
        let written = self.output.send(self.connection.socket(), piece);
        self.written(written)
    }

    fn body_rule(&self, status: u16) -> BodyRule {
        BodyRule::of(status, self.manner.is_head)
    }

    fn script(&self) -> &[u8] {
        self.manner.script
    }

    fn is_client_gone(&self) -> bool {
        self.broken
            || self.aborted
            || self.manner.slot.is_some_and(|slot| slot.is_client_closing())
            || crate::sys::socket::is_closed_by_peer(std::os::fd::AsRawFd::as_raw_fd(
                self.connection.socket(),
            ))
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        self.write_log(level, code, None, text);
    }

    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        self.write_log(level, None, Some(origin), text);
    }
}
