//! From the script to start_response: W-01 to W-09.

use super::super::server;
use super::{answers, assert_error_page, both, cases, encoded, failing, fails, truncates};
use rwsgi_harness::Framing;

#[test]
fn w01_scripts_that_cannot_be_used() {
    let scripts = [
        ("raises", "raise ValueError('secret at import')\n", 500),
        ("syntax", "def application(:\n", 500),
        ("nul", "application = 1\0\n", 500),
        ("encoding", "# coding: no-such-encoding\n", 500),
        (
            "latin",
            "# coding: utf-8\nname = '\u{e9}'\nimport no_such_module\n",
            500,
        ),
        ("nothing", "", 404),
        ("number", "application = 7\n", 500),
    ];
    let mut builder = server()
        .config("WSGIScriptAlias /missing ${APPS}/no_such_script.py")
        .config("WSGIScriptAlias /hello ${APPS}/hello.py")
        .allow_log("^WSGI0(089|105|109|135|174)|Error|Traceback|AH00128")
        .allow_log(r"^(\[script [^\]]*\] )?\s");
    for (name, source, _) in scripts {
        builder = builder
            .app(&format!("{name}.py"), source)
            .config(&format!("WSGIScriptAlias /{name} ${{APPS}}/{name}.py"));
    }
    let server = builder.start();
    for (name, _, status) in scripts {
        for _ in 0..3 {
            assert_error_page(&server.get(&format!("/{name}")), status);
            assert_eq!(server.get("/hello").status, 200, "after {name}");
        }
        let lines = server.logs_matching(&format!("^WSGI0.*{name}\\.py")).len();
        assert_eq!(lines, 3, "{name}: one coded line an attempt");
    }
    assert_error_page(&server.get("/missing"), 404);
    let tracebacks = server.logs_matching("ValueError: secret at import").len();
    assert_eq!(tracebacks, 3, "one traceback an attempt");
    server.finish();
}

#[test]
fn w02_exceptions_whose_report_is_a_trap() {
    let server = failing().allow_log("^x{7}").start();
    fails(&server, "raises_unprintable", "Unprintable");
    fails(&server, "raises_surrogate", r"ValueError: secret .*surrogate");
    fails(&server, "raises_a_long_message", "ValueError: secret xxxx");
    fails(&server, "raises_from_another", "KeyError: 'secret cause'");
    server.wait_for_log("ValueError: secret effect");
    fails(&server, "raises_a_group", "ExceptionGroup: secret group");
    server.wait_for_log("KeyError: 'secret two'");
    fails(&server, "raises_control_characters", "ValueError: secret");
    server.allow_log("forged");
    let forged = server
        .logs()
        .into_iter()
        .find(|line| line.text.starts_with("[wsgi:error] forged"));
    assert!(forged.is_none(), "a line of the log was forged: {forged:?}");
    let control = server
        .logs()
        .into_iter()
        .find(|line| line.text.contains(['\x1b', '\r', '\0']));
    assert!(
        control.is_none(),
        "a raw control character is in the log: {control:?}"
    );
    server.finish();
}

#[test]
fn w03_start_response_never_called() {
    let server = failing().start();
    for case in ["returns_nothing", "returns_data", "yields_data"] {
        fails(&server, case, "start_response");
    }
    server.finish();
}

#[test]
fn w04_start_response_twice() {
    let server = failing().start();
    answers(&server, "starts_twice", "second");
    for response in both(&server, "starts_again_with_exc_info") {
        assert_eq!(
            (response.status_line.as_str(), response.text().as_str()),
            ("HTTP/1.1 503 Sorry", "sorry")
        );
        assert_eq!(response.header("X-First"), None, "the first response is replaced");
    }
    truncates(&server, "starts_again_after_output", "part");
    server.wait_for_log("RuntimeError: ");
    truncates(&server, "starts_again_after_output_with_exc_info", "part");
    server.wait_for_log("ValueError: reported late");
    server.finish();
}

#[test]
fn w05_status() {
    let server = failing().start();
    for status in [
        "2000 OK",
        "abc",
        "99 x",
        "100 Continue",
        "101 Switching Protocols",
        "103 Early Hints",
        "000 x",
        "200 OK\r\nX-Injected: y",
        "200 OK\nX-Injected: y",
        "200 \0",
        "200 \x7f",
        "-20 x",
        "+20 x",
        " 200 OK",
        "2 0 x",
        "20",
        "",
        "200OK",
        "\u{b2}00 OK",
        "0x1 x",
    ] {
        let bytes: Vec<u8> = status.chars().map(|c| c as u8).collect();
        fails(&server, &format!("status?{}", encoded(bytes)), "exception");
    }
    let alternatives = server.get("/main/odd_headers_count").text();
    let odd: usize = alternatives
        .split(' ')
        .next()
        .expect("two numbers")
        .parse()
        .expect("a number");
    for number in 0..odd {
        fails(&server, &format!("odd_status?{number}"), "exception");
    }
    for (status, line) in [
        ("200", "HTTP/1.1 200"),
        ("299 Fine with me", "HTTP/1.1 299 Fine with me"),
        ("599 Last", "HTTP/1.1 599 Last"),
    ] {
        for response in both(&server, &format!("status?{}", encoded(status))) {
            assert!(
                response.status_line.starts_with(line),
                "{status}: {}",
                response.status_line
            );
        }
    }
    server.finish();
}

#[test]
fn w05_status_of_ten_kibibytes() {
    let server = failing().start();
    let reason = "r".repeat(5_000);
    for response in both(&server, &format!("status?{}", format_args!("200%20{reason}"))) {
        assert!(
            response.status == 500 || response.status_line == format!("HTTP/1.1 200 {reason}"),
            "cut or mangled: {}",
            response.status_line
        );
    }
    server.finish();
}

#[test]
fn w06_headers_of_wrong_types() {
    let server = failing().start();
    let alternatives = server.get("/main/odd_headers_count").text();
    let odd: usize = alternatives
        .split(' ')
        .nth(1)
        .expect("two numbers")
        .parse()
        .expect("a number");
    for number in 0..odd {
        fails(
            &server,
            &format!("odd_headers?{number}"),
            "TypeError|ValueError|UnicodeEncodeError",
        );
    }
    let reports = server.logs_matching("^WSGI0174").len();
    assert_eq!(reports, 2 * odd, "each refusal is reported once");
    server.finish();
}

#[test]
fn w07_hop_by_hop_headers() {
    let server = cases().expect_log("^WSGI1007").start();
    for field in [
        "Connection=x-secret",
        "connection=close",
        "Keep-Alive=timeout%3d99",
        "Transfer-Encoding=chunked",
        "TE=trailers",
        "Upgrade=websocket",
        "Trailer=X-Later",
        "Proxy-Connection=keep-alive",
    ] {
        answers(&server, &format!("hop_by_hop?{field}"), "hello");
        let (name, value) = field.split_once('=').expect("a pair");
        for response in both(&server, &format!("hop_by_hop?{field}")) {
            assert_eq!(response.framing, Framing::Length(5), "{field}");
            let values = response.header_all(name).join(",");
            let of_httpd = name.eq_ignore_ascii_case("connection") && values == "close";
            assert!(values.is_empty() || of_httpd, "{name}: {value} gave {values}");
        }
    }
    server.finish();
}

#[test]
fn w08_content_length_that_is_none() {
    let server = failing().start();
    for lengths in [
        "-1",
        "+5",
        "5.0",
        "5e0",
        "0x5",
        "5_0",
        "five",
        "%205x",
        "5,5",
        "5|6",
        "5|5|x",
        "18446744073709551616",
        "9223372036854775808",
        "99999999999999999999999999",
    ] {
        fails(
            &server,
            &format!("length?{lengths};hello"),
            "invalid Content-Length header value|Content-Length",
        );
    }
    fails(&server, "typed_length", "TypeError");
    server.finish();
}

#[test]
fn w08_content_length_and_the_body() {
    let server = cases().allow_log("WSGI100[56]").start();
    answers(&server, "length?5;hello", "hello");
    answers(&server, "length?5|5;hello", "hello");
    answers(&server, "length?005;hello", "hello");
    answers(&server, "length?3;hello", "hel");
    answers(&server, "length?0;hello", "");
    for response in both(&server, "length?9;hello") {
        assert_eq!(
            (response.framing, response.text().as_str()),
            (Framing::Length(9), "hello")
        );
        assert!(!response.complete);
    }
    server.finish();
}

#[test]
fn w09_many_and_long_headers() {
    let server = failing().start();
    for response in both(&server, "many_headers") {
        assert!(
            response.status == 500 || response.header("X-999") == Some("999"),
            "{}",
            response.status_line
        );
    }
    for response in both(&server, "long_header") {
        let whole = response
            .header("X-Long")
            .is_some_and(|value| value.len() == 1 << 20);
        assert!(response.status == 500 || whole, "{}", response.status_line);
    }
    for response in both(&server, "many_cookies") {
        assert_eq!(
            (response.status, response.header_all("Set-Cookie").len()),
            (200, 500)
        );
    }
    server.finish();
}
