//! Conforming applications under `wsgiref.validate`, which also judges what the server gives them.

use super::{GROUPS, mounted};
use rwsgi_harness::Server;

fn start() -> Server {
    mounted("validated.py")
        .file("data/file.bin", "file content")
        .config("SetEnv file.path ${ROOT}/data/file.bin\n<Location />\nWSGIChunkedRequest On\n</Location>")
        .allow_log("marker")
        .start()
}

/// Requests one path of an application in both interpreters.
#[track_caller]
fn conforms(server: &Server, path: &str, expected: &str) {
    for group in GROUPS {
        let response = server.get(&format!("{group}/{path}"));
        assert!(response.status < 400 && response.complete, "{path}: {response:?}");
        assert!(response.text().contains(expected), "{path}: {}", response.text());
        let head = server.request("HEAD", &format!("{group}/{path}")).send();
        assert_eq!(head.status, response.status, "HEAD {path}");
        let posted = server
            .request("POST", &format!("{group}/{path}"))
            .body("one\ntwo")
            .send();
        assert_eq!(posted.status, response.status, "POST {path}");
    }
}

#[test]
fn validate_simple_applications() {
    let server = start();
    conforms(&server, "hello/", "Hello world!");
    conforms(&server, "echo/x?q=1", "'/x' 'q=1'");
    conforms(&server, "environ_dump/caf%C3%A9", "PATH_INFO = ");
    server.finish();
}

#[test]
fn validate_outcomes() {
    let server = start();
    for (case, expected) in [
        ("hello", "hello"),
        ("several_items", "one two three"),
        ("generator", "one two"),
        ("empty_list", ""),
        ("empty_items", ""),
        ("no_content", ""),
        ("not_modified", ""),
        ("repeated_headers", "hello"),
        ("location_with_200", "not redirected"),
        ("length_exact", "12345"),
        ("big_body", "xxxx"),
    ] {
        conforms(&server, &format!("outcome_cases/{case}"), expected);
    }
    server.finish();
}

#[test]
fn validate_input() {
    let server = start();
    for case in [
        "read_minus_one",
        "read_exact",
        "read_in_threes",
        "readline",
        "readlines",
        "readlines_hint",
        "iterate",
    ] {
        conforms(&server, &format!("input_cases/{case}"), "");
        for group in GROUPS {
            let target = format!("{group}/input_cases/{case}");
            let text = server
                .request("POST", &target)
                .chunks(["one\n", "two"])
                .send()
                .text();
            assert!(text.contains("one") && !text.contains("Error"), "{case}: {text}");
        }
    }
    server.finish();
}

#[test]
fn validate_errors() {
    let server = start();
    for case in [
        "one_line",
        "several_lines",
        "writelines",
        "printed",
        "flushed_line",
        "unicode_text",
    ] {
        conforms(&server, &format!("errors_cases/{case}"), "None");
    }
    server.allow_log(r"\] ?$");
    server.finish();
}

#[test]
fn validate_file_wrapper() {
    let server = start();
    for (case, expected) in [
        ("whole", "file content"),
        ("offset", "nt"),
        ("bytes_io", "from memory"),
        ("without_descriptor", "0123456789"),
        ("after_write", "written first, then read"),
        ("inside_another_iterable", "wrapped"),
    ] {
        conforms(&server, &format!("file_wrapper_cases/{case}"), expected);
    }
    server.finish();
}

#[test]
fn validate_write() {
    let server = start();
    for (case, expected) in [
        ("mixed", "one two three four five"),
        ("write_only", "onetwosix"),
        ("write_empty", "after"),
    ] {
        conforms(&server, &format!("write_cases/{case}"), expected);
    }
    conforms(&server, "start_response_cases/returns_write", "written, returned");
    server.finish();
}

#[test]
fn validate_notices_what_does_not_conform() {
    let server = start();
    server.expect_exception("AssertionError");
    for group in GROUPS {
        assert_eq!(
            server
                .get(&format!("{group}/outcome_cases/no_content_type"))
                .status,
            500
        );
    }
    server.finish();
}
