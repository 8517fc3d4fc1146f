//! What a thread keeps from one request to the next.

use super::output::Output;
use crate::cgi::Place;

/// Memory of one thread that runs requests.
#[derive(Default)]
pub(super) struct Desk {
    /// The thread's number, from 1.
    pub(super) thread: u32,
    /// The variables of its request.
    pub(super) params: Vec<u8>,
    /// Where its request leads, when that comes from another web server.
    pub(super) place: Place,
    /// What it has not written yet.
    pub(super) output: Output,
}
