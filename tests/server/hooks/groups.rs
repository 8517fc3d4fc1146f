//! `groups_for_user(environ, user)` and `Require wsgi-group`.

use super::ask;
use crate::server;
use rwsgi_harness::{Builder, Mpm};

/// `/private` is for the groups `staff` and `two words`. A refusal is 403, not another question.
fn guarded() -> Builder {
    server()
        .one_process()
        .module("authn_core")
        .module("auth_basic")
        .module("authz_user")
        .config(
            "WSGIScriptAlias /private ${APPS}/hello.py\n\
             <Location /private>\n  AuthType Basic\n  AuthName r\n  AuthBasicProvider wsgi\n  \
             WSGIAuthUserScript ${APPS}/hook_groups.py\n  WSGIAuthGroupScript ${APPS}/hook_groups.py\n  \
             AuthzSendForbiddenOnFailure On\n  Require wsgi-group staff \"two words\"\n</Location>",
        )
        .allow_log("AH01631|AH0161[78]")
}

#[test]
fn groups_one_of_those_required_lets_the_user_in() {
    let server = guarded().start();
    for user in ["member", "bytes", "generated", "second"] {
        assert_eq!(ask(&server, "/private", user).status, 200, "{user}");
    }
    server.finish();
}

#[track_caller]
fn refuses(user: &str, log: &str, exception: Option<&str>) {
    let mut builder = guarded().expect_log(log);
    if let Some(exception) = exception {
        builder = builder.expect_exception(exception);
    }
    let server = builder.start();
    assert_eq!(ask(&server, "/private", user).status, 403, "{user}");
    assert_eq!(ask(&server, "/private", "member").status, 200, "after {user}");
    server.finish();
}

#[test]
fn groups_none_of_those_required_refuses() {
    refuses("prefix", "^WSGI0060: .* user 'prefix' to access '/private'", None);
    refuses("text", "^WSGI0060: ", None);
}

#[test]
fn groups_are_compared_with_their_letter_case() {
    refuses("upper", "^WSGI0060: ", None);
}

#[test]
fn groups_empty_refuses() {
    refuses("nobody", "^WSGI0059: ", None);
}

#[test]
fn groups_that_cannot_be_iterated_over_refuse() {
    refuses("none", "^WSGI0051: .* returned 'NoneType'", None);
    refuses("number", "^WSGI0051: .* returned 'int'", None);
    refuses("iter", "^WSGI017[45]: ", Some("KeyError: 'no iterator'"));
}

#[test]
fn groups_with_a_bad_item_refuse() {
    refuses("item", "^WSGI0050: .* item of type 'int'", None);
    refuses("wide", "^WSGI0049: ", None);
}

#[test]
fn groups_that_break_off_refuse() {
    refuses(
        "broken",
        "^WSGI017[45]: ",
        Some("ValueError: the directory went away"),
    );
}

#[test]
fn groups_function_that_raises_refuses() {
    refuses("stranger", "^WSGI017[45]: ", Some("KeyError: 'stranger'"));
}

#[test]
fn groups_function_missing_refuses() {
    let server = guarded()
        .app("own.py", "")
        .config("<Location /private>\n  WSGIAuthGroupScript ${APPS}/own.py\n</Location>")
        .expect_log("^WSGI0052: .* has no function 'groups_for_user'")
        .start();
    assert_eq!(ask(&server, "/private", "member").status, 403);
    server.finish();
}

#[test]
fn groups_script_that_cannot_be_loaded_refuses() {
    let server = guarded()
        .app("own.py", "1/0\n")
        .config("<Location /private>\n  WSGIAuthGroupScript ${APPS}/own.py\n</Location>")
        .expect_log("^WSGI0109: ")
        .expect_exception("ZeroDivisionError: ")
        .start();
    assert_eq!(ask(&server, "/private", "member").status, 403);
    server.finish();
}

#[test]
fn groups_without_a_script_configured_refuse() {
    let server = server()
        .module("authn_core")
        .module("auth_basic")
        .config(
            "<Location />\n  AuthType Basic\n  AuthName r\n  AuthBasicProvider wsgi\n  \
             WSGIAuthUserScript ${APPS}/hook_groups.py\n  AuthzSendForbiddenOnFailure On\n  \
             Require wsgi-group staff\n</Location>",
        )
        .allow_log("AH01631")
        .expect_log("^WSGI0058: ")
        .start();
    assert_eq!(ask(&server, "/", "member").status, 403);
    server.finish();
}

#[test]
fn groups_without_a_user_ask_for_one() {
    let server = guarded().start();
    let response = server.get("/private");
    assert_eq!(response.status, 401);
    assert_eq!(response.header("WWW-Authenticate"), Some("Basic realm=\"r\""));
    server.finish();
}

#[test]
fn a07_a_user_outside_the_group_is_refused_in_every_mpm() {
    for mpm in [Mpm::Event, Mpm::Worker, Mpm::Prefork] {
        let server = guarded().mpm(mpm).expect_log("^WSGI0059: ").start();
        assert_eq!(ask(&server, "/private", "nobody").status, 403, "{mpm:?}");
        assert_eq!(ask(&server, "/private", "member").status, 200, "{mpm:?}");
        server.finish();
    }
}

#[test]
fn a07_a_user_outside_the_group_is_asked_again_by_default() {
    let server = guarded()
        .config("<Location /private>\n  AuthzSendForbiddenOnFailure Off\n</Location>")
        .expect_log("^WSGI0059: ")
        .start();
    assert_eq!(ask(&server, "/private", "nobody").status, 401);
    server.finish();
}
