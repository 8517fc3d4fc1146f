//! The systems that are compared. All answer the same path with the same response.

use std::path::PathBuf;

use clap::ValueEnum;
use rwsgi_harness::{Builder, Mpm, Server};

use crate::Failure;
use crate::setup::{self, Built};

/// The path every system answers.
pub(crate) const TARGET: &str = "/hello";

/// The body every system answers with.
pub(crate) const BODY: &[u8] = b"Hello, world!";

/// What a browser sends along; `Host` is the sixth.
pub(crate) const HEADERS: [(&str, &str); 5] = [
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Cookie", "csrftoken=Zq1vN0dW7kYb3T; sessionid=9n2x8c4u6q0r7m5k"),
];

/// Leaves the environ alone and returns one bytes object.
const APPLICATION: &str = r#"
BODY = b"Hello, world!"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    return [BODY]
"#;

/// Something that answers requests inside httpd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    /// A handler of a few lines of C
    Floor,
    /// rwsgi embedded, in the sub-interpreter that is the default
    Rwsgi,
    /// rwsgi embedded, in the main interpreter
    RwsgiMain,
    /// mod_wsgi embedded, in the sub-interpreter that is the default
    ModWsgi,
    /// mod_wsgi embedded, in the main interpreter
    ModWsgiMain,
    /// rwsgi in daemon mode: two processes with eight threads
    RwsgiDaemon,
    /// mod_wsgi in daemon mode: two processes with eight threads
    ModWsgiDaemon,
}

/// A system ready to be started.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) system: System,
    pub(crate) described: String,
    file: PathBuf,
}

impl System {
    /// Whether this is the module of this repository.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, System::Rwsgi | System::RwsgiMain | System::RwsgiDaemon)
    }

    fn build(self, python: &std::path::Path) -> Result<Built, Failure> {
        match self {
            System::Floor => setup::floor(),
            System::Rwsgi | System::RwsgiMain | System::RwsgiDaemon => setup::module(),
            System::ModWsgi | System::ModWsgiMain | System::ModWsgiDaemon => setup::mod_wsgi(python),
        }
    }

    /// Whether Python runs in processes of its own.
    pub(crate) fn is_daemon(self) -> bool {
        matches!(self, System::RwsgiDaemon | System::ModWsgiDaemon)
    }

    /// How the application is run.
    fn mode(self) -> Option<&'static str> {
        match self {
            System::Floor => None,
            System::Rwsgi | System::ModWsgi => Some("sub-interpreter"),
            System::RwsgiMain | System::ModWsgiMain => Some("main interpreter"),
            System::RwsgiDaemon | System::ModWsgiDaemon => Some("daemon 2x8"),
        }
    }
}

/// What is measured when nothing is asked for.
pub(crate) fn all() -> Vec<System> {
    System::value_variants().to_vec()
}

/// What runs in one process, of which instructions can be counted.
pub(crate) fn embedded() -> Vec<System> {
    all().into_iter().filter(|system| !system.is_daemon()).collect()
}

/// Builds every system asked for, or else `usual`; those that cannot be set up come back with the reason.
pub(crate) fn set_up(
    asked: &[System],
    usual: fn() -> Vec<System>,
    python: &std::path::Path,
) -> (Vec<Ready>, Vec<(System, Failure)>) {
    let asked = if asked.is_empty() { usual() } else { asked.to_vec() };
    let (mut ready, mut failed) = (Vec::new(), Vec::new());
    for system in asked {
        match system.build(python) {
            Ok(built) => ready.push(Ready {
                system,
                described: match system.mode() {
                    Some(mode) => format!("{}, {mode}", built.described),
                    None => built.described,
                },
                file: built.file,
            }),
            Err(failure) => failed.push((system, failure)),
        }
    }
    (ready, failed)
}

impl Ready {
    /// httpd with this system at [`TARGET`], the event MPM and no access log.
    pub(crate) fn server(&self) -> Builder {
        let builder = Server::builder()
            .mpm(Mpm::Event)
            .without_module_under_test()
            .without_access_log()
            .allow_log(".*")
            .app("hello.py", APPLICATION);
        // Neither an alias nor a section of its own: nothing beside the handler. The file is as deep in the
        // file system as the application.
        if self.system == System::Floor {
            return builder
                .load_module("floor_module", &self.file)
                .file(format!("htdocs{TARGET}"), "")
                .config("SetHandler floor");
        }
        let group = match self.system {
            System::RwsgiMain | System::ModWsgiMain => "WSGIApplicationGroup %{GLOBAL}\n",
            System::RwsgiDaemon | System::ModWsgiDaemon => {
                "WSGIDaemonProcess hello processes=2 threads=8\nWSGIProcessGroup hello\n\
                 WSGIApplicationGroup %{GLOBAL}\n"
            }
            _ => "",
        };
        builder
            .load_module("wsgi_module", &self.file)
            .config(&format!("{group}WSGIScriptAlias {TARGET} ${{APPS}}/hello.py"))
    }

    /// The request as bytes, for a kept connection.
    pub(crate) fn request(port: u16) -> String {
        let mut request = format!("GET {TARGET} HTTP/1.1\r\nHost: localhost:{port}\r\n");
        for (name, value) in HEADERS {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request
    }
}
