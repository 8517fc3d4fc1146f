//! W-13: text of the application that tries to become protocol.

use super::{cases, encoded};
use rwsgi_harness::{Builder, Connection, Response, Server};

/// Text around the byte under test: at the beginning, in the middle, at the end.
fn placed(byte: &[u8]) -> [Vec<u8>; 3] {
    [
        [byte, b"Injected: yes"].concat(),
        [b"a", byte, b"Injected: yes"].concat(),
        [b"ab", byte].concat(),
    ]
}

/// Sequences that would begin a line, a body or a response.
const SEQUENCES: [&[u8]; 8] = [
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"\r\r\n",
    b"\r\n ",
    b"\r\n\t",
    b"\r\n\r\nHTTP/1.1 200 OK\r\n",
    b"\0\r\n",
];

/// The refusals are thousands; what they log is looked at elsewhere.
fn quiet() -> Builder {
    cases().config("LogLevel info wsgi:crit")
}

fn asks(connection: &mut Connection, group: &str, kind: &str, text: &[u8]) -> Response {
    connection.get(&format!("{group}/inject?{kind};{}", encoded(text)))
}

/// A status line and fields, each of a name that was meant.
#[track_caller]
fn assert_not_injected(response: &Response, kind: &str, text: &[u8]) {
    let shown = format!(
        "{kind} {:?}: {:?}",
        String::from_utf8_lossy(text),
        String::from_utf8_lossy(&response.raw_head)
    );
    let lines = response.raw_head.split(|byte| matches!(byte, b'\r' | b'\n'));
    for line in lines.skip(1) {
        assert!(!line.starts_with(b"Injected"), "injected by {shown}");
    }
    let bare = response
        .raw_head
        .windows(2)
        .any(|pair| pair[0] == b'\r' && pair[1] != b'\n')
        || response
            .raw_head
            .windows(2)
            .any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    let control = response
        .raw_head
        .iter()
        .any(|byte| matches!(byte, 0..=8 | 0x0b | 0x0c | 0x0e..=0x1f | 0x7f));
    assert!(!bare && !control, "control characters on the wire: {shown}");
    assert!(response.complete, "{shown}");
    match response.status {
        500 => assert!(response.text().contains("500"), "{shown}"),
        200 => {
            assert_eq!(response.text(), "ok", "{shown}");
            assert!(carries(response, kind, text), "accepted but altered: {shown}");
        }
        other => panic!("status {other}: {shown}"),
    }
}

/// Whether what was accepted arrived as it was given, but for white space around it.
fn carries(response: &Response, kind: &str, text: &[u8]) -> bool {
    let given: String = text.iter().map(|byte| char::from(*byte)).collect();
    let given = given.trim_matches([' ', '\t']);
    let same = |value: &str| value.trim_matches([' ', '\t']) == given;
    match kind {
        "status" => response.raw_head.starts_with(&[b"HTTP/1.1 200 ", text].concat()),
        "name" => response.header(given) == Some("probe"),
        "value" => response.header("X-Probe").is_some_and(same),
        _ => response
            .header("Content-Type")
            .is_some_and(|value| value.to_lowercase() == given.to_lowercase()),
    }
}

/// All texts of one kind, over connections that are kept.
fn all_of(server: &Server, kind: &str, text: impl Fn(&[u8]) -> Vec<Vec<u8>>) {
    let bytes = (0..=255_u8).map(|byte| vec![byte]);
    let sequences = SEQUENCES.iter().map(|sequence| sequence.to_vec());
    let tried: Vec<Vec<u8>> = bytes.chain(sequences).flat_map(|part| text(&part)).collect();
    for (group, texts) in ["/main", "/sub"]
        .iter()
        .zip([&tried[..], &tried[tried.len() - 24..]])
    {
        let mut connection = server.connect();
        for text in texts {
            let response = asks(&mut connection, group, kind, text);
            assert_not_injected(&response, kind, text);
            if response.says_close() {
                connection = server.connect();
            }
        }
    }
}

fn refused(server: &Server, kind: &str, texts: &[&[u8]]) {
    let mut connection = server.connect();
    for text in texts {
        let response = asks(&mut connection, "/main", kind, text);
        assert_eq!(response.status, 500, "{kind} {:?}", String::from_utf8_lossy(text));
        if response.says_close() {
            connection = server.connect();
        }
    }
}

#[test]
fn w13_injection_by_status() {
    let server = quiet().start();
    all_of(&server, "status", |part| placed(part).to_vec());
    refused(
        &server,
        "status",
        &[b"O\rK", b"O\nK", b"O\0K", b"O\x7fK", b"O\x01K"],
    );
    server.finish();
}

#[test]
fn w13_injection_by_header_name() {
    let server = quiet().start();
    all_of(&server, "name", |part| placed(part).to_vec());
    refused(
        &server,
        "name",
        &[
            b"", b"X\rY", b"X\nY", b"X\0Y", b"X Y", b"X ", b" X", b"X:Y", b"X:", b"X\tY", b"X\xe9",
        ],
    );
    server.finish();
}

#[test]
fn w13_injection_by_header_value() {
    let server = quiet().start();
    all_of(&server, "value", |part| placed(part).to_vec());
    refused(
        &server,
        "value",
        &[
            b"a\rb", b"a\nb", b"a\0b", b"a\x01b", b"a\x1fb", b"a\x7fb", b"a\r\n b",
        ],
    );
    server.finish();
}

#[test]
fn w13_injection_by_content_type() {
    let server = quiet().start();
    all_of(&server, "content-type", |part| placed(part).to_vec());
    refused(
        &server,
        "content-type",
        &[
            b"a\rb",
            b"a\nb",
            b"a\0b",
            b"a\x7fb",
            b"text/plain\r\nInjected: yes",
        ],
    );
    server.finish();
}
