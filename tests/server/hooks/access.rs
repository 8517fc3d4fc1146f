//! `allow_access(environ, host)`.

use crate::{assert_error_page, server};
use rwsgi_harness::Builder;

fn guarded() -> Builder {
    server().one_process().config(
        "WSGIScriptAlias /private ${APPS}/hook_access.py application-group=%{GLOBAL}\n\
         <Location /private>\n  WSGIAccessScript ${APPS}/hook_access.py\n</Location>",
    )
}

#[test]
fn allow_access_true_lets_the_client_in() {
    let server = guarded().start();
    let response = server.get("/private?yes");
    assert_eq!((response.status, response.text().as_str()), (200, "'127.0.0.1'"));
    server.finish();
}

#[test]
fn allow_access_none_leaves_it_to_others() {
    let server = guarded()
        .allow_log("AH01630")
        .config("<Location /private/closed>\n  Require all denied\n</Location>")
        .start();
    assert_eq!(server.get("/private?pass").status, 200);
    assert_eq!(server.get("/private/closed?pass").status, 403);
    // True does not overrule the others either.
    assert_eq!(server.get("/private/closed?yes").status, 403);
    server.finish();
}

#[test]
fn allow_access_false_refuses_the_client() {
    let server = guarded().expect_log("^WSGI0057: .*/private").start();
    assert_error_page(&server.get("/private?no"), 403);
    server.finish();
}

#[test]
fn allow_access_other_types_refuse() {
    let server = guarded()
        .expect_log("^WSGI0055: .* returned 'int' from 'allow_access'")
        .expect_log("^WSGI0055: .* returned 'str' from 'allow_access'")
        .expect_log("^WSGI0055: .* returned 'list' from 'allow_access'")
        .start();
    for case in ["one", "zero", "text", "list"] {
        assert_error_page(&server.get(&format!("/private?{case}")), 403);
    }
    server.finish();
}

#[test]
fn allow_access_exceptions_refuse() {
    let server = guarded()
        .expect_log("^WSGI1042: ")
        .expect_exception("ValueError: not today")
        .start();
    assert_error_page(&server.get("/private?raise"), 403);
    assert_eq!(server.get("/private?yes").status, 200);
    server.finish();
}

#[test]
fn allow_access_missing_or_not_loaded_refuses() {
    for (script, log, exception) in [
        ("", "^WSGI1041: .* has no function 'allow_access'", None),
        ("1/0\n", "^WSGI0109: ", Some("ZeroDivisionError: ")),
    ] {
        let mut builder = guarded()
            .app("own.py", script)
            .config("<Location /private>\n  WSGIAccessScript ${APPS}/own.py\n</Location>")
            .expect_log(log);
        if let Some(exception) = exception {
            builder = builder.expect_exception(exception);
        }
        let server = builder.start();
        assert_error_page(&server.get("/private?yes"), 403);
        server.finish();
    }
}

#[test]
fn allow_access_of_static_files() {
    let server = guarded()
        .file("htdocs/private/a.txt", "for some")
        .file("htdocs/b.txt", "for all")
        .config("WSGIScriptAliasMatch ^/none$ ${APPS}/hello.py")
        .config("Alias /private/a.txt ${HTDOCS}/private/a.txt")
        .expect_log("^WSGI0057: ")
        .start();
    assert_eq!(server.get("/private/a.txt?yes").text(), "for some");
    assert_error_page(&server.get("/private/a.txt?no"), 403);
    assert_eq!(server.get("/b.txt?no").text(), "for all");
    server.finish();
}

#[test]
fn allow_access_sees_the_client_that_mod_remoteip_found() {
    let server = guarded()
        .module("remoteip")
        .config("RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1")
        .start();
    let response = server
        .request("GET", "/private?yes")
        .header("X-Forwarded-For", "192.0.2.7")
        .send();
    assert_eq!(response.text(), "'192.0.2.7'");
    server.finish();
}
