//! How a request ended.

/// How a protocol left a request; the transport makes an HTTP answer of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The response is complete. Its last part may still be staged.
    Complete,
    /// The application failed. The server answers with this status itself if nothing has been sent yet;
    /// otherwise the client must be able to see that the response is incomplete.
    Failed(u16),
    /// The application ended its response short of what it declared. What there is goes out, and the client
    /// must be able to see that the rest does not come.
    Truncated,
    /// The client went away; nobody is left to answer.
    ClientGone,
}
