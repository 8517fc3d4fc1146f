//! What `start_response` accepts and refuses.

use super::{GROUPS, assert_error_page, mounted};
use rwsgi_harness::{Framing, Response, Server};

fn start() -> Server {
    mounted("start_response_cases.py").start()
}

/// The response to an accepted case, from both interpreters.
#[track_caller]
fn accepted(case: &str) -> Response {
    let server = start();
    let [main, sub] = GROUPS.map(|group| server.get(&format!("{group}/{case}")));
    assert_eq!(main.status_line, sub.status_line);
    assert_eq!(main.text(), sub.text());
    server.finish();
    sub
}

/// The application sees exactly this exception; uncaught, the client sees a 500 without a trace of it.
#[track_caller]
fn refused(case: &str, exception: &str) {
    let server = start();
    for group in GROUPS {
        let caught = server.get(&format!("{group}/{case}?catch"));
        assert_eq!(caught.text(), exception, "{caught:?}");
        assert_eq!(caught.status, 200);
        assert_error_page(&server.get(&format!("{group}/{case}")), 500);
    }
    let class = exception.split(':').next().expect("a class");
    server.expect_exception(&format!("{class}: "));
    server.finish();
}

/// The application sees an exception of this class; after `...`, what its text ends with.
#[track_caller]
fn refused_with(case: &str, exception: &str) {
    let (class, end) = exception.split_once("...").unwrap_or((exception, ""));
    let server = start();
    for group in GROUPS {
        let caught = server.get(&format!("{group}/{case}?catch"));
        let text = caught.text();
        assert!(
            text.starts_with(&format!("{class}: ")) && text.ends_with(end),
            "{text}"
        );
        assert_eq!(caught.status, 200);
        assert_error_page(&server.get(&format!("{group}/{case}")), 500);
    }
    server.expect_exception(&format!("{class}: "));
    server.finish();
}

/// One test a row: the case of the application, and what it sees.
macro_rules! rows {
    ($assert:ident: $($test:ident: $case:literal => $exception:expr;)+) => {
        $(#[test]
        fn $test() {
            $assert($case, $exception);
        })+
    };
}

rows! { refused:
    start_response_status_empty: "status_empty" => "ValueError: status code must be a 3 digit integer: b''";
    start_response_status_letters: "status_letters" => "ValueError: status code must be a 3 digit integer: b'abc'";
    start_response_status_two_digits: "status_two_digits" => "ValueError: status code must be a 3 digit integer: b'20 OK'";
    start_response_status_sign: "status_sign" => "ValueError: status code must be a 3 digit integer: b'+20 OK'";
    start_response_status_no_space: "status_no_space" => "ValueError: no space following status code: b'200OK'";
    start_response_status_newline: "status_newline" => r"ValueError: control character in status reason phrase: b'200 OK\r\nX-Injected: 1'";
    start_response_headers_tuple: "headers_tuple" => "TypeError: start_response() argument 2 must be list, not tuple";
    start_response_headers_dict: "headers_dict" => "TypeError: start_response() argument 2 must be list, not dict";
    start_response_headers_str: "headers_str" => "TypeError: start_response() argument 2 must be list, not str";
    start_response_headers_generator: "headers_generator" => "TypeError: start_response() argument 2 must be list, not generator";
    start_response_item_list: "item_list" => "TypeError: each header must be a 2-tuple, not list";
    start_response_item_str: "item_str" => "TypeError: each header must be a 2-tuple, not str";
    start_response_item_none: "item_none" => "TypeError: each header must be a 2-tuple, not NoneType";
    start_response_item_empty: "item_empty" => "ValueError: each header must be a 2-tuple, got length 0";
    start_response_item_one: "item_one" => "ValueError: each header must be a 2-tuple, got length 1";
    start_response_item_three: "item_three" => "ValueError: each header must be a 2-tuple, got length 3";
    start_response_name_empty: "name_empty" => "ValueError: header name is empty";
    start_response_name_newline: "name_newline" => r"ValueError: control character in header name: b'X-A\r\nX-Injected'";
    start_response_name_space: "name_space" => "ValueError: space character in header name: b'X A'";
    start_response_name_trailing_space: "name_trailing_space" => "ValueError: space character in header name: b'X-A '";
    start_response_value_carriage_return: "value_cr" => r"ValueError: carriage return/line feed character in header value: b'1\rX-Injected: 1'";
    start_response_value_line_feed: "value_lf" => r"ValueError: carriage return/line feed character in header value: b'1\nX-Injected: 1'";
    start_response_content_type_line_feed: "content_type_lf" => r"ValueError: carriage return/line feed character in header value: b'text/plain\nX-Injected: 1'";
    start_response_exc_info_list: "exc_info_list" => "RuntimeError: start_response() argument 'exc_info' must be a 3-tuple or None";
    start_response_exc_info_str: "exc_info_str" => "RuntimeError: start_response() argument 'exc_info' must be a 3-tuple or None";
}

rows! { refused_with:
    start_response_status_int: "status_int" => "TypeError...must be str, not int";
    start_response_status_bytes: "status_bytes" => "TypeError...must be str, not bytes";
    start_response_status_four_digits: "status_four_digits" => "ValueError...: b'2000 OK'";
    start_response_headers_none: "headers_none" => "TypeError";
    start_response_name_bytes: "name_bytes" => "TypeError...must be str, not bytes";
    start_response_name_int: "name_int" => "TypeError...must be str, not int";
    start_response_value_bytes: "value_bytes" => "TypeError...must be str, not bytes";
    start_response_value_int: "value_int" => "TypeError...must be str, not int";
    start_response_value_none: "value_none" => "TypeError...must be str, not NoneType";
    start_response_status_none: "status_none" => "TypeError";
    start_response_status_not_latin1: "status_not_latin1" => "UnicodeEncodeError";
    start_response_status_surrogate: "status_surrogate" => "UnicodeEncodeError";
    start_response_status_nul: "status_nul" => "ValueError";
    start_response_status_delete: "status_delete" => "ValueError";
    start_response_status_below_100: "status_99" => "ValueError";
    start_response_status_100: "status_100" => "ValueError";
    start_response_status_101: "status_101" => "ValueError";
    start_response_status_103: "status_103" => "ValueError";
    start_response_keyword_arguments: "keyword_arguments" => "TypeError";
    start_response_no_arguments: "no_arguments" => "TypeError";
    start_response_name_not_latin1: "name_not_latin1" => "UnicodeEncodeError";
    start_response_name_nul: "name_nul" => "ValueError";
    start_response_name_colon: "name_colon" => "ValueError";
    start_response_name_no_token: "name_parenthesis" => "ValueError";
    start_response_name_latin1_letter: "name_latin1" => "ValueError";
    start_response_value_not_latin1: "value_not_latin1" => "UnicodeEncodeError";
    start_response_value_surrogate: "value_surrogate" => "UnicodeEncodeError";
    start_response_value_nul: "value_nul" => "ValueError";
    start_response_value_control_character: "value_control" => "ValueError";
    start_response_value_delete_character: "value_delete" => "ValueError";
}

#[test]
fn start_response_status_600_is_accepted() {
    assert_eq!(accepted("status_600").status_line, "HTTP/1.1 600 High");
}

#[test]
fn start_response_status_bare_code_is_accepted() {
    assert_eq!(accepted("status_bare").status, 200);
}

#[test]
fn start_response_status_without_reason_is_accepted() {
    assert_eq!(accepted("status_no_reason").status, 200);
}

#[test]
fn start_response_status_latin1_reason_reaches_the_client() {
    assert_eq!(accepted("status_latin1").reason, "Tr\u{e8}s bien");
}

#[test]
fn start_response_status_unknown_code_keeps_its_reason() {
    assert_eq!(
        accepted("status_unknown").status_line,
        "HTTP/1.1 299 Something Else"
    );
}

#[test]
fn start_response_headers_list_subclass_is_accepted() {
    assert_eq!(accepted("headers_list_subclass").header("X-A"), Some("1"));
}

#[test]
fn start_response_value_tab_is_accepted() {
    assert_eq!(accepted("value_tab").header("X-A"), Some("1\t2"));
}

#[test]
fn start_response_value_latin1_is_accepted() {
    assert_eq!(accepted("value_latin1").header("X-A"), Some("caf\u{e9}"));
}

#[test]
fn start_response_value_empty_is_accepted() {
    assert_eq!(accepted("value_empty").header("X-A"), Some(""));
}

#[test]
fn start_response_str_subclasses_are_accepted() {
    assert_eq!(accepted("str_subclasses").header("X-A"), Some("1"));
}

#[test]
fn start_response_exc_info_none_is_accepted() {
    assert_eq!(accepted("exc_info_none").header("X-A"), Some("1"));
}

#[test]
fn start_response_returns_write() {
    assert_eq!(accepted("returns_write").text(), "written, returned");
}

#[test]
fn start_response_second_call_before_output_replaces() {
    let response = accepted("second_call_replaces");
    assert_eq!(response.status_line, "HTTP/1.1 201 Created");
    assert_eq!(
        (response.header("X-First"), response.header("X-Second")),
        (None, Some("2"))
    );
}

#[test]
fn start_response_second_call_after_output() {
    let response = accepted("second_call_after_output");
    assert_eq!(
        response.text(),
        "output, RuntimeError: start_response() called more than once without exc_info"
    );
    assert_eq!((response.status, response.header("X-Second")), (200, None));
}

#[test]
fn start_response_exc_info_before_output_replaces() {
    let response = accepted("exc_info_before_output");
    assert_eq!(response.status_line, "HTTP/1.1 503 Sorry");
    assert_eq!(
        (response.header("X-First"), response.header("X-Second")),
        (None, Some("2"))
    );
}

#[test]
fn start_response_exc_info_after_output_reraises() {
    assert_eq!(
        accepted("exc_info_after_output").text(),
        "output, ValueError: after output same"
    );
}

#[test]
fn start_response_exc_info_after_output_uncaught_truncates() {
    let server = mounted("start_response_cases.py")
        .expect_exception("ValueError: after output")
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/exc_info_after_output_uncaught"));
        assert_eq!((response.status, response.framing), (200, Framing::Chunked));
        assert_eq!(response.text(), "output, ");
        assert!(!response.complete);
    }
    server.finish();
}

#[test]
fn start_response_after_the_request() {
    let server = mounted("start_response_cases.py")
        .one_process()
        .expect_exception("RuntimeError: ")
        .start();
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/keep")).text(), "kept");
        for late in ["call_kept", "write_kept"] {
            let response = server.get(&format!("{group}/{late}?catch"));
            assert!(
                response.text().starts_with("RuntimeError: "),
                "{}",
                response.text()
            );
        }
        assert_error_page(&server.get(&format!("{group}/call_kept")), 500);
    }
    server.finish();
}

#[test]
fn start_response_does_not_see_later_changes_of_the_list() {
    assert_eq!(accepted("caller_changes_list_later").header("X-Late"), None);
}

#[test]
fn every_exception_has_a_traceback() {
    let server = start();
    assert_error_page(&server.get("/main/status_int"), 500);
    server.expect_exception("TypeError: must be str, not int");
    server.expect_log("Traceback \\(most recent call last\\):$");
    server.expect_log("File .*start_response_cases.py., line [0-9]+, in function");
    server.finish();
}
