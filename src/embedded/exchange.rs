//! An exchange over httpd's request.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::gateway::{
    BodyError, BodyLength, BodyRule, ClientGone, Code, Exchange, FileRange, Head, Level, Origin, Outcome,
};
use crate::httpd::{Input, Output, Request, Status, log};
use crate::sys;

use super::Manner;

/// One request of httpd's, answered in process.
pub(super) struct HttpdExchange<'r> {
    request: Request<'r>,
    script: &'r [u8],
    input: Input<'r>,
    output: Output<'r>,
    sendfile: bool,
    /// Whether the application's status and headers stand in the request.
    headed: bool,
}

impl<'r> HttpdExchange<'r> {
    pub(super) fn new(request: Request<'r>, script: &'r [u8], manner: Manner) -> Self {
        HttpdExchange {
            request,
            script,
            input: Input::new(request, manner.body),
            output: Output::new(request),
            sendfile: manner.sendfile,
            headed: false,
        }
    }

    /// Sends what is left to send, by how the application ended.
    pub(super) fn conclude(mut self, outcome: Outcome) -> Status {
        match outcome {
            // A client that leaves now leaves like any other: httpd notes it.
            Outcome::Complete => {
                self.input.settle();
                let _ = self.output.finish();
                Status::Ok
            }
            Outcome::Truncated => self.break_off(),
            Outcome::Failed(_) if self.output.has_passed() => self.break_off(),
            Outcome::Failed(status) => {
                self.output.discard();
                if self.headed {
                    self.request.withdraw_response();
                }
                Status::Http(status)
            }
            Outcome::ClientGone => {
                self.output.discard();
                self.request.close_connection_after();
                Status::Ok
            }
        }
    }

    fn break_off(&mut self) -> Status {
        let _ = self.output.break_off();
        Status::Ok
    }
}

impl Exchange for HttpdExchange<'_> {
    fn body_length(&self) -> BodyLength {
        self.input.length()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        self.end_if_forked();
        let read = self.input.read(buffer);
        if read.is_err() {
            // Where the body ends, and the next request begins, is not known any more.
            self.request.close_connection_after();
        }
        read
    }

    fn head(&mut self, head: &Head) {
        self.output.begin(head);
        self.headed = true;
    }

    fn body_rule(&self, status: u16) -> BodyRule {
        self.request.body_rule(status)
    }

    fn stage(&mut self, piece: &[u8]) {
        self.output.stage(piece);
    }

    fn stage_file(&mut self, mut range: FileRange) {
        range.sendfile = self.sendfile;
        self.output.stage_file(range);
    }

    fn flush(&mut self) -> Result<(), ClientGone> {
        self.end_if_forked();
        self.output.flush()
    }

    fn send(&mut self, piece: &[u8]) -> Result<(), ClientGone> {
        self.end_if_forked();
        self.output.send(piece)
    }

    fn script(&self) -> &[u8] {
        self.script
    }

    fn is_client_gone(&self) -> bool {
        self.request.is_aborted()
            || self
                .request
                .client_socket()
                .is_some_and(sys::socket::is_closed_by_peer)
    }

    fn server_record(&self) -> Option<NonNull<c_void>> {
        self.request.record_for_applications()
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        log::request(&self.request, level, code, text);
    }

    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        log::request_from(&self.request, level, origin, text);
    }
}

impl HttpdExchange<'_> {
    /// A copy of the process that the application forked must not touch the client's connection.
    fn end_if_forked(&self) {
        if sys::process::is_forked_copy() {
            sys::process::end_forked_copy();
        }
    }
}
