//! Where the applications of a test run.

use std::env;

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
            Mode::Daemon => {
                let path = if path.is_empty() {
                    String::new()
                } else {
                    format!(" python-path={path}")
                };
                own_gil(server.config(&format!(
                    "WSGIDaemonProcess tests threads=8{path}{}\nWSGIProcessGroup tests",
                    other_python()
                )))
            }
        }
    }

    /// The same server with a daemon group of these options; nothing changes in httpd's children.
    pub(crate) fn with_options(self, server: Builder, options: &str) -> Builder {
        match self {
            Mode::Embedded => server,
            Mode::Daemon => server.config(&format!(
                "WSGIDaemonProcess special threads=8 {options}{}\nWSGIProcessGroup special",
                other_python()
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

/// With `RWSGI_TEST_OWN_GIL` in the environment the group runs the second Python, where every sub-interpreter has a
/// GIL of its own.
pub(crate) fn is_own_gil() -> bool {
    env::var_os("RWSGI_TEST_OWN_GIL").is_some()
}

fn other_python() -> String {
    if !is_own_gil() {
        return String::new();
    }
    let home = env::var("RWSGI_TEST_OWN_GIL_HOME").expect("tools/other-python.sh names a second Python");
    // A copied installation does not know where its library went.
    format!(" python-home={home} env=LD_LIBRARY_PATH={home}/lib")
}

fn own_gil(server: Builder) -> Builder {
    if !is_own_gil() {
        return server;
    }
    server.config(
        "<WSGIInterpreterOptions process-group=tests>\nWSGIPerInterpreterGIL On\n</WSGIInterpreterOptions>",
    )
}
