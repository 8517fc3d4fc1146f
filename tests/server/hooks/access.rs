//! `allow_access(environ, host)`.

use crate::{assert_error_page, certificate, server};
use rwsgi_harness::{Builder, httpd_module_exists};

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
        .expect_log("^WSGI017[45]: ")
        .expect_exception("ValueError: not today")
        .start();
    assert_error_page(&server.get("/private?raise"), 403);
    assert_eq!(server.get("/private?yes").status, 200);
    server.finish();
}

#[test]
fn allow_access_missing_or_not_loaded_refuses() {
    for (script, log, exception) in [
        ("", "^WSGI0056: .* has no function 'allow_access'", None),
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

#[test]
fn hook_functions_of_mod_ssl_tell_about_the_connection() {
    let modules = ["ssl", "proxy", "proxy_http"];
    if modules.iter().any(|module| !httpd_module_exists(module)) {
        println!(
            "skipped: the installed httpd lacks one of mod_{}",
            modules.join(", mod_")
        );
        return;
    }
    let Some(certificate) = certificate() else {
        println!("skipped: no openssl to make a certificate with");
        return;
    };
    let script = "def allow_access(environ, host):\n    \
        look = environ['mod_ssl.var_lookup']\n    \
        environ['wsgi.errors'].write(f\"{environ['mod_ssl.is_https']()} {look('HTTPS')} {look(b'SSL_SERVER_S_DN_CN')} \"\n        \
        f\"{look('SSL_NO_SUCH_VARIABLE')!r}\\n\")\n    \
        try:\n        look(7)\n    \
        except TypeError:\n        return True\n";
    let pem = |name| std::fs::read(certificate.path().join(name)).expect("openssl wrote it");
    let server = modules
        .iter()
        .fold(guarded(), |builder, module| builder.module(module))
        .listen("TLS")
        .file("conf/cert.pem", pem("cert.pem"))
        .file("conf/key.pem", pem("key.pem"))
        .file("htdocs/asked/page.txt", "page")
        .app("own.py", script)
        .config(
            "SSLProxyEngine on\nSSLProxyCheckPeerName off\nSSLProxyCheckPeerCN off\n\
             ProxyPass /tls/ https://127.0.0.1:${PORT_TLS}/ disablereuse=on\n\
             <Location /asked>\n  WSGIAccessScript ${APPS}/own.py\n</Location>\n\
             <VirtualHost 127.0.0.1:${PORT_TLS}>\nSSLEngine on\n\
             SSLCertificateFile conf/cert.pem\nSSLCertificateKeyFile conf/key.pem\n</VirtualHost>",
        )
        .allow_log("AH0(1873|1882|1906|1909)")
        .expect_log(r"own\.py\] 1 on localhost ''$")
        .expect_log(r"own\.py\] 0 off '?.*$")
        .start();
    assert_eq!(server.get("/tls/asked/page.txt").text(), "page");
    assert_eq!(server.get("/asked/page.txt").text(), "page");
    server.finish();
}
