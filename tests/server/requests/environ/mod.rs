//! What the application sees of a request, key by key, against golden files.
//!
//! `RWSGI_WRITE_GOLDEN=1` writes the files anew; review the difference.

mod keys;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{mode, server};
use crate::modes::Mode;
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
        .join("tests/server/requests/golden")
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

/// Values that are others in a daemon process.
const IN_DAEMON: [(&str, &str); 4] = [
    ("mod_wsgi.daemon_start", "<time>"),
    ("mod_wsgi.process_group", "'tests'"),
    ("mod_wsgi.queue_start", "<time>"),
    ("wsgi.multiprocess", "False"),
];

/// A golden file as it holds in this mode.
fn in_this_mode(golden: &str) -> String {
    if mode() == Mode::Embedded {
        return golden.to_string();
    }
    let lines = golden.lines().map(|line| {
        let key = line.split(" = ").next().unwrap_or_default();
        let other = IN_DAEMON.iter().find(|(name, _)| *name == key);
        other.map_or_else(
            || format!("{line}\n"),
            |(key, value)| format!("{key} = {value}\n"),
        )
    });
    lines.collect()
}

fn normalise(server: &Server, text: &str) -> String {
    let root = server.root().display().to_string();
    let port = server.port().to_string();
    text.replace(&root, "${ROOT}")
        .lines()
        .filter_map(|line| {
            let (key, value) = line.split_once(" = ")?;
            let times = IN_DAEMON
                .iter()
                .filter(|(_, value)| mode() != Mode::Embedded && *value == "<time>");
            let stable = VOLATILE
                .iter()
                .chain(times)
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
    if mode() == Mode::Embedded && env::var_os("RWSGI_WRITE_GOLDEN").is_some() {
        fs::write(&file, &seen).expect("golden files are writable");
    }
    let golden = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let golden = in_this_mode(&golden);
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
