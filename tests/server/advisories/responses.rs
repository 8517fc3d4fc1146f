//! What an application answers, and what of it may reach a client.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{MOUNTS, ask, builder, goes_on};
use crate::{get_kept, skips};
use rwsgi_harness::{Response, Server, httpd_module_exists};

/// How long a server may live for what takes seconds on a machine that does nothing else.
const LONG: Duration = Duration::from_secs(300);

/// CVE-2014-0242: Content-Type pointed into a string that Python had let go.
#[test]
fn a03_content_type_is_that_of_its_own_response() {
    let server = builder().limit(LONG).start();
    thread::scope(|scope| {
        for client in 0..64 {
            let server = &server;
            scope.spawn(move || {
                let mut kept = None;
                for number in 0..320 {
                    let token = format!("{client:04}-{number:06}-{}", "t".repeat(client % 5));
                    let mount = MOUNTS[number % 2];
                    let response = get_kept(server, &mut kept, &format!("{mount}/case/token?{token}"));
                    let content_type = format!("text/x-{token}");
                    assert_eq!(response.header("Content-Type"), Some(content_type.as_str()));
                    assert_eq!(response.header("X-Token"), Some(format!("{token}!").as_str()));
                    assert_eq!(response.text(), token);
                }
            });
        }
    });
    server.finish();
}

/// What the client gets when the application gives this status, these headers and this body.
fn answer(server: &Server, told: &Value) -> Response {
    ask(server, "answer", "/sub").body(told.to_string()).send()
}

#[track_caller]
fn refused(server: &Server, told: &Value) {
    let response = answer(server, told);
    assert_eq!(response.status, 500, "{told}: {response:?}");
    for name in ["X-First", "X-Last", "X-Injected", "X-A"] {
        assert_eq!(response.header(name), None, "{told}: {response:?}");
    }
    assert!(!response.text().contains("the body"), "{told}: {response:?}");
}

/// `text` with each control character at each of its places.
fn spoiled(text: &str) -> Vec<String> {
    let controls = (0..0x20_u8).chain([0x7f]).map(char::from);
    controls
        .flat_map(|control| {
            (0..=text.len()).map(move |place| format!("{}{control}{}", &text[..place], &text[place..]))
        })
        .collect()
}

/// mod_wsgi 6.1.1 drops what follows a NUL, and lets a colon pass in a name.
#[test]
fn a17_a_nul_or_a_colon_in_a_response_head_is_refused() {
    let server = builder().allow_log("^").start();
    refused(&server, &json!({"status": "200 O\0K"}));
    refused(&server, &json!({"headers": [["X-A\0b", "1"]]}));
    refused(&server, &json!({"headers": [["X-A", "1\x002"]]}));
    refused(&server, &json!({"headers": [["X-A:b", "1"]]}));
    refused(&server, &json!({"headers": [["X-A", "1"], ["", "1"]]}));
    server.finish();
}

/// CVE-2004-2680: an output filter gave back freed memory for bodies above 16,384 bytes.
#[test]
fn a19_bodies_pass_output_filters_whole() {
    if ["deflate", "filter", "substitute", "ratelimit", "include"]
        .iter()
        .any(|name| !httpd_module_exists(name))
    {
        skips::<()>("this httpd lacks one of the filters");
        return;
    }
    let server = builder()
        .limit(LONG)
        .module("filter")
        .module("deflate")
        .module("substitute")
        .module("ratelimit")
        .module("include")
        .config("<Location /sub>\nSetOutputFilter DEFLATE\n</Location>")
        .config(
            "WSGIScriptAlias /substitute ${APPS}/advisories.py\n<Location /substitute>\n\
             SetOutputFilter SUBSTITUTE\nSubstitute s/never-there/x/n\n</Location>",
        )
        .config(
            "WSGIScriptAlias /ratelimit ${APPS}/advisories.py\n<Location /ratelimit>\n\
             SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 100000\n</Location>",
        )
        .config(
            "WSGIScriptAlias /include ${APPS}/advisories.py\n<Location /include>\n\
             Options +Includes\nSetOutputFilter INCLUDES\n</Location>",
        )
        .start();
    let line: String = (0..79_u8).map(|number| char::from(97 + number % 26)).collect();
    let whole = format!("{line}\n").repeat(1000);
    for edge in [8000, 8192, 16384, 65536] {
        for length in [edge - 1, edge, edge + 1] {
            for way in ["one", "many"] {
                for filter in ["sub", "substitute", "ratelimit", "include"] {
                    // mod_ratelimit waits after each flush.
                    if filter == "ratelimit" && way == "many" {
                        continue;
                    }
                    let response = ask(&server, "pieces", &format!("/{filter}?{length}-{way}"))
                        .header("Accept-Encoding", "gzip")
                        .send();
                    assert!(response.complete, "{filter} {length} {way}");
                    let body = match response.header("Content-Encoding") {
                        Some("gzip") => unzipped(&response.body),
                        _ => response.body.clone(),
                    };
                    assert!(
                        body == whole.as_bytes()[..length],
                        "{filter} {length} {way}: {} bytes",
                        body.len()
                    );
                }
            }
        }
    }
    server.finish();
}

fn unzipped(packed: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip runs");
    let mut stdin = gzip.stdin.take().expect("a pipe");
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(packed).expect("gzip reads"));
        let mut plain = Vec::new();
        let mut stdout = gzip.stdout.take().expect("a pipe");
        stdout.read_to_end(&mut plain).expect("gzip writes");
        assert!(gzip.wait().expect("gzip ends").success());
        plain
    })
}

/// mod_proxy_fcgi: a response that breaks off after its headers looked complete, on a connection that was kept.
#[test]
fn a33_a_response_that_breaks_off_never_looks_complete() {
    let server = builder().expect_exception("RuntimeError: told to fail").start();
    for mount in MOUNTS {
        let mut connection = server.connect();
        let response = ask(&server, "breaks", mount).send_on(&mut connection);
        assert!(!response.complete, "{response:?}");
        assert!(connection.closes_within(Duration::from_secs(5)));
    }
    server.finish();
}

/// CVE-2024-38476: headers of a backend's response made httpd run a local handler.
#[test]
fn a37_a_location_without_a_redirect_status_redirects_nobody() {
    let server = builder()
        .module("status")
        .config("<Location /server-status>\nSetHandler server-status\n</Location>")
        .start();
    for kind in [
        "text/plain",
        "httpd/unix-directory",
        "application/x-httpd-wsgi",
        "server-status",
    ] {
        let told = json!({"headers": [["Location", "/server-status"], ["Content-Type", kind]]});
        let response = answer(&server, &told);
        assert_eq!((response.status, response.text().as_str()), (200, "the body"));
        assert_eq!(response.header("Location"), Some("/server-status"));
        assert_eq!(response.header("Content-Type"), Some(kind));
    }
    server.finish();
}

/// CVE-2024-39573, -2023-43204: a Content-Type became a request to a proxy, or chose a handler.
#[test]
fn a39_a_content_type_is_a_label_and_nothing_else() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let server = builder().module("proxy").module("proxy_http").start();
    let proxied = format!("proxy:http://127.0.0.1:{port}/");
    for kind in [
        proxied.as_str(),
        "application/x-httpd-php",
        "proxy-server",
        "cgi-script",
    ] {
        let response = answer(&server, &json!({"headers": [["Content-Type", kind]]}));
        assert_eq!((response.status, response.text().as_str()), (200, "the body"));
        assert_eq!(response.header("Content-Type"), Some(kind));
    }
    assert!(
        listener.accept().is_err(),
        "the address in the Content-Type was contacted"
    );
    server.finish();
}

/// CVE-2023-38709, -2024-42516: Content-Type was not validated, twice.
#[test]
fn a40_a_control_character_in_a_content_type_is_refused() {
    let server = builder().allow_log("^").start();
    for kind in spoiled("a/b") {
        if kind.contains('\t') {
            continue;
        }
        refused(&server, &json!({"headers": [["Content-Type", kind]]}));
    }
    for kind in [
        "text/plain\r\nX-Injected: 1",
        "text/plain\nX-Injected: 1",
        "text/plain\r\n\r\nbody",
    ] {
        refused(&server, &json!({"headers": [["Content-Type", kind]]}));
    }
    server.finish();
}

/// CVE-2024-24795 and others: split and truncated headers; CVE-2026-42545: one of them ended a worker. A tab may stand within a value (RFC 9110, 5.5).
#[test]
fn a41_a67_a_control_character_in_any_header_is_refused() {
    let server = builder().allow_log("^").start();
    let children = server.children();
    for name in spoiled("X-B") {
        refused(&server, &json!({"headers": [["X-A", "1"], [name, "1"]]}));
    }
    for value in spoiled("one") {
        if !value.contains('\t') {
            refused(&server, &json!({"headers": [["X-A", "1"], ["X-B", value]]}));
        }
    }
    goes_on(&server, &children);
    server.finish();
}

/// CVE-2026-33523: malicious status lines were forwarded.
#[test]
fn a42_a_malformed_status_line_is_refused() {
    let server = builder().allow_log("^").start();
    for status in spoiled("200 OK") {
        if !status.contains('\t') {
            refused(&server, &json!({ "status": status }));
        }
    }
    for status in [
        "200 OK\r\nX-Injected: 1",
        "200 OK\nX-Injected: 1",
        "HTTP/1.1 200 OK",
        "",
        " 200 OK",
        "20 OK",
        "2000 OK",
        "-200 OK",
        "+20 OK",
        "0x1 OK",
        "099 Low",
        "99999999999999999999 OK",
        "200OK",
        "two OK",
    ] {
        refused(&server, &json!({ "status": status }));
    }
    server.finish();
}

/// CVE-2022-28614: a piece of a body beyond what a C int counts. Zeros that nobody wrote take no memory.
#[test]
fn a47_a_body_beyond_two_gibibytes_arrives_whole() {
    const LENGTH: u64 = 2_200_000_000;
    let server = builder().limit(LONG).start();
    let mut connection = server.connect();
    connection.send_lossy(format!(
        "GET /app?{LENGTH} HTTP/1.1\r\nHost: localhost\r\nX-Case: huge\r\nConnection: close\r\n\r\n"
    ));
    let head = connection.next_head().expect("a head");
    assert_eq!(head.status, 200);
    let mut left = LENGTH;
    assert_eq!(head.header("Content-Length"), Some(LENGTH.to_string().as_str()));
    while left > 0 {
        let piece = connection
            .bytes(usize::try_from(left.min(1 << 20)).expect("small"))
            .expect("more of it");
        assert!(!piece.is_empty(), "{left} bytes are missing");
        left -= u64::try_from(piece.len()).expect("small");
    }
    assert!(connection.rest().is_empty());
    server.finish();
}

/// CVE-2026-0865: `wsgiref.headers` let line ends through. What an application sends is checked here.
#[test]
fn a72_what_wsgiref_lets_through_is_refused() {
    let server = builder().allow_log("^").start();
    for mount in MOUNTS {
        let response = ask(&server, "wsgiref_headers", mount).send();
        assert_eq!(response.status, 500, "{response:?}");
        assert_eq!(response.header("X-Injected"), None);
    }
    server.finish();
}
