//! The fence around httpd and APR: everything that touches their C API, and nothing of Python.
//!
//! # What httpd asks of us
//!
//! 1. A `request_rec` and all it refers to live in its pool; pointers are valid until the request's pool is
//!    destroyed, which no hook of ours outlives.
//! 2. Pools are not thread-safe. A request's pool belongs to whoever handles the request; the configuration
//!    pool to the main thread while it parses.
//! 3. Configuration records are written while httpd parses and merges, and only read afterwards.
//! 4. A brigade that was passed to the next filter is empty, or has to be emptied, before it is used again.
//! 5. Log text is data: it goes through `"%s"`, with NUL made visible.
//! 6. A panic must not cross an `extern "C"` entry; each has its answer for that case, in `boundary`.

#![allow(unsafe_code, reason = "the fence around httpd")]

mod boundary;
mod brigade;
mod client;
mod commands;
mod configuration;
mod finish;
mod hook;
mod input;
pub mod log;
mod module;
mod offspring;
mod pool;
pub mod process;
mod providers;
mod regex;
mod request;
mod response;
pub mod scoreboard;
mod servers;
mod table;

pub use brigade::Output;
pub use hook::{Child, Hooks, Startup, Status};
pub use input::Input;
pub use module::Module;
pub use offspring::{Told, Watch, at_stop};
pub use providers::{Login, Membership, RealmHash};
pub use request::{FileKind, Request, server_banner};
pub use servers::ServerView;
pub use table::Table;
