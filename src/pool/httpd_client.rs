//! The client of a request of httpd's.

use std::os::fd::RawFd;
use std::time::Duration;

use super::client::{Client, Use};
use crate::gateway::{BodyError, BodyLength, BodyRule, ClientGone, Code, FileRange, Head, Level, Origin};
use crate::httpd::{Input, Output, Request, Status, log};

/// A request's body, response and log, by way of httpd.
pub(super) struct HttpdClient<'r> {
    request: Request<'r>,
    input: Input<'r>,
    output: Output<'r>,
    replaces_errors: bool,
    /// Whether the worker's status and headers stand in the request.
    is_headed: bool,
    /// httpd's own limit for a write, while another one holds.
    old_patience: Option<Duration>,
}

impl<'r> HttpdClient<'r> {
    /// `replaces_errors` is `WSGIErrorOverride`, `patience` the limit for a write if it is not httpd's own.
    pub(super) fn new(
        request: Request<'r>,
        body: BodyLength,
        replaces_errors: bool,
        patience: Option<Duration>,
    ) -> Self {
        HttpdClient {
            request,
            input: Input::new(request, body),
            output: Output::new(request),
            replaces_errors,
            is_headed: false,
            old_patience: patience.and_then(|limit| request.set_client_patience(limit)),
        }
    }

    /// Sends the end of a complete response.
    pub(super) fn finish(mut self) -> Status {
        self.input.settle();
        // A client that leaves now leaves like any other: httpd notes it.
        let _ = self.output.finish();
        Status::Ok
    }

    /// Lets the client see that the response is not complete.
    pub(super) fn break_off(mut self) -> Status {
        let _ = self.output.break_off();
        Status::Ok
    }

    /// Lets httpd answer with this status, unless the response is on its way already.
    pub(super) fn fail(mut self, status: u16) -> Status {
        if self.output.has_passed() {
            return self.break_off();
        }
        self.output.discard();
        if self.is_headed {
            self.request.withdraw_response();
        }
        Status::Http(status)
    }

    /// Lets httpd answer in place of a complete response with the same status.
    pub(super) fn replace(mut self, status: u16) -> Status {
        self.input.settle();
        Status::Http(status)
    }

    /// Nobody is left to answer.
    pub(super) fn leave(mut self) -> Status {
        self.output.discard();
        self.request.close_connection_after();
        Status::Ok
    }

    /// For a body that did not come: where the next request begins is not known. A client that has only ended its
    /// sending direction reads the answer.
    pub(super) fn fail_body(self, error: &BodyError) -> Status {
        self.request.close_connection_after();
        self.fail(error.status())
    }

    /// When the client may try again; for an answer that httpd gives.
    pub(super) fn retry_after(&self, seconds: u32) {
        let text = seconds.max(1).to_string();
        self.request
            .err_headers_out()
            .set(c"Retry-After", text.as_bytes());
    }
}

impl Drop for HttpdClient<'_> {
    fn drop(&mut self) {
        if let Some(old) = self.old_patience {
            self.request.set_client_patience(old);
        }
    }
}

impl Client for HttpdClient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        self.input.read(buffer)
    }

    fn read_arrived(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, BodyError> {
        self.input.read_arrived(buffer)
    }

    fn awaits_continue(&self) -> bool {
        self.request.expects_continue()
    }

    fn answer_expect_continue(&mut self) {
        self.request.answer_expect_continue();
    }

    fn socket(&self) -> Option<RawFd> {
        self.request.client_socket()
    }

    fn head(&mut self, head: &Head) -> Use {
        if self.replaces_errors && (400..600).contains(&head.status()) {
            let errors = self.request.err_headers_out();
            for (name, value) in head.fields() {
                if name.eq_ignore_ascii_case(b"www-authenticate") {
                    errors.add(name, value);
                }
            }
            return Use::Replace;
        }
        self.request.respond(head);
        self.is_headed = true;
        Use::Relay
    }

    fn body_rule(&self, status: u16) -> BodyRule {
        self.request.body_rule(status)
    }

    fn stage(&mut self, piece: &[u8]) {
        self.output.stage(piece);
    }

    fn stage_file(&mut self, range: FileRange) -> bool {
        self.output.stage_file(range)
    }

    fn pass_on(&mut self, most: usize) -> Result<usize, ClientGone> {
        self.output.pass_on(most)
    }

    fn flush(&mut self) -> Result<(), ClientGone> {
        self.output.flush()
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        log::request(&self.request, level, code, text);
    }

    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        log::request_from(&self.request, level, origin, text);
    }
}
