//! `write()` and iteration: order, flushing, and clients that leave.

use std::time::Duration;

use super::{GROUPS, mounted};
use rwsgi_harness::{Response, Server, wait_for};

fn start() -> Server {
    mounted("write_cases.py").one_process().start()
}

#[track_caller]
fn sends(case: &str) -> Response {
    let server = start();
    let [main, sub] = GROUPS.map(|group| server.get(&format!("{group}/{case}")));
    assert!(main.complete && sub.complete);
    assert_eq!((main.status, main.text()), (sub.status, sub.text()));
    server.finish();
    sub
}

/// The first piece arrives while the application still waits for another request to let it go on.
#[track_caller]
fn arrives_before_the_rest(case: &str) {
    let server = start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {group}/{case}?{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        assert_eq!(connection.next_head().expect("headers").status, 200);
        assert_eq!(connection.bytes(11).expect("a chunk"), b"6\r\nfirst \r\n");
        assert_eq!(server.get(&format!("{group}/open_gate?{case}")).text(), "open");
        assert_eq!(
            connection.bytes(16).expect("the rest"),
            b"6\r\nsecond\r\n0\r\n\r\n"
        );
    }
    server.finish();
}

#[test]
fn write_is_sent_at_once() {
    arrives_before_the_rest("write_is_sent_at_once");
}

#[test]
fn iteration_item_is_sent_at_once() {
    arrives_before_the_rest("item_is_sent_at_once");
}

#[test]
fn iteration_empty_item_does_not_send_headers() {
    let response = sends("empty_item_sends_nothing");
    assert_eq!((response.status, response.text().as_str()), (201, "replaced"));
}

#[test]
fn write_and_iteration_keep_their_order() {
    assert_eq!(sends("mixed").text(), "one two three four five");
}

#[test]
fn write_alone() {
    assert_eq!(sends("write_only").text(), "onetwosix");
}

#[test]
fn write_of_nothing() {
    assert_eq!(sends("write_empty").text(), "after");
}

#[test]
fn write_str() {
    assert_eq!(
        sends("write_str").text(),
        "TypeError: write() argument must be bytes, not str"
    );
}

#[test]
fn write_none() {
    assert_eq!(
        sends("write_none").text(),
        "TypeError: write() argument must be bytes, not NoneType"
    );
}

#[test]
fn write_bytearray() {
    assert_eq!(
        sends("write_bytearray").text(),
        "TypeError: write() argument must be bytes, not bytearray"
    );
}

#[test]
fn write_beyond_content_length_is_cut() {
    let server = start();
    server.expect_log("WSGI1006");
    for group in GROUPS {
        let mut connection = server.connect();
        assert_eq!(
            connection.get(&format!("{group}/write_beyond_length")).text(),
            "12345"
        );
        assert_eq!(connection.get(&format!("{group}/write_only")).text(), "onetwosix");
    }
    server.finish();
}

/// Leaves in the middle of an endless response; what the application noticed.
#[track_caller]
fn leaves(case: &str) -> Vec<String> {
    let server = start();
    let seen = GROUPS.map(|group| {
        let mut connection = server.connect();
        connection.send_lossy(format!("GET {group}/{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(connection.next_head().expect("headers").status, 200);
        connection.bytes(100_000).expect("a part of the body");
        connection.reset();
        let seen = wait_for(Duration::from_secs(10), || {
            let text = server.get(&format!("{group}/events")).text();
            (!text.is_empty()).then_some(text)
        });
        seen.unwrap_or_else(|| panic!("the application goes on although the client left"))
    });
    server.wait_for_access(&format!("/{case} HTTP/1.1\" 200"));
    assert!(server.logs_matching("Traceback").is_empty());
    server.finish();
    seen.to_vec()
}

#[test]
fn iteration_stops_when_the_client_leaves() {
    assert_eq!(leaves("endless"), ["close", "close"]);
}

#[test]
fn write_raises_when_the_client_leaves() {
    let expected = "OSError: mod_wsgi client connection closed";
    for seen in leaves("endless_write") {
        assert!(seen.starts_with(expected), "{seen}");
    }
}
