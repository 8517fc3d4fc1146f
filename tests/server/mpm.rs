//! The core of it all over each of httpd's multi-processing modules.

use std::time::Duration;

use crate::{GROUPS, get_kept, mounted, server};
use rwsgi_harness::{Framing, Mpm, httpd_module_exists, wait_until};

const STREAM: &str = "import time

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    yield b'first '
    time.sleep(1)
    yield b'second'
";

/// What every MPM has to do.
fn core_of(mpm: Mpm) {
    if !httpd_module_exists(&format!("mpm_{}", mpm.name())) {
        eprintln!("skipped: this httpd has no mpm_{}", mpm.name());
        return;
    }
    serves(mpm);
    streams(mpm);
    restarts(mpm);
    tells_python_the_truth(mpm);
}

fn serves(mpm: Mpm) {
    let server = mounted("echo.py")
        .config("WSGIScriptAlias /hello ${APPS}/hello.py\nWSGIChunkedRequest On")
        .mpm(mpm)
        .start();
    assert_eq!(server.get("/hello").text(), "Hello world!\n");
    for group in GROUPS {
        let mut connection = server.connect();
        for size in [0, 1, 100, 100_000] {
            let target = format!("{group}/x?q={size}");
            let response = server
                .request("POST", &target)
                .body("b".repeat(size))
                .send_on(&mut connection);
            assert!(response.text().ends_with(&format!("size={size}")), "{response:?}");
            assert!(
                response.text().contains(&format!("length={size}")),
                "{response:?}"
            );
        }
        let chunked = server
            .request("POST", group)
            .chunks(["one ", "two"])
            .send_on(&mut connection);
        assert!(chunked.text().ends_with("body=b'one two' size=7"), "{chunked:?}");
    }
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut kept = None;
                    (0..25).all(|_| get_kept(&server, &mut kept, "/hello").text() == "Hello world!\n")
                })
            })
            .collect();
        assert!(
            clients
                .into_iter()
                .all(|client| client.join().expect("no request fails"))
        );
    });
    server.finish();
}

fn streams(mpm: Mpm) {
    let server = server()
        .app("stream.py", STREAM)
        .config("WSGIScriptAlias /main ${APPS}/stream.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/stream.py")
        .mpm(mpm)
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!("GET {group} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let head = connection.next_head().expect("a head");
        assert_eq!(head.status, 200);
        let early = connection
            .bytes(b"6\r\nfirst \r\n".len())
            .expect("the first piece");
        assert_eq!(early, b"6\r\nfirst \r\n");
        assert!(
            connection.is_silent_for(Duration::from_millis(300)),
            "the second piece comes later"
        );
        let rest = connection
            .bytes(b"6\r\nsecond\r\n0\r\n\r\n".len())
            .expect("the rest");
        assert_eq!(rest, b"6\r\nsecond\r\n0\r\n\r\n");
    }
    let whole = server.get("/main");
    assert_eq!(
        (whole.framing, whole.text().as_str()),
        (Framing::Chunked, "first second")
    );
    server.finish();
}

fn restarts(mpm: Mpm) {
    let server = mounted("hello.py").mpm(mpm).start();
    for graceful in [true, true, false, true] {
        let old = server.children();
        assert_eq!(server.get("/sub").text(), "Hello world!\n");
        if graceful {
            server.graceful();
        } else {
            server.restart();
        }
        assert_eq!(server.get("/main").text(), "Hello world!\n");
        assert_eq!(server.get("/sub").text(), "Hello world!\n");
        let replaced = wait_until(Duration::from_secs(10), || {
            server.children().iter().all(|child| !old.contains(child))
        });
        assert!(replaced, "children of the old generation are left");
    }
    server.finish();
}

const MODEL: &str = "import mod_wsgi

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    facts = [environ['wsgi.multithread'], environ['wsgi.multiprocess'], mod_wsgi.threads_per_process]
    return [' '.join(map(str, facts)).encode()]
";

fn tells_python_the_truth(mpm: Mpm) {
    let server = server()
        .app("model.py", MODEL)
        .config("WSGIScriptAlias / ${APPS}/model.py")
        .mpm(mpm)
        .start();
    let told = if mpm == Mpm::Prefork {
        "False True 1"
    } else {
        "True True 8"
    };
    assert_eq!(server.get("/").text(), told);
    server.finish();
}

#[test]
fn mpm_event() {
    core_of(Mpm::Event);
}

#[test]
fn mpm_worker() {
    core_of(Mpm::Worker);
}

#[test]
fn mpm_prefork() {
    core_of(Mpm::Prefork);
}
