//! A process of a daemon group: Python's own executable, with the applications of one group in it.
//!
//! The supervisor starts it with these descriptors and nothing else open:
//!
//! | number | what |
//! |---|---|
//! | 0 | `/dev/null` |
//! | 1, 2 | the group's log |
//! | 3 | the listener that httpd's children connect to, or other web servers do |
//! | 4 | the group's scoreboard |
//! | 5 | a channel to the supervisor |
//! | 6 | the reading end of a pipe that ends with httpd |
//! | 7 | a file for the stacks of a process that a signal kills |
//!
//! The Python executable imports `rwsgi._native`, whose `main` calls [`main`](main()) here. Threads of it:
//!
//! * the main thread of Python takes the lock of Python once a second, as a sign of life, and does what needs
//!   that lock: interrupts, stacks, the end;
//! * the control thread waits for messages, signals and the end of others; it never needs Python;
//! * as many others as the group has threads wait for requests, and run them.
//!
//! A group that serves other web servers shares one listener among its processes, speaks plain FastCGI or SCGI, and
//! counts its requests in the scoreboard itself (`public`, `public_request`).
//!
//! [`cgi`](cgi()) is another entry: it answers one request by CGI, without any supervisor, and ends.

mod bystander;
mod cgi;
mod connection;
mod control;
mod crew;
mod desk;
mod error_page;
mod exchange;
mod life;
mod loads;
mod log;
mod metrics;
mod output;
mod public;
mod public_request;
mod reporter;
mod request;
mod server;
mod service;
mod setup;
mod start;
mod table;
mod wire;

pub use cgi::main as cgi;
pub use start::main;
