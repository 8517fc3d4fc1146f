//! One request and its answer, as a protocol sees them.

use std::ffi::c_void;
use std::fmt;
use std::fs::File;
use std::ptr::NonNull;

use super::{BodyRule, Code, Head, diagnosis};

/// One request's bodies, answer and log. Used by one thread at a time.
///
/// Methods that may block say so; they are called without Python's GIL.
pub trait Exchange: Send {
    /// How long the request's body is.
    fn body_length(&self) -> BodyLength;

    /// Reads some of the request's body into `buffer`; 0 means its end. May block. The first read answers
    /// `Expect: 100-continue`.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError>;

    /// Takes over status and headers, once, before any body. Never blocks.
    fn head(&mut self, head: &Head);

    /// Copies a piece of the body that goes out with what follows. Never blocks.
    fn stage(&mut self, piece: &[u8]);

    /// Appends a part of a file to what is staged. Never blocks.
    fn stage_file(&mut self, file: FileRange);

    /// Sends head and all that is staged, and flushes it towards the client. May block.
    fn flush(&mut self) -> Result<(), ClientGone>;

    /// Sends head and `piece` without copying it, and flushes. May block.
    fn send(&mut self, piece: &[u8]) -> Result<(), ClientGone>;

    /// Whether the response has a body; by its status and the request's method.
    fn body_rule(&self, status: u16) -> BodyRule;

    /// The file that answers the request, for log lines.
    fn script(&self) -> &[u8];

    /// Whether the client has gone away, as far as the transport can tell without sending.
    fn is_client_gone(&self) -> bool;

    /// Writes lines to the log that belongs to the request.
    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]);

    /// Writes lines of an application's own, with the place in its source that they come from.
    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        let _ = origin;
        self.log(level, None, text);
    }

    /// Whether the client's connection is encrypted, as far as the server's own TLS tells.
    fn is_tls(&self) -> bool {
        false
    }

    /// A variable of the server's TLS, such as `SSL_CLIENT_S_DN`.
    fn tls_variable(&mut self, _name: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// The server's own record of the request, for extension modules of an application that may have it
    /// (`WSGIPassApacheRequest`). Valid until the request ends.
    fn server_record(&self) -> Option<NonNull<c_void>> {
        None
    }

    /// Logs an exception: a title with its code, the traceback, and, where an extension module refused the
    /// application group `group`, what helps.
    fn log_exception(&mut self, code: Code, title: &str, traceback: &[u8], group: &str) {
        self.log(Level::Error, Some(code), title.as_bytes());
        if traceback.is_empty() {
            return;
        }
        self.log(Level::Error, None, traceback);
        if group.is_empty() {
            return;
        }
        let words = String::from_utf8_lossy(traceback);
        if let Some(culprit) = diagnosis::refused_extension(&words) {
            let own_gil = if diagnosis::is_about_own_gil(&words) {
                ", or 'WSGIPerInterpreterGIL Off'"
            } else {
                ""
            };
            let text = format!(
                "{culprit} refuses to be imported into application group '{group}', which is a sub-interpreter; \
                 set 'WSGIApplicationGroup %{{GLOBAL}}' for this application{own_gil}"
            );
            self.log(Level::Error, Some(Code::EXTENSION_REFUSED), text.as_bytes());
        }
    }
}

/// How long a request's body is announced to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// As many bytes.
    Known(u64),
    /// Known at its end (chunked, or HTTP/2 without a length).
    Open,
}

/// A part of an open file.
#[derive(Debug)]
pub struct FileRange {
    /// A descriptor of our own, as the application may close its. Whoever else has the file open may share its
    /// position with it.
    pub file: File,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// The client went away while the response was being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientGone;

/// Why a request's body could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client closed or reset its connection.
    Gone,
    /// Nothing came for as long as `Timeout` allows.
    TimedOut,
    /// More than `LimitRequestBody` allows.
    TooLarge,
    /// Anything else: bad chunks, an early end. The transport's words.
    Broken(String),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::Gone => f.write_str("Connection was terminated"),
            BodyError::TimedOut => f.write_str("The timeout specified has expired"),
            BodyError::TooLarge => f.write_str("The request body is larger than LimitRequestBody allows"),
            BodyError::Broken(reason) => f.write_str(reason),
        }
    }
}

impl BodyError {
    /// The status for a response that has not been started.
    pub fn status(&self) -> u16 {
        match self {
            BodyError::TimedOut => 408,
            BodyError::TooLarge => 413,
            BodyError::Gone | BodyError::Broken(_) => 400,
        }
    }
}

/// A place in an application's source.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The file.
    pub file: &'a [u8],
    /// The line; 0 when unknown.
    pub line: i32,
}

/// Levels of log lines, as httpd names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// An application says that it cannot go on (its level CRITICAL).
    Critical,
    /// A request or a process failed.
    Error,
    /// Something was corrected or ignored.
    Warning,
    /// Told once or seldom.
    Info,
    /// For the developers of an application (its level DEBUG).
    Debug,
    /// Still more of that (levels below DEBUG).
    Trace,
}
