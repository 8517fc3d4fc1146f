//! How a request ends, by what the application did.

use std::time::Duration;

use super::{GROUPS, assert_error_page, mounted, processes};
use rwsgi_harness::{Framing, Response, Server};

/// What the log says of an application that does not call start_response.
const NEVER_STARTED: &str = r"RuntimeError: |without calling start_response\(\)";

/// How soon a server that gives up a connection closes it.
pub(crate) const CLOSE: Duration = Duration::from_secs(5);

pub(crate) fn start() -> Server {
    mounted("outcome_cases.py").start()
}

/// A 500 that leaks nothing; the connection and the process go on; the log has this traceback.
#[track_caller]
fn fails(case: &str, exception: &str) {
    let server = mounted("outcome_cases.py").expect_exception(exception).start();
    let before = processes(&server);
    for group in GROUPS {
        let response = server.get(&format!("{group}/{case}"));
        assert_error_page(&response, 500);
        assert!(!response.text().contains("secret"), "{}", response.text());
        assert_eq!(response.header("X-Leaked"), None);
        assert_eq!(server.get(&format!("{group}/hello")).text(), "hello\n");
    }
    let after = processes(&server);
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
pub(crate) fn succeeds(case: &str) -> Response {
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
    let mut coded = server.logs_matching("WSGI[0-9]{4}");
    coded.retain(|line| !line.message.starts_with("WSGI1170"));
    assert_eq!(coded.len(), 1, "{coded:?}");
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
    fails("never_starts_empty", NEVER_STARTED);
}

#[test]
fn outcome_start_response_never_called_with_data() {
    fails("never_starts_data", NEVER_STARTED);
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

/// A response that was begun and then fails takes its own headers back, and no other module's.
#[test]
fn outcome_error_pages_keep_what_other_modules_set() {
    let server = mounted("outcome_cases.py")
        .module("headers")
        .config("Header always set X-Site kept")
        .allow_log("WSGI0174|^Traceback|^\\s|^TypeError")
        .start();
    for group in GROUPS {
        let response = server.get(&format!("{group}/later_item_of_list_str"));
        assert_error_page(&response, 500);
        assert_eq!(response.header("X-Site"), Some("kept"));
        assert_eq!(response.header("X-Own"), None);
        assert_eq!(response.header("WWW-Authenticate"), None);
    }
    server.finish();
}
