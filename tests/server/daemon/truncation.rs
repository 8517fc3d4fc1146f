//! A process dies in the middle of a body (F-03), and whatever lies between httpd and the client says so: TLS,
//! compression, HTTP/2.

use std::process::Command;

use super::{group, pid};
use crate::certificate;
use rwsgi_harness::{Builder, Framing, Server, httpd_module_exists};

/// A partial file.
const CURL_PARTIAL: i32 = 18;
/// An error in the HTTP/2 stream.
const CURL_STREAM: i32 = 92;

fn dying() -> Builder {
    group("threads=4").allow_log("AH|h2_|SSL|WSGI(0146|1103)")
}

/// Says why the test cannot run here, unless all is there.
fn has(modules: &[&str]) -> bool {
    for module in modules {
        if !httpd_module_exists(module) {
            println!("skipped: the installed httpd lacks mod_{module}");
            return false;
        }
    }
    true
}

/// A request for a body that breaks off half a second after its first bytes: the exit status of curl, and what it
/// says is wrong. `None` without curl.
fn curl(server: &Server, url: &str, options: &[&str]) -> Option<(i32, String)> {
    let before = pid(server);
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--output", "/dev/null"])
        .args(options)
        .arg(url)
        .output();
    let Ok(output) = output else {
        println!("skipped: no curl");
        return None;
    };
    assert_ne!(pid(server), before, "the process goes on");
    Some((
        output.status.code().unwrap_or_default(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

fn target(when: &str) -> String {
    format!("/dies?by=kill&when={when}&after=0.5")
}

/// A server that speaks TLS with a certificate of its own on the port `TLS`.
fn with_tls(builder: Builder) -> Option<Builder> {
    let Some(certificate) = certificate() else {
        println!("skipped: no openssl to make a certificate");
        return None;
    };
    let read = |name: &str| std::fs::read(certificate.path().join(name)).expect("openssl wrote it");
    Some(
        builder
            .module("ssl")
            .module("socache_shmcb")
            .listen("TLS")
            .file("conf/cert.pem", read("cert.pem"))
            .file("conf/key.pem", read("key.pem"))
            .config(
                "<VirtualHost 127.0.0.1:${PORT_TLS}>\nSSLEngine on\nSSLCertificateFile conf/cert.pem\n\
                 SSLCertificateKeyFile conf/key.pem\n</VirtualHost>",
            ),
    )
}

#[test]
fn f03_death_in_a_body_over_tls_is_a_short_body() {
    if !has(&["ssl", "socache_shmcb"]) {
        return;
    }
    let Some(builder) = with_tls(dying()) else { return };
    let server = builder.start();
    for when in ["length", "chunked"] {
        let url = format!("https://127.0.0.1:{}{}", server.port_of("TLS"), target(when));
        let Some((status, says)) = curl(&server, &url, &["--http1.1"]) else {
            return;
        };
        assert_eq!(status, CURL_PARTIAL, "{when}: {says}");
    }
    server.finish();
}

#[test]
fn f03_death_in_a_body_over_http2_and_tls_resets_the_stream() {
    if !has(&["ssl", "socache_shmcb", "http2"]) {
        return;
    }
    let builder = dying().module("http2").config("Protocols h2 http/1.1");
    let Some(builder) = with_tls(builder) else { return };
    let server = builder.start();
    for when in ["length", "chunked"] {
        let url = format!("https://127.0.0.1:{}{}", server.port_of("TLS"), target(when));
        let Some((status, says)) = curl(&server, &url, &["--http2"]) else {
            return;
        };
        assert_eq!(status, CURL_STREAM, "{when}: {says}");
        assert!(says.contains("not closed cleanly"), "{when}: {says}");
    }
    server.finish();
}

/// The compressed body may be whole as far as it goes: the framing around it is not.
#[test]
fn f03_death_in_a_compressed_body_leaves_out_the_last_chunk() {
    if !has(&["deflate", "filter"]) {
        return;
    }
    let server = dying()
        .module("filter")
        .module("deflate")
        .config("SetOutputFilter DEFLATE")
        .start();
    for when in ["length", "chunked"] {
        let before = pid(&server);
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
            target(when)
        ));
        let response = connection.response();
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("Content-Encoding"), Some("gzip"), "{when}");
        assert_eq!(response.framing, Framing::Chunked, "{when}");
        assert!(!response.complete, "{when}: {response:?}");
        assert_ne!(pid(&server), before, "{when}: the process goes on");
    }
    server.finish();
}

#[test]
fn f03_death_in_a_compressed_body_over_http2_resets_the_stream() {
    if !has(&["deflate", "filter", "http2"]) {
        return;
    }
    let server = dying()
        .module("filter")
        .module("deflate")
        .module("http2")
        .config("SetOutputFilter DEFLATE\nProtocols h2c http/1.1")
        .start();
    for when in ["length", "chunked"] {
        let url = format!("http://127.0.0.1:{}{}", server.port(), target(when));
        let Some((status, says)) = curl(&server, &url, &["--http2-prior-knowledge", "--compressed"]) else {
            return;
        };
        assert_eq!(status, CURL_STREAM, "{when}: {says}");
        assert!(says.contains("not closed cleanly"), "{when}: {says}");
    }
    server.finish();
}

/// Bytes and `%X` of the access log: `-` where the connection was closed though the client would have kept it.
#[test]
fn f03_the_access_log_marks_a_body_that_broke_off() {
    let server = dying().start();
    let mut kept = server.connect();
    assert_eq!(kept.get("/pid?kept").status, 200);
    let line = server.wait_for_access("?kept");
    assert!(line.ends_with(" +"), "{line}");
    for when in ["length", "chunked"] {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            target(when)
        ));
        assert!(!connection.response().complete, "{when}");
        let line = server.wait_for_access(&format!("when={when}"));
        assert!(line.ends_with(" 200 4 -"), "{when}: {line}");
    }
    server.finish();
}
