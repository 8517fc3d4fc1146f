//! `check_password(environ, user, password)`.

use super::{PASSWORD, ask, assert_no_password_in_logs, basic, value};
use crate::{assert_error_page, server};
use rwsgi_harness::{Builder, Mpm, Server};

/// Everything below `/private` needs a user; `/seen` shows what the script was told.
fn guarded() -> Builder {
    server()
        .one_process()
        .module("authn_core")
        .module("auth_basic")
        .module("authz_user")
        .config(
            "WSGIScriptAlias /private ${APPS}/environ_dump.py\n\
             WSGIScriptAlias /seen ${APPS}/hook_user.py application-group=%{GLOBAL}\n\
             <Location /private>\n  AuthType Basic\n  AuthName \"a realm\"\n  AuthBasicProvider wsgi\n  \
             WSGIAuthUserScript ${APPS}/hook_user.py\n  Require valid-user\n</Location>",
        )
        .allow_log("AH0161[78]")
}

fn seen(server: &Server) -> String {
    server.get("/seen").text()
}

#[test]
fn check_password_true_lets_the_user_in() {
    let server = guarded().start();
    let response = ask(&server, "/private", "admin");
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(value(&response.text(), "REMOTE_USER"), "'admin'");
    assert_eq!(value(&response.text(), "AUTH_TYPE"), "'Basic'");
    server.finish();
}

#[test]
fn check_password_false_refuses_the_password() {
    let server = guarded().start();
    let wrong = basic("admin", "wrong");
    for credentials in [wrong, basic("denied", PASSWORD)] {
        let response = server
            .request("GET", "/private")
            .header("Authorization", &credentials)
            .send();
        assert_eq!(response.status, 401);
        assert_eq!(
            response.header("WWW-Authenticate"),
            Some("Basic realm=\"a realm\"")
        );
    }
    assert_eq!(server.get("/private").status, 401, "no credentials at all");
    assert!(!server.logs_matching("AH01617").is_empty(), "denied, not unknown");
    server.finish();
}

#[test]
fn check_password_none_leaves_the_user_to_the_next_provider() {
    // The password is the word itself.
    let users = "elsewhere:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n";
    let server = guarded()
        .module("authn_file")
        .file("conf/users", users)
        .config(
            "<Location /private/both>\n  AuthBasicProvider wsgi file\n  AuthUserFile conf/users\n</Location>",
        )
        .start();
    let elsewhere = |target| {
        server
            .request("GET", target)
            .header("Authorization", &basic("elsewhere", "password"))
            .send()
            .status
    };
    assert_eq!(elsewhere("/private/both"), 200);
    assert_eq!(elsewhere("/private"), 401);
    assert_eq!(ask(&server, "/private/both", "denied").status, 401);
    assert!(
        !server
            .logs_matching("AH01618: user elsewhere not found")
            .is_empty()
    );
    server.finish();
}

#[test]
fn check_password_text_renames_the_user() {
    let server = guarded().start();
    let response = ask(&server, "/private", "renamed");
    assert_eq!(response.status, 200);
    // UTF-8 in httpd, and its bytes as Latin-1 in environ.
    assert_eq!(
        value(&response.text(), "REMOTE_USER"),
        r"'some\xc3\xb6ne \xe2\x82\xac'"
    );
    server.finish();
}

/// An answer that is an error: 500, this line in the log, and nobody is let in.
#[track_caller]
fn fails(user: &str, log: &str) {
    let server = guarded().expect_log(log).start();
    for _ in 0..2 {
        assert_error_page(&ask(&server, "/private", user), 500);
    }
    assert_no_password_in_logs(&server);
    server.finish();
}

#[test]
fn check_password_empty_text_is_an_error() {
    fails("empty", "^WSGI0176: ");
}

#[test]
fn check_password_other_types_are_errors() {
    for user in ["bytes", "one", "zero", "list"] {
        fails(
            user,
            "^WSGI0177: .* returned '(bytes|int|list)' from 'check_password'",
        );
    }
}

#[test]
fn check_password_nul_in_a_name_is_an_error() {
    fails("nul", "^WSGI0177: ");
}

#[test]
fn check_password_exceptions_are_errors() {
    for (user, exception) in [
        ("raiser", "ValueError: not today"),
        ("leaver", "SystemExit: 7"),
        ("surrogate", "UnicodeEncodeError: "),
    ] {
        let server = guarded()
            .expect_log("^WSGI017[45]: ")
            .expect_exception(exception)
            .start();
        assert_error_page(&ask(&server, "/private", user), 500);
        assert_eq!(ask(&server, "/private", "admin").status, 200, "after {user}");
        assert_no_password_in_logs(&server);
        server.finish();
    }
}

/// Another script in place of the usual one.
#[track_caller]
fn script_fails(script: &str, log: &str, exception: Option<&str>) {
    let mut builder = guarded()
        .app("own.py", script)
        .config("<Location /private>\n  WSGIAuthUserScript ${APPS}/own.py\n</Location>")
        .expect_log(log);
    if let Some(exception) = exception {
        builder = builder.expect_exception(exception);
    }
    let server = builder.start();
    assert_error_page(&ask(&server, "/private", "admin"), 500);
    server.finish();
}

#[test]
fn check_password_missing_from_the_script() {
    script_fails("", "^WSGI0043: .* has no function 'check_password'", None);
}

#[test]
fn check_password_script_that_cannot_be_loaded() {
    script_fails("1/0\n", "^WSGI0109: ", Some("ZeroDivisionError: "));
    script_fails("def\n", "^WSGI0105: ", Some("SyntaxError: "));
}

#[test]
fn check_password_script_that_is_not_there() {
    let server = guarded()
        .config("<Location /private>\n  WSGIAuthUserScript ${APPS}/absent.py\n</Location>")
        .expect_log("^WSGI0105: .* cannot be read")
        .start();
    assert_error_page(&ask(&server, "/private", "admin"), 500);
    server.finish();
}

#[test]
fn check_password_without_a_script_configured() {
    let server = server()
        .module("authn_core")
        .module("auth_basic")
        .module("authz_user")
        .config(
            "<Location />\n  AuthType Basic\n  AuthName r\n  AuthBasicProvider wsgi\n  Require valid-user\n</Location>",
        )
        .expect_log("^WSGI0041: ")
        .start();
    assert_error_page(&ask(&server, "/", "admin"), 500);
    server.finish();
}

#[test]
fn check_password_under_restrict_embedded() {
    let server = guarded()
        .config("WSGIRestrictEmbedded On")
        .file("htdocs/private.txt", "for users")
        .config(
            "<Location /private.txt>\n  AuthType Basic\n  AuthName r\n  AuthBasicProvider wsgi\n  \
             WSGIAuthUserScript ${APPS}/hook_user.py\n  Require valid-user\n</Location>",
        )
        .expect_log("^WSGI0143: ")
        .start();
    assert_eq!(ask(&server, "/private.txt", "admin").text(), "for users");
    assert_eq!(ask(&server, "/private.txt", "denied").status, 401);
    assert_error_page(&ask(&server, "/private", "admin"), 500);
    server.finish();
}

#[test]
fn check_password_script_is_loaded_again_when_changed() {
    let rule = |answer: &str| format!("def check_password(environ, user, password):\n    return {answer}\n");
    let server = guarded()
        .app("own.py", &rule("True"))
        .config("<Location /private>\n  WSGIAuthUserScript ${APPS}/own.py\n</Location>")
        .start();
    assert_eq!(ask(&server, "/private", "admin").status, 200);
    std::fs::write(server.path("apps/own.py"), rule("False")).expect("the script is writable");
    assert_eq!(ask(&server, "/private", "admin").status, 401);
    server.finish();
}

#[test]
fn check_password_runs_in_the_application_group_named() {
    let script = "import mod_wsgi\n\
                  def check_password(environ, user, password):\n    \
                  return f\"{mod_wsgi.application_group}={environ['mod_wsgi.application_group']}\"\n";
    let server = guarded()
        .app("own.py", script)
        .config(
            "<Location /private>\n  WSGIAuthUserScript ${APPS}/own.py application-group=users\n</Location>\n\
             <Location /private/server>\n  WSGIAuthUserScript ${APPS}/own.py application-group=%{SERVER}\n</Location>\n\
             <Location /private/resource>\n  WSGIAuthUserScript ${APPS}/own.py application-group=%{RESOURCE}\n</Location>",
        )
        .start();
    let user = |target| {
        let text = ask(&server, target, "any").text();
        value(&text, "REMOTE_USER").to_string()
    };
    assert_eq!(user("/private"), "'users=users'");
    let name = format!("localhost:{}", server.port());
    assert_eq!(user("/private/server"), format!("'{name}={name}'"));
    assert_eq!(user("/private/resource"), "'%{RESOURCE}=%{RESOURCE}'");
    server.finish();
}

#[test]
fn hook_environ_has_the_cgi_variables_and_nothing_else() {
    let server = guarded()
        .config("SetEnv SECRET_SETTING hunter2\nServerAdmin root@localhost\nServerSignature On")
        .config("<Location /private>\n  CGIPassAuth On\n</Location>")
        .start();
    let response = server
        .request("GET", "/private/a%20b//c?q=1")
        .header("Authorization", &basic("admin", PASSWORD))
        .header("Proxy-Authorization", "Basic eDp5")
        .header("Proxy", "http://evil.example/")
        .header("X_Forwarded_For", "10.0.0.1")
        .header("X-One", "1")
        .header("Content-Type", "text/plain")
        .send();
    assert_eq!(response.status, 200, "{response:?}");
    let text = seen(&server);
    let keys: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("environ ")?.split(" = ").next())
        .collect();
    let expected = [
        "CONTENT_TYPE",
        "DOCUMENT_ROOT",
        "HTTP_CONNECTION",
        "HTTP_HOST",
        "HTTP_X_ONE",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_PORT",
        "REQUEST_METHOD",
        "REQUEST_URI",
        "SCRIPT_NAME",
        "SERVER_ADDR",
        "SERVER_ADMIN",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SIGNATURE",
        "SERVER_SOFTWARE",
        "apache.version",
        "mod_ssl.is_https",
        "mod_ssl.var_lookup",
        "mod_wsgi.application_group",
        "mod_wsgi.process_group",
        "mod_wsgi.version",
        "wsgi.errors",
    ];
    assert_eq!(keys, expected);
    for (key, expected) in [
        ("PATH_INFO", "'/a b/c'"),
        ("SCRIPT_NAME", "'/private'"),
        ("REQUEST_URI", "'/private/a%20b//c?q=1'"),
        ("QUERY_STRING", "'q=1'"),
        ("mod_wsgi.process_group", "''"),
        ("mod_wsgi.application_group", "''"),
        ("HTTP_X_ONE", "'1'"),
    ] {
        assert_eq!(value(&text, &format!("environ {key}")), expected, "{key}");
    }
    // Without mod_ssl.
    assert_eq!(value(&text, "is_https"), "0");
    assert_eq!(value(&text, "variable"), "None");
    assert_eq!(value(&text, "variable_bytes"), "None");
    server.finish();
}

#[test]
fn a07_hook_environ_drops_the_headers_that_the_application_never_sees() {
    let server = guarded().start();
    let response = server
        .request("GET", "/private")
        .header("Authorization", &basic("admin", PASSWORD))
        .header("X_User", "evil")
        .header("Proxy", "http://evil.example/")
        .send();
    assert_eq!(response.status, 200);
    let headers = |text: &str| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.split(" = ").next());
        names
            .map(|name| name.trim_start_matches("environ "))
            .filter(|name| name.starts_with("HTTP_"))
            .map(str::to_string)
            .collect()
    };
    assert_eq!(headers(&seen(&server)), headers(&response.text()));
    server.finish();
}

#[test]
fn a08_credentials_of_any_bytes_are_survived_as_latin1() {
    let server = guarded().start();
    let children = server.children();
    for byte in 0x80..=0xffu8 {
        let user = [b'u', byte, b'r'];
        let password = [b'p', byte];
        let response = server
            .request("GET", "/private/%80%ff?%ff=\u{e9}")
            .header("Authorization", &basic(user, password))
            .send();
        assert_eq!(response.status, 401, "{byte:x}");
        let text = seen(&server);
        assert_eq!(value(&text, "user"), python(&[b'u', byte, b'r']), "{byte:x}");
        assert_eq!(value(&text, "password"), python(&[b'p', byte]), "{byte:x}");
        assert_eq!(value(&text, "environ PATH_INFO"), r"'/\x80\xff'");
    }
    let response = ask(&server, "/private", b"us\xffer");
    assert_eq!(response.status, 200);
    assert_eq!(value(&response.text(), "REMOTE_USER"), r"'us\xffer'");
    assert_eq!(server.children(), children, "a child died");
    server.finish();
}

/// The `repr` of the bytes as Latin-1 text, in ASCII.
fn python(bytes: &[u8]) -> String {
    let letters = bytes.iter().map(|byte| match byte {
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    });
    format!("'{}'", letters.collect::<String>())
}

#[test]
fn a08_malformed_credentials_are_survived() {
    let server = guarded().allow_log("AH0161[46]|AH0253").start();
    let children = server.children();
    for credentials in [
        "Basic",
        "Basic ",
        "Basic \u{ff}\u{fe}",
        "Basic ====",
        "Basic OjpAOg==",
        "Basic AAAA",
        "Bearer x",
    ] {
        let response = server
            .request("GET", "/private")
            .header("Authorization", credentials)
            .send();
        assert!(
            [400, 401].contains(&response.status),
            "{credentials:?}: {response:?}"
        );
    }
    assert_eq!(server.children(), children, "a child died");
    assert_eq!(ask(&server, "/private", "admin").status, 200);
    server.finish();
}

#[test]
fn a49_the_module_leaves_credentials_to_httpd() {
    let module = std::fs::read(rwsgi_harness::module_under_test()).expect("the module is readable");
    let has = |name: &[u8]| module.windows(name.len()).any(|window| window == name);
    assert!(
        has(b"ap_register_auth_provider"),
        "the search finds what is there"
    );
    assert!(!has(b"ap_get_basic_auth_pw"));
}

#[test]
fn hook_output_goes_to_the_log_of_the_request() {
    let server = guarded()
        .config("<VirtualHost *:${PORT}>\n  ErrorLog logs/host.log\n</VirtualHost>")
        .expect_log(r"^\[script .*/hook_user\.py\] to errors$")
        .expect_log(r"^\[script .*/hook_user\.py\] to stderr$")
        .start();
    assert_eq!(ask(&server, "/private", "writer").status, 200);
    let lines: Vec<String> = server.log("host").into_iter().map(|line| line.message).collect();
    for text in ["to errors", "to stderr"] {
        assert!(
            lines.iter().any(|line| line.ends_with(text)),
            "{text} in {lines:?}"
        );
    }
    server.finish();
}

#[test]
fn hook_environ_kept_beyond_its_request_reaches_no_other() {
    let server = guarded()
        .expect_log("^WSGI017[45]: ")
        .expect_exception("RuntimeError: mod_ssl.is_https.. called after request completed")
        .start();
    assert_eq!(ask(&server, "/private", "keeper").status, 200);
    assert_error_page(&ask(&server, "/private", "kept"), 500);
    assert_eq!(ask(&server, "/private", "admin").status, 200);
    server.finish();
}

#[test]
fn check_password_in_every_mpm() {
    for mpm in [Mpm::Event, Mpm::Worker, Mpm::Prefork] {
        let server = guarded().mpm(mpm).start();
        assert_eq!(ask(&server, "/private", "admin").status, 200, "{mpm:?}");
        assert_eq!(ask(&server, "/private", "denied").status, 401, "{mpm:?}");
        server.finish();
    }
}
