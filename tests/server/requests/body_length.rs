//! Bodies against their Content-Length: what is sent is never more, and never passes for complete when less.

use super::outcome::{CLOSE, start, succeeds};
use super::{GROUPS, assert_error_page, server};
use rwsgi_harness::Framing;

/// A Content-Length that is no length: 500, and never on the wire.
#[track_caller]
fn refuses_length(case: &str) {
    let server = start();
    for group in GROUPS {
        assert_error_page(&server.get(&format!("{group}/{case}")), 500);
    }
    server.expect_log("invalid Content-Length header value");
    server.allow_log("Traceback|^ |exception raised");
    server.finish();
}

#[test]
fn outcome_content_length_letters() {
    refuses_length("length_letters");
}

#[test]
fn outcome_content_length_empty() {
    refuses_length("length_empty");
}

#[test]
fn outcome_content_length_negative() {
    refuses_length("length_negative");
}

#[test]
fn outcome_content_length_plus() {
    refuses_length("length_plus");
}

#[test]
fn outcome_content_length_hexadecimal() {
    refuses_length("length_hex");
}

#[test]
fn outcome_content_length_underscore() {
    refuses_length("length_underscore");
}

#[test]
fn outcome_content_length_list() {
    refuses_length("length_list");
}

#[test]
fn outcome_content_length_huge() {
    refuses_length("length_huge");
}

#[test]
fn outcome_content_length_twice_different() {
    refuses_length("length_twice_different");
}

#[test]
fn outcome_content_length_twice_equal_is_sent_once() {
    let response = succeeds("length_twice_equal");
    assert_eq!(response.header_all("Content-Length"), ["5"]);
}

#[test]
fn outcome_content_length_exact() {
    let response = succeeds("length_exact");
    assert_eq!(
        (response.framing, response.text().as_str()),
        (Framing::Length(5), "12345")
    );
}

#[test]
fn outcome_body_longer_than_content_length_is_cut() {
    let server = start();
    server.expect_log("WSGI1006");
    for group in GROUPS {
        for (case, body) in [
            ("length_shorter_than_body", "123"),
            ("length_zero_with_body", ""),
            ("stream_longer_than_length", "12345"),
        ] {
            let mut connection = server.connect();
            let response = connection.get(&format!("{group}/{case}"));
            assert_eq!(
                (response.text().as_str(), response.complete),
                (body, true),
                "{case}"
            );
            assert_eq!(
                connection.get(&format!("{group}/hello")).text(),
                "hello\n",
                "{case}: out of step"
            );
        }
    }
    assert_eq!(
        server.logs_matching("WSGI1006").len(),
        3 * GROUPS.len(),
        "one line an event"
    );
    server.finish();
}

/// A body shorter than its Content-Length.
#[track_caller]
fn falls_short(case: &str, body: &str) {
    let server = start();
    server.expect_log("WSGI1005");
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!("GET {group}/{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        connection.send_lossy(format!("GET {group}/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = connection.response();
        assert_eq!(
            (response.framing, response.text().as_str()),
            (Framing::Length(9), body)
        );
        assert!(!response.complete, "the next response was spliced into it");
        assert!(connection.closes_within(CLOSE));
    }
    assert_eq!(
        server.logs_matching("WSGI1005").len(),
        GROUPS.len(),
        "one line an event"
    );
    server.finish();
}

#[test]
fn outcome_body_shorter_than_content_length_closes() {
    falls_short("length_longer_than_body", "12345");
}

#[test]
fn outcome_no_body_though_content_length_is_never_a_complete_response() {
    let server = start();
    server.expect_log("WSGI1005");
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {group}/length_longer_than_empty_body HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        connection.send_lossy(format!("GET {group}/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = connection.response();
        let refused = response.status == 500;
        assert!(
            refused || (!response.complete && response.body.is_empty()),
            "{response:?}"
        );
        assert!(refused || connection.closes_within(CLOSE));
    }
    server.finish();
}

#[test]
fn outcome_transfer_encoding_does_not_beat_content_length() {
    let server = start();
    server.expect_log("WSGI1007");
    for group in GROUPS {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/transfer_encoding_and_length"));
        assert_eq!(
            (response.framing, response.text().as_str()),
            (Framing::Length(5), "hello")
        );
        assert_eq!(connection.get(&format!("{group}/hello")).text(), "hello\n");
    }
    server.finish();
}

/// What a filter makes of the body decides, whatever the application declared.
#[test]
fn outcome_declared_length_gives_way_to_a_content_filter() {
    let server = server()
        .module("filter")
        .module("deflate")
        .config("SetOutputFilter DEFLATE")
        .app(
            "declare.py",
            "BODY = b'x' * 3000\n\
             def application(environ, start_response):\n    \
                 start_response('200 OK', [('Content-Length', str(len(BODY)))])\n    \
                 return [BODY]\n",
        )
        .config("WSGIScriptAlias /main ${APPS}/declare.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/declare.py")
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        let plain = connection.get(group);
        assert_eq!((plain.framing, plain.body.len()), (Framing::Length(3000), 3000));
        let small = server
            .request("GET", group)
            .header("Accept-Encoding", "gzip")
            .send_on(&mut connection);
        assert_eq!(
            (small.status, small.header("Content-Encoding")),
            (200, Some("gzip"))
        );
        assert!(small.body.len() < 3000, "{}", small.body.len());
        assert_eq!(connection.get(group).body.len(), 3000);
    }
    server.finish();
}

#[test]
fn outcome_head_has_no_body_and_keeps_content_length() {
    let server = start();
    for group in GROUPS {
        let mut connection = server.connect();
        let response = server
            .request("HEAD", &format!("{group}/length_exact"))
            .send_on(&mut connection);
        assert_eq!(
            (response.status, response.header("Content-Length")),
            (200, Some("5"))
        );
        assert_eq!(connection.get(&format!("{group}/hello")).text(), "hello\n");
    }
    server.finish();
}
