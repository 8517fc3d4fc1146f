//! What the relay needs of the client's side of a request.

use std::os::fd::RawFd;

use crate::gateway::{BodyError, BodyRule, ClientGone, Code, FileRange, Head, Level, Origin};

/// What becomes of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It goes to the client.
    Relay,
    /// httpd answers with its status instead (`WSGIErrorOverride`).
    Replace,
}

/// The client of one request, its response and its log.
pub(super) trait Client {
    /// Reads some of the body; 0 at its end. May block.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError>;

    /// Reads what has arrived of the body: `None` when that is nothing, 0 at its end. Never blocks.
    fn read_arrived(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, BodyError>;

    /// Whether the client waits to be told to send its body (`Expect: 100-continue`).
    fn awaits_continue(&self) -> bool;

    /// Tells a client that waits for it to send its body.
    fn answer_expect_continue(&mut self);

    /// The socket that shows whether the client sends or takes more; `None` where several requests share it.
    fn socket(&self) -> Option<RawFd>;

    /// Takes over status and headers, once.
    fn head(&mut self, head: &Head) -> Use;

    /// Whether a response with this status has a body.
    fn body_rule(&self, status: u16) -> BodyRule;

    /// Copies a piece of the response's body. Never blocks.
    fn stage(&mut self, piece: &[u8]);

    /// Appends a part of a file to what is staged. Never blocks. False when the system refused something.
    fn stage_file(&mut self, range: FileRange) -> bool;

    /// Passes on staged pieces from the first one on, at least one and together at most `most` bytes if that
    /// is possible, and tells how many bytes. Blocks only while the server holds too much for the client.
    fn pass_on(&mut self, most: usize) -> Result<usize, ClientGone>;

    /// Sends what is staged on its way to the client. May block.
    fn flush(&mut self) -> Result<(), ClientGone>;

    /// Writes lines to the request's log.
    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]);

    /// Writes lines of an application's own, with the place in its source that they come from.
    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]);
}
