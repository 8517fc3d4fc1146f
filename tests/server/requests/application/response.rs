//! What the application returns: W-10, W-30 to W-33.

use std::time::Duration;

use super::super::GROUPS;
use super::{answers, both, cases, count, failing, fails, truncates};
use rwsgi_harness::{Connection, Framing, Server, wait_until};

#[test]
fn w10_results_that_are_no_iterable_of_bytes() {
    let server = failing().start();
    for number in 0..count(&server, "returns_count") {
        fails(&server, &format!("returns?{number}"), "TypeError: ");
    }
    for case in ["returns_text_generator", "returns_bytes"] {
        fails(&server, case, "TypeError: response iterable must yield bytes");
    }
    truncates(&server, "returns_text_later", "part");
    server.finish();
}

#[test]
fn w10_results_that_are_unusual_but_fine() {
    let server = cases().start();
    answers(&server, "returns_dict_of_bytes", "key");
    answers(&server, "returns_without_close", "noclose");
    server.finish();
}

/// A client that leaves ends the response, and the process is free again.
fn ends_with_the_client(case: &str, read: usize, leave: fn(Connection)) {
    let server = cases().start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!("GET {group}/{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        connection.bytes(read).expect("the response begins");
        leave(connection);
        let closed = wait_until(Duration::from_secs(5), || {
            server.get(&format!("{group}/events")).text() == "close"
        });
        assert!(closed, "{group}/{case} went on after its client had left");
    }
    server.finish();
}

#[test]
fn w11_endless_data_ends_with_the_client() {
    ends_with_the_client("data_for_ever", 100_000, Connection::reset);
}

#[test]
fn w11_endless_empty_items_end_with_the_client() {
    ends_with_the_client("empty_for_ever", 0, Connection::reset);
}

/// It might still read, but an application that says nothing need not wait to find out.
#[test]
fn w11_endless_empty_items_end_with_a_client_that_closes_in_order() {
    ends_with_the_client("empty_for_ever", 0, drop);
}

#[test]
fn w11_empty_item_before_start_response() {
    let server = cases().start();
    answers(&server, "empty_then_start", "late");
    server.finish();
}

#[test]
fn w12_exceptions_by_place() {
    let server = failing().start();
    for place in ["iter", "first"] {
        fails(
            &server,
            &format!("raising?{place}"),
            &format!("ValueError: secret in {place}"),
        );
    }
    truncates(&server, "raising?later", "part");
    server.wait_for_log("ValueError: secret in later");
    answers(&server, "raising?close", "part");
    server.wait_for_log("ValueError: secret in close");
    answers(&server, "raising?after%20the%20end", "part");
    assert!(
        server.logs_matching("secret after the end").is_empty(),
        "an iterator that has ended is not asked again"
    );
    for response in both(&server, "events") {
        assert_eq!(
            response.text(),
            "iter first later close after the end",
            "close() is called once each time"
        );
    }
    server.finish();
}

#[test]
fn w30_file_wrapper_over_odd_files() {
    let server = failing().allow_log("WSGI100[56]").start();
    answers(&server, "wraps_noted", "noted");
    for response in both(&server, "events") {
        assert_eq!(response.text(), "file closed", "the file is closed once");
    }
    answers(&server, "wraps_pipe", "through a pipe");
    fails(&server, "wraps_closed", "ValueError: ");
    fails(&server, "wraps_bad_read", "OSError: secret in read");
    for response in both(&server, "wraps_too_long") {
        assert_eq!(
            (response.framing, response.text().as_str()),
            (Framing::Length(9), "12345")
        );
        assert!(!response.complete, "what is short has to look short");
    }
    server.finish();
}

#[test]
fn w30_file_wrapper_beyond_four_gibibytes() {
    let server = cases().start();
    answers(&server, "wraps_sparse?end", "\0\0\0\0\0");
    for group in GROUPS {
        let mut connection = server.connect();
        let head = server
            .request("HEAD", &format!("{group}/wraps_sparse"))
            .send_on(&mut connection);
        assert_eq!(head.header("Content-Length"), Some("4294967306"));
        assert_eq!(connection.get(&format!("{group}/fine")).text(), "fine");
    }
    server.finish();
}

#[test]
fn w30_file_wrapper_over_a_file_that_shrinks() {
    for filter in ["", "SetOutputFilter DEFLATE"] {
        let server = failing()
            .module("deflate")
            .config(filter)
            .allow_log("WSGI1005|AH")
            .start();
        shrinks(server, filter.is_empty());
    }
}

/// A file loses its content while it is sent. `is_plain` is whether nobody reads it but the kernel.
#[track_caller]
fn shrinks(server: Server, is_plain: bool) {
    let before = (super::pid(&server), server.children());
    for group in GROUPS {
        let mut connection = server.connect();
        let more = if is_plain {
            ""
        } else {
            "Accept-Encoding: gzip\r\nConnection: close\r\n"
        };
        connection.send_lossy(format!(
            "GET {group}/wraps_shrinking HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"
        ));
        let head = connection.next_head().expect("the response begins");
        if is_plain {
            assert_eq!(head.header("Content-Length"), Some("67108864"));
        }
        assert_eq!(server.get(&format!("{group}/shrink")).text(), "fine");
        let rest = connection.rest().len();
        assert!(rest < 64 << 20, "{rest} bytes of a file that lost them");
    }
    let (pid, children) = before;
    assert_eq!(super::pid(&server), pid, "no SIGBUS");
    let living = server.children();
    assert!(children.iter().all(|child| living.contains(child)), "no SIGBUS");
    server.finish();
}

#[test]
fn w31_iterables_that_lie() {
    let server = failing().start();
    for number in 0..3 {
        answers(&server, &format!("odd_iterable?{number}"), "one two");
    }
    answers(&server, "odd_iterable?3", "one two");
    server.wait_for_log("WSGI0194");
    server.wait_for_log("ValueError: secret in close lookup");
    server.finish();
}

#[test]
fn w32_location_is_passed_on() {
    let server = cases().start();
    for (code, target) in [
        (200, "/main/fine"),
        (302, "/main/fine"),
        (302, "../elsewhere"),
        (301, "//evil.example/"),
        (307, "/with?query=1"),
        (302, ""),
    ] {
        for response in both(&server, &format!("location?{code};{target}")) {
            assert_eq!(
                (response.status, response.text().as_str()),
                (code, "body"),
                "{target}"
            );
            assert_eq!(
                response.header("Location"),
                (!target.is_empty()).then_some(target)
            );
        }
    }
    server.finish();
}

#[test]
fn w33_interim_status_is_refused() {
    let server = failing().start();
    for status in [
        "100%20Continue",
        "102%20Processing",
        "103%20Early%20Hints",
        "199%20x",
    ] {
        fails(&server, &format!("status?{status}"), "exception");
        for response in both(&server, &format!("status?{status}")) {
            assert!(response.interim.is_empty(), "{response:?}");
        }
    }
    server.finish();
}
