//! Starts private httpd servers for tests and benchmarks, talks to them over raw sockets, and
//! checks what they leave behind.
//!
//! ```no_run
//! use rwsgi_harness::Server;
//!
//! let server = Server::builder()
//!     .app("hello.py", "def application(environ, start_response): ...")
//!     .config("WSGIScriptAlias / ${APPS}/hello.py")
//!     .start();
//! let response = server.get("/");
//! assert_eq!(response.status, 200);
//! assert!(response.complete);
//! server.finish();
//! ```
//!
//! A server lives in a temporary ServerRoot, listens on a free loopback port and is one process
//! group with a clean environment. [`Server::finish`] (or dropping the server while the test is
//! not already failing) stops it and fails the test on:
//!
//! * a log line of level warn or worse that no [`Builder::allow_log`] rule covers, or an
//!   [`Builder::expect_log`] rule that no line matched;
//! * a process of the server that outlives it;
//! * a descriptor an idle child or daemon process still holds: a client connection, or a file below the
//!   ServerRoot;
//! * a socket file, its directory or a core file left in the ServerRoot.
//!
//! When a test fails, the generated configuration and every log are printed.
//!
//! In configuration text httpd itself expands `${ROOT}` (the ServerRoot), `${APPS}` (the
//! directory of the Python files), `${HTDOCS}` (the DocumentRoot) and `${PORT}`;
//! each [`Builder::listen`] name adds `${PORT_NAME}`.
//!
//! Environment: `RWSGI_TEST_MODULE` names the module under test, `RWSGI_TEST_MPM` the default
//! MPM (`event`, `worker`, `prefork`), `APXS` the apxs to ask for httpd's directories.
#![deny(unsafe_code)]

mod builder;
mod checks;
mod client;
mod config;
pub mod credentials;
mod damage;
mod httpd;
mod logs;
pub mod process;
mod request;
mod response;
mod server;
mod wait;
mod worker;

pub use builder::{Builder, ConfigCheck, StartError};
pub use client::{ClientError, Connection};
pub use damage::Damage;
pub use httpd::{Mpm, command_of, command_under_test, httpd_module_exists, httpd_version, module_under_test};
pub use logs::{Level, LogLine};
pub use request::Request;
pub use response::{Framing, Head, Response};
pub use server::Server;
pub use wait::{wait_for, wait_until};
pub use worker::usual_python;
