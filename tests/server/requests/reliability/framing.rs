//! Where a request's body ends.

use std::thread;
use std::time::Duration;

use super::super::mounted;
use super::{calls, echo, echoes, refuses};
use crate::modes::Mode;
use rwsgi_harness::{Builder, Server};

const CLOSE: Duration = Duration::from_secs(5);

fn post(fields: &str, body: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n{body}")
}

#[test]
fn r01_content_length_with_transfer_encoding() {
    let server = echo().start();
    let mut connection = server.connect();
    connection.send_lossy(post(
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ));
    let response = connection.response();
    if response.status == 200 {
        assert!(
            response
                .text()
                .contains("length=None host=localhost body=b'hello' size=5"),
            "{}",
            response.text()
        );
    } else {
        assert_eq!(response.status, 400);
    }
    assert!(
        connection.closes_within(CLOSE),
        "what follows must not be taken for a request"
    );
    assert!(calls(&server) <= 1);
    server.finish();
}

#[test]
fn r02_transfer_encoding_that_does_not_end_in_chunked() {
    let server = echo().allow_log("AH|WSGI0138").start();
    for coding in [
        "gzip",
        "chunked, chunked",
        "xchunked",
        "chunked, gzip",
        "chunked;q=1",
        "\"chunked\"",
        "identity",
    ] {
        refuses(
            &server,
            post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n").as_bytes(),
            &[400, 501],
        );
    }
    server.finish();
}

#[test]
fn r02_folded_transfer_encoding_is_refused_or_understood() {
    let server = echo().start();
    let mut connection = server.connect();
    connection.send_lossy(post(
        "Transfer-Encoding:\r\n chunked\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
    ));
    let response = connection.response();
    let understood = response.status == 200 && response.text().ends_with("body=b'hello' size=5");
    assert!(understood || response.status == 400, "{response:?}");
    server.finish();
}

#[test]
fn r02_transfer_encoding_in_http_1_0() {
    let server = echo().allow_log("AH|WSGI0138").start();
    let mut connection = server.connect();
    connection.send_lossy("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let response = connection.response();
    assert!([200, 400, 501].contains(&response.status), "{response:?}");
    assert!(connection.closes_within(CLOSE));
    server.finish();
}

#[test]
fn r03_content_length_is_digits_only() {
    let server = echo().allow_log("AH|WSGI0141").start();
    for length in [
        "-1",
        "+1",
        "0x1",
        "1_0",
        "1 0",
        "1,1",
        "1;",
        "",
        "9223372036854775808",
        "18446744073709551616",
    ] {
        refuses(
            &server,
            post(&format!("Content-Length: {length}\r\n"), "x").as_bytes(),
            &[400, 413],
        );
    }
    refuses(
        &server,
        post("Content-Length: 1\r\nContent-Length: 2\r\n", "xy").as_bytes(),
        &[400],
    );
    refuses(
        &server,
        post("Content-Length: 1\r\nContent-Length: 1\r\n", "x").as_bytes(),
        &[400],
    );
    server.finish();
}

#[test]
fn r04_legal_chunk_sizes_are_decoded() {
    let server = echo().start();
    for size in ["5", "05", "5;extension", "5;name=value", "5 ", "0000000005"] {
        let request = post(
            "Transfer-Encoding: chunked\r\n",
            &format!("{size}\r\nhello\r\n0\r\n\r\n"),
        );
        let text = echoes(&server, request).text();
        assert!(text.ends_with("body=b'hello' size=5"), "{size:?}: {text}");
    }
    server.finish();
}

/// An application that lets the exception of a failed read pass: the client's fault, so a traceback
/// may be logged but need not.
fn uncaught() -> Builder {
    echo().allow_log("AH|WSGI1011")
}

#[test]
fn r04_illegal_chunk_sizes_are_refused() {
    let server = uncaught().start();
    for chunk in [
        "+5\r\nhello",
        "0x5\r\nhello",
        "-5\r\nhello",
        "g\r\nhello",
        "11111111111111111\r\nhello",
        "\r\nhello",
    ] {
        let mut connection = server.connect();
        connection.send_lossy(post(
            "Transfer-Encoding: chunked\r\n",
            &format!("{chunk}\r\n0\r\n\r\n"),
        ));
        let response = connection.response();
        assert!([400, 413].contains(&response.status), "{chunk:?}: {response:?}");
        assert!(connection.closes_within(CLOSE), "{chunk:?}");
    }
    calls(&server);
    server.finish();
}

#[test]
fn r05_body_shorter_than_content_length() {
    let server = uncaught().start();
    let mut connection = server.connect();
    connection.send_lossy(post("Content-Length: 100\r\n", "part"));
    connection.finish_sending();
    let response = connection.response();
    assert_eq!(response.status, 400, "{response:?}");
    assert!(connection.closes_within(CLOSE));
    calls(&server);
    server.finish();
}

#[test]
fn r05_body_that_stops_is_bounded_by_timeout() {
    let server = uncaught().config("Timeout 1").start();
    let mut connection = server.connect();
    connection.send_lossy(post("Content-Length: 100\r\n", "part"));
    let response = connection.response();
    assert!([400, 408, 500].contains(&response.status), "{response:?}");
    assert!(connection.closes_within(CLOSE));
    calls(&server);
    server.finish();
}

#[test]
fn r06_body_longer_than_content_length_is_the_next_request() {
    let server = echo().start();
    let mut connection = server.connect();
    connection.send_lossy(post(
        "Content-Length: 3\r\n",
        "oneGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ));
    assert!(connection.response().text().ends_with("body=b'one' size=3"));
    assert!(connection.response().text().contains("GET '' '/next'"));
    server.finish();
}

#[test]
fn r07_pipelined_requests_stop_at_the_first_invalid_one() {
    let server = echo().start();
    let valid = |number: u32| format!("GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut bytes = valid(1) + &valid(2) + "GET /3 HTTP/1.1\r\nBad Header\r\n\r\n";
    bytes.extend((4..=100).map(valid));
    let mut connection = server.connect();
    connection.send_lossy(bytes);
    for number in 1..=2 {
        assert!(connection.response().text().contains(&format!("'/{number}'")));
    }
    assert_eq!(connection.response().status, 400);
    assert!(connection.closes_within(CLOSE));
    assert_eq!(calls(&server), 2);
    server.finish();
}

#[test]
fn r08_large_body_that_the_application_ignores() {
    let server = mounted("input_cases.py").start();
    let mut connection = server.connect();
    let stream = connection.stream().clone();
    let size = 64 << 20;
    connection.send_lossy(format!(
        "POST /sub/ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    ));
    let sender = thread::spawn(move || {
        use std::io::Write;
        let piece = vec![b'x'; 1 << 20];
        (0..64)
            .take_while(|_| (&*stream).write_all(&piece).is_ok())
            .count()
    });
    assert_eq!(connection.response().text(), "'ignored'");
    sender.join().expect("the sender ends");
    assert_eq!(server.get("/sub/ignore").text(), "'ignored'");
    server.finish();
}

#[test]
fn r12_expect_continue_and_an_answer_without_reading() {
    let server = super::super::server()
        .app(
            "refuse.py",
            "def application(environ, start_response):\n    \
                 start_response('401 Unauthorized', [('WWW-Authenticate', 'Basic realm=x'), ('Content-Length', '2')])\n    \
                 return [b'no']\n",
        )
        .config("WSGIScriptAlias / ${APPS}/refuse.py");
    let server = super::super::streaming(server).start();
    let mut connection = server.connect();
    connection.send_lossy(post("Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
    let response = connection.response();
    assert_eq!((response.status, response.text().as_str()), (401, "no"));
    // A process elsewhere may take so long to say so that the client is asked for its body.
    assert!(response.interim.is_empty() || super::super::mode() == Mode::Daemon);
    assert!(
        connection.closes_within(CLOSE),
        "the body that was not sent must not be waited for"
    );
    server.finish();
}

#[test]
fn r12_expect_something_else() {
    let server = echo().allow_log("AH").start();
    refuses(
        &server,
        post("Expect: foo\r\nContent-Length: 1\r\n", "x").as_bytes(),
        &[417],
    );
    server.finish();
}

#[test]
fn r13_trailers_never_reach_the_environ() {
    let server = super::super::server()
        .config("WSGIScriptAlias / ${APPS}/environ_dump.py\nWSGIChunkedRequest On")
        .allow_log("AH")
        .start();
    let request = |server: &Server, trailers: &str| {
        let mut connection = server.connect();
        connection.send_lossy(post(
            "Transfer-Encoding: chunked\r\n",
            &format!("4\r\nbody\r\n0\r\n{trailers}\r\n"),
        ));
        connection.response()
    };
    let response = request(&server, "X-Trailer: late\r\n");
    assert!(
        response.text().contains("(body) = b'body'") && !response.text().contains("late"),
        "{}",
        response.text()
    );
    for field in [
        "Content-Length: 99",
        "Host: evil",
        "Authorization: Basic c2VjcmV0",
        "Transfer-Encoding: gzip",
    ] {
        let response = request(&server, &format!("{field}\r\n"));
        let text = response.text();
        assert!([200, 400].contains(&response.status), "{response:?}");
        let value = field.split(": ").nth(1).expect("a value");
        assert!(!text.contains(&format!("'{value}'")), "{text}");
    }
    server.finish();
}
