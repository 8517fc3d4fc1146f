//! WSGI (PEP 3333): one request against one application callable.
//!
//! [`run`](run::run) calls the application with an environ copied from a template and with a set of
//! request objects (`start_response`, `write`, `wsgi.input`, `wsgi.errors`) that are used again and again
//! as long as no application keeps one. All of them share a [`Transaction`], whose lease on the transport
//! ends with the request.

mod environ;
mod errors;
mod events;
mod file_wrapper;
mod input;
pub mod metrics;
mod observe;
mod question;
mod response;
mod run;
mod start_response;
mod state;
mod transaction;

pub use errors::{current_request, log_from};
pub use events::{Events, Registry};
pub use question::question;
pub use run::{DaemonTimes, Times, run};
pub use state::{Constants, OriginLog, ProcessLog, State};
pub use transaction::Transaction;
