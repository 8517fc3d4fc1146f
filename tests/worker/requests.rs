//! Requests and their answers.

use std::io::Write;

use mod_rwsgi::config::plan::FromWorker;
use mod_rwsgi::fcgi::client::{push_body, push_request};
use mod_rwsgi::gateway::BodyLength;
use mod_rwsgi::scoreboard::{PositionState, SlotState};
use mod_rwsgi::sys::clock;

use super::client::{Answered, Asked};
use super::rig::Rig;

const APP: &str = r#"
import hashlib, os, sys, threading, time
import mod_wsgi

def application(environ, start_response):
    name = environ["PATH_INFO"][1:] or "hello"
    return globals()[name](environ, start_response)

def ok(start_response, *headers):
    return start_response("200 OK", [("Content-Type", "text/plain"), *headers])

def hello(environ, start_response):
    ok(start_response, ("Content-Length", "6"))
    return [b"hello\n"]

def facts(environ, start_response):
    ok(start_response)
    keys = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "mod_wsgi.process_group")
    times = [environ["mod_wsgi." + key] for key in ("request_start", "queue_start", "daemon_start", "application_start")]
    told = {key: environ[key] for key in keys}
    told["rising"] = times == sorted(times) and times[0] > 0
    told["private"] = [key for key in environ if key.startswith("mod_wsgi.x-")]
    told["group"] = (mod_wsgi.process_group, mod_wsgi.application_group, mod_wsgi.threads_per_process)
    told["main"] = sorted(key for key in vars(sys.modules["__main__"]) if not key.startswith("__"))
    told["argv"] = sys.argv
    told["is_main_thread"] = threading.current_thread() is threading.main_thread()
    return [repr(told).encode()]

def echo(environ, start_response):
    ok(start_response)
    read = environ["wsgi.input"].read
    return iter(lambda: read(50_000), b"")

def digest(environ, start_response):
    body = environ["wsgi.input"].read()
    ok(start_response)
    return [hashlib.sha256(body).hexdigest().encode(), b" ", str(len(body)).encode()]

def large(environ, start_response):
    ok(start_response, ("Content-Length", str(10 << 20)))
    return [bytes(10 << 20)]

def stream(environ, start_response):
    ok(start_response)
    def pieces():
        for number in range(5):
            yield b"%d," % number
    return pieces()

def raises(environ, start_response):
    raise ValueError("no way")

def raises_late(environ, start_response):
    ok(start_response)
    yield b"begun"
    raise ValueError("too late")

def bad_header(environ, start_response):
    start_response("200 OK", [("X", "a\nb")])
    return []

def short(environ, start_response):
    ok(start_response, ("Content-Length", "10"))
    return [b"12345"]

def log(environ, start_response):
    print("to errors", file=environ["wsgi.errors"])
    print("to stdout")
    ok(start_response)
    return [b"logged"]

def file(environ, start_response):
    ok(start_response)
    return environ["wsgi.file_wrapper"](open(os.__file__, "rb"))

def read_gone(environ, start_response):
    try:
        environ["wsgi.input"].read()
    except OSError as error:
        print("OSError:", error, file=sys.__stderr__, flush=True)
        raise
    return hello(environ, start_response)
"#;

fn text(answered: &Answered) -> String {
    String::from_utf8_lossy(&answered.body).into_owned()
}

#[test]
fn requests_follow_one_another_on_a_connection() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    for _ in 0..3 {
        let answered = client.get("/hello");
        assert_eq!(answered.app_status, Some(0), "{answered:?}");
        assert!(answered.head.starts_with("Status: 200 OK\r\n"), "{answered:?}");
        assert_eq!(answered.body, b"hello\n");
    }
    assert_eq!(rig.board().position(0).expect("there").served(), 3);
}

#[test]
fn a_process_tells_what_it_is() {
    let Some(rig) = Rig::start(APP, |plan| plan.group.options.processes = Some(1)) else {
        return;
    };
    let told = text(&rig.connect().get("/facts"));
    for part in [
        "'wsgi.multithread': True",
        "'wsgi.multiprocess': True",
        "'wsgi.run_once': False",
        "'mod_wsgi.process_group': 'tests'",
        "'rising': True",
        "'private': []",
        "'group': ('tests', '', 3)",
        "'main': []",
        "'argv': ['mod_wsgi']",
        "'is_main_thread': False",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let title = std::fs::read_to_string(format!("/proc/{}/cmdline", rig.pid())).expect("readable");
    assert_eq!(title.trim_end_matches(['\0', ' ']), "rwsgi: tests");
}

#[test]
fn bodies_go_both_ways_at_once() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    let body: Vec<u8> = (0..10_u32 << 20).map(|index| (index % 251) as u8).collect();
    for length in [0, 1, 8_191, 8_192, 8_193, 65_535, 65_536, 70_000, body.len()] {
        let answered = client.post("/echo", &body[..length]);
        assert_eq!(answered.app_status, Some(0), "{length}");
        assert!(answered.body == body[..length], "{length}");
        let answered = client.post("/digest", &body[..length]);
        assert!(text(&answered).ends_with(&format!(" {length}")), "{answered:?}");
    }
}

#[test]
fn an_answer_does_not_wait_for_a_body_that_nobody_reads() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    let body = vec![b'x'; 10 << 20];
    let mut bytes = Vec::new();
    let asked = Asked {
        path: "/large",
        body: BodyLength::Known(body.len() as u64),
        ..Asked::default()
    };
    push_request(&mut bytes, 1, true, &client.params(asked));
    push_body(&mut bytes, 1, &body[..1000]);
    client.socket.write_all(&bytes).expect("sent");
    let answered = client.answer(1);
    assert_eq!(
        (answered.app_status, answered.body.len()),
        (Some(0), 10 << 20),
        "{}",
        rig.log()
    );
    // The rest may still come, and is passed over.
    let mut rest = Vec::new();
    push_body(&mut rest, 1, &body[1000..200_000]);
    mod_rwsgi::fcgi::client::push_body_end(&mut rest, 1);
    client.socket.write_all(&rest).expect("sent");
    assert_eq!(client.get("/hello").body, b"hello\n");
}

#[test]
fn streams_and_files_are_complete() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    assert_eq!(client.get("/stream").body, b"0,1,2,3,4,");
    let answered = client.get("/file");
    assert!(answered.body.starts_with(b"r\"\"\"OS routines"), "{answered:?}");
    let declared = format!("Content-Length: {}", answered.body.len());
    assert!(answered.head.contains(&declared), "{}", answered.head);
}

#[test]
fn failures_are_told_by_the_status_of_the_application() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    for (path, status, logged) in [
        ("/raises", 500, "WSGI0174"),
        ("/raises_late", 1, "WSGI0174"),
        ("/bad_header", 500, "WSGI0174"),
        ("/short", 1, "WSGI1005"),
    ] {
        let answered = client.get(path);
        assert_eq!(answered.app_status, Some(status), "{path} {answered:?}");
        assert!(
            answered.log.iter().any(|line| line.contains(logged)),
            "{path} {answered:?}"
        );
        assert_eq!(answered.head.is_empty(), status == 500, "{path}");
    }
    assert_eq!(client.get("/short").body, b"12345");
    assert_eq!(client.get("/hello").body, b"hello\n");
}

#[test]
fn lines_of_a_request_travel_with_its_answer() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let answered = rig.connect().get("/log");
    for line in ["to errors", "to stdout"] {
        assert!(
            answered.log.iter().any(|logged| logged.ends_with(line)),
            "{answered:?}"
        );
    }
    assert_eq!(text(&answered), "logged");
    assert!(!rig.log().contains("to errors"));
}

#[test]
fn a_body_that_breaks_off_is_an_error_of_reading() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    let mut bytes = Vec::new();
    let asked = Asked {
        path: "/read_gone",
        body: BodyLength::Known(100),
        ..Asked::default()
    };
    push_request(&mut bytes, 1, true, &client.params(asked));
    push_body(&mut bytes, 1, b"some");
    client.socket.write_all(&bytes).expect("sent");
    client.socket.shutdown(std::net::Shutdown::Write).expect("shut");
    rig.wait_for_log("OSError: ");
    assert_eq!(rig.connect().get("/hello").body, b"hello\n");
}

#[test]
fn application_groups_are_interpreters() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    let answered = client.ask(Asked {
        path: "/facts",
        group: "other",
        ..Asked::default()
    });
    assert!(
        text(&answered).contains("'group': ('tests', 'other', 3)"),
        "{answered:?}"
    );
}

#[test]
fn a_slot_is_marked_while_its_request_runs() {
    let app = "
import threading, time
def application(environ, start_response):
    start_response('200 OK', [])
    yield b'running'
    environ['wsgi.input'].read()
";
    let Some(rig) = Rig::start(app, |_| {}) else {
        return;
    };
    let board = rig.board();
    board.position(0).expect("there").set_state(PositionState::Ready);
    let grant = board.reserve(1, clock::millis()).expect("a slot");
    let slot = board.slot(grant.position, grant.slot).expect("there");
    let mut client = rig.connect();
    let id = u16::try_from(grant.slot + 1).expect("small");
    let mut bytes = Vec::new();
    let asked = Asked {
        body: BodyLength::Open,
        ..Asked::default()
    };
    push_request(&mut bytes, id, true, &client.params(asked));
    client.socket.write_all(&bytes).expect("sent");
    let mut first = [0; 8];
    std::io::Read::read_exact(&mut client.socket, &mut first).expect("it runs");
    assert_eq!(slot.state(), SlotState::Running);
    let mut end = Vec::new();
    mod_rwsgi::fcgi::client::push_body_end(&mut end, id);
    client.socket.write_all(&end).expect("sent");
    // The rest of the record whose header was read, then the end of the request.
    let mut rest = Vec::new();
    let mut buffer = [0; 1024];
    while !rest.ends_with(&[0, 0, 0, 0, 0, 0, 0, 0]) {
        let read = std::io::Read::read(&mut client.socket, &mut buffer).expect("reads");
        rest.extend_from_slice(&buffer[..read]);
    }
    assert_eq!(slot.state(), SlotState::Done);
}

#[test]
fn another_version_of_a_script_is_reported_once_and_not_loaded() {
    let Some(mut rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    assert_eq!(client.get("/hello").app_status, Some(0));
    assert!(matches!(rig.next_message(), FromWorker::Loading { .. }));
    assert!(matches!(
        rig.next_message(),
        FromWorker::Loaded { success: true, .. }
    ));
    std::fs::write(rig.script(), "raise ValueError('another version')").expect("written");
    for stamp in [2, 2, 3] {
        let answered = client.ask(Asked {
            path: "/hello",
            stamp,
            ..Asked::default()
        });
        assert_eq!(answered.body, b"hello\n");
    }
    for _ in 0..2 {
        match rig.next_message() {
            FromWorker::Outdated { import } => assert_eq!(import.script, rig.script()),
            other => panic!("{other:?}"),
        }
    }
    assert!(rig.stop("script_reload").success());
    assert!(rig.channel.receive().expect("ends").is_none());
}

#[test]
fn more_connections_than_threads_lose_nothing() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let body = vec![b'b'; 20_000];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let mut client = rig.connect();
            let body = &body;
            scope.spawn(move || {
                for number in 0..200 {
                    if number % 4 == 0 {
                        assert!(client.post("/echo", body).body == *body);
                    } else {
                        assert_eq!(client.get("/hello").body, b"hello\n");
                    }
                }
            });
        }
    });
    assert_eq!(rig.board().position(0).expect("there").served(), 8 * 200);
}
