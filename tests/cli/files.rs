//! Files, error pages, TLS, logs and configuration of one's own.

use std::process::Command;

use crate::folder::{Folder, application};
use crate::running::rwsgi;
use crate::serve;

#[test]
fn static_files_and_error_pages_are_httpds() {
    let folder = Folder::with(&[
        ("app.py", &application("app", "'app ' + environ['PATH_INFO']")),
        ("assets/site.css", "body {}"),
        ("pages/404.html", "not here"),
        ("root/robots.txt", "robots"),
    ]);
    let arguments = [
        "app.py",
        "--static",
        "/static=assets",
        "--document-root",
        "root",
        "--error-page",
        "404=pages/404.html",
        "--access-log",
    ];
    let server = serve(folder.root(), &arguments);
    let style = server.get("/static/site.css");
    assert_eq!((style.status, style.text()), (200, "body {}".into()));
    assert_eq!(style.header("content-type"), Some("text/css"));
    assert_eq!(server.text("/robots.txt"), "robots");
    assert_eq!(server.text("/other"), "app /other");
    let missing = server.get("/static/none.css");
    assert_eq!((missing.status, missing.text()), (404, "not here".into()));
    server.wait_until("requests are not logged", || {
        server.output().contains("GET /static/none.css")
    });
    server.finish();
}

#[test]
fn tls_is_served_and_plain_http_sent_there() {
    let folder = Folder::with(&[(
        "app.py",
        &application("app", "environ['wsgi.url_scheme'] + environ['PATH_INFO']"),
    )]);
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .arg("-keyout")
        .arg(folder.path("key.pem"))
        .arg("-out")
        .arg(folder.path("certificate.pem"))
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: no openssl to make a certificate with");
        return;
    }
    let arguments = [
        "app.py",
        "--tls-certificate",
        "certificate.pem",
        "--tls-key",
        "key.pem",
        "--https-port",
        "0",
        "--https-only",
    ];
    let server = serve(folder.root(), &arguments);
    let answer = server.get("/a?b=c");
    assert_eq!(answer.status, 308);
    let address = answer.header("location").expect("an address").to_owned();
    let got = Command::new("curl")
        .args(["-sk", "--max-time", "20", &address])
        .output()
        .expect("curl runs");
    assert_eq!(
        String::from_utf8_lossy(&got.stdout),
        "https/a",
        "{address}\n{}",
        server.report()
    );
    assert!(address.ends_with("/a?b=c"), "{address}");
    server.finish();
}

#[test]
fn configuration_of_ones_own_is_included_and_the_whole_is_printed() {
    let folder = Folder::with(&[
        ("app.py", &application("app", "environ['REQUEST_METHOD']")),
        (
            "own.conf",
            "ErrorDocument 403 \"own words\"\n<Location /closed>\n    Require all denied\n</Location>\n",
        ),
    ]);
    let server = serve(folder.root(), &["app.py", "--include", "own.conf"]);
    let closed = server.get("/closed");
    assert_eq!((closed.status, closed.text()), (403, "own words".into()));
    server.finish();
    let printed = rwsgi(folder.root())
        .args(["serve", "app.py", "--port", "0", "--print-config"])
        .output()
        .expect("rwsgi runs");
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(
        text.contains("WSGIScriptAlias \"/\"") && text.contains("\nListen \"127.0.0.1:"),
        "{text}"
    );
}
