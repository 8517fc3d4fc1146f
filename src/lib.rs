//! rwsgi: Apache httpd runs Python web applications.
//!
//! # Rooms
//!
//! | room | what | may use |
//! |---|---|---|
//! | [`gateway`] | the neutral core: environ, headers, body, exchange, outcome, log codes, what module and worker tell each other | `fcgi` |
//! | [`fcgi`] | FastCGI as machines over buffers | nothing |
//! | [`scgi`] | SCGI as a machine over a buffer | nothing |
//! | [`cgi`] | a request as the variables of CGI tell it | `gateway` |
//! | [`config`] | directives, settings, aliases, groups | nothing |
//! | [`scoreboard`] | the slots of a daemon group's processes, over shared memory | nothing |
//! | `ffi` | httpd's declarations and the shim | httpd |
//! | [`httpd`] | the fence around httpd | `ffi`, pure rooms |
//! | [`python`] | the fence around CPython | pyo3's `ffi`, pure rooms |
//! | [`sys`] | the fence around the operating system | libc, pure rooms |
//! | [`script`] | script files as modules | `python`, pure rooms |
//! | [`wsgi`] | WSGI | `python`, `sys`, pure rooms |
//! | [`pymodule`] | what Python code sees of us | `python`, `wsgi`, `sys`, pure rooms |
//! | [`app`] | the one door to applications | `script`, `wsgi`, `pymodule`, `python`, `sys` |
//! | [`embedded`] | an exchange over httpd's request, in process | `app`, `httpd`, `sys`, pure rooms |
//! | [`worker`] | a process of a daemon group | `app`, `pymodule`, `wsgi`, `sys`, pure rooms |
//! | [`pool`] | daemon mode in httpd's children: choosing a worker, and its answer | `httpd`, `sys`, pure rooms |
//! | [`supervisor`] | the processes of daemon groups: started, watched, replaced | `sys`, pure rooms |
//! | [`hooks`] | what httpd calls | `embedded`, `pool`, `app`, `httpd`, `sys`, pure rooms |
//! | [`cli`] | the `rwsgi` command | `supervisor`, `sys`, pure rooms |
//!
//! The feature `httpd` switches the rooms of httpd's side, `python` those that run Python. A module without `python` is
//! bound to no libpython and runs applications in daemon groups only.
//!
//! Only the three fences may say `unsafe`. httpd, CPython and libc never see each other.

#![deny(unsafe_code)]
// What a client or an application sends must not be able to panic us.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::todo
    )
)]

pub mod cgi;
pub mod cli;
pub mod config;
mod fault;
pub mod fcgi;
pub mod gateway;
#[cfg(feature = "python")]
pub mod python;
pub mod scgi;
pub mod scoreboard;
pub mod supervisor;
pub mod sys;

#[cfg(feature = "python")]
pub mod app;
#[cfg(feature = "python")]
pub mod pymodule;
#[cfg(feature = "python")]
pub mod script;
#[cfg(feature = "python")]
pub mod worker;
#[cfg(feature = "python")]
pub mod wsgi;

#[cfg(all(feature = "httpd", feature = "python"))]
pub mod embedded;
#[cfg(feature = "httpd")]
mod ffi;
#[cfg(feature = "httpd")]
pub mod hooks;
#[cfg(feature = "httpd")]
pub mod httpd;
#[cfg(feature = "httpd")]
pub mod module;
#[cfg(feature = "httpd")]
pub mod pool;
