//! Reading the request's body.

use std::time::Duration;

use super::{GROUPS, mode, mounted, streaming};
use crate::modes::Mode;
use rwsgi_harness::{Builder, Server, wait_for, wait_until};

const BODY: &str = "one\ntwo\nthree";

fn builder() -> Builder {
    mounted("input_cases.py").config("<Location />\nWSGIChunkedRequest On\n</Location>")
}

/// The result of a case over [`BODY`], sent whole and in chunks, read in both interpreters.
#[track_caller]
fn reads(case: &str, expected: &str) {
    let server = builder().start();
    for group in GROUPS {
        let target = format!("{group}/{case}");
        let whole = server.request("POST", &target).body(BODY).send();
        assert_eq!(whole.text(), expected, "Content-Length");
        let chunks = server
            .request("POST", &target)
            .chunks(["o", "ne\nt", "wo\n", "thr", "ee"])
            .send();
        assert_eq!(chunks.text(), expected, "chunked");
    }
    server.finish();
}

#[test]
fn input_read() {
    reads("read_all", r"b'one\ntwo\nthree'");
}

#[test]
fn input_read_minus_one() {
    reads("read_minus_one", r"b'one\ntwo\nthree'");
}

#[test]
fn input_read_none() {
    reads("read_none", r"b'one\ntwo\nthree'");
}

#[test]
fn input_read_zero() {
    reads("read_zero", r"[b'', b'one\ntwo\nthree']");
}

#[test]
fn input_read_exact() {
    reads("read_exact", r"[b'one\n', b'two']");
}

#[test]
fn input_read_past_the_end() {
    reads(
        "read_past_the_end",
        r"[b'one\ntwo\nthree', b'', b'', b'', [], []]",
    );
}

#[test]
fn input_read_in_pieces() {
    reads("read_in_threes", r"[b'one', b'\ntw', b'o\nt', b'hre', b'e']");
}

#[test]
fn input_readline() {
    reads("readline", r"[b'one\n', b'two\n', b'three', b'']");
}

#[test]
fn input_readline_sized() {
    reads("readline_sized", r"[b'on', b'e\n', b'', b'two\n', b'three']");
}

#[test]
fn input_readlines() {
    reads("readlines", r"[b'one\n', b'two\n', b'three']");
}

#[test]
fn input_readlines_with_a_hint() {
    reads("readlines_hint", r"[[b'one\n'], [b'two\n', b'three']]");
}

#[test]
fn input_iteration() {
    reads("iterate", r"[b'one\n', b'two\n', b'three']");
}

#[test]
fn input_iteration_after_read() {
    reads(
        "iterate_after_read",
        r"[b'o', b'ne\n', b't', [b'wo\n', b'three']]",
    );
}

#[test]
fn input_is_its_own_iterator() {
    reads("is_its_own_iterator", "True");
}

#[test]
fn input_close_changes_nothing() {
    reads("close_then_read", r"[None, b'one\ntwo\nthree']");
}

#[test]
fn input_has_no_file_methods() {
    reads("absent_methods", "[]");
}

/// An exception of this class.
#[track_caller]
fn raises(case: &str, class: &str) {
    let server = builder().start();
    for group in GROUPS {
        let text = server
            .request("POST", &format!("{group}/{case}"))
            .body(BODY)
            .send()
            .text();
        assert!(text.contains(&format!("{class}: ")), "{text}");
    }
    server.finish();
}

#[test]
fn input_takes_no_keyword_arguments() {
    raises("keyword_argument", "TypeError");
}

#[test]
fn input_takes_only_numbers() {
    raises("bad_argument", "TypeError");
}

#[test]
fn input_without_a_body_is_empty() {
    let server = builder().start();
    for group in GROUPS {
        for case in ["read_all", "readline", "iterate"] {
            let expected = match case {
                "read_all" => "b''",
                "readline" => "[b'', b'', b'', b'']",
                _ => "[]",
            };
            assert_eq!(server.get(&format!("{group}/{case}")).text(), expected);
            assert_eq!(
                server
                    .request("POST", &format!("{group}/{case}"))
                    .body("")
                    .send()
                    .text(),
                expected
            );
        }
    }
    server.finish();
}

#[test]
fn input_after_the_request() {
    let server = builder().one_process().start();
    for group in GROUPS {
        server.request("POST", &format!("{group}/keep")).body(BODY).send();
        let text = server
            .request("POST", &format!("{group}/use_kept"))
            .body("another body")
            .send()
            .text();
        assert_eq!(text.matches("RuntimeError: ").count(), 4, "{text}");
        assert!(
            text.contains("read() called on wsgi.input after request completed"),
            "{text}"
        );
        assert!(!text.contains("another"), "{text}");
    }
    server.finish();
}

#[test]
fn input_large_bodies_arrive_whole() {
    let server = builder().start();
    let body = "0123456789abcdef".repeat(1 << 16);
    let length = body.len().to_string();
    for group in GROUPS {
        let target = format!("{group}/length");
        assert_eq!(server.request("POST", &target).body(&body).send().text(), length);
        let chunks = body.as_bytes().chunks(7001);
        assert_eq!(
            server.request("POST", &target).chunks(chunks).send().text(),
            length
        );
    }
    server.finish();
}

#[test]
fn input_unread_body_leaves_the_connection_in_step() {
    let server = builder().start();
    for group in GROUPS {
        let mut connection = server.connect();
        let target = format!("{group}/ignore");
        let first = server
            .request("POST", &target)
            .body(BODY)
            .send_on(&mut connection);
        assert_eq!(first.text(), "'ignored'");
        let second = server
            .request("POST", &target)
            .chunks(["GET / HTTP/1.1\r\n\r\n"])
            .send_on(&mut connection);
        assert_eq!(second.text(), "'ignored'");
        if !second.says_close() {
            assert_eq!(connection.get(&target).text(), "'ignored'");
        }
    }
    server.finish();
}

#[test]
fn input_body_cut_short_raises_an_os_error_for_ever() {
    let server = streaming(builder().one_process()).start();
    server.allow_log("AH");
    for group in GROUPS {
        for head in [
            "Content-Length: 100\r\n\r\npart",
            "Transfer-Encoding: chunked\r\n\r\n64\r\npart",
        ] {
            let mut connection = server.connect();
            connection.send_lossy(format!(
                "POST {group}/remember HTTP/1.1\r\nHost: localhost\r\n{head}"
            ));
            connection.finish_sending();
            connection.rest();
            let seen = wait_for(Duration::from_secs(10), || {
                let text = server.get(&format!("{group}/remembered")).text();
                (text != "None").then_some(text)
            });
            let seen = seen.expect("the application gets an answer");
            assert_eq!(
                seen.matches("OSError: mod_wsgi request data read error").count(),
                2,
                "{head}: {seen}"
            );
        }
    }
    server.finish();
}

#[test]
fn input_malformed_chunk_raises_an_os_error() {
    let server = streaming(builder().one_process()).start();
    server.allow_log("AH");
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "POST {group}/remember HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nZZ\r\n"
        ));
        connection.finish_sending();
        connection.rest();
        let seen = wait_until(Duration::from_secs(10), || {
            let text = server.get(&format!("{group}/remembered")).text();
            text.contains("OSError: mod_wsgi request data read error")
        });
        assert!(seen, "the application got no error");
    }
    server.finish();
}

fn expect_continue(server: &Server, target: &str) -> rwsgi_harness::Connection {
    let mut connection = server.connect();
    connection.send_lossy(format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    ));
    connection
}

#[test]
fn input_continue_is_sent_at_the_first_read() {
    let server = builder().start();
    for group in GROUPS {
        for case in ["read_all", "read_zero", "iterate", "readline"] {
            let mut connection = expect_continue(&server, &format!("{group}/{case}"));
            assert_eq!(
                connection.next_head().expect("an interim response").status,
                100,
                "{case}"
            );
            connection.send_lossy("one");
            let response = connection.response();
            assert!(response.text().contains("b'one'"), "{case}: {}", response.text());
        }
    }
    server.finish();
}

#[test]
fn input_continue_is_not_sent_when_nothing_is_read() {
    let server = streaming(builder()).start();
    for group in GROUPS {
        let response = expect_continue(&server, &format!("{group}/ignore")).response();
        assert_eq!(response.status, 200);
        // A process elsewhere may take so long to say so that the client is asked for its body.
        assert!(
            response.interim.is_empty() || mode() == Mode::Daemon,
            "{response:?}"
        );
        assert_eq!(response.text(), "'ignored'");
    }
    server.finish();
}
