//! Limits of Python and changes under its feet: W-23, W-25, W-34, W-35.

use std::fs;
use std::time::Duration;

use super::super::{mode, server, test_venv};
use super::{failing, fails, pid};
use crate::modes::{Mode, is_own_gil};
use rwsgi_harness::{Mpm, wait_until};

#[test]
fn w23_recursion() {
    let server = failing().start();
    let before = pid(&server);
    for case in ["recursion", "deep_json", "deep_repr"] {
        fails(&server, case, "RecursionError");
    }
    assert_eq!(pid(&server), before);
    server.finish();
}

#[test]
fn w25_more_memory_than_there_is() {
    let server = failing().start();
    let before = pid(&server);
    fails(&server, "memory_bomb", "MemoryError");
    assert_eq!(pid(&server), before);
    server.finish();
}

const NUMPY: &str = "import numpy

def application(environ, start_response):
    body = str(int(numpy.arange(10).sum())).encode()
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
    return [body]
";

#[test]
fn w34_numpy_in_the_main_and_in_sub_interpreters() {
    if mode() == Mode::Daemon && is_own_gil() {
        eprintln!(
            "skipped: the virtual environment is for another Python; see own_gil_numpy_gets_a_diagnosis"
        );
        return;
    }
    let Some(venv) = test_venv() else { return };
    let server = server()
        .app("numeric.py", NUMPY)
        .config(&format!("WSGIPythonHome {}", venv.display()))
        .config("WSGIScriptAlias /global ${APPS}/numeric.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /one ${APPS}/numeric.py application-group=one")
        .config("WSGIScriptAlias /two ${APPS}/numeric.py application-group=two")
        .mpm(Mpm::Event)
        .allow_log("Warning|numpy|NumPy|Error|Traceback|WSGI0109|WSGI1011")
        .allow_log(r"^(\[script [^\]]*\] )?(\s|$)")
        .start();
    for _ in 0..5 {
        assert_eq!(server.get("/global").text(), "45");
        for group in ["/one", "/two"] {
            let response = server.get(group);
            let refused = response.status == 500;
            assert!(refused || response.text() == "45", "{group}: {response:?}");
            let explained = server.logs_matching(r"^WSGI1011: .*numpy.*%\{GLOBAL\}");
            assert!(!refused || !explained.is_empty(), "{group}: not explained");
        }
    }
    server.finish();
}

fn version(number: u32) -> String {
    format!(
        "import time
VERSION = b'{number}'

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    yield VERSION
    if environ['QUERY_STRING']:
        time.sleep(float(environ['QUERY_STRING']))
    yield VERSION
"
    )
}

/// A request that runs goes on with the version it began with.
#[test]
fn w35_the_script_changes_while_requests_run() {
    let server = server()
        .app("changing.py", &version(0))
        .config("WSGIScriptAlias / ${APPS}/changing.py")
        .mpm(Mpm::Event)
        .start();
    for number in 1..5 {
        let old = format!("{0}{0}", number - 1);
        assert_eq!(server.get("/").text(), old);
        let mut running = server.connect();
        running.send_lossy("GET /?0.5 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(
            !running.is_silent_for(Duration::from_secs(5)),
            "the response begins"
        );
        fs::write(server.path("apps/changing.new"), version(number)).expect("written");
        fs::rename(server.path("apps/changing.new"), server.path("apps/changing.py")).expect("replaced");
        let new = format!("{number}{number}");
        assert!(wait_until(Duration::from_secs(5), || server.get("/").text() == new));
        assert_eq!(running.response().text(), old, "the running request");
    }
    server.finish();
}
