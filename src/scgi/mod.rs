//! SCGI without any input or output: a machine over a buffer that reads a request. One request a connection; the
//! answer is that of CGI, and its end is the connection's.
//!
//! What a peer sends is foreign: the reader neither panics nor asks for more memory than its limits say.
//!
//! The protocol is described at <https://python.ca/scgi/protocol.txt>.
#![forbid(unsafe_code)]

mod fault;
#[cfg(test)]
mod fuzz;
mod headers;
mod request;

pub use fault::Fault;
pub use headers::Headers;
pub use request::{Event, MAX_HEADERS, RequestReader};
