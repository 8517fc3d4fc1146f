//! Tests of requests and their answers, compiled once for each mode.
//!
//! Where a mode differs, the test says so by [`mode`].

mod application;
mod body_length;
mod encoding;
mod environ;
mod errors;
mod file_wrapper;
mod forwarded;
mod frameworks;
mod handler;
mod http2;
mod input;
mod outcome;
mod python_module;
mod reliability;
mod request_checks;
mod response_headers;
mod restarts;
mod script;
mod start_response;
mod validate;
mod write;

use crate::modes::Mode;
use crate::{GROUPS, apps, assert_error_page, get_kept, skips, test_venv};
use rwsgi_harness::{Builder, Server};

/// Where the applications of these tests run.
fn mode() -> Mode {
    Mode::of(module_path!())
}

/// A server with every file of `tests/apps` in `${APPS}`.
fn server() -> Builder {
    mode().server()
}

/// The same with these directories, separated by colons, in `sys.path`.
fn server_with_path(path: &str) -> Builder {
    mode().server_with_path(path)
}

/// A server with one application under both paths of [`GROUPS`].
fn mounted(app: &str) -> Builder {
    crate::mount(server(), app)
}

/// The same where an application reads its request as it comes: a daemon process gets a small body collected
/// unless told otherwise.
fn streaming(builder: Builder) -> Builder {
    mode().with_options(builder, "request-buffer=0")
}

/// The processes that run the applications.
fn processes(server: &Server) -> Vec<u32> {
    mode().processes(server)
}
