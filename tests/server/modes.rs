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
        self.server_with_path("")
    }

    /// The same with these directories, separated by colons, in `sys.path`.
    pub(crate) fn server_with_path(self, path: &str) -> Builder {
        let server = crate::server();
        match self {
            Mode::Embedded if path.is_empty() => server,
            Mode::Embedded => server.config(&format!("WSGIPythonPath {path}")),
            Mode::Daemon => server.config(&format!(
                "WSGIDaemonProcess tests threads=8 python-path={path}\nWSGIProcessGroup tests"
            )),
        }
    }

    /// The name of the process group.
    pub(crate) fn process_group(self) -> &'static str {
        match self {
            Mode::Embedded => "",
            Mode::Daemon => "tests",
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
