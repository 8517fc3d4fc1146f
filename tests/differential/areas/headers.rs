//! What becomes of the fields of a request.

use super::server;
use crate::case::{Area, Case, get, post};

/// Each a request with these fields: what distinguishes them, then names and values.
/// Name and raw value of a header.
type Field = (&'static str, &'static [u8]);

const FIELDS: &[(&str, &[Field])] = &[
    ("one", &[("X-One", b"1")]),
    (
        "repeated",
        &[("X-Many", b"1"), ("X-Other", b"2"), ("x-many", b"3")],
    ),
    ("underscore", &[("X_Under", b"1")]),
    (
        "underscore beside hyphen",
        &[("X-Under", b"real"), ("X_Under", b"forged")],
    ),
    ("dot", &[("X.Dot", b"1")]),
    ("other token characters", &[("X!#$%&'*+^`|~", b"1")]),
    ("digits", &[("9-Lives", b"1")]),
    ("proxy", &[("Proxy", b"http://evil.example/")]),
    ("cookies", &[("Cookie", b"a=1"), ("Cookie", b"b=2")]),
    ("empty value", &[("X-Empty", b"")]),
    ("inner whitespace", &[("X-Space", b"a  b\tc")]),
    ("outer whitespace", &[("X-Space", b"  padded \t ")]),
    ("latin-1", &[("X-Latin", b"caf\xe9")]),
    ("utf-8", &[("X-Utf", "\u{20ac} \u{1f40d}".as_bytes())]),
    ("all high bytes", &[("X-High", b"\x80\x90\xa0\xff")]),
    ("control character", &[("X-Control", b"a\x01b")]),
    ("delete", &[("X-Delete", b"a\x7fb")]),
    ("quotes", &[("X-Quotes", b"\"a\\\"b\" 'c'")]),
    (
        "content type twice",
        &[("Content-Type", b"text/a"), ("Content-Type", b"text/b")],
    ),
    (
        "content type odd",
        &[("Content-Type", b"TEXT/Plain ; Charset=\"x\"")],
    ),
    ("content type empty", &[("Content-Type", b"")]),
    ("content type without body", &[("Content-Type", b"text/plain")]),
    ("content length plus", &[("Content-Length", b"+5")]),
    ("content length negative", &[("Content-Length", b"-5")]),
    ("content length hex", &[("Content-Length", b"0x5")]),
    ("content length letters", &[("Content-Length", b"five")]),
    ("content length list", &[("Content-Length", b"5, 5")]),
    (
        "content length huge",
        &[("Content-Length", b"99999999999999999999999")],
    ),
    ("content length empty", &[("Content-Length", b"")]),
    ("content length leading zeros", &[("Content-Length", b"0000")]),
    ("content length zero", &[("Content-Length", b"0")]),
    (
        "lengths that differ",
        &[("Content-Length", b"5"), ("Content-Length", b"6")],
    ),
    ("transfer gzip", &[("Transfer-Encoding", b"gzip")]),
    ("transfer identity", &[("Transfer-Encoding", b"identity")]),
    (
        "transfer gzip, chunked",
        &[("Transfer-Encoding", b"gzip, chunked")],
    ),
    ("te", &[("TE", b"trailers"), ("Connection", b"TE")]),
    ("expect other", &[("Expect", b"200-maybe")]),
    ("close", &[("Connection", b"close")]),
    ("close and keep", &[("Connection", b"keep-alive, close")]),
    (
        "connection names a field",
        &[("Connection", b"X-Hop"), ("X-Hop", b"1")],
    ),
    (
        "upgrade",
        &[("Connection", b"Upgrade"), ("Upgrade", b"websocket")],
    ),
    (
        "forwarded for",
        &[("X-Forwarded-For", b"192.0.2.1"), ("X-Forwarded-Proto", b"https")],
    ),
    ("forwarded", &[("Forwarded", b"for=192.0.2.1;proto=https")]),
    ("range", &[("Range", b"bytes=0-3")]),
    (
        "conditional",
        &[
            ("If-None-Match", b"\"1\""),
            ("If-Modified-Since", b"Thu, 01 Jan 1970 00:00:00 GMT"),
        ],
    ),
    (
        "accepts",
        &[
            ("Accept", b"text/html;q=0.8"),
            ("Accept-Language", b"de, en"),
            ("User-Agent", b"t/1 (x)"),
        ],
    ),
    (
        "referer and from",
        &[("Referer", b"http://a.example/?q=1"), ("From", b"me@a.example")],
    ),
    ("host twice", &[("Host", b"localhost"), ("Host", b"evil.example")]),
    ("host empty", &[("Host", b"")]),
    ("host with user", &[("Host", b"user@localhost")]),
    ("host with odd port", &[("Host", b"localhost:port")]),
    ("https", &[("HTTPS", b"on")]),
    (
        "script name",
        &[
            ("Script-Name", b"/forged"),
            ("Remote-User", b"root"),
            ("Request-Method", b"FORGED"),
        ],
    ),
];

pub(super) fn area() -> Area {
    let mut cases: Vec<Case> = FIELDS
        .iter()
        .map(|(name, fields)| {
            let case = get("/x").named(*name);
            fields
                .iter()
                .fold(case, |case, (name, value)| case.header(name, value))
        })
        .collect();
    cases.push(get("/x").without_host().named("no Host"));
    cases.push(get("/x").header("X-Long", "v".repeat(7000)).named("long value"));
    cases.push(
        get("/x")
            .header("X-Too-Long", "v".repeat(9000))
            .named("too long a value"),
    );
    cases.push((0..80).fold(get("/x").named("many fields"), |case, number| {
        case.header(&format!("X-Field-{number}"), number.to_string())
    }));
    cases.push((0..120).fold(get("/x").named("too many fields"), |case, number| {
        case.header(&format!("X-Field-{number}"), number.to_string())
    }));
    cases.push(
        get("/x")
            .header("X-Folded", "one\r\n two\r\n\tthree")
            .named("folded"),
    );
    cases.push(
        get("/x")
            .header("Space-Before-Colon ", "1")
            .named("space before the colon"),
    );
    cases.push(
        get("/x")
            .version("HTTP/1.0")
            .header("Connection", "keep-alive")
            .named("HTTP/1.0 kept"),
    );
    cases.push(get("/x").version("HTTP/1.0").named("HTTP/1.0"));
    cases.push(get("/x").version("HTTP/2.0").named("HTTP/2.0 in a request line"));
    cases.push(get("/x").version("HTTP/1.2").named("HTTP/1.2"));
    cases.push(
        post("/x", "hello")
            .header("Expect", "100-continue")
            .named("expect continue"),
    );
    cases.push(
        post("/ignore", "hello")
            .header("Content-Encoding", "gzip")
            .named("content encoding"),
    );
    Area::embedded(
        "headers",
        server().config("WSGIScriptAlias / ${APPS}/environ_dump.py application-group=%{GLOBAL}"),
        cases,
    )
}
