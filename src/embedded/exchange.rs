//! An exchange over httpd's request.

use std::ffi::c_void;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;

use crate::gateway::{
    BodyError, BodyLength, BodyRule, ClientGone, Code, Exchange, FileRange, Head, Level, Origin, Outcome,
};
use crate::httpd::{Input, Output, Request, Status, log};
use crate::sys;

/// Bytes of a file that are copied: opening it once more would cost more.
const COPIED: u64 = 64 << 10;

/// One request of httpd's, answered in process.
pub(super) struct HttpdExchange<'r> {
    request: Request<'r>,
    script: &'r [u8],
    input: Input<'r>,
    output: Output<'r>,
    /// A part of a file that goes out after what is staged.
    file: Option<FileRange>,
    /// Whether a file could not be read as far as it was to go out.
    is_torn: bool,
    /// Whether the application's status and headers stand in the request.
    headed: bool,
}

impl<'r> HttpdExchange<'r> {
    pub(super) fn new(request: Request<'r>, script: &'r [u8], body: BodyLength) -> Self {
        HttpdExchange {
            request,
            script,
            input: Input::new(request, body),
            output: Output::new(request),
            file: None,
            is_torn: false,
            headed: false,
        }
    }

    /// Sends what is left to send, by how the application ended.
    pub(super) fn conclude(mut self, outcome: Outcome) -> Status {
        match self.settle_file(outcome) {
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

    /// Puts the file behind what is staged; how the application ended, and its file.
    fn settle_file(&mut self, outcome: Outcome) -> Outcome {
        self.put_file();
        match outcome {
            Outcome::Complete if self.is_torn => {
                let text = "the file of the response cannot be read as far as its Content-Length says";
                self.log(Level::Error, Some(Code::RESPONSE_SHORT), text.as_bytes());
                Outcome::Truncated
            }
            outcome => outcome,
        }
    }

    fn put_file(&mut self) {
        if let Some(range) = self.file.take() {
            self.is_torn |= !self.append_file(range);
        }
    }

    fn append_file(&mut self, range: FileRange) -> bool {
        if range.length <= COPIED {
            let mut piece = vec![0; usize::try_from(range.length).unwrap_or_default()];
            let is_read = range.file.read_exact_at(&mut piece, range.offset).is_ok();
            if is_read {
                self.output.stage(&piece);
            }
            return is_read;
        }
        // Who has opened it may go on with it while it is sent.
        let file = sys::file::reopen(&range.file).unwrap_or(range.file);
        self.output.stage_file(FileRange { file, ..range })
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
        self.put_file();
        self.output.stage(piece);
    }

    fn stage_file(&mut self, range: FileRange) {
        self.put_file();
        self.file = Some(range);
    }

    fn flush(&mut self) -> Result<(), ClientGone> {
        self.end_if_forked();
        self.put_file();
        self.output.flush()
    }

    fn send(&mut self, piece: &[u8]) -> Result<(), ClientGone> {
        self.end_if_forked();
        self.put_file();
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
