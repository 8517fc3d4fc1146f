//! What `start_response` accepts and refuses.

use crate::{GROUPS, assert_error_page, mounted};
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

/// The application sees an exception of this class, whatever its text.
#[track_caller]
fn refused_with(case: &str, class: &str) {
    let server = start();
    for group in GROUPS {
        let caught = server.get(&format!("{group}/{case}?catch"));
        assert!(caught.text().starts_with(&format!("{class}: ")), "{caught:?}");
        assert_eq!(caught.status, 200);
        assert_error_page(&server.get(&format!("{group}/{case}")), 500);
    }
    server.expect_exception(&format!("{class}: "));
    server.finish();
}

#[test]
fn start_response_status_int() {
    refused("status_int", "TypeError: must be str, not int");
}

#[test]
fn start_response_status_bytes() {
    refused("status_bytes", "TypeError: must be str, not bytes");
}

#[test]
fn start_response_status_none() {
    refused_with("status_none", "TypeError");
}

#[test]
fn start_response_status_not_latin1() {
    refused_with("status_not_latin1", "UnicodeEncodeError");
}

#[test]
fn start_response_status_surrogate() {
    refused_with("status_surrogate", "UnicodeEncodeError");
}

#[test]
fn start_response_status_empty() {
    refused(
        "status_empty",
        "ValueError: status code must be a 3 digit integer: b''",
    );
}

#[test]
fn start_response_status_letters() {
    refused(
        "status_letters",
        "ValueError: status code must be a 3 digit integer: b'abc'",
    );
}

#[test]
fn start_response_status_two_digits() {
    refused(
        "status_two_digits",
        "ValueError: status code must be a 3 digit integer: b'20 OK'",
    );
}

#[test]
fn start_response_status_sign() {
    refused(
        "status_sign",
        "ValueError: status code must be a 3 digit integer: b'+20 OK'",
    );
}

#[test]
fn start_response_status_four_digits() {
    refused(
        "status_four_digits",
        "ValueError: status code must be a 3 digit integer: b'2000 OK'",
    );
}

#[test]
fn start_response_status_no_space() {
    refused(
        "status_no_space",
        "ValueError: no space following status code: b'200OK'",
    );
}

#[test]
fn start_response_status_newline() {
    refused(
        "status_newline",
        r"ValueError: control character in status reason phrase: b'200 OK\r\nX-Injected: 1'",
    );
}

#[test]
fn start_response_status_nul() {
    refused_with("status_nul", "ValueError");
}

#[test]
fn start_response_status_delete() {
    refused_with("status_delete", "ValueError");
}

#[test]
fn start_response_status_below_100() {
    refused_with("status_99", "ValueError");
}

#[test]
fn start_response_status_100() {
    refused_with("status_100", "ValueError");
}

#[test]
fn start_response_status_101() {
    refused_with("status_101", "ValueError");
}

#[test]
fn start_response_status_103() {
    refused_with("status_103", "ValueError");
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
fn start_response_headers_tuple() {
    refused(
        "headers_tuple",
        "TypeError: start_response() argument 2 must be list, not tuple",
    );
}

#[test]
fn start_response_headers_dict() {
    refused(
        "headers_dict",
        "TypeError: start_response() argument 2 must be list, not dict",
    );
}

#[test]
fn start_response_headers_str() {
    refused(
        "headers_str",
        "TypeError: start_response() argument 2 must be list, not str",
    );
}

#[test]
fn start_response_headers_none() {
    refused(
        "headers_none",
        "TypeError: start_response() argument 2 must be list, not None",
    );
}

#[test]
fn start_response_headers_generator() {
    refused(
        "headers_generator",
        "TypeError: start_response() argument 2 must be list, not generator",
    );
}

#[test]
fn start_response_headers_list_subclass_is_accepted() {
    assert_eq!(accepted("headers_list_subclass").header("X-A"), Some("1"));
}

#[test]
fn start_response_keyword_arguments() {
    refused_with("keyword_arguments", "TypeError");
}

#[test]
fn start_response_no_arguments() {
    refused_with("no_arguments", "TypeError");
}

#[test]
fn start_response_item_list() {
    refused("item_list", "TypeError: each header must be a 2-tuple, not list");
}

#[test]
fn start_response_item_str() {
    refused("item_str", "TypeError: each header must be a 2-tuple, not str");
}

#[test]
fn start_response_item_none() {
    refused(
        "item_none",
        "TypeError: each header must be a 2-tuple, not NoneType",
    );
}

#[test]
fn start_response_item_empty() {
    refused(
        "item_empty",
        "ValueError: each header must be a 2-tuple, got length 0",
    );
}

#[test]
fn start_response_item_one() {
    refused(
        "item_one",
        "ValueError: each header must be a 2-tuple, got length 1",
    );
}

#[test]
fn start_response_item_three() {
    refused(
        "item_three",
        "ValueError: each header must be a 2-tuple, got length 3",
    );
}

#[test]
fn start_response_name_bytes() {
    refused("name_bytes", "TypeError: must be str, not bytes");
}

#[test]
fn start_response_name_int() {
    refused("name_int", "TypeError: must be str, not int");
}

#[test]
fn start_response_name_not_latin1() {
    refused_with("name_not_latin1", "UnicodeEncodeError");
}

#[test]
fn start_response_name_empty() {
    refused("name_empty", "ValueError: header name is empty");
}

#[test]
fn start_response_name_newline() {
    refused(
        "name_newline",
        r"ValueError: control character in header name: b'X-A\r\nX-Injected'",
    );
}

#[test]
fn start_response_name_nul() {
    refused_with("name_nul", "ValueError");
}

#[test]
fn start_response_name_space() {
    refused("name_space", "ValueError: space character in header name: b'X A'");
}

#[test]
fn start_response_name_trailing_space() {
    refused(
        "name_trailing_space",
        "ValueError: space character in header name: b'X-A '",
    );
}

#[test]
fn start_response_name_colon() {
    refused_with("name_colon", "ValueError");
}

#[test]
fn start_response_name_no_token() {
    refused_with("name_parenthesis", "ValueError");
}

#[test]
fn start_response_name_latin1_letter() {
    refused_with("name_latin1", "ValueError");
}

#[test]
fn start_response_value_bytes() {
    refused("value_bytes", "TypeError: must be str, not bytes");
}

#[test]
fn start_response_value_int() {
    refused("value_int", "TypeError: must be str, not int");
}

#[test]
fn start_response_value_none() {
    refused("value_none", "TypeError: must be str, not NoneType");
}

#[test]
fn start_response_value_not_latin1() {
    refused_with("value_not_latin1", "UnicodeEncodeError");
}

#[test]
fn start_response_value_surrogate() {
    refused_with("value_surrogate", "UnicodeEncodeError");
}

#[test]
fn start_response_value_carriage_return() {
    refused(
        "value_cr",
        r"ValueError: carriage return/line feed character in header value: b'1\rX-Injected: 1'",
    );
}

#[test]
fn start_response_value_line_feed() {
    refused(
        "value_lf",
        r"ValueError: carriage return/line feed character in header value: b'1\nX-Injected: 1'",
    );
}

#[test]
fn start_response_content_type_line_feed() {
    refused(
        "content_type_lf",
        r"ValueError: carriage return/line feed character in header value: b'text/plain\nX-Injected: 1'",
    );
}

#[test]
fn start_response_value_nul() {
    refused_with("value_nul", "ValueError");
}

#[test]
fn start_response_value_control_character() {
    refused_with("value_control", "ValueError");
}

#[test]
fn start_response_value_delete_character() {
    refused_with("value_delete", "ValueError");
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
fn start_response_exc_info_list() {
    refused(
        "exc_info_list",
        "RuntimeError: start_response() argument 'exc_info' must be a 3-tuple or None",
    );
}

#[test]
fn start_response_exc_info_str() {
    refused(
        "exc_info_str",
        "RuntimeError: start_response() argument 'exc_info' must be a 3-tuple or None",
    );
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
