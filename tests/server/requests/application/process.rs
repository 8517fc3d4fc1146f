//! What an application does to its process: W-20, W-21, W-26, W-27.

use super::super::server;
use super::{answers, both, cases, failing, fails, pid};
use rwsgi_harness::{Builder, Level, Mpm};

/// CPython cannot fork in a process with sub-interpreters before 3.12 (the copy stops in Python's own work
/// after a fork), so these applications have the main interpreter to themselves.
fn alone() -> Builder {
    server()
        .config("WSGIScriptAlias / ${APPS}/application_cases.py application-group=%{GLOBAL}")
        .mpm(Mpm::Event)
}

/// The copy of the process never answers the client; the original does, once.
#[test]
fn w20_a_forked_copy_never_answers() {
    let server = alone().allow_log("copy|Traceback|^ |WSGI0174").start();
    let before = server.get("/pid").text();
    for kind in ["return", "write", "read", "raise"] {
        let mut connection = server.connect();
        let response = connection.get(&format!("/forks?{kind}"));
        assert_eq!(response.status, 200, "{kind}: {response:?}");
        assert!(response.text().starts_with("parent "), "{kind}: {response:?}");
        assert_eq!(response.header("X-From"), None, "{kind}: {response:?}");
        assert_eq!(connection.get("/fine").text(), "fine", "{kind}: out of step");
    }
    assert_eq!(server.get("/forks_and_exits").text(), "7");
    assert_eq!(server.get("/pid").text(), before);
    server.finish();
}

#[test]
fn w20_programs_run_by_a_request() {
    let server = cases().start();
    // Its three streams and the directory it lists: nothing of httpd's is inherited.
    answers(&server, "runs_a_program", "hello 4");
    answers(&server, "spawns", "3");
    server.finish();
}

#[test]
fn w21_signals_stay_httpds() {
    let server = cases().start();
    for response in both(&server, "takes_signals") {
        let found = response.text();
        assert!(
            found.starts_with("True True "),
            "signal.signal gives its argument back: {found}"
        );
        assert!(found.ends_with(" False"), "and changes nothing: {found}");
    }
    let told = server.logs_matching("Callback registration for signal (15|10) ignored");
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|line| line.level == Level::Info), "{told:?}");
    server.graceful();
    answers(&server, "events", "");
    server.finish();
}

#[test]
fn w26_output_goes_to_the_log() {
    let server = cases().allow_log("secret").start();
    for response in both(&server, "prints") {
        assert_eq!(response.text(), "fine");
    }
    for line in [
        "secret printed$",
        "secret unfinished",
        "secret on stderr",
        "secret .* binary",
        "secret written to 2",
    ] {
        server.wait_for_log(line);
    }
    let printed = server.logs_matching("secret printed$");
    assert_eq!(printed.len(), 2, "{printed:?}");
    assert!(
        printed.iter().all(|line| line.module == "wsgi" && line.client),
        "{printed:?}"
    );
    server.finish();
}

#[test]
fn w26_much_output() {
    let server = cases().allow_log(r"^(\[script \S+ )?yyyy").start();
    for response in both(&server, "prints_much") {
        assert_eq!(response.text(), "fine");
    }
    let line = "y".repeat(5000);
    let whole = server
        .logs()
        .into_iter()
        .filter(|found| found.message.ends_with(&line))
        .count();
    assert_eq!(whole, 200, "no line may be lost");
    server.finish();
}

#[test]
fn w26_closed_streams_do_not_stop_the_log() {
    let server = failing().allow_log("secret").start();
    for response in both(&server, "closes_stdout") {
        assert_eq!(response.status, 200, "{response:?}");
    }
    fails(&server, "raises", "ValueError: secret while upset");
    server.finish();
}

#[test]
fn w27_the_process_in_disorder() {
    let server = failing().start();
    let before = pid(&server);
    for response in both(&server, "upsets_the_process") {
        assert_eq!(response.text(), "fine");
    }
    for _ in 0..3 {
        fails(&server, "raises", "ValueError: secret while upset");
        answers(&server, "wraps_noted", "noted");
    }
    assert_eq!(pid(&server), before);
    server.finish();
}

#[test]
fn w29_python_in_disorder() {
    let server = failing().start();
    let before = pid(&server);
    for response in both(&server, "upsets_python") {
        assert_eq!(response.text(), "fine");
    }
    for _ in 0..3 {
        for response in both(&server, "raises") {
            assert_eq!(response.status, 500);
        }
        answers(&server, "write_and_iterate", "one two three four");
        answers(&server, "fine", "fine");
    }
    assert_eq!(pid(&server), before);
    assert_eq!(server.logs_matching("^WSGI0174").len(), 6);
    server.finish();
}

/// What one group puts into `os.environ` is not what another, made later, begins with.
#[test]
fn w27_the_environment_of_a_group_is_its_own() {
    let server = server()
        .config("WSGIScriptAlias /main ${APPS}/environment_cases.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /one ${APPS}/environment_cases.py application-group=one")
        .config("WSGIScriptAlias /two ${APPS}/environment_cases.py application-group=two")
        .env("RWSGI_TEST_GIVEN", "by httpd")
        .mpm(Mpm::Event)
        .start();
    for _ in 0..2 {
        for group in ["main", "one", "two"] {
            assert_eq!(
                server.get(&format!("/{group}")).text(),
                format!("None {group} by httpd")
            );
        }
    }
    server.finish();
}
