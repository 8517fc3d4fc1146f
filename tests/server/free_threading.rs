//! A free-threaded Python (PEP 703), with its GIL and without.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use rwsgi_harness::{Builder, Server};

use crate::{server, skips};

/// The module for the free-threaded Python, and that Python's prefix.
fn build() -> Option<(PathBuf, String)> {
    let module = env::var_os("RWSGI_TEST_FREE_THREADED_MODULE").map(PathBuf::from);
    match (module, env::var("RWSGI_TEST_FREE_THREADED_HOME").ok()) {
        (Some(module), Some(home)) => Some((module, home)),
        _ => skips(
            "no module for a free-threaded Python (RWSGI_TEST_FREE_THREADED_MODULE, see tools/other-python.sh)",
        ),
    }
}

/// A server with our module for a free-threaded Python; `None`, with the reason printed, without one.
fn free_threaded() -> Option<Builder> {
    let (module, home) = build()?;
    Some(
        server()
            .without_module_under_test()
            .load_module("wsgi_module", module)
            .one_process()
            .config(&format!("WSGIPythonHome {home}"))
            .config("WSGIScriptAlias /main ${APPS}/free_threading.py application-group=%{GLOBAL}")
            .config("WSGIScriptAlias /sub ${APPS}/free_threading.py application-group=sub"),
    )
}

fn without_gil() -> Option<Builder> {
    Some(free_threaded()?.config("WSGIFreeThreading On"))
}

#[test]
fn free_threading_is_off_unless_asked_for() {
    let Some(builder) = free_threaded() else { return };
    let server = builder.start();
    for path in ["/main/gil", "/sub/gil"] {
        assert_eq!(server.get(path).text(), "True");
    }
    server.finish();
}

#[test]
fn free_threading_on_leaves_the_gil_off() {
    let Some(builder) = without_gil() else { return };
    let server = builder.start();
    for path in ["/main/gil", "/sub/gil"] {
        assert_eq!(server.get(path).text(), "False");
    }
    server.graceful();
    assert_eq!(server.get("/sub/gil").text(), "False");
    server.finish();
}

/// Two requests wait for each other in a loop that never lets a GIL go, in one interpreter.
#[test]
fn free_threading_runs_requests_of_one_interpreter_at_the_same_time() {
    for group in ["main", "sub"] {
        let Some(builder) = without_gil() else { return };
        let server = builder
            .file("run/meeting", "\0\0")
            .config("SetEnv MEETING ${ROOT}/run/meeting")
            .start();
        fs::set_permissions(server.path("run/meeting"), Permissions::from_mode(0o666)).expect("permissions");
        let answers = thread::scope(|scope| {
            let other = scope.spawn(|| server.get(&format!("/{group}/meet?1")));
            let own = server.get(&format!("/{group}/meet?0"));
            [own.text(), other.join().expect("the other request ends").text()]
        });
        assert_eq!(answers, ["met", "met"]);
        server.finish();
    }
}

#[test]
fn free_threading_makes_settings_of_a_gil_pointless_and_says_so() {
    let Some(builder) = without_gil() else { return };
    let server = builder
        .config("WSGIPerInterpreterGIL On\nWSGISwitchInterval 0.5")
        .expect_log("^WSGI0202: ")
        .expect_log("^WSGI0203: ")
        .start();
    assert_eq!(server.get("/sub/gil").text(), "False");
    server.finish();
}

/// Sends `count` requests from each of 16 threads, each with a token of its own in path, header and body.
fn churn(server: &Server, count: usize) {
    thread::scope(|scope| {
        for client in 0..16 {
            scope.spawn(move || {
                for number in 0..count {
                    let group = ["main", "sub"][number % 2];
                    let token = format!("{client}-{number}-{}", "x".repeat(number % 40));
                    let response = server
                        .request("POST", &format!("/{group}/token?{token}"))
                        .header("X-Token", &token)
                        .header(&format!("X-Other-{}", number % 7), &token)
                        .body(&token)
                        .send();
                    assert_eq!(response.text(), token);
                    assert_eq!(response.header("X-Token"), Some(token.as_str()));
                    let content_type = format!("text/plain; token={token}");
                    assert_eq!(response.header("Content-Type"), Some(content_type.as_str()));
                }
            });
        }
    });
}

#[test]
fn free_threading_mixes_up_no_requests() {
    let Some(builder) = without_gil() else { return };
    let server = builder.start();
    churn(&server, 150);
    server.finish();
}

#[test]
fn free_threading_with_the_gil_on_mixes_up_no_requests() {
    let Some(builder) = free_threaded() else { return };
    let server = builder.start();
    churn(&server, 50);
    server.finish();
}

#[test]
fn free_threading_lets_nobody_reach_another_request_by_kept_objects() {
    let Some(builder) = without_gil() else { return };
    let server = builder.start();
    thread::scope(|scope| {
        for client in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..10 {
                    assert_eq!(
                        server.get(&format!("/main/keep?{client}.{number}")).text(),
                        "kept"
                    );
                }
            });
        }
    });
    thread::scope(|scope| {
        let calls = scope.spawn(|| {
            (0..50)
                .map(|_| server.get("/main/call").text())
                .collect::<Vec<_>>()
        });
        churn(&server, 30);
        for text in calls.join().expect("the calls come to an end") {
            assert_eq!(text, "over");
        }
    });
    server.finish();
}

#[test]
fn free_threading_bears_threads_that_share_a_request() {
    let Some(builder) = without_gil() else { return };
    let server = builder.start();
    thread::scope(|scope| {
        for client in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..40 {
                    let token = format!("{client}-{number}");
                    let response = server
                        .request("POST", &format!("/main/race?{token}"))
                        .header("X-Token", &token)
                        .body(token.repeat(9))
                        .send();
                    assert_eq!(response.text(), token);
                    assert_eq!(response.header("X-Token"), Some(token.as_str()));
                }
            });
        }
    });
    server.finish();
}
