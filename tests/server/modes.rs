//! Where the applications of a test run.

use rwsgi_harness::{Builder, Server};

/// Where applications run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In httpd's children.
    Embedded,
    /// In the one process of a daemon group.
    Daemon,
}

impl Mode {
    /// The mode of a module, by its name.
    pub(crate) fn of(module: &str) -> Mode {
        match module.rsplit("::").next() {
            Some("in_daemon") => Mode::Daemon,
            _ => Mode::Embedded,
        }
    }

    /// A server with every file of `tests/apps` in `${APPS}`; what it serves runs in this mode.
    pub(crate) fn server(self) -> Builder {
        match self {
            Mode::Embedded => crate::server(),
            Mode::Daemon => {
                crate::server().config("WSGIDaemonProcess tests threads=8\nWSGIProcessGroup tests")
            }
        }
    }

    /// The processes that run the applications.
    pub(crate) fn processes(self, server: &Server) -> Vec<u32> {
        match self {
            Mode::Embedded => server.children(),
            Mode::Daemon => server.workers(),
        }
    }
}
