//! Request lines, targets and header fields.

use super::super::server;
use super::{calls, echo, echoes, refuses};
use rwsgi_harness::Server;

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn with_field(field: &str) -> Vec<u8> {
    format!("GET /x HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n").into_bytes()
}

#[test]
fn r09_header_line_too_long() {
    let server = echo().allow_log("AH").start();
    echoes(&server, with_field(&format!("X-Long: {}", "x".repeat(8000))));
    refuses(
        &server,
        &with_field(&format!("X-Long: {}", "x".repeat(8190))),
        &[400, 431],
    );
    server.finish();
}

#[test]
fn r09_too_many_headers() {
    let server = echo().allow_log("AH").start();
    let fields = |count: u32| {
        (1..=count)
            .map(|number| format!("X-{number}: 1"))
            .collect::<Vec<_>>()
            .join("\r\n")
    };
    echoes(&server, with_field(&fields(99)));
    refuses(&server, &with_field(&fields(101)), &[400, 431]);
    server.finish();
}

#[test]
fn r10_ambiguous_header_names_are_dropped() {
    let server = server()
        .config("WSGIScriptAlias / ${APPS}/environ_dump.py")
        .start();
    for name in [
        "X_User",
        "Content_Length",
        "Transfer_Encoding",
        ".",
        "X.User",
        "X!User",
        "_",
        "-_-",
    ] {
        let request = server
            .request("GET", "/")
            .header(name, "spoofed")
            .header("X-User", "real")
            .send();
        let text = request.text();
        assert!(!text.contains("spoofed"), "{name}: {text}");
        assert!(text.contains("HTTP_X_USER = 'real'"), "{name}: {text}");
    }
    server.finish();
}

#[test]
fn r10_repeated_headers_are_joined() {
    let server = server()
        .config("WSGIScriptAlias / ${APPS}/environ_dump.py")
        .start();
    let text = server
        .request("GET", "/")
        .header("X-A", "1")
        .header("x-a", "2")
        .header("X-B", "3")
        .send()
        .text();
    assert!(text.contains("HTTP_X_A = '1, 2'"), "{text}");
    server.finish();
}

#[test]
fn r11_control_bytes() {
    let server = echo().allow_log("AH").start();
    for byte in [0x00, 0x01, 0x0b, 0x0c, 0x0d, 0x7f] {
        for (before, after) in [("X-A", ": 1"), ("X-A: 1", "2")] {
            let field = [before.as_bytes(), &[byte], after.as_bytes()].concat();
            let request = [
                b"GET /x HTTP/1.1\r\nHost: localhost\r\n".as_slice(),
                &field,
                b"\r\n\r\n",
            ]
            .concat();
            refuses(&server, &request, &[400]);
        }
        let request = [
            b"GET /x".as_slice(),
            &[byte],
            b"y HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ]
        .concat();
        refuses(&server, &request, &[400]);
    }
    for field in [" X-Leading: 1", "X-Space : 1", "No-Colon", ": 1", "X A: 1"] {
        refuses(&server, &with_field(field), &[400]);
    }
    server.finish();
}

/// What the application sees as PATH_INFO, or the status of the refusal.
#[track_caller]
fn path_info(server: &Server, target: &str) -> Result<String, u16> {
    let mut connection = server.connect();
    connection.send_lossy(get(target));
    let response = connection.response();
    if response.status != 200 {
        return Err(response.status);
    }
    let text = response.text();
    let path = text
        .split("PATH_INFO = ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("a PATH_INFO");
    assert!(
        text.contains(&format!("REQUEST_URI = '{target}'")),
        "REQUEST_URI is always raw: {text}"
    );
    assert!(
        text.contains("SCRIPT_NAME = '/app'\n"),
        "SCRIPT_NAME is constant: {text}"
    );
    Ok(path.trim_matches('\'').to_string())
}

fn dump(extra: &str) -> Server {
    server()
        .config("WSGIScriptAlias /app ${APPS}/environ_dump.py")
        .config(extra)
        .allow_log("AH")
        .start()
}

#[test]
fn r14_encoded_slashes() {
    for (setting, expected) in [("Off", Err(404)), ("On", Ok("/a/b")), ("NoDecode", Ok("/a%2Fb"))] {
        let server = dump(&format!("AllowEncodedSlashes {setting}"));
        assert_eq!(
            path_info(&server, "/app/a%2Fb"),
            expected.map(str::to_string),
            "{setting}"
        );
        server.finish();
    }
}

#[test]
fn r15_dot_segments_never_reach_the_application() {
    let server = dump("");
    assert_eq!(path_info(&server, "/app/x/../y"), Ok("/y".to_string()));
    assert_eq!(path_info(&server, "/app/x/%2e%2e/y"), Ok("/y".to_string()));
    assert_eq!(path_info(&server, "/./app/./y"), Ok("/y".to_string()));
    assert_eq!(path_info(&server, "//app///x"), Ok("/x".to_string()));
    assert_eq!(path_info(&server, "/app;x/.."), Err(404));
    assert_eq!(path_info(&server, "/app/../x"), Err(404));
    assert_eq!(path_info(&server, "/app/%2e%2e/x"), Err(404));
    for target in ["/app/../../x", "/app/%%32%65%%32%65/x"] {
        let seen = path_info(&server, target);
        assert!(
            seen.as_ref().is_err() || seen.is_ok_and(|path| !path.contains("..")),
            "{target}"
        );
    }
    server.finish();
}

#[test]
fn r16_paths_that_are_no_utf8() {
    let server = dump("");
    assert_eq!(path_info(&server, "/app/%FF%FE"), Ok(r"/\xff\xfe".to_string()));
    assert_eq!(
        path_info(&server, "/app/%C0%AE%C0%AE"),
        Ok(r"/\xc0\xae\xc0\xae".to_string())
    );
    for target in ["/app/%00", "/app/a%00b", "/app/%", "/app/%4", "/app/%u0041"] {
        let seen = path_info(&server, target);
        assert!(matches!(seen, Err(400 | 404)), "{target}: {seen:?}");
    }
    server.finish();
}

#[test]
fn r17_absolute_form() {
    let server = echo().start();
    let text = echoes(
        &server,
        "GET http://named.test/x?q HTTP/1.1\r\nHost: other.test\r\n\r\n",
    )
    .text();
    assert!(text.contains("'/x' 'q'"), "{text}");
    assert!(!text.contains("host=other.test"), "the target wins: {text}");
    server.finish();
}

#[test]
fn r17_targets_that_are_no_path() {
    let server = echo().allow_log("AH").start();
    let before = calls(&server);
    for line in [
        "CONNECT localhost:443",
        "GET localhost:443",
        "GET x/y",
        "OPTIONS *",
    ] {
        let mut connection = server.connect();
        connection.send_lossy(format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = connection.response();
        assert!(
            [200, 400, 403, 404, 405].contains(&response.status),
            "{line}: {response:?}"
        );
        assert_eq!(response.header("X-Call"), None, "{line} reached the application");
    }
    assert_eq!(calls(&server), before + 1);
    server.finish();
}

#[test]
fn r18_host() {
    let server = echo().allow_log("AH").start();
    for fields in [
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: a b\r\n",
        "Host: [::1\r\n",
        "Host: user@host\r\n",
    ] {
        refuses(
            &server,
            format!("GET /x HTTP/1.1\r\n{fields}\r\n").as_bytes(),
            &[400],
        );
    }
    server.finish();
}

#[test]
fn r19_methods() {
    let server = echo().allow_log("AH").start();
    let long = "M".repeat(1000);
    for method in ["FOO", "get", "PATCH", "M-SEARCH", long.as_str()] {
        let mut connection = server.connect();
        connection.send_lossy(format!("{method} /x HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = connection.response();
        if response.status == 200 {
            assert!(
                response.text().starts_with(&format!("{method} ")),
                "{}",
                response.text()
            );
        } else {
            assert!(
                [400, 405, 501].contains(&response.status),
                "{method}: {response:?}"
            );
        }
    }
    refuses(
        &server,
        b"F(O) /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[400, 501],
    );
    refuses(
        &server,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[400, 405, 501, 505],
    );
    server.finish();
}

#[test]
fn r31_long_query_and_cookie() {
    let server = echo().allow_log("AH").start();
    let query = "q".repeat(8000);
    assert!(
        echoes(&server, get(&format!("/x?{query}")))
            .text()
            .contains(&query)
    );
    let pairs = vec!["a=b"; 2000].join("&");
    assert!(
        echoes(&server, get(&format!("/x?{pairs}")))
            .text()
            .contains(&pairs)
    );
    refuses(
        &server,
        get(&format!("/x?{}", "q".repeat(65536))).as_bytes(),
        &[400, 414],
    );
    echoes(&server, with_field(&format!("Cookie: {}", "c".repeat(8000))));
    server.finish();
}

#[test]
fn r33_credentials_stay_out_of_environ_and_log() {
    let server = super::super::mounted("outcome_cases.py")
        .expect_exception("ValueError: secret before start")
        .start();
    for group in super::super::GROUPS {
        let request = server.request("GET", &format!("{group}/raises_before_start"));
        let request = request.header("Authorization", "Basic Y3JlZGVudGlhbA==");
        assert_eq!(
            request
                .header("Proxy-Authorization", "Basic Y3JlZGVudGlhbA==")
                .send()
                .status,
            500
        );
    }
    server.wait_for_log("ValueError: secret before start");
    assert!(
        server
            .logs()
            .iter()
            .all(|line| !line.text.contains("Y3JlZGVudGlhbA"))
    );
    server.finish();
}
