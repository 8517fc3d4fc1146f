//! `WSGIDispatchScript`: `process_group`, `application_group` and `callable_object`, each with environ.

use super::value;
use crate::{assert_error_page, server};
use rwsgi_harness::Builder;

fn dispatched() -> Builder {
    server().one_process().config(
        "WSGIScriptAlias /app ${APPS}/hook_dispatch.py application-group=%{GLOBAL}\n\
         WSGIDispatchScript ${APPS}/hook_dispatch.py",
    )
}

#[test]
fn dispatch_none_keeps_what_is_configured() {
    let server = dispatched().start();
    for query in ["", "?process=None&application=None&callable=None"] {
        let response = server.get(&format!("/app{query}"));
        assert_eq!(response.text(), "application '' '' application", "{query}");
    }
    server.finish();
}

#[test]
fn dispatch_text_and_bytes_choose() {
    let server = dispatched().start();
    for (query, expected) in [
        ("callable=other", "other '' '' other"),
        ("callable_bytes=other", "other '' '' other"),
        ("application=blue", "application '' 'blue' application"),
        ("application_bytes=blue", "application '' 'blue' application"),
        ("application=blue&callable=other", "other '' 'blue' other"),
    ] {
        assert_eq!(server.get(&format!("/app?{query}")).text(), expected, "{query}");
    }
    server.finish();
}

#[test]
fn dispatch_answers_are_expanded() {
    let server = dispatched()
        .config("SetEnv CHOSEN other\nSetEnv GROUP green")
        .start();
    let name = format!("localhost:{}", server.port());
    for (query, expected) in [
        (
            "application=%25{GLOBAL}",
            "application '' '' application".to_string(),
        ),
        (
            "application=%25{SERVER}",
            format!("application '' '{name}' application"),
        ),
        (
            "application=%25{RESOURCE}",
            format!("application '' '{name}|/app' application"),
        ),
        (
            "application=%25{ENV:GROUP}",
            "application '' 'green' application".to_string(),
        ),
        ("callable=%25{ENV:CHOSEN}", "other '' '' other".to_string()),
        ("process=%25{GLOBAL}", "application '' '' application".to_string()),
    ] {
        assert_eq!(server.get(&format!("/app?{query}")).text(), expected, "{query}");
    }
    server.finish();
}

#[test]
fn dispatch_names_beyond_ascii_are_those_of_the_configuration() {
    let server = dispatched()
        .config("WSGIScriptAlias /umlaut ${APPS}/hook_dispatch.py application-group=gr\u{fc}n")
        .start();
    let configured = server.get("/umlaut").text();
    assert_eq!(configured, "application '' 'gr\u{c3}\u{bc}n' application");
    for answer in [
        "application=gr%c3%bcn",
        "application=gr%c3%83%c2%bcn",
        "application_bytes=gr%c3%bcn",
    ] {
        assert_eq!(
            server.get(&format!("/app?{answer}")).text(),
            configured,
            "{answer}"
        );
    }
    server.finish();
}

#[test]
fn dispatch_process_group_counts() {
    let server = dispatched().expect_log("^WSGI0150: .*'elsewhere'").start();
    assert_error_page(&server.get("/app?process=elsewhere"), 500);
    server.finish();
}

#[test]
fn dispatch_result_passes_restrict_process() {
    let server = dispatched()
        .config("WSGIRestrictProcess %{GLOBAL}")
        .expect_log("^WSGI0149: .*'elsewhere'")
        .start();
    assert_error_page(&server.get("/app?process=elsewhere"), 500);
    assert_eq!(server.get("/app").status, 200);
    server.finish();
}

#[test]
fn restrict_process_holds_for_embedded_mode() {
    let server = server()
        .config("WSGIScriptAlias /app ${APPS}/hello.py\nWSGIRestrictProcess other")
        .expect_log("^WSGI0149: ")
        .start();
    assert_error_page(&server.get("/app"), 500);
    server.finish();
}

#[test]
fn dispatch_other_types_and_exceptions_fail_closed() {
    for (answer, log) in [
        ("7", "^WSGI1040: .* returned 'int' from"),
        ("wide", "^WSGI1040: .* returned 'str' from"),
        ("list", "^WSGI1040: .* returned 'list' from"),
    ] {
        for function in ["process", "application", "callable"] {
            let server = dispatched().expect_log(log).expect_log("^WSGI0086: ").start();
            assert_error_page(&server.get(&format!("/app?{function}={answer}")), 500);
            server.finish();
        }
    }
    let server = dispatched()
        .expect_log("^WSGI017[45]: ")
        .expect_log("^WSGI0086: ")
        .expect_exception("ValueError: not today")
        .start();
    assert_error_page(&server.get("/app?callable=raise"), 500);
    server.finish();
}

#[test]
fn dispatch_script_that_cannot_be_loaded_fails_closed() {
    for (script, log, exception) in [
        ("1/0\n", "^WSGI0109: ", "ZeroDivisionError: "),
        ("def\n", "^WSGI0105: ", "SyntaxError: "),
        ("import sys\nsys.exit()\n", "^WSGI0107: ", "SystemExit"),
    ] {
        let server = dispatched()
            .app("own.py", script)
            .config("WSGIDispatchScript ${APPS}/own.py")
            .expect_log(log)
            .expect_log("^WSGI0086: ")
            .expect_exception(exception)
            .start();
        assert_error_page(&server.get("/app"), 500);
        server.finish();
    }
    let server = dispatched()
        .config("WSGIDispatchScript ${APPS}/absent.py")
        .expect_log("^WSGI0105: ")
        .expect_log("^WSGI0086: ")
        .start();
    assert_error_page(&server.get("/app"), 500);
    server.finish();
}

#[test]
fn dispatch_script_without_functions_changes_nothing() {
    let server = dispatched()
        .app("own.py", "")
        .config("WSGIDispatchScript ${APPS}/own.py")
        .start();
    assert_eq!(server.get("/app").text(), "application '' '' application");
    server.finish();
}

#[test]
fn dispatch_environ_is_that_of_the_request_without_private_keys() {
    let server = dispatched().config("SetEnv OWN_SETTING 7").start();
    let text = server.get("/app/x?callable=told").text();
    assert_eq!(value(&text, "OWN_SETTING"), "'7'");
    assert_eq!(value(&text, "SCRIPT_NAME"), "'/app'");
    assert_eq!(value(&text, "PATH_INFO"), "'/x'");
    assert_eq!(value(&text, "mod_wsgi.process_group"), "''");
    assert_eq!(value(&text, "mod_wsgi.application_group"), "''");
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    assert!(has("wsgi.errors = "));
    assert!(!has("wsgi.input"));
    assert!(!has("mod_wsgi.callable_object"));
    assert!(!text.contains("x-"), "a private key: {text}");
    server.finish();
}

#[test]
fn dispatch_script_runs_in_its_own_group_and_not_that_of_the_application() {
    let script = "import mod_wsgi\ndef callable_object(environ):\n    return 'other' if mod_wsgi.application_group == 'judge' \
                  else 'application'\n";
    let server = dispatched()
        .app("own.py", script)
        .config("WSGIDispatchScript ${APPS}/own.py application-group=judge")
        .start();
    assert_eq!(server.get("/app").text(), "other '' '' other");
    server.finish();
}
