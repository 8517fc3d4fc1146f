//! Serves Python applications by a real httpd and looks at what comes out.
//!
//! Each test has a server of its own, and what the server logs and leaves behind is checked when it
//! stops (see `rwsgi_harness`). The applications are in `tests/apps`.
//!
//! What is in `requests` runs in each mode, and the mode is in the name of each test.
// One file of tests, compiled for each mode.
#![allow(clippy::duplicate_mod)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rwsgi_harness::{Builder, ClientError, Connection, Response, Server, process, wait_until};
use tempfile::TempDir;

mod advisories;
mod apache_conf;
mod configurations;
mod corpus;
mod daemon;
mod directive_table;
mod directives;
mod embedded_crash;
mod free_threading;
mod guestbook;
mod hooks;
mod modes;
mod mpm;
mod own_gil;
mod panics;
mod process_settings;
mod python_home;

/// The tests of requests, with the applications in httpd's own processes.
#[path = "requests/mod.rs"]
mod embedded;

/// The same tests once more, with the applications in a process of a daemon group.
#[path = "requests/mod.rs"]
mod in_daemon;

/// Where each application of [`mounted`] answers: in the main interpreter, and in a sub-interpreter.
const GROUPS: [&str; 2] = ["/main", "/sub"];

/// The directory of the Python applications.
fn apps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps")
}

/// A server with every file of `tests/apps` in `${APPS}`.
fn server() -> Builder {
    Server::builder().apps_from(apps())
}

/// A server with one application under both paths of [`GROUPS`].
fn mounted(app: &str) -> Builder {
    mount(server(), app)
}

fn mount(builder: Builder, app: &str) -> Builder {
    builder
        .config(&format!(
            "WSGIScriptAlias /main ${{APPS}}/{app} application-group=%{{GLOBAL}}"
        ))
        .config(&format!("WSGIScriptAlias /sub ${{APPS}}/{app}"))
}

/// Asks over a connection that is kept from call to call.
///
/// The server may close a kept connection just when the next request is sent: then, and only then, the
/// request is sent again on a new one, as any client does.
#[track_caller]
fn get_kept(server: &Server, kept: &mut Option<Connection>, target: &str) -> Response {
    loop {
        let reused = kept.is_some();
        let mut connection = kept.take().unwrap_or_else(|| server.connect());
        connection.send_lossy(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        match connection.try_response() {
            Ok(response) => {
                if !response.says_close() {
                    *kept = Some(connection);
                }
                return response;
            }
            Err(ClientError::Closed(bytes)) if reused && bytes.is_empty() => {}
            Err(error) => panic!("a request failed (connection used before: {reused}): {error}"),
        }
    }
}

/// Says why a test cannot run here.
fn skips<T>(why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    None
}

/// The virtual environment with what `tests/requirements.txt` names; without it a test has to skip.
fn test_venv() -> Option<PathBuf> {
    let venv = std::env::var_os("RWSGI_TEST_VENV").filter(|path| !path.is_empty());
    if venv.is_none() {
        eprintln!("skipped: RWSGI_TEST_VENV names no virtual environment; `make test` makes one");
    }
    venv.map(PathBuf::from)
}

/// Asserts an error page of httpd: this status, and no byte of the application in it.
#[track_caller]
fn assert_error_page(response: &Response, status: u16) {
    assert_eq!(response.status, status, "{response:?}");
    assert!(response.complete, "{response:?}");
    let text = response.text();
    assert!(text.contains(&status.to_string()), "not httpd's page: {text}");
    for leak in ["Traceback", "Error:", ".py", "Injected", "accepted"] {
        assert!(!text.contains(leak), "{leak} in {text}");
    }
    assert_eq!(response.header("X-Injected"), None);
}

/// A certificate for this run, made by openssl; `None` where that is not installed.
fn certificate() -> Option<TempDir> {
    let directory = tempfile::tempdir().ok()?;
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(directory.path())
        .output()
        .ok()?;
    made.status.success().then_some(directory)
}

/// Ends the server; returns when its parent has ended.
fn stop(server: &Server) {
    let parent = server.parent_pid();
    process::signal(parent, libc::SIGTERM).expect("it runs");
    let ended = || {
        !process::all()
            .iter()
            .any(|one| one.pid == parent && one.state != 'Z')
    };
    assert!(wait_until(Duration::from_secs(20), ended), "httpd did not stop");
}
