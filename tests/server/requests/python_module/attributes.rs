//! Constants, classes, registries and the data of a request.

use serde_json::json;

use super::super::{GROUPS, mode};
use super::{answer, start, with_source};
use crate::modes::Mode;

const APP: &str = "python_module_cases.py";

#[test]
fn python_module_tells_about_its_place() {
    let server = start(APP);
    assert_eq!(
        answer(&server, "facts"),
        json!({
            "version": true,
            "process_group": mode().process_group(),
            "application_group": true,
            "maximum_processes": "int",
            "threads_per_process": true,
            "FileWrapper": true,
            "lists": ["list", "list", "list"],
            "dir": true,
        })
    );
    server.finish();
}

#[test]
fn python_module_request_timeout_is_no_exception() {
    let server = start(APP);
    assert_eq!(
        answer(&server, "request_timeout"),
        json!([
            "mod_wsgi",
            "RequestTimeout",
            ["RequestTimeout", "BaseException", "object"]
        ])
    );
    server.finish();
}

#[test]
fn python_module_has_a_log_handler_class() {
    let server = start(APP);
    assert_eq!(
        answer(&server, "handler_class"),
        json!(["mod_wsgi", "LogHandler", true, true])
    );
    server.finish();
}

#[test]
fn python_module_subscribing_returns_the_callback() {
    let server = start(APP);
    let refusal = |name: &str| format!("mod_wsgi.subscribe_{name}() takes a callable, not str");
    assert_eq!(
        answer(&server, "decorators"),
        json!([true, true, refusal("events"), true, true, refusal("shutdown")])
    );
    server.finish();
}

#[test]
fn python_module_signals_are_for_daemons_and_the_log_says_so() {
    let server = super::mounted(APP)
        .one_process()
        .config("LogLevel wsgi:info")
        .start();
    if mode() == Mode::Daemon {
        let registered = answer(&server, "signals");
        assert_eq!(registered, json!([true, 1]));
        return;
    }
    assert_eq!(answer(&server, "signals"), json!([true, 0]));
    server.wait_for_log(r"subscribe_signals\(\): only daemon processes get signals");
    server.finish();
}

#[test]
fn python_module_request_data_is_new_for_each_request() {
    let server = start(APP);
    for _ in 0..3 {
        assert_eq!(answer(&server, "data"), json!([{}, true]));
    }
    server.finish();
}

#[test]
fn python_module_request_data_belongs_to_the_request_thread() {
    let server = start(APP);
    assert_eq!(
        answer(&server, "data_elsewhere"),
        json!(["no active request for thread"])
    );
    server.finish();
}

#[test]
fn python_module_active_requests_hold_the_running_ones_alone() {
    let server = start(APP);
    for _ in 0..2 {
        assert_eq!(
            answer(&server, "active"),
            json!({"type": "dict", "own": true, "paths": ["/active"], "id": true})
        );
        answer(&server, "data");
    }
    server.finish();
}

/// The dict is asked for while another request runs that nobody watched until then.
#[test]
fn python_module_active_requests_know_requests_that_began_before() {
    let server = with_source(
        "import threading, mod_wsgi\n\
         arrived, leave = threading.Event(), threading.Event()\n\
         def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             if environ['PATH_INFO'] == '/wait':\n        \
                 arrived.set()\n        \
                 assert leave.wait(30)\n        \
                 return [b'left']\n    \
             if environ['PATH_INFO'] == '/look':\n        \
                 assert arrived.wait(30)\n        \
                 count = len(mod_wsgi.active_requests)\n        \
                 leave.set()\n        \
                 return [str(count).encode()]\n    \
             return [str(len(mod_wsgi.active_requests)).encode()]\n",
    )
    .start();
    for group in GROUPS {
        let mut waiting = server.connect();
        waiting
            .send(format!("GET {group}/wait HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .expect("sent");
        assert_eq!(server.get(&format!("{group}/look")).text(), "2");
        assert_eq!(waiting.response().text(), "left");
        assert_eq!(server.get(&format!("{group}/now")).text(), "1");
    }
    server.finish();
}

#[test]
fn python_module_unknown_names_are_attribute_errors() {
    let server = start(APP);
    assert_eq!(
        answer(&server, "unknown_attribute"),
        json!("module 'mod_wsgi' has no attribute 'nothing_of_that_name'")
    );
    server.finish();
}
