//! What a thread keeps from one request to the next.

use super::output::Output;

/// Memory of one thread that runs requests.
#[derive(Default)]
pub(super) struct Desk {
    /// The thread's number, from 1.
    pub(super) thread: u32,
    /// The variables of its request.
    pub(super) params: Vec<u8>,
    /// What it has not written yet.
    pub(super) output: Output,
}
