//! Serves Python applications by a real httpd and looks at what comes out.

use std::path::Path;

use rwsgi_harness::{Builder, Server};

/// A server with every file of `tests/apps` in `${APPS}`.
fn server() -> Builder {
    Server::builder().apps_from(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps"))
}

#[test]
fn a_vhost_says_hello() {
    let server = server().config("WSGIScriptAlias / ${APPS}/hello.py").start();
    let response = server.get("/");
    assert_eq!(
        (response.status, response.text().as_str(), response.complete),
        (200, "Hello world!\n", true)
    );
    server.finish();
}
