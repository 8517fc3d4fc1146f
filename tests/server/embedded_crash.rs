//! A child of httpd dies in embedded mode (F-35): what everybody else in it has to expect.

use std::time::{Duration, Instant};

use crate::server;
use rwsgi_harness::{Mpm, wait_until};

const APP: &str = "import ctypes, resource, sys, time

def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/crash':
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)
    if path == '/sleep':
        print('asleep', file=sys.stderr, flush=True)
        time.sleep(20)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'fine']
";

/// The requests of the child end with it, at once; httpd tells the signal, and another child serves. Daemon mode is
/// there to keep the damage to one group, and to say which request it was.
#[test]
fn f35_a_crash_in_embedded_mode_ends_the_requests_of_its_child_and_another_serves() {
    let server = server()
        .mpm(Mpm::Event)
        .app("crash.py", APP)
        .config("WSGIScriptAlias / ${APPS}/crash.py application-group=%{GLOBAL}")
        .expect_log("^AH00052: child pid [0-9]+ exit signal Segmentation fault")
        .allow_log("asleep|^AH00052")
        .start();
    assert_eq!(server.get("/").text(), "fine");
    let old = server.children();
    let mut beside = server.connect();
    beside.send_lossy("GET /sleep HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.wait_for_log("asleep");
    let start = Instant::now();
    let mut victim = server.connect();
    victim.send_lossy("GET /crash HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(
        victim.try_response().is_err(),
        "nobody answers for a process that is gone"
    );
    assert!(beside.try_response().is_err(), "it went with its process");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    server.wait_for_log("^AH00052");
    for _ in 0..20 {
        assert_eq!(server.get("/").text(), "fine");
    }
    let is_another = || server.children().iter().all(|child| !old.contains(child));
    assert!(wait_until(Duration::from_secs(5), is_another), "{old:?}");
    server.finish();
}
