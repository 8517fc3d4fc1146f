//! A Flask application behind the virtual host of Flask's page on mod_wsgi.

use super::super::{mode, test_venv};
use super::{Browser, site, sources};
use crate::modes::Mode;
use rwsgi_harness::{Builder, Framing};

fn flask(venv: &std::path::Path) -> Builder {
    site(venv, "${APPS}")
        .apps_from(sources())
        .config("<VirtualHost *:${PORT}>\n  ServerName localhost\n  WSGIScriptAlias /flask ${APPS}/flask.wsgi\n  <Directory ${APPS}>\n    Require all granted\n  </Directory>\n</VirtualHost>")
}

#[test]
fn flask_routes_forms_streams_and_errors() {
    let Some(venv) = test_venv() else { return };
    let server = flask(&venv)
        .expect_exception("LookupError: secret of the view")
        .allow_log("Exception on /crash")
        .start();
    let mut browser = Browser::new(&server);
    let index = browser.get("/flask/?x=1").text();
    for part in ["\"path\":\"/\"", "\"root\":\"/flask\"", "\"secure\":false"] {
        assert!(index.contains(part), "{part}: {index}");
    }
    for word in ["one", "zwei+%C3%BC", "three%3Cb%3E"] {
        let done = browser.submit("/flask/words/2", &[("word", word)]);
        assert_eq!(
            (done.status, done.header("Location")),
            (302, Some("/flask/words/2"))
        );
    }
    let page = browser.get("/flask/words/2").text();
    assert!(
        page.contains("<ul><li>zwei ü</li><li>three&lt;b&gt;</li></ul>"),
        "{page}"
    );
    let json = browser.send(
        "/flask/json",
        Some(("application/json", b"{\"numbers\": [1, 2, 39]}")),
    );
    assert_eq!(json.text().trim(), "{\"sum\":42}");
    let stored = browser
        .upload("/flask/upload", ("note", "kept"), &vec![0; 100_000])
        .text();
    assert!(
        stored.contains("\"size\":100000") && stored.contains("\"json\":\"kept\""),
        "{stored}"
    );
    let stream = browser.get("/flask/stream?name=Ada");
    // What has ended before the first piece is sent has a length.
    assert!(mode() == Mode::Daemon || stream.framing == Framing::Chunked);
    assert!(stream.text().ends_with("99 Ada\n"), "{}", stream.text());
    assert_eq!(browser.get("/flask/file").body.len(), 10_000);
    let missing = browser.get("/flask/nothing");
    assert_eq!(
        (missing.status, missing.text().as_str()),
        (404, "nothing of that name")
    );
    assert_eq!(browser.get("/flask/refuse").status, 403);
    let crash = browser.get("/flask/crash");
    assert_eq!(crash.status, 500);
    assert!(!crash.text().contains("secret"), "{}", crash.text());
    server.finish();
}
