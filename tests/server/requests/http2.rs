//! HTTP/2: large files, and clients that misbehave, which httpd refuses while the application is let go
//! of.

use std::time::Duration;

use super::{server, skips};
use rwsgi_harness::{Builder, Connection, Mpm, Server, httpd_module_exists, process, wait_until};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: [u8; 4] = 8_u32.to_be_bytes();

fn builder() -> Option<Builder> {
    if !httpd_module_exists("http2") {
        return skips("this httpd has no mod_http2");
    }
    Some(
        server()
            .mpm(Mpm::Event)
            .module("http2")
            .config("Protocols h2c http/1.1\nWSGIScriptAlias / ${APPS}/application_cases.py")
            .allow_log("AH|h2_|http2"),
    )
}

/// A frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a small payload")
        .to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals that are not indexed (RFC 7541, section 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("a short text"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

fn request(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", path),
    ];
    block(&[&fields[..], more].concat())
}

fn get(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &request(path, more))
}

/// A connection with the client's preface and these settings sent.
fn begin(server: &Server, settings: &[u8]) -> Connection {
    let mut connection = server.connect();
    connection.send_lossy(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.send_lossy(frame(SETTINGS, 0, 0, settings));
    connection
}

/// Stream, kind, flags and payload of the next frame; nothing when the connection ends.
fn next_frame(connection: &mut Connection) -> Option<(u32, u8, u8, Vec<u8>)> {
    let head = connection.bytes(9).ok().filter(|head| head.len() == 9)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let payload = connection.bytes(length as usize).ok()?;
    if head[3] == SETTINGS && head[4] == 0 {
        connection.send_lossy(frame(SETTINGS, 1, 0, b""));
    }
    Some((stream, head[3], head[4], payload))
}

/// The next frame of `stream`, or the GOAWAY or the end that came instead.
fn answer(connection: &mut Connection, stream: u32) -> Option<(u8, u8, Vec<u8>)> {
    loop {
        let (of, kind, flags, payload) = next_frame(connection)?;
        if of == stream || kind == GOAWAY {
            return Some((kind, flags, payload));
        }
    }
}

/// Whether the answer to a stream is a response of status 200 (its index in the static table, section 6.1).
fn succeeds(connection: &mut Connection, stream: u32) -> bool {
    answer(connection, stream).is_some_and(|(kind, _, payload)| kind == HEADERS && payload.contains(&0x88))
}

/// How often this happened in the application.
fn happened(server: &Server, event: &str) -> usize {
    server.get("/events_kept").text().matches(event).count()
}

/// Waits until so many requests have begun.
fn begun(server: &Server, count: usize) {
    assert!(wait_until(Duration::from_secs(5), || happened(server, "begun") == count));
}

/// The application is done with every request that began, at least `count`, and answers others.
fn goes_on(server: &Server, count: usize) {
    let over = || happened(server, "begun") == happened(server, "close");
    assert!(wait_until(Duration::from_secs(10), over), "aborted streams go on");
    assert!(happened(server, "close") >= count);
    assert_eq!(server.get("/fine").text(), "fine");
}

#[test]
fn r27_a_plain_request_and_te_trailers() {
    let Some(builder) = builder() else { return };
    let server = builder.start();
    let mut connection = begin(&server, b"");
    connection.send_lossy(get(1, "/fine", &[("te", "trailers")]));
    assert!(succeeds(&mut connection, 1));
    server.finish();
}

#[test]
fn r27_a56_rapid_reset() {
    let Some(builder) = builder() else { return };
    let server = builder.start();
    let children = server.children();
    for _ in 0..5 {
        let mut connection = begin(&server, b"");
        for number in 0..200 {
            let stream = 2 * number + 1;
            connection.send_lossy(get(stream, "/told_for_ever", &[]));
            connection.send_lossy(frame(RST_STREAM, 0, stream, &CANCEL));
        }
        connection.finish_sending();
        connection.rest();
    }
    goes_on(&server, 0);
    assert!(
        children.iter().all(|child| server.children().contains(child)),
        "a child died"
    );
    server.finish();
}

#[test]
fn r27_a56_streams_are_reset_while_they_are_answered() {
    let Some(builder) = builder() else { return };
    let server = builder.start();
    let mut connection = begin(&server, b"");
    for number in 0..4 {
        connection.send_lossy(get(2 * number + 1, "/told_for_ever", &[]));
    }
    begun(&server, 4);
    for number in 0..4 {
        connection.send_lossy(frame(RST_STREAM, 0, 2 * number + 1, &CANCEL));
    }
    goes_on(&server, 4);
    server.finish();
}

/// SETTINGS_INITIAL_WINDOW_SIZE 0: nothing may be sent, and then the client is gone.
#[test]
fn r27_zero_window() {
    let Some(builder) = builder() else { return };
    let server = builder.start();
    for number in 1..=3 {
        let mut connection = begin(&server, &[0, 4, 0, 0, 0, 0]);
        connection.send_lossy(get(1, "/told_for_ever", &[]));
        begun(&server, number);
        assert_eq!(server.get("/fine").text(), "fine");
        connection.reset();
        goes_on(&server, number);
    }
    server.finish();
}

#[test]
fn r27_requests_that_are_refused() {
    let Some(builder) = builder() else { return };
    let server = builder.start();
    for (what, bytes) in [
        ("upper case", get(1, "/fine", &[("X-Upper", "x")])),
        ("connection", get(1, "/fine", &[("connection", "close")])),
        ("te", get(1, "/fine", &[("te", "gzip")])),
        ("line feed", get(1, "/fine", &[("x-a", "b\nc: d")])),
        ("NUL", get(1, "/fine", &[("x-a", "b\0c")])),
        (
            "pseudo field late",
            get(1, "/fine", &[("x-a", "b"), (":path", "/pid")]),
        ),
        ("path with a space", get(1, "/fine and more", &[])),
        ("empty path", get(1, "", &[])),
        ("even stream", get(2, "/fine", &[])),
    ] {
        let mut connection = begin(&server, b"");
        connection.send_lossy(bytes);
        assert!(!succeeds(&mut connection, 1), "{what} reached the application");
    }
    goes_on(&server, 0);
    server.finish();
}

#[test]
fn r27_continuation_flood() {
    let Some(builder) = builder() else { return };
    let server = builder.start();
    let mut connection = begin(&server, b"");
    connection.send_lossy(frame(HEADERS, END_STREAM, 1, &request("/fine", &[])));
    let piece = frame(
        CONTINUATION,
        0,
        1,
        &block(&[("x-flood", &"f".repeat(100))]).repeat(100),
    );
    for _ in 0..2000 {
        if connection.send(&piece).is_err() {
            break;
        }
    }
    let answer = answer(&mut connection, 1);
    let refused = answer.is_none_or(|(kind, ..)| kind == GOAWAY || kind == RST_STREAM || kind == HEADERS);
    assert!(refused);
    goes_on(&server, 0);
    server.finish();
}

/// What is left of the body of a stream.
fn rest(connection: &mut Connection, stream: u32) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let (kind, flags, payload) = answer(connection, stream).expect("more of it");
        assert_eq!(kind, DATA);
        body.extend(payload);
        if flags & END_STREAM != 0 {
            return body;
        }
    }
}

/// Files follow their streams from one thread of httpd's to another, and are closed with them.
#[test]
fn a_large_file_is_whole_and_closed() {
    let Some(builder) = builder() else { return };
    let content: String = (0..1_500_000).map(|number| format!("{number:07}\n")).collect();
    let server = builder
        .file("data/large.bin", &content)
        .config("SetEnv file.large ${ROOT}/data/large.bin")
        .config_first("WSGIScriptAlias /files ${APPS}/file_wrapper_cases.py")
        .start();
    let open_files = || {
        let pids = server.children().into_iter().chain(server.workers());
        let descriptors = pids.flat_map(process::descriptors);
        descriptors.filter(|target| target.ends_with("large.bin")).count()
    };
    let largest = 0x7fff_ffff_u32.to_be_bytes();
    let windows = [&[0, 4][..], &largest].concat();
    let more = (0x7fff_ffff_u32 - 65_535).to_be_bytes();
    for leaves in [false, true] {
        let mut connection = begin(&server, &windows);
        connection.send_lossy(frame(WINDOW_UPDATE, 0, 0, &more));
        connection.send_lossy(get(1, "/files/large", &[]));
        assert!(succeeds(&mut connection, 1));
        if leaves {
            connection.reset();
        } else {
            assert!(rest(&mut connection, 1) == content.as_bytes());
        }
        let closed = wait_until(Duration::from_secs(10), || open_files() == 0);
        assert!(closed, "{} descriptors are left", open_files());
    }
    server.finish();
}
