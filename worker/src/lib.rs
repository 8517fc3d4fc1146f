//! `rwsgi._native`: the entry of a worker process into the module's own code.
//!
//! The group's Python executable imports it and calls `main()` or `cgi()`, in the main interpreter and nowhere else, so
//! pyo3's safe layer is right here.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "there is no other interpreter when Python calls in here"
)]

use pyo3::prelude::*;

/// The worker of one process.
#[pymodule]
mod _native {
    use super::*;

    /// Serves until the process is to end; the process's exit status.
    #[pyfunction]
    fn main(_py: Python<'_>) -> u8 {
        mod_rwsgi::worker::main()
    }

    /// Answers one request by CGI; the process's exit status.
    #[pyfunction]
    fn cgi(_py: Python<'_>) -> u8 {
        mod_rwsgi::worker::cgi()
    }
}
