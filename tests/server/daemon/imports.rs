//! Which scripts reach a group, and when: import scripts, aliases that name both groups, dispatch and handler scripts.

use super::{group, pid, replaced};
use crate::server;
use rwsgi_harness::Builder;
use std::time::Duration;

/// Tells at its load in which process, thread and group it is.
const TELLS: &str = "import os, sys, threading, mod_wsgi\n\
    MAIN = threading.current_thread() is threading.main_thread()\n\
    print('loaded', os.getpid(), MAIN, mod_wsgi.process_group, repr(mod_wsgi.application_group), file=sys.stderr)\n\
    def application(environ, start_response):\n    \
        start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
        return [str(os.getpid()).encode()]\n";

fn telling(options: &str) -> Builder {
    group(options).app("own.py", TELLS).allow_log("^loaded ")
}

#[test]
fn an_import_script_is_loaded_once_in_every_process_before_it_serves() {
    let server = telling("processes=2 threads=2")
        .config("WSGIImportScript ${APPS}/own.py process-group=cases application-group=blue")
        .config_first("WSGIScriptAlias /own ${APPS}/own.py process-group=cases application-group=blue")
        .start();
    let first: u32 = super::number(&server.get("/own"));
    for worker in server.workers() {
        server.wait_for_log(&format!("^loaded {worker} True cases 'blue'$"));
    }
    assert!(server.workers().contains(&first));
    assert_eq!(server.logs_matching("^loaded ").len(), 2);
    server.finish();
}

#[test]
fn an_alias_with_both_groups_is_loaded_before_a_request() {
    let server = telling("threads=2")
        .config_first("WSGIScriptAlias /own ${APPS}/own.py process-group=cases application-group=%{GLOBAL}")
        .start();
    server.wait_for_log("^loaded [0-9]+ True cases ''$");
    assert_eq!(server.access_log(), Vec::<String>::new(), "before any request");
    server.finish();
}

#[test]
fn an_import_script_that_fails_is_told_and_the_process_serves() {
    let server = group("threads=2")
        .app("own.py", "1/0\n")
        .config("WSGIImportScript ${APPS}/own.py process-group=cases application-group=%{GLOBAL}")
        .config_first("WSGIScriptAlias /own ${APPS}/own.py process-group=cases")
        .expect_log("^WSGI0109: ")
        .expect_exception("ZeroDivisionError: ")
        .allow_log("^WSGI(1041|11[0-9][0-9])|^loaded ")
        .start();
    assert_eq!(server.get("/pid").status, 200);
    std::fs::write(server.path("apps/own.py"), TELLS).expect("the script is writable");
    assert_eq!(server.get("/own").status, 200, "the request tries again");
    server.finish();
}

/// What a process had loaded for requests, its successor loads before it takes any.
#[test]
fn a_successor_loads_what_its_predecessor_had_loaded() {
    let server = telling("threads=2")
        .config_first("WSGIScriptAlias /own ${APPS}/own.py process-group=cases")
        .start();
    let old = super::number(&server.get("/own"));
    rwsgi_harness::process::signal(old, 15).expect("it runs");
    let new = replaced(&server, old, Duration::from_secs(10));
    server.wait_for_log(&format!("^loaded {new} True cases ''$"));
    server.finish();
}

/// A dispatch script runs in httpd's child and may send a request to any group that the host can see.
#[test]
fn a_dispatch_script_chooses_the_group() {
    let source = "def process_group(environ):\n    \
            return environ['QUERY_STRING'] or None\n";
    let show = "import mod_wsgi\n\
        def application(environ, start_response):\n    \
            start_response('200 OK', [])\n    \
            return [repr(mod_wsgi.process_group).encode()]\n";
    let server = server()
        .app("dispatch.py", source)
        .app("show.py", show)
        .config(
            "WSGIDaemonProcess one threads=2\nWSGIDaemonProcess two threads=2\n\
             WSGIScriptAlias / ${APPS}/show.py\nWSGIDispatchScript ${APPS}/dispatch.py\nWSGIProcessGroup one",
        )
        .expect_log("^WSGI015[01]")
        .start();
    for (query, expected) in [
        ("", "'one'"),
        ("?two", "'two'"),
        ("?one", "'one'"),
        ("?%{GLOBAL}", "''"),
    ] {
        assert_eq!(server.get(&format!("/{query}")).text(), expected, "{query}");
    }
    assert_eq!(server.get("/?three").status, 500);
    server.finish();
}

/// `RWSGIApplicationGroup auto` is decided by the processes of the group, and those that follow keep to it.
#[test]
fn the_first_application_of_a_process_has_the_main_interpreter_whichever_child_of_httpd_asks() {
    const APP: &str = "def application(environ, start_response):\n    \
        start_response('200 OK', [])\n    \
        return [repr(environ['mod_wsgi.application_group']).encode()]\n";
    let server = group("threads=2")
        .app("one.py", APP)
        .app("two.py", APP)
        .config_first("WSGIScriptAlias /one ${APPS}/one.py process-group=cases application-group=auto")
        .config_first("WSGIScriptAlias /two ${APPS}/two.py process-group=cases application-group=auto")
        .start();
    let expect = |path: &str, is_main: bool| {
        let told = server.get(path).text();
        assert_eq!(told == "''", is_main, "{path} {told}");
    };
    expect("/one", true);
    expect("/two", false);
    let old = pid(&server);
    server.graceful();
    replaced(&server, old, Duration::from_secs(10));
    expect("/two", false);
    expect("/one", true);
    server.finish();
}
