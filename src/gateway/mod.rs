//! What stands between the ways a request arrives and the ways it is answered.
//!
//! A transport (httpd in process, FastCGI to a worker process) implements [`Exchange`]; a protocol (WSGI) uses it.
//! Neither knows the other. Everything that leaves an application passes the one validator in [`headers`],
//! and framing is counted here, so that no transport and no application decides it.

pub mod body;
pub mod bytes;
pub mod cgi_head;
pub mod codes;
pub mod diagnosis;
pub mod environ;
pub mod exchange;
pub mod forwarded;
pub mod headers;
pub mod metrics;
pub mod outcome;
pub mod server_report;
pub mod stamp;
pub mod traffic;
pub mod wire;

pub use body::{Balance, BodyRule, Framing};
pub use codes::Code;
pub use environ::{Environ, Key, Name, Variable};
pub use exchange::{BodyError, BodyLength, ClientGone, Exchange, FileRange, Level, Origin};
pub use headers::{Head, HeaderFault};
pub use outcome::Outcome;
pub use stamp::{SourceStamp, source_stamp};

/// The release of mod_wsgi whose behaviour sites and applications can expect; `mod_wsgi.version`.
pub const COMPATIBLE_WITH: [i64; 3] = [6, 1, 1];
