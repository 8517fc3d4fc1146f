//! What our own module and our own worker tell each other inside plain FastCGI.
//!
//! The plan of a request travels as variables with private names, which never reach an application; log
//! lines travel as frames in the stream that plain FastCGI leaves to text.

mod log;
mod plan;

pub use log::{LogEntry, LogReader, MAX_ENTRY};
pub use plan::{LOG_PARAM, RequestPlan, is_private};

use std::fmt;

/// The peer is not of our build, or its stream is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFault(&'static str);

impl fmt::Display for WireFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for WireFault {}
