//! WSGI (PEP 3333): one request against one application callable.
//!
//! [`run`](run::run) calls the application with an environ copied from a template and with a set of
//! request objects (`start_response`, `write`, `wsgi.input`, `wsgi.errors`) that are used again and again
//! as long as no application keeps one. All of them share a [`Transaction`], whose lease on the transport
//! ends with the request.

mod environ;
mod errors;
mod file_wrapper;
mod input;
mod question;
mod response;
mod run;
mod start_response;
mod state;
mod transaction;

pub use errors::current_request;
pub use question::question;
pub use run::run;
pub use state::{Constants, ProcessLog, State};
pub use transaction::Transaction;
