//! FastCGI 1.0 without any input or output: machines over buffers, for both ends of a connection.
//!
//! A caller reads bytes from wherever it likes and lets a reader take them from the front; what is to be sent
//! is appended to a buffer of the caller's. So a thread that blocks and an event loop drive the same code.
//! What a peer sends is foreign: a reader neither panics nor asks for more memory than its limits say.
//!
//! Sections are those of the FastCGI Specification, version 1.0.

pub mod client;
mod fault;
#[cfg(test)]
mod fuzz;
mod management;
pub mod params;
pub mod record;
pub mod server;
mod stream;

pub use fault::Fault;
