//! How a request ended.

/// How a protocol left a request; the transport makes an HTTP answer of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The response is complete. Its last part may still be staged.
    Complete,
    /// Nothing has been sent; the server answers with this status itself.
    Failed(u16),
    /// Some of the response has been sent and the rest will not come. The client must be able to see that.
    Truncated,
    /// The client went away; nobody is left to answer.
    ClientGone,
}
