//! Request bodies in chunks.

use super::input::READS;
use super::server;
use crate::case::{Area, Case};

/// Framings, well and badly formed.
const FRAMINGS: [(&str, &str); 17] = [
    ("extension", "5;name=value\r\nhello\r\n0\r\n\r\n"),
    ("quoted extension", "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n"),
    ("trailer", "5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    (
        "forged trailer",
        "5\r\nhello\r\n0\r\nContent-Length: 1\r\nHost: evil\r\n\r\n",
    ),
    ("upper case", "A\r\n0123456789\r\n0\r\n\r\n"),
    ("leading zeros", "0005\r\nhello\r\n000\r\n\r\n"),
    ("space after size", "5 \r\nhello\r\n0\r\n\r\n"),
    ("empty", "0\r\n\r\n"),
    ("no size", "\r\nhello\r\n0\r\n\r\n"),
    ("size of letters", "xyz\r\nhello\r\n0\r\n\r\n"),
    ("negative size", "-5\r\nhello\r\n0\r\n\r\n"),
    ("prefixed size", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("huge size", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    ("chunk too long", "3\r\nhello\r\n0\r\n\r\n"),
    ("bare line feeds", "5\nhello\n0\n\n"),
    ("good then bad", "5\r\nhello\r\nxyz\r\n"),
    ("plus sign", "+5\r\nhello\r\n0\r\n\r\n"),
];

fn chunked(path: &str) -> Case {
    Case::new("POST", path)
}

pub(super) fn area() -> Area {
    let mut cases: Vec<Case> = READS
        .split_whitespace()
        .map(|path| chunked(path).chunks(&["first line\nsec", "ond\n", "\nfourth without end"]))
        .collect();
    cases.push(Case::new("GET", "/remembered"));
    for (name, body) in FRAMINGS {
        cases.push(chunked("/read_all").chunked_bytes(body).named(name));
    }
    for path in ["/read_all", "/read_in_threes", "/iterate", "/readline"] {
        let cut = chunked(path)
            .header("Transfer-Encoding", "chunked")
            .bare("5\r\nhello\r\n5\r\nwor");
        cases.push(cut.named(format!("cut short {path}")));
    }
    cases.push(chunked("/off/read_all").chunks(&["hello"]));
    cases.push(chunked("/off/read_all").chunks(&[]).named("off and empty"));
    cases.push(
        chunked("/limited/read_all")
            .chunks(&["0123456789"])
            .named("at LimitRequestBody"),
    );
    cases.push(
        chunked("/limited/read_all")
            .chunks(&["0123456789", "a"])
            .named("above LimitRequestBody"),
    );
    cases.push(chunked("/dump").chunks(&["hello"]));
    cases.push(
        chunked("/dump")
            .header("Content-Length", "3")
            .chunks(&["hello"])
            .named("with a length"),
    );
    cases.push(
        chunked("/read_all")
            .header("Expect", "100-continue")
            .chunks(&["hello"])
            .named("expect continue"),
    );
    cases.push(
        Case::new("POST", "/read_all")
            .header("Transfer-Encoding", "CHUNKED")
            .bare("5\r\nhello\r\n0\r\n\r\n")
            .named("upper case coding"),
    );
    cases.push(
        chunked("/read_all")
            .version("HTTP/1.0")
            .chunks(&["hello"])
            .named("HTTP/1.0"),
    );
    Area::embedded(
        "chunked",
        server().config(
            "WSGIChunkedRequest On\n\
             WSGIScriptAlias /off ${APPS}/input_cases.py\n\
             WSGIScriptAlias /limited ${APPS}/input_cases.py\n\
             WSGIScriptAlias /dump ${APPS}/environ_dump.py\n\
             WSGIScriptAlias / ${APPS}/input_cases.py\n\
             <Location /off>\nWSGIChunkedRequest Off\n</Location>\n\
             <Location /limited>\nLimitRequestBody 10\n</Location>",
        ),
        cases,
    )
}
