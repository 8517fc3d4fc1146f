//! Serves Python applications by a real httpd and looks at what comes out.
//!
//! Each test has a server of its own, and what the server logs and leaves behind is checked when it
//! stops (see `rwsgi_harness`). The applications are in `tests/apps`.

use std::path::{Path, PathBuf};

use rwsgi_harness::{Builder, Response, Server};

mod apache_conf;
mod body_length;
mod configurations;
mod corpus;
mod directives;
mod environ;
mod errors;
mod file_wrapper;
mod guestbook;
mod input;
mod outcome;
mod reliability;
mod request_checks;
mod response_headers;
mod script;
mod start_response;
mod validate;
mod write;

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
    server()
        .config(&format!(
            "WSGIScriptAlias /main ${{APPS}}/{app} application-group=%{{GLOBAL}}"
        ))
        .config(&format!("WSGIScriptAlias /sub ${{APPS}}/{app}"))
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
