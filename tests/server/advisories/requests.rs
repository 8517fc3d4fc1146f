//! Requests and their bodies.

use std::fs;
use std::path::Path;
use std::thread;

use super::{MOUNTS, ask, builder, goes_on, json};
use rwsgi_harness::{Connection, Server};

/// mod_wsgi 4.9.4: bodies larger than LimitRequestBody, whose default httpd 2.4.54 changed to 1 GiB.
#[test]
fn a09_bodies_around_the_limit() {
    let server = builder()
        .config("WSGIChunkedRequest On")
        .config("<Location /sub>\nLimitRequestBody 1000\n</Location>")
        .allow_log("AH|WSGI1010")
        .start();
    let children = server.children();
    for (length, status) in [(0, 200), (999, 200), (1000, 200), (1001, 413), (20_000, 413)] {
        let body = "b".repeat(length);
        let response = ask(&server, "digest", "/sub").body(&body).send();
        assert_eq!(response.status, status, "{length}");
        if length > 0 {
            let pieces = body.as_bytes().chunks(300);
            let response = ask(&server, "digest", "/sub").chunks(pieces).send();
            assert_eq!(response.status, status, "{length}, chunked: {response:?}");
        }
    }
    let mut connection = server.connect();
    connection.send_lossy(
        "POST /app HTTP/1.1\r\nHost: localhost\r\nX-Case: ignores\r\nContent-Length: 1073741825\r\n\r\n",
    );
    assert_eq!(connection.response().status, 413, "the default is 1 GiB");
    goes_on(&server, &children);
    server.finish();
}

/// mod_wsgi 4.4.0 and 6.0.5: bodies that were corrupted or whose first bytes were swallowed.
#[test]
fn a11_bodies_of_any_length_arrive_unchanged() {
    let server = builder().start();
    let mut kept: Option<Connection> = None;
    let edges = (8..=20).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]);
    let sizes = (0..300).chain(edges).chain([70_000, 3_000_001, 16 << 20]);
    let source: Vec<u8> = (0_u32..16 << 20)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for (number, size) in sizes.enumerate() {
        let body = &source[..size];
        let connection = kept.get_or_insert_with(|| server.connect());
        let response = ask(&server, "digest", MOUNTS[number % 2])
            .body(body)
            .send_on(connection);
        assert!(
            response.complete && response.body == body,
            "{size}: got {} bytes",
            response.body.len()
        );
        if response.says_close() {
            kept = None;
        }
    }
    server.finish();
}

/// A generator without surprises, so that a failure comes again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

/// CVE-2003-0973: a query string crashed httpd.
#[test]
fn a18_query_strings_of_any_shape_come_through() {
    let server = builder().start();
    let children = server.children();
    let alphabet: Vec<char> = ('!'..='~').filter(|c| *c != '#').collect();
    let mut numbers = Numbers(18);
    for round in 0..300 {
        let length = numbers.below(if round % 10 == 0 { 4000 } else { 40 });
        let query: String = (0..length)
            .map(|_| alphabet[numbers.below(alphabet.len())])
            .collect();
        let response = server.get(&format!("{}?{query}", MOUNTS[round % 2]));
        assert_eq!(json(&response)["QUERY_STRING"], query.as_str());
    }
    goes_on(&server, &children);
    server.finish();
}

fn files_below(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path.display().to_string());
        }
    }
}

/// CVE-2006-1095: a session's id was a file name.
#[test]
fn a21_no_datum_of_a_client_becomes_a_file_name() {
    let server = builder().allow_log("AH10244").start();
    let files = || {
        let mut found = Vec::new();
        files_below(server.root(), &mut found);
        found.retain(|path| !path.ends_with(".pyc"));
        found.sort();
        found
    };
    goes_on(&server, &server.children());
    let before = files();
    for name in ["../../run/client-file", "client-file", "/tmp/client-file\\x"] {
        for field in ["Cookie", "X-Session", "Content-Disposition", "Content-Type"] {
            let response = ask(&server, "digest", &format!("/app/{name}"))
                .header(field, &format!("session={name}; filename=\"{name}\""))
                .body("x".repeat(100_000))
                .send();
            assert!([200, 400].contains(&response.status), "{response:?}");
        }
    }
    assert_eq!(files(), before);
    server.finish();
}

/// CVE-2023-25690: a decoded line end split a request.
#[test]
fn a43_line_ends_in_a_path_stay_data() {
    let server = builder().allow_log("^").start();
    let path = "/x%0d%0aX-Injected:%201%0d%0a%0d%0aGET%20/app/second%20HTTP/1.1";
    let shown = json(&server.get(&format!("/app{path}")));
    assert_eq!(
        shown["PATH_INFO"],
        "/x\r\nX-Injected: 1\r\n\r\nGET /app/second HTTP/1.1"
    );
    assert_eq!(shown["REQUEST_URI"], format!("/app{path}"));
    assert_eq!(shown.get("HTTP_X_INJECTED"), None);
    server.finish();
}

/// CVE-2022-31813: headers that Connection names were taken out.
#[test]
fn a44_connection_takes_no_header_away() {
    let server = builder()
        .config("WSGITrustedProxyHeaders X-Forwarded-For\nWSGIPassAuthorization On")
        .start();
    let shown = |connection: &str| {
        let response = server
            .request("GET", "/sub")
            .header("X-Forwarded-For", "192.0.2.7")
            .header("X-User", "ann")
            .header("Authorization", "Basic YTpi")
            .header("Connection", connection)
            .send();
        let mut shown = json(&response);
        let variables = shown.as_object_mut().expect("an object");
        // These differ between any two requests.
        for key in [
            "HTTP_CONNECTION",
            "REMOTE_PORT",
            "mod_wsgi.request_id",
            "mod_wsgi.connection_id",
            "UNIQUE_ID",
        ] {
            variables.remove(key);
        }
        shown
    };
    let plain = shown("close");
    assert_eq!(plain["REMOTE_ADDR"], "192.0.2.7");
    for named in [
        "X-Forwarded-For",
        "X-User",
        "Authorization",
        "Host",
        "X-Forwarded-For, Authorization, X-User",
    ] {
        assert_eq!(shown(&format!("close, {named}")), plain, "{named}");
    }
    server.finish();
}

/// CVE-2022-22720, -2015-3183: what is left of a body after an error was taken for a request.
#[test]
fn a45_an_unread_body_is_never_a_second_request() {
    let server = builder().config("Redirect 403 /refused").allow_log("^").start();
    let smuggled = "GET /app/smuggled HTTP/1.1\r\nHost: localhost\r\nX-Case: digest\r\n\r\n";
    for (target, case, status) in [
        ("/app", "fails", 500),
        ("/app", "ignores", 500),
        ("/refused", "digest", 403),
    ] {
        for size in [1, 100, 1000] {
            let body = smuggled.repeat(size);
            let mut connection = server.connect();
            connection.send_lossy(format!(
                "POST {target}?x HTTP/1.1\r\nHost: localhost\r\nX-Case: {case}\r\nContent-Length: {}\r\n\r\n{body}\
                 GET /app/second HTTP/1.1\r\nHost: localhost\r\n\r\n",
                body.len()
            ));
            assert_eq!(connection.response().status, status, "{target} {case}");
            // The second request is answered once, or the connection closes.
            if let Ok(second) = connection.try_response() {
                assert_eq!(json(&second)["PATH_INFO"], "/second", "{target} {case} {size}");
                assert!(connection.try_response().is_err());
            }
        }
    }
    assert!(server.access_log().iter().all(|line| !line.contains("smuggled")));
    server.finish();
}

/// CVE-2013-5704: trailers replaced headers.
#[test]
fn a46_trailers_replace_no_header() {
    let server = builder().config("WSGIChunkedRequest On").start();
    for mount in MOUNTS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "POST {mount} HTTP/1.1\r\nHost: localhost\r\nX-User: ann\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\nabc\r\n0\r\nX-User: root\r\nX-More: 1\r\nContent-Length: 5\r\nHost: evil\r\n\r\n"
        ));
        let shown = json(&connection.response());
        assert_eq!(shown["HTTP_X_USER"], "ann");
        assert_eq!(shown["HTTP_HOST"], "localhost");
        for name in ["HTTP_X_MORE", "CONTENT_LENGTH"] {
            assert_eq!(shown.get(name), None, "{name}");
        }
        assert_eq!(connection.get(mount).status, 200);
    }
    server.finish();
}

/// CVE-2014-0231: a program that never reads its input hung.
#[test]
fn a50_an_application_that_reads_nothing_hangs_nobody() {
    let server = builder().start();
    let children = server.children();
    for mount in MOUNTS {
        let mut connection = server.connect();
        let stream = std::sync::Arc::clone(connection.stream());
        thread::scope(|scope| {
            scope.spawn(move || {
                use std::io::Write;
                let head = format!(
                    "POST {mount}?4000000 HTTP/1.1\r\nHost: localhost\r\nX-Case: ignores\r\n\
                     Content-Length: 8000000\r\n\r\n"
                );
                // The server may close before it has all.
                let _ = (&*stream)
                    .write_all(head.as_bytes())
                    .and_then(|()| (&*stream).write_all(&[b'b'; 8_000_000]));
            });
            let response = connection.response();
            assert_eq!((response.status, response.body.len()), (200, 4_000_000));
            // Frees the writer, should the server have stopped reading.
            let _ = connection.stream().shutdown(std::net::Shutdown::Both);
        });
    }
    goes_on(&server, &children);
    server.finish();
}

/// CVE-2018-6758: a stack overflow by a long path.
#[test]
fn a59_long_paths_are_answered() {
    let server = builder()
        .config("LimitRequestLine 80000")
        .allow_log("AH|WSGI0135|^p")
        .start();
    let children = server.children();
    for length in [255, 256, 4000, 4095, 4096, 8190, 70_000] {
        for path in ["p".repeat(length), "p/".repeat(length / 2)] {
            let response = server.get(&format!("/app/{path}"));
            if response.status == 200 {
                assert_eq!(json(&response)["PATH_INFO"], format!("/{path}"));
            } else {
                assert!(
                    [403, 404, 414].contains(&response.status),
                    "{length}: {response:?}"
                );
            }
        }
    }
    goes_on(&server, &children);
    server.finish();
}

/// CVE-2020-11984, -2021-36160: lengths of 16 bits overflowed.
#[test]
fn a61_queries_and_headers_around_64_kib_come_through() {
    let server = builder()
        .config("LimitRequestLine 70000\nLimitRequestFieldSize 70000")
        .start();
    for mount in MOUNTS {
        for length in [65_534, 65_535, 65_536, 65_537] {
            let long = "v".repeat(length);
            let response = server
                .request("GET", &format!("{mount}?{long}"))
                .header("X-Long", &long)
                .send();
            let shown = json(&response);
            assert_eq!(shown["QUERY_STRING"], long.as_str(), "{length}");
            assert_eq!(shown["HTTP_X_LONG"], long.as_str(), "{length}");
        }
    }
    server.finish();
}

/// CVE-2015-7519: `X_User` was the same as `X-User`.
#[test]
fn a63_a_header_with_an_underscore_is_no_other_header() {
    let server = builder().start();
    for (sent, seen) in [
        (vec![("X_User", "evil")], None),
        (vec![("X-User", "ann"), ("X_User", "evil")], Some("ann")),
        (vec![("X_User", "evil"), ("X-User", "ann")], Some("ann")),
        (
            vec![("X.User", "evil"), ("X-User", "ann"), ("X_USER", "evil")],
            Some("ann"),
        ),
    ] {
        let request = sent
            .iter()
            .fold(server.request("GET", "/sub"), |request, (name, value)| {
                request.header(name, value)
            });
        let shown = json(&request.send());
        assert_eq!(
            shown.get("HTTP_X_USER").and_then(|value| value.as_str()),
            seen,
            "{sent:?}"
        );
    }
    server.finish();
}

fn sends(server: &Server, name: &str, value: &[u8]) -> Option<u16> {
    let mut connection = server.connect();
    connection.send_lossy(
        [
            format!("POST /sub HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{name}: ").as_bytes(),
            value,
            b"\r\n\r\n",
        ]
        .concat(),
    );
    connection.finish_sending();
    connection.try_response().ok().map(|response| response.status)
}

/// CVE-2026-42544: a header that was not ASCII ended a worker.
#[test]
fn a66_no_header_that_is_read_has_to_be_ascii() {
    let server = builder()
        .config(
            "WSGIChunkedRequest On\nWSGIPassAuthorization On\n\
             WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port",
        )
        .allow_log("^")
        .start();
    let children = server.children();
    let high: Vec<u8> = (0x80..=0xff).collect();
    for name in [
        "Content-Length",
        "Content-Type",
        "Transfer-Encoding",
        "Authorization",
        "Cookie",
        "Expect",
        "Range",
        "Upgrade",
        "Sec-WebSocket-Protocol",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "If-Modified-Since",
        "Accept-Encoding",
    ] {
        for value in [
            &high[..],
            b"\xff",
            b"a\x80",
            b"\xc3\x28",
            b"Basic \xff\xfe",
            b"1\xb2",
        ] {
            let status = sends(&server, name, value).unwrap_or_else(|| panic!("{name} {value:?}: no answer"));
            assert!(
                (200..502).contains(&status) && status != 500,
                "{name} {value:?}: {status}"
            );
        }
    }
    goes_on(&server, &children);
    server.finish();
}

/// CVE-2020-7694: control characters of a client or an application forged lines of a log.
#[test]
fn a71_nobody_forges_lines_of_the_log() {
    let server = builder()
        .allow_log("marker|told to fail|^ |Traceback|WSGI0174")
        .start();
    let text = "marker one\r\n[Wed Nov 25 00:00:00 2026] [core:error] marker two \x1b[31m\x07\u{9b} end";
    for mount in MOUNTS {
        assert_eq!(ask(&server, "logs", mount).body(text).send().text(), "logged");
    }
    let target = "/app/%0a[Wed%20Nov%2025%2000:00:00%202026]%20[core:error]%20marker%20three%1b[31m";
    assert_eq!(ask(&server, "fails", target).send().status, 500);
    server.wait_for_log("told to fail");
    let log = fs::read(server.path("logs/error.log")).expect("a log");
    for byte in [0x1b, 0x07, b'\r'] {
        assert!(!log.contains(&byte), "byte {byte:#x} is in the log");
    }
    for line in String::from_utf8_lossy(&log).lines() {
        let date_at = line.find("Nov 25 00:00:00 2026").unwrap_or(usize::MAX);
        assert!(date_at > 20, "a forged line: {line}");
    }
    assert!(
        server
            .log("error.log")
            .iter()
            .all(|line| !line.text.starts_with("marker two"))
    );
    server.finish();
}

/// mod_lua's parsebody had no limit. Here LimitRequestBody bounds what any read can bring.
#[test]
fn a48_no_read_goes_beyond_the_limit() {
    let server = builder()
        .config("WSGIChunkedRequest On\nLimitRequestBody 100000")
        .allow_log("AH|WSGI1010")
        .start();
    let endless = vec![b'b'; 1000];
    let response = ask(&server, "digest", "/app")
        .chunks(std::iter::repeat_n(&endless, 1000))
        .send();
    assert_eq!(response.status, 413, "{response:?}");
    server.finish();
}
