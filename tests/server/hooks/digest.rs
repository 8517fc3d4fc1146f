//! `get_realm_hash(environ, user, realm)`.

use super::{PASSWORD, assert_no_password_in_logs};
use crate::{assert_error_page, server};
use rwsgi_harness::credentials::digest;
use rwsgi_harness::{Builder, Response, Server};

fn guarded() -> Builder {
    server()
        .one_process()
        .module("authn_core")
        .module("auth_digest")
        .module("authz_user")
        .config(
            "WSGIScriptAlias /private ${APPS}/environ_dump.py\n\
             WSGIScriptAlias /seen ${APPS}/hook_user.py application-group=%{GLOBAL}\n\
             <Location /private>\n  AuthType Digest\n  AuthName \"a realm\"\n  AuthDigestProvider wsgi\n  \
             WSGIAuthUserScript ${APPS}/hook_user.py\n  Require valid-user\n</Location>",
        )
        .allow_log("AH0179[0-9]|AH0178[0-9]")
}

/// Asks for a challenge and answers it (RFC 7616, with MD5).
#[track_caller]
fn ask(server: &Server, user: &str, password: &str) -> Response {
    let challenge = server.get("/private");
    assert_eq!(challenge.status, 401, "{challenge:?}");
    let challenge = challenge.header("WWW-Authenticate").expect("a challenge");
    let credentials = digest(challenge, "/private", user, password);
    server
        .request("GET", "/private")
        .header("Authorization", &credentials)
        .send()
}

#[test]
fn get_realm_hash_text_or_bytes_lets_the_user_in() {
    let server = guarded().start();
    for user in ["str", "bytes"] {
        let response = ask(&server, user, PASSWORD);
        assert_eq!(response.status, 200, "{user}: {response:?}");
        assert_eq!(super::value(&response.text(), "REMOTE_USER"), format!("'{user}'"));
        assert_eq!(super::value(&response.text(), "AUTH_TYPE"), "'Digest'");
        let seen = server.get("/seen").text();
        assert_eq!(super::value(&seen, "realm"), "'a realm'");
        assert_eq!(super::value(&seen, "function"), "'get_realm_hash'");
    }
    server.finish();
}

#[test]
fn get_realm_hash_of_another_password_refuses() {
    let server = guarded().start();
    assert_eq!(ask(&server, "str", "wrong").status, 401);
    server.finish();
}

#[test]
fn get_realm_hash_none_is_an_unknown_user() {
    let server = guarded().start();
    assert_eq!(ask(&server, "stranger", PASSWORD).status, 401);
    assert!(
        !server
            .logs_matching("user `stranger' in realm .* not found")
            .is_empty()
    );
    server.finish();
}

#[track_caller]
fn fails(user: &str, log: &str) {
    let server = guarded().expect_log(log).start();
    let response = ask(&server, user, PASSWORD);
    assert_error_page(&response, 500);
    assert_no_password_in_logs(&server);
    server.finish();
}

#[test]
fn get_realm_hash_empty_is_an_error() {
    fails("empty", "^WSGI0178: ");
    fails("none_bytes", "^WSGI0178: ");
}

#[test]
fn get_realm_hash_other_types_are_errors() {
    fails("int", "^WSGI0179: .* returned 'int' from 'get_realm_hash'");
    fails("nul", "^WSGI0179: ");
}

#[test]
fn get_realm_hash_exceptions_are_errors() {
    let server = guarded()
        .expect_log("^WSGI017[45]: ")
        .expect_exception("ValueError: not today")
        .start();
    assert_error_page(&ask(&server, "raiser", PASSWORD), 500);
    server.finish();
}

#[test]
fn get_realm_hash_missing_from_the_script() {
    let server = guarded()
        .app("own.py", "")
        .config("<Location /private>\n  WSGIAuthUserScript ${APPS}/own.py\n</Location>")
        .expect_log("^WSGI0046: ")
        .start();
    assert_error_page(&ask(&server, "str", PASSWORD), 500);
    server.finish();
}

#[test]
fn get_realm_hash_without_a_script_configured() {
    let server = server()
        .module("authn_core")
        .module("auth_digest")
        .module("authz_user")
        .config(
            "<Location />\n  AuthType Digest\n  AuthName \"a realm\"\n  AuthDigestProvider wsgi\n  Require valid-user\n</Location>",
        )
        .allow_log("AH017")
        .expect_log("^WSGI0044: ")
        .start();
    assert_error_page(&ask(&server, "str", PASSWORD), 500);
    server.finish();
}
