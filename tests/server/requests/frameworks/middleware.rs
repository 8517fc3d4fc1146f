//! A stack of middleware: ProxyFix around WhiteNoise around DispatcherMiddleware.

use super::super::test_venv;
use super::{site, sources};

#[test]
fn middleware_stack_unchanged() {
    let Some(venv) = test_venv() else { return };
    let server = site(&venv, "${APPS}")
        .apps_from(sources())
        .file("apps/assets/style.css", "p { color: red }")
        .file("apps/assets/large.js", vec![b'x'; 300_000])
        .config("WSGIScriptAlias / ${APPS}/stack.wsgi")
        .start();
    let outer = server.get("/").text();
    assert!(
        outer.contains("\"root\":\"\"") && outer.contains("\"path\":\"/\""),
        "{outer}"
    );
    let inner = server.get("/inner/").text();
    assert!(
        inner.contains("\"root\":\"/inner\"") && inner.contains("\"path\":\"/\""),
        "{inner}"
    );
    let proxied = server
        .request("GET", "/inner/")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "www.example.org")
        .header("X-Forwarded-Prefix", "/app")
        .send()
        .text();
    assert!(
        proxied.contains("https://www.example.org/app/inner/"),
        "{proxied}"
    );
    assert!(proxied.contains("\"secure\":true"), "{proxied}");
    let style = server.get("/assets/style.css");
    assert_eq!((style.status, style.text().as_str()), (200, "p { color: red }"));
    assert_eq!(style.header("Content-Type"), Some("text/css; charset=\"utf-8\""));
    let tag = style
        .header("Last-Modified")
        .expect("WhiteNoise tells the time")
        .to_string();
    let again = server
        .request("GET", "/assets/style.css")
        .header("If-Modified-Since", &tag)
        .send();
    assert_eq!((again.status, again.body.len()), (304, 0));
    let part = server
        .request("GET", "/assets/large.js")
        .header("Range", "bytes=10-19")
        .send();
    assert_eq!((part.status, part.body.len()), (206, 10));
    assert_eq!(part.header("Content-Range"), Some("bytes 10-19/300000"));
    assert_eq!(server.get("/assets/large.js").body.len(), 300_000);
    assert_eq!(server.get("/inner/nothing").text(), "nothing of that name");
    server.finish();
}
