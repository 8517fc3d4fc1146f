//! HEAD: what the application sees and what the client gets.

use super::server;
use crate::case::{Area, Case, get};

const OUTCOMES: [&str; 14] = [
    "/hello",
    "/several_items",
    "/generator",
    "/empty_list",
    "/no_content",
    "/not_modified",
    "/error_status",
    "/raises_before_start",
    "/raises_in_first_item",
    "/raises_after_output_chunked",
    "/length_shorter_than_body",
    "/length_longer_than_body",
    "/big_body",
    "/repeated_headers",
];

pub(super) fn area() -> Area {
    let head = |path: &str| Case::new("HEAD", path);
    let mut cases: Vec<Case> = OUTCOMES.into_iter().map(head).collect();
    // The application answers with the method that it saw, in X-Method.
    for path in ["/auto", "/on", "/off", "/deflate", "/deflate-off"] {
        cases.push(head(path));
        cases.push(
            head(path)
                .header("Accept-Encoding", "gzip")
                .named(format!("HEAD {path} gzip")),
        );
    }
    cases.push(head("/length_longer_than_empty_body"));
    cases.push(get("/on"));
    cases.push(head("/auto").version("HTTP/1.0").named("HEAD in HTTP/1.0"));
    cases.push(head("/auto").body("hello").named("HEAD with a body"));
    cases.push(head("/file/whole"));
    cases.push(head("/file/exact_length"));
    Area::embedded(
        "head",
        server()
            .module("filter")
            .module("deflate")
            .file("data/file.bin", "0123456789\n".repeat(3000))
            .config(
                "SetEnv file.path ${ROOT}/data/file.bin\n\
                 WSGIScriptAlias /auto ${APPS}/environ_dump.py\n\
                 WSGIScriptAlias /on ${APPS}/environ_dump.py\n\
                 WSGIScriptAlias /off ${APPS}/environ_dump.py\n\
                 WSGIScriptAlias /deflate-off ${APPS}/environ_dump.py\n\
                 WSGIScriptAlias /deflate ${APPS}/environ_dump.py\n\
                 WSGIScriptAlias /file ${APPS}/file_wrapper_cases.py\n\
                 WSGIScriptAlias / ${APPS}/outcome_cases.py\n\
                 <Location /on>\nWSGIMapHEADToGET On\n</Location>\n\
                 <Location /off>\nWSGIMapHEADToGET Off\n</Location>\n\
                 <Location /deflate>\nSetOutputFilter DEFLATE\n</Location>\n\
                 <Location /deflate-off>\nSetOutputFilter DEFLATE\nWSGIMapHEADToGET Off\n</Location>",
            ),
        cases,
    )
}
