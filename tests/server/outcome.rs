//! How a request ends, by what the application did.

use std::time::Duration;

use crate::{GROUPS, assert_error_page, mounted, server};
use rwsgi_harness::{Framing, Response, Server};

/// How soon a server that gives up a connection closes it.
const CLOSE: Duration = Duration::from_secs(5);

fn start() -> Server {
    mounted("outcome_cases.py").start()
}

/// A 500 that leaks nothing; the connection and the process go on; the log has this traceback.
#[track_caller]
fn fails(case: &str, exception: &str) {
    let server = mounted("outcome_cases.py").expect_exception(exception).start();
    let before = server.children();
    for group in GROUPS {
        let response = server.get(&format!("{group}/{case}"));
        assert_error_page(&response, 500);
        assert!(!response.text().contains("secret"), "{}", response.text());
        assert_eq!(response.header("X-Leaked"), None);
        assert_eq!(server.get(&format!("{group}/hello")).text(), "hello\n");
    }
    let after = server.children();
    assert!(before.iter().all(|pid| after.contains(pid)), "a process ended");
    server.finish();
}

/// A response that began and is cut: visibly incomplete, nothing after it, connection closed.
#[track_caller]
fn truncates(case: &str, body: &str, framing: Framing, log: &str) {
    let server = mounted("outcome_cases.py").expect_exception(log).start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!("GET {group}/{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        connection.send_lossy(format!("GET {group}/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = connection.response();
        assert_eq!((response.status, response.framing), (200, framing));
        assert_eq!(response.text(), body);
        assert!(!response.complete, "the client must be able to tell");
        assert!(connection.closes_within(CLOSE), "no next response may follow");
    }
    server.finish();
}

/// The same complete response from both interpreters, and a connection still in step.
#[track_caller]
fn succeeds(case: &str) -> Response {
    let server = start();
    let [main, sub] = GROUPS.map(|group| {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/{case}"));
        assert!(response.complete, "{response:?}");
        assert_eq!(
            connection.get(&format!("{group}/hello")).text(),
            "hello\n",
            "the next response must be in step"
        );
        response
    });
    assert_eq!(
        (main.status_line, main.body),
        (sub.status_line.clone(), sub.body.clone())
    );
    server.finish();
    sub
}

#[test]
fn outcome_exception_before_start_response() {
    fails("raises_before_start", "ValueError: secret before start");
}

#[test]
fn outcome_exception_after_start_response() {
    fails("raises_after_start", "ValueError: secret after start");
}

#[test]
fn outcome_exception_in_first_item() {
    fails("raises_in_first_item", "ValueError: secret in first item");
}

#[test]
fn outcome_exception_after_empty_item() {
    fails("raises_after_empty_item", "ValueError: secret after empty item");
}

#[test]
fn outcome_exception_in_iter() {
    fails("raises_in_iter", "ValueError: secret in iter");
}

#[test]
fn outcome_exception_names_the_script_and_the_interpreter_in_one_coded_line() {
    let server = mounted("outcome_cases.py")
        .expect_exception("ValueError: secret")
        .start();
    server.get("/sub/raises_before_start");
    let line = server.wait_for_log("exception raised");
    assert!(line.message.starts_with("WSGI0174"), "{}", line.text);
    assert!(
        line.message.contains("apps/outcome_cases.py") && line.client,
        "{}",
        line.text
    );
    server.wait_for_log("ValueError: secret before start");
    assert_eq!(server.logs_matching("WSGI[0-9]{4}").len(), 1);
    server.finish();
}

#[test]
fn outcome_system_exit() {
    fails("system_exit", "SystemExit");
}

#[test]
fn outcome_system_exit_zero() {
    fails("system_exit_zero", "SystemExit");
}

#[test]
fn outcome_keyboard_interrupt() {
    fails("keyboard_interrupt", "KeyboardInterrupt: secret interrupt");
}

#[test]
fn outcome_generator_exit() {
    fails("generator_exit", "GeneratorExit: secret generator exit");
}

#[test]
fn outcome_base_exception() {
    fails("own_base_exception", "secret base exception");
}

#[test]
fn outcome_exception_after_output_with_content_length() {
    truncates(
        "raises_after_output_with_length",
        "part",
        Framing::Length(100),
        "ValueError: secret after output",
    );
}

#[test]
fn outcome_exception_after_output_chunked() {
    truncates(
        "raises_after_output_chunked",
        "part",
        Framing::Chunked,
        "ValueError: secret after output",
    );
}

#[test]
fn outcome_exception_after_complete_body() {
    let server = mounted("outcome_cases.py")
        .expect_exception("ValueError: secret after the end")
        .start();
    for group in GROUPS {
        let response = server.get(&format!("{group}/raises_after_complete_body"));
        assert_eq!(
            (response.status, response.text().as_str(), response.complete),
            (200, "full", true)
        );
    }
    server.finish();
}

#[test]
fn outcome_exception_in_close() {
    let server = mounted("outcome_cases.py")
        .expect_exception("ValueError: secret in close")
        .start();
    for group in GROUPS {
        let response = server.get(&format!("{group}/raises_in_close"));
        assert_eq!(
            (response.status, response.text().as_str(), response.complete),
            (200, "full", true)
        );
    }
    server.finish();
}

#[test]
fn outcome_exception_in_close_lookup() {
    let server = mounted("outcome_cases.py")
        .expect_exception("ValueError: secret in close lookup")
        .expect_log("WSGI0194")
        .start();
    for group in GROUPS {
        let response = server.get(&format!("{group}/raises_in_close_lookup"));
        assert_eq!(
            (response.status, response.text().as_str(), response.complete),
            (200, "full", true)
        );
    }
    server.finish();
}

#[test]
fn outcome_close_is_called_once_after_success() {
    let server = mounted("outcome_cases.py").one_process().start();
    for group in GROUPS {
        server.get(&format!("{group}/several_items"));
        assert_eq!(server.get(&format!("{group}/events")).text(), "close");
    }
    server.finish();
}

#[test]
fn outcome_close_is_called_once_after_an_exception() {
    let server = mounted("outcome_cases.py")
        .one_process()
        .expect_exception("ValueError: secret")
        .start();
    for group in GROUPS {
        for case in [
            "raises_in_first_item",
            "raises_after_output_chunked",
            "raises_in_iter",
        ] {
            server.get(&format!("{group}/{case}"));
            assert_eq!(server.get(&format!("{group}/events")).text(), "close", "{case}");
        }
    }
    server.finish();
}

#[test]
fn outcome_generator_runs_its_finally_block() {
    let server = mounted("outcome_cases.py").one_process().start();
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/generator")).text(), "one two");
        assert_eq!(server.get(&format!("{group}/events")).text(), "finally");
    }
    server.finish();
}

#[test]
fn outcome_start_response_never_called_empty() {
    fails("never_starts_empty", "RuntimeError: ");
}

#[test]
fn outcome_start_response_never_called_with_data() {
    fails("never_starts_data", "RuntimeError: ");
}

#[test]
fn outcome_start_response_called_by_the_first_iteration() {
    assert_eq!(succeeds("never_starts_and_writes_late").text(), "late but fine");
}

#[test]
fn outcome_returns_none() {
    fails("returns_none", "TypeError: ");
}

#[test]
fn outcome_returns_int() {
    fails("returns_int", "TypeError: ");
}

#[test]
fn outcome_returns_str() {
    fails("returns_str", "TypeError: ");
}

#[test]
fn outcome_first_item_not_bytes() {
    fails(
        "first_item_str",
        "TypeError: response iterable must yield bytes, not str",
    );
}

#[test]
fn outcome_later_item_not_bytes() {
    truncates(
        "later_item_str",
        "part",
        Framing::Chunked,
        "TypeError: response iterable must yield bytes, not str",
    );
}

#[test]
fn outcome_item_none() {
    fails(
        "item_none",
        "TypeError: response iterable must yield bytes, not NoneType",
    );
}

#[test]
fn outcome_item_bytearray() {
    fails(
        "item_bytearray",
        "TypeError: response iterable must yield bytes, not bytearray",
    );
}

#[test]
fn outcome_item_memoryview() {
    fails(
        "item_memoryview",
        "TypeError: response iterable must yield bytes, not memoryview",
    );
}

/// A Content-Length that is no length: 500, and never on the wire.
#[track_caller]
fn refuses_length(case: &str) {
    let server = start();
    for group in GROUPS {
        assert_error_page(&server.get(&format!("{group}/{case}")), 500);
    }
    server.expect_log("invalid Content-Length header value");
    server.allow_log("Traceback|^ |exception raised");
    server.finish();
}

#[test]
fn outcome_content_length_letters() {
    refuses_length("length_letters");
}

#[test]
fn outcome_content_length_empty() {
    refuses_length("length_empty");
}

#[test]
fn outcome_content_length_negative() {
    refuses_length("length_negative");
}

#[test]
fn outcome_content_length_plus() {
    refuses_length("length_plus");
}

#[test]
fn outcome_content_length_hexadecimal() {
    refuses_length("length_hex");
}

#[test]
fn outcome_content_length_underscore() {
    refuses_length("length_underscore");
}

#[test]
fn outcome_content_length_list() {
    refuses_length("length_list");
}

#[test]
fn outcome_content_length_huge() {
    refuses_length("length_huge");
}

#[test]
fn outcome_content_length_twice_different() {
    refuses_length("length_twice_different");
}

#[test]
fn outcome_content_length_twice_equal_is_sent_once() {
    let response = succeeds("length_twice_equal");
    assert_eq!(response.header_all("Content-Length"), ["5"]);
}

#[test]
fn outcome_content_length_exact() {
    let response = succeeds("length_exact");
    assert_eq!(
        (response.framing, response.text().as_str()),
        (Framing::Length(5), "12345")
    );
}

#[test]
fn outcome_body_longer_than_content_length_is_cut() {
    let server = start();
    server.allow_log("WSGI");
    for group in GROUPS {
        for (case, body) in [
            ("length_shorter_than_body", "123"),
            ("length_zero_with_body", ""),
            ("stream_longer_than_length", "12345"),
        ] {
            let mut connection = server.connect();
            let response = connection.get(&format!("{group}/{case}"));
            assert_eq!(
                (response.text().as_str(), response.complete),
                (body, true),
                "{case}"
            );
            assert_eq!(
                connection.get(&format!("{group}/hello")).text(),
                "hello\n",
                "{case}: out of step"
            );
        }
    }
    server.finish();
}

/// A body shorter than its Content-Length.
#[track_caller]
fn falls_short(case: &str, body: &str) {
    let server = start();
    server.allow_log("WSGI");
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!("GET {group}/{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        connection.send_lossy(format!("GET {group}/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = connection.response();
        assert_eq!(
            (response.framing, response.text().as_str()),
            (Framing::Length(9), body)
        );
        assert!(!response.complete, "the next response was spliced into it");
        assert!(connection.closes_within(CLOSE));
    }
    server.finish();
}

#[test]
fn outcome_body_shorter_than_content_length_closes() {
    falls_short("length_longer_than_body", "12345");
}

#[test]
fn outcome_no_body_though_content_length_is_never_a_complete_response() {
    let server = start();
    server.allow_log("WSGI");
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {group}/length_longer_than_empty_body HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        connection.send_lossy(format!("GET {group}/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = connection.response();
        let refused = response.status == 500;
        assert!(
            refused || (!response.complete && response.body.is_empty()),
            "{response:?}"
        );
        assert!(refused || connection.closes_within(CLOSE));
    }
    server.finish();
}

#[test]
fn outcome_empty_list() {
    let response = succeeds("empty_list");
    assert_eq!(
        (response.status_line.as_str(), response.body.len()),
        ("HTTP/1.1 202 Accepted", 0)
    );
}

#[test]
fn outcome_empty_items() {
    assert_eq!(succeeds("empty_items").text(), "");
}

#[test]
fn outcome_several_items_keep_their_order() {
    assert_eq!(succeeds("several_items").text(), "one two three");
}

#[test]
fn outcome_big_body() {
    let response = succeeds("big_body");
    assert_eq!(response.body.len(), 3 << 20);
    assert!(response.body.iter().all(|byte| *byte == b'x'));
}

#[test]
fn outcome_no_content() {
    let response = succeeds("no_content");
    assert_eq!(
        (response.status, response.header("Transfer-Encoding")),
        (204, None)
    );
}

#[test]
fn outcome_not_modified() {
    let response = succeeds("not_modified");
    assert_eq!((response.status, response.header("ETag")), (304, Some("\"1\"")));
}

#[test]
fn outcome_error_status_keeps_the_application_body() {
    let response = succeeds("error_status");
    assert_eq!(response.status_line, "HTTP/1.1 404 Not Here");
    assert_eq!(response.text(), "the application's own page");
}

#[test]
fn outcome_hop_by_hop_headers_never_reach_the_client() {
    let server = start();
    server.allow_log("WSGI");
    for group in GROUPS {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/hop_by_hop"));
        assert_eq!((response.status, response.complete), (200, true));
        assert_eq!(
            response.text(),
            "5\r\nhello\r\n0\r\n\r\n",
            "the body is the application's bytes as they are"
        );
        for name in ["Upgrade", "TE", "Trailer", "Proxy-Connection"] {
            assert_eq!(response.header(name), None, "{name}");
        }
        let text = String::from_utf8_lossy(&response.raw_head).to_lowercase();
        assert!(
            !text.contains("x-secret") && !text.contains("timeout=99"),
            "{text}"
        );
        assert_eq!(connection.get(&format!("{group}/hello")).text(), "hello\n");
    }
    server.finish();
}

#[test]
fn outcome_transfer_encoding_does_not_beat_content_length() {
    let server = start();
    server.allow_log("WSGI");
    for group in GROUPS {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/transfer_encoding_and_length"));
        assert_eq!(
            (response.framing, response.text().as_str()),
            (Framing::Length(5), "hello")
        );
        assert_eq!(connection.get(&format!("{group}/hello")).text(), "hello\n");
    }
    server.finish();
}

#[test]
fn outcome_repeated_headers_stay_separate() {
    let response = succeeds("repeated_headers");
    assert_eq!(response.header_all("Set-Cookie"), ["a=1", "b=2", "a=3"]);
    assert_eq!(response.header_all("X-Many"), ["one", "two"]);
    assert_eq!(
        response.header_all("WWW-Authenticate"),
        ["Basic realm=x", "Digest realm=y"]
    );
}

#[test]
fn outcome_server_and_date_are_httpds() {
    let response = succeeds("own_server_and_date");
    assert_eq!(
        (
            response.header_all("Server").len(),
            response.header_all("Date").len()
        ),
        (1, 1)
    );
    assert!(
        response
            .header("Server")
            .is_some_and(|value| value.starts_with("Apache")),
        "{response:?}"
    );
    assert!(
        response
            .header("Date")
            .is_some_and(|value| !value.contains("1970")),
        "{response:?}"
    );
}

#[test]
fn outcome_location_with_200_is_no_redirect() {
    let response = succeeds("location_with_200");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "not redirected")
    );
    assert_eq!(response.header("Location"), Some("/main/pid"));
}

#[test]
fn outcome_relative_location_is_passed_as_it_is() {
    let response = succeeds("location_relative");
    assert_eq!(
        (response.status, response.header("Location")),
        (302, Some("../elsewhere?x=1"))
    );
}

#[test]
fn outcome_status_header_does_not_change_the_status() {
    assert_eq!(succeeds("status_header").status, 200);
}

#[test]
fn outcome_missing_content_type_is_not_made_up() {
    assert_eq!(succeeds("no_content_type").header("Content-Type"), None);
}

#[test]
fn outcome_head_has_no_body_and_keeps_content_length() {
    let server = start();
    for group in GROUPS {
        let mut connection = server.connect();
        let response = server
            .request("HEAD", &format!("{group}/length_exact"))
            .send_on(&mut connection);
        assert_eq!(
            (response.status, response.header("Content-Length")),
            (200, Some("5"))
        );
        assert_eq!(connection.get(&format!("{group}/hello")).text(), "hello\n");
    }
    server.finish();
}

/// A script of its own that fails: the status, and what the log says.
#[track_caller]
fn script_fails(source: &str, status: u16, code: &str, exception: &str) {
    let server = server()
        .app("broken.py", source)
        .config("WSGIScriptAlias /main ${APPS}/broken.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/broken.py")
        .expect_log(code)
        .expect_exception(exception)
        .start();
    for group in GROUPS {
        for _ in 0..2 {
            assert_error_page(&server.get(group), status);
        }
    }
    server.finish();
}

#[test]
fn outcome_callable_missing() {
    script_fails("app = None\n", 404, "WSGI0089", "WSGI0089");
}

#[test]
fn outcome_callable_not_callable() {
    script_fails("application = 7\n", 500, "WSGI", "TypeError: ");
}

#[test]
fn outcome_script_raises_at_import() {
    script_fails(
        "raise ValueError('secret at import')\n",
        500,
        "WSGI0109",
        "ValueError: secret at import",
    );
}

#[test]
fn outcome_script_imports_what_is_missing() {
    script_fails(
        "import no_such_module\n",
        500,
        "WSGI0109",
        "ModuleNotFoundError: No module named 'no_such_module'",
    );
}

#[test]
fn outcome_script_has_a_syntax_error() {
    script_fails("def application(:\n", 500, "WSGI0105|WSGI0109", "SyntaxError: ");
}

#[test]
fn outcome_script_exits_at_import() {
    script_fails("import sys\nsys.exit(3)\n", 500, "WSGI", "SystemExit");
}

#[test]
fn outcome_script_missing() {
    let server = server()
        .config("WSGIScriptAlias / ${APPS}/no_such_file.py")
        .expect_log("WSGI0135|AH00128")
        .start();
    assert_error_page(&server.get("/"), 404);
    server.finish();
}

#[test]
fn outcome_script_mended_is_loaded_by_the_next_request() {
    let server = server()
        .app("broken.py", "raise ValueError('secret at import')\n")
        .config("WSGIScriptAlias / ${APPS}/broken.py")
        .expect_exception("ValueError: secret at import")
        .expect_log("WSGI0109")
        .start();
    assert_error_page(&server.get("/"), 500);
    std::fs::copy(server.path("apps/hello.py"), server.path("apps/broken.py"))
        .expect("the script is replaced");
    assert_eq!(server.get("/").text(), "Hello world!\n");
    server.finish();
}
