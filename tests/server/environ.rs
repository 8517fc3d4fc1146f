//! What the application sees of a request, key by key, against golden files.
//!
//! `RWSGI_WRITE_GOLDEN=1` writes the files anew; review the difference.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{GROUPS, server};
use rwsgi_harness::{Builder, Mpm, Response, Server, httpd_module_exists};

/// One application at the root, at two sub-paths, and behind switches; always under the event MPM,
/// because `wsgi.multithread` tells which it is.
fn builder() -> Builder {
    server().mpm(Mpm::Event).config(
        "WSGIScriptAlias /main ${APPS}/environ_dump.py application-group=%{GLOBAL}\n\
         WSGIScriptAlias /sub/path ${APPS}/environ_dump.py\n\
         WSGIScriptAlias /sub ${APPS}/environ_dump.py\n\
         WSGIScriptAlias /auth ${APPS}/environ_dump.py pass-authorization=On\n\
         WSGIScriptAlias /chunked ${APPS}/environ_dump.py\n\
         WSGIScriptAlias / ${APPS}/environ_dump.py\n\
         <Location /chunked>\nWSGIChunkedRequest On\n</Location>",
    )
}

fn golden_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/server/golden")
        .join(format!("{name}.txt"))
}

/// Values that differ from run to run, by key.
const VOLATILE: [(&str, &str); 10] = [
    ("REMOTE_PORT", "<port>"),
    ("SERVER_SOFTWARE", "<software>"),
    ("apache.version", "<version>"),
    ("mod_wsgi.version", "<version>"),
    ("mod_wsgi.thread_id", "<int>"),
    ("mod_wsgi.server_pid", "<pid>"),
    ("mod_wsgi.request_start", "<time>"),
    ("mod_wsgi.application_start", "<time>"),
    ("wsgi.errors", "<errors>"),
    ("UNIQUE_ID", "<id>"),
];

/// Log ids exist only when something made httpd generate them.
const OPTIONAL: [&str; 2] = ["mod_wsgi.request_id", "mod_wsgi.connection_id"];

/// Whether a key depends on httpd's version or on what else it did.
fn is_incidental(key: &str) -> bool {
    OPTIONAL.contains(&key) || key.starts_with("H2")
}

fn normalise(server: &Server, text: &str) -> String {
    let root = server.root().display().to_string();
    let port = server.port().to_string();
    text.replace(&root, "${ROOT}")
        .lines()
        .filter_map(|line| {
            let (key, value) = line.split_once(" = ")?;
            let stable = VOLATILE
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, stand_in)| *stand_in);
            let value = stable.map_or_else(|| value.replace(&port, "${PORT}"), str::to_string);
            (!is_incidental(key)).then(|| format!("{key} = {value}\n"))
        })
        .collect()
}

#[track_caller]
fn compare(server: &Server, name: &str, text: &str) {
    let seen = normalise(server, text);
    let file = golden_file(name);
    if env::var_os("RWSGI_WRITE_GOLDEN").is_some() {
        fs::write(&file, &seen).expect("golden files are writable");
    }
    let golden = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let missing: Vec<&str> = golden
        .lines()
        .filter(|line| !seen.lines().any(|other| other == *line))
        .collect();
    let added: Vec<&str> = seen
        .lines()
        .filter(|line| !golden.lines().any(|other| other == *line))
        .collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "{name}:\n  expected {}\n  seen     {}",
        missing.join("\n           "),
        added.join("\n           ")
    );
    assert_eq!(seen, golden, "{name}: a key is there twice, or the order differs");
}

#[track_caller]
fn golden(name: &str, request: impl FnOnce(&Server) -> Response) {
    let server = builder().start();
    let response = request(&server);
    assert_eq!(response.status, 200, "{response:?}");
    compare(&server, name, &response.text());
    server.finish();
}

/// The value of one key in a dump.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
}

#[test]
fn environ_root() {
    golden("root", |server| server.get("/"));
}

#[test]
fn environ_main_interpreter() {
    golden("main_interpreter", |server| server.get("/main"));
}

#[test]
fn environ_sub_path_mount() {
    golden("sub_path_mount", |server| {
        server.get("/sub/path/rest/of%20it?a=1&b=%20")
    });
}

#[test]
fn environ_double_slashes() {
    golden("double_slashes", |server| server.get("/sub//a//b?x=//y"));
}

#[test]
fn environ_double_slashes_before_the_mount() {
    golden("double_slashes_before_mount", |server| {
        server.get("//sub//path//a//b/")
    });
}

#[test]
fn environ_percent_encoded_utf8() {
    golden("percent_encoded_utf8", |server| {
        server.get("/sub/caf%C3%A9/%E2%82%AC?q=%C3%A9")
    });
}

#[test]
fn environ_head_without_a_content_filter() {
    let server = builder().start();
    for group in GROUPS {
        let response = server.request("HEAD", group).send();
        assert_eq!(
            (response.header("X-Method"), response.body.len()),
            (Some("HEAD"), 0)
        );
    }
    server.finish();
}

#[test]
fn environ_head_becomes_get_before_a_content_filter() {
    let server = server()
        .module("filter")
        .module("deflate")
        .config("WSGIScriptAlias / ${APPS}/environ_dump.py")
        .config("SetOutputFilter DEFLATE")
        .config("<Location /off>\nWSGIMapHEADToGET Off\n</Location>")
        .start();
    let method = |target: &str| {
        let response = server
            .request("HEAD", target)
            .header("Accept-Encoding", "gzip")
            .send();
        response.header("X-Method").map(str::to_string)
    };
    assert_eq!(method("/auto").as_deref(), Some("GET"));
    assert_eq!(method("/off").as_deref(), Some("HEAD"));
    server.finish();
}

#[test]
fn environ_head_becomes_get_when_told() {
    let server = builder()
        .config("<Location /sub>\nWSGIMapHEADToGET On\n</Location>")
        .start();
    let response = server.request("HEAD", "/sub").send();
    assert_eq!(
        (response.header("X-Method"), response.body.len()),
        (Some("GET"), 0)
    );
    assert_eq!(
        server.request("HEAD", "/main").send().header("X-Method"),
        Some("HEAD")
    );
    server.finish();
}

#[test]
fn environ_post_with_content_length() {
    golden("post_with_content_length", |server| {
        server
            .request("POST", "/sub")
            .header("Content-Type", "Text/Plain; X=1")
            .body("name=value")
            .send()
    });
}

#[test]
fn environ_chunked_post() {
    golden("chunked_post", |server| {
        server
            .request("POST", "/chunked")
            .chunks(["name=", "value"])
            .send()
    });
}

#[test]
fn environ_authorization_off() {
    golden("authorization_off", |server| {
        let request = server
            .request("GET", "/sub")
            .header("Authorization", "Basic c2VjcmV0");
        request.header("Proxy-Authorization", "Basic c2VjcmV0").send()
    });
}

#[test]
fn environ_authorization_on() {
    golden("authorization_on", |server| {
        let request = server
            .request("GET", "/auth")
            .header("Authorization", "Basic c2VjcmV0");
        request.header("Proxy-Authorization", "Basic c2VjcmV0").send()
    });
}

#[test]
fn environ_underscore_header() {
    golden("underscore_header", |server| {
        let request = server
            .request("GET", "/sub")
            .header("X_User", "spoofed")
            .header("X-Real", "kept");
        let request = request
            .header("Content_Length", "5")
            .header("X.Dot", "spoofed")
            .header("Proxy", "http://evil");
        request
            .header("X-Twice", "one")
            .header("X-Twice", "two")
            .header("Cookie", "a=1")
            .header("Cookie", "b=2")
            .send()
    });
}

#[test]
fn environ_header_values_are_latin1() {
    golden("header_values", |server| {
        let mut connection = server.connect();
        connection.send_lossy(
            b"GET /sub?\x41 HTTP/1.1\r\nHost: localhost\r\nX-Latin: caf\xe9\r\nX-Utf: \xc3\xa9\r\n\r\n",
        );
        connection.response()
    });
}

#[test]
fn environ_variables_of_the_configuration() {
    let server = server()
        .module("setenvif")
        .config(
            "WSGIScriptAlias /main ${APPS}/environ_dump.py application-group=%{GLOBAL}\n\
             WSGIScriptAlias /sub ${APPS}/environ_dump.py\n\
             ServerAdmin admin@example.org\n\
             SetEnv my.setting 1\nSetEnv DJANGO_SETTINGS_MODULE site.settings\n\
             SetEnv PATH /evil\nSetEnv wsgi.input evil\nSetEnv wsgi.url_scheme evil\nSetEnv mod_wsgi.process_group evil\n\
             SetEnv REQUEST_METHOD EVIL\nSetEnv PATH_INFO /evil\nSetEnv REMOTE_USER evil\nSetEnv wsgi.custom 2\n\
             SetEnvIf X-Flag (.*) FLAG=$1\nSetEnvIf X-Https (.*) HTTPS=$1\nPassEnv PASSED",
        )
        .env("PASSED", "from httpd's environment")
        .start();
    for group in GROUPS {
        let text = server
            .request("GET", group)
            .header("X-Flag", "up")
            .header("X-Https", "On")
            .send()
            .text();
        for (key, expected) in [
            ("my.setting", "'1'"),
            ("DJANGO_SETTINGS_MODULE", "'site.settings'"),
            ("FLAG", "'up'"),
            ("PASSED", "\"from httpd's environment\""),
            ("wsgi.custom", "'2'"),
            ("wsgi.input", "<mod_wsgi.Input>"),
            ("wsgi.url_scheme", "'https'"),
            ("mod_wsgi.process_group", "''"),
            ("REQUEST_METHOD", "'GET'"),
            ("PATH_INFO", "''"),
            ("SERVER_ADMIN", "'admin@example.org'"),
        ] {
            assert_eq!(value(&text, key), Some(expected), "{key}");
        }
        for absent in ["PATH", "HTTPS"] {
            assert_eq!(value(&text, absent), None, "{absent}");
        }
    }
    for scheme in ["1", "ON"] {
        let text = server
            .request("GET", "/sub")
            .header("X-Https", scheme)
            .send()
            .text();
        assert_eq!(value(&text, "wsgi.url_scheme"), Some("'https'"), "HTTPS={scheme}");
    }
    for scheme in ["0", "off", "yes"] {
        let text = server
            .request("GET", "/sub")
            .header("X-Https", scheme)
            .send()
            .text();
        assert_eq!(value(&text, "wsgi.url_scheme"), Some("'http'"), "HTTPS={scheme}");
    }
    server.finish();
}

#[test]
fn environ_remote_user() {
    if !httpd_module_exists("auth_basic") || !httpd_module_exists("authn_anon") {
        println!("skipped: the installed httpd lacks mod_auth_basic or mod_authn_anon");
        return;
    }
    let server = ["auth_basic", "authn_core", "authn_anon", "authz_user"]
        .iter()
        .fold(builder(), |builder, module| builder.module(module))
        .config(
            "<Location /sub>\nAuthType Basic\nAuthName x\nAuthBasicProvider anon\nAnonymous *\n\
             Anonymous_MustGiveEmail Off\nAnonymous_LogEmail Off\nRequire valid-user\n</Location>",
        )
        .start();
    // jane:x
    let text = server
        .request("GET", "/sub")
        .header("Authorization", "Basic amFuZTp4")
        .send()
        .text();
    assert_eq!(
        (value(&text, "REMOTE_USER"), value(&text, "AUTH_TYPE")),
        (Some("'jane'"), Some("'Basic'"))
    );
    assert_eq!(value(&text, "HTTP_AUTHORIZATION"), None);
    assert_eq!(value(&server.get("/main").text(), "REMOTE_USER"), None);
    server.finish();
}

#[test]
fn environ_internal_redirect_by_error_document() {
    let server = builder()
        .config("ErrorDocument 403 /sub/refused?why=1\nRedirect 403 /closed")
        .start();
    let response = server.get("/closed/door?q=1");
    assert_eq!(response.status, 200, "the application's status is the response's");
    compare(&server, "internal_redirect_error_document", &response.text());
    server.finish();
}

#[test]
fn environ_internal_redirect_by_rewrite() {
    let server = server()
        .mpm(Mpm::Event)
        .module("rewrite")
        .config(
            "WSGIScriptAlias /sub ${APPS}/environ_dump.py\n\
             <Directory ${HTDOCS}>\nRewriteEngine On\nRewriteRule ^old/(.*)$ /sub/$1?new=1 [QSA,E=VIA:rewrite]\n</Directory>",
        )
        .start();
    let response = server.get("/old/place?q=1");
    assert_eq!(response.status, 200, "{response:?}");
    compare(&server, "internal_redirect_rewrite", &response.text());
    server.finish();
}

#[test]
fn environ_http2() {
    if !httpd_module_exists("http2") {
        println!("skipped: the installed httpd lacks mod_http2");
        return;
    }
    let Some(curl) = curl_with_http2() else {
        println!("skipped: no curl with HTTP/2");
        return;
    };
    let server = builder().module("http2").config("Protocols h2c http/1.1").start();
    let output = Command::new(curl)
        .args([
            "--silent",
            "--http2-prior-knowledge",
            "-A",
            "test",
            "-H",
            "Cookie: a=1",
            "-H",
            "Cookie: b=2",
        ])
        .args(["-d", "name=value", "-w", "(status) = %{http_code}\n"])
        .arg(format!("http://localhost:{}/sub/caf%C3%A9?q=1", server.port()))
        .arg("--resolve")
        .arg(format!("localhost:{}:127.0.0.1", server.port()))
        .output()
        .expect("curl runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("(status) = 200"),
        "{output:?}"
    );
    compare(&server, "http2", &text);
    server.finish();
}

fn curl_with_http2() -> Option<&'static str> {
    let output = Command::new("curl").arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout)
        .contains("HTTP2")
        .then_some("curl")
}

#[test]
fn environ_log_ids_when_httpd_makes_them() {
    let server = builder()
        .config("LogFormat \"%L %{c}L\" ids\nCustomLog logs/access_ids.log ids")
        .start();
    let text = server.get("/sub").text();
    server.finish();
    for key in OPTIONAL {
        let id = value(&text, key);
        assert!(
            id.is_none_or(|id| id.starts_with('\'') && id.len() > 4),
            "{key} = {id:?}"
        );
    }
}

#[test]
fn environ_is_new_for_each_request() {
    let server = server()
        .app(
            "spoil.py",
            "SEEN = []\n\
             def application(environ, start_response):\n    \
                 kept = any(environ is other for other in SEEN)\n    \
                 spoiled = 'spoiled' in environ or environ['REQUEST_METHOD'] != 'GET'\n    \
                 SEEN.append(environ)\n    \
                 environ['spoiled'] = environ['REQUEST_METHOD'] = 'yes'\n    \
                 del environ['PATH_INFO']\n    \
                 start_response('200 OK', [])\n    \
                 return [f'{kept} {spoiled}'.encode()]\n",
        )
        .config("WSGIScriptAlias /main ${APPS}/spoil.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/spoil.py")
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        for _ in 0..3 {
            assert_eq!(connection.get(group).text(), "False False");
        }
    }
    server.finish();
}

#[test]
fn environ_of_a_request_does_not_show_the_one_before() {
    let server = builder().start();
    let mut connection = server.connect();
    for group in GROUPS {
        let full = server
            .request("POST", &format!("{group}/info?query"))
            .header("X-Once", "1")
            .header("Content-Type", "text/plain")
            .body("body")
            .send_on(&mut connection);
        assert_eq!(value(&full.text(), "HTTP_X_ONCE"), Some("'1'"));
        let text = connection.get(group).text();
        for absent in ["HTTP_X_ONCE", "CONTENT_TYPE", "CONTENT_LENGTH"] {
            assert_eq!(value(&text, absent), None, "{absent}");
        }
        assert_eq!(
            (value(&text, "PATH_INFO"), value(&text, "QUERY_STRING")),
            (Some("''"), Some("''"))
        );
    }
    server.finish();
}

#[test]
fn environ_versions_are_tuples_of_three_numbers() {
    let server = builder().start();
    let text = server.get("/sub").text();
    for key in ["mod_wsgi.version", "apache.version"] {
        let version = value(&text, key).expect("a version");
        let parts: Vec<&str> = version.trim_matches(['(', ')']).split(", ").collect();
        assert!(
            parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok()),
            "{key} = {version}"
        );
    }
    for key in ["mod_wsgi.request_start", "mod_wsgi.application_start"] {
        let time: f64 = value(&text, key)
            .and_then(|time| time.parse().ok())
            .expect("seconds as a float");
        assert!(time > 1_700_000_000.0, "{key} = {time}");
    }
    server.finish();
}

#[test]
fn environ_tells_the_mpm() {
    let flags = |mpm| {
        let server = server()
            .mpm(mpm)
            .config("WSGIScriptAlias / ${APPS}/environ_dump.py")
            .start();
        let text = server.get("/").text();
        server.finish();
        ["wsgi.multithread", "wsgi.multiprocess"].map(|key| value(&text, key).map(str::to_string))
    };
    let (yes, no) = (Some("True".to_string()), Some("False".to_string()));
    assert_eq!(flags(Mpm::Event), [yes.clone(), yes.clone()]);
    assert_eq!(flags(Mpm::Worker), [yes.clone(), yes.clone()]);
    assert_eq!(flags(Mpm::Prefork), [no, yes]);
}
