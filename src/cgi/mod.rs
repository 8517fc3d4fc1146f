//! A request as the variables of CGI/1.1 tell it (RFC 3875, 4.1): in a process's environment, or by FastCGI or
//! SCGI from a web server that is not ours.
//!
//! The web server is believed in what it says of the request, and in nothing else: no variable chooses code,
//! files or settings.
#![forbid(unsafe_code)]

mod place;
mod request;

pub use place::Place;
pub use request::{Absent, Request, Unusable};
