//! What is refused before an application runs, and how files become applications.

use super::{assert_error_page, mounted, server};
use std::time::Duration;

use rwsgi_harness::{Builder, Server, wait_until};

/// An application that says that it was called.
fn builder() -> Builder {
    server()
        .app(
            "called.py",
            "import sys\n\
             def application(environ, start_response):\n    \
                 print('application called', file=environ['wsgi.errors'])\n    \
                 start_response('200 OK', [])\n    \
                 return [environ['wsgi.input'].read()]\n",
        )
        .config("WSGIScriptAlias / ${APPS}/called.py")
        .allow_log("application called")
}

/// Sends a head and a body; the status, and that no application ran.
#[track_caller]
fn refuses(server: &Server, fields: &str, statuses: &[u16]) {
    let mut connection = server.connect();
    connection.send_lossy(format!("POST /x HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"));
    let response = connection.response();
    assert!(statuses.contains(&response.status), "{fields:?}: {response:?}");
    assert_error_page(&response, response.status);
    assert!(
        server.logs_matching("application called").is_empty(),
        "{fields:?} reached the application"
    );
}

#[test]
fn request_transfer_encoding_other_than_chunked() {
    let server = builder().allow_log("WSGI0138|AH").start();
    for coding in ["gzip", "identity", "gzip, chunked", "xchunked"] {
        refuses(&server, &format!("Transfer-Encoding: {coding}\r\n"), &[400, 501]);
    }
    server.finish();
}

#[test]
fn request_chunked_without_wsgi_chunked_request() {
    let server = builder().expect_log("WSGI0139").start();
    for coding in ["chunked", "Chunked"] {
        refuses(
            &server,
            &format!("Transfer-Encoding: {coding}\r\n\r\n0\r\n"),
            &[411],
        );
    }
    server.finish();
}

#[test]
fn request_chunked_with_wsgi_chunked_request() {
    let server = builder().config("WSGIChunkedRequest On").start();
    assert_eq!(server.request("POST", "/").chunks(["a", "b"]).send().text(), "ab");
    server.finish();
}

#[test]
fn request_content_length_that_is_no_number() {
    let server = builder().allow_log("WSGI0141|AH").start();
    for length in ["abc", "-1", "1_0", "99999999999999999999"] {
        refuses(&server, &format!("Content-Length: {length}\r\n"), &[400, 413]);
    }
    server.finish();
}

#[test]
fn request_larger_than_limit_request_body() {
    let server = builder().config("LimitRequestBody 10").allow_log("AH").start();
    let response = server.request("POST", "/").body("01234567890").send();
    assert_error_page(&response, 413);
    assert!(server.logs_matching("application called").is_empty());
    assert_eq!(
        server.request("POST", "/").body("0123456789").send().text(),
        "0123456789"
    );
    server.finish();
}

#[test]
fn request_chunked_larger_than_limit_request_body() {
    let server = super::streaming(mounted("input_cases.py"))
        .one_process()
        .config("<Location />\nWSGIChunkedRequest On\nLimitRequestBody 10\n</Location>")
        .allow_log("AH")
        .start();
    for group in super::GROUPS {
        server
            .request("POST", &format!("{group}/remember"))
            .chunks(["0123456", "7890123"])
            .send();
        let seen = wait_until(Duration::from_secs(10), || {
            let text = server.get(&format!("{group}/remembered")).text();
            text.contains("OSError: mod_wsgi request data read error")
        });
        assert!(seen, "the application got no error");
    }
    server.finish();
}

/// Files under the document root, made applications by their extension.
fn by_handler(options: &str) -> Builder {
    let hello = include_str!("../../apps/environ_dump.py");
    server()
        .file("htdocs/app.wsgi", hello)
        .file("htdocs/plain.txt", "plain\n")
        .file("htdocs/folder.wsgi/inner.txt", "inner\n")
        .config(&format!(
            "<Directory ${{HTDOCS}}>\nAddHandler wsgi-script .wsgi\n{options}\n</Directory>"
        ))
}

#[test]
fn handler_runs_files_with_exec_cgi() {
    let server = by_handler("Options +ExecCGI").start();
    let text = server.get("/app.wsgi/extra?q").text();
    assert!(
        text.contains("SCRIPT_NAME = '/app.wsgi'\n") && text.contains("PATH_INFO = '/extra'\n"),
        "{text}"
    );
    assert!(
        text.contains("mod_wsgi.request_handler = 'wsgi-script'\n"),
        "{text}"
    );
    assert_eq!(
        server.get("/plain.txt").text(),
        "plain\n",
        "other files are not ours"
    );
    server.finish();
}

#[test]
fn handler_refuses_without_exec_cgi() {
    let server = by_handler("Options None").expect_log("WSGI0134").start();
    assert_error_page(&server.get("/app.wsgi"), 403);
    server.finish();
}

#[test]
fn handler_script_missing() {
    let server = by_handler("Options +ExecCGI").expect_log("WSGI0135").start();
    assert_error_page(&server.get("/other.wsgi"), 404);
    server.finish();
}

#[test]
fn handler_script_is_a_directory() {
    let server = by_handler("Options +ExecCGI").allow_log("WSGI0136|AH").start();
    let response = server.get("/folder.wsgi/");
    assert!(response.status == 403 || response.status == 404, "{response:?}");
    server.finish();
}

#[test]
fn alias_target_is_a_directory() {
    let server = server()
        .config("WSGIScriptAlias /app ${APPS}")
        .expect_log("WSGI0136")
        .start();
    assert_error_page(&server.get("/app/"), 403);
    assert_eq!(server.get("/app/hello.py").text(), "Hello world!\n");
    server.finish();
}

#[test]
fn handler_refuses_extra_path_when_told() {
    let server = by_handler("Options +ExecCGI\nAcceptPathInfo Off")
        .expect_log("WSGI0137")
        .start();
    assert_error_page(&server.get("/app.wsgi/extra"), 404);
    assert_eq!(server.get("/app.wsgi").status, 200);
    server.finish();
}

#[test]
fn handler_other_than_ours_is_left_alone() {
    let server = server()
        .file("htdocs/page.txt", "page\n")
        .config("WSGIScriptAlias /app ${APPS}/hello.py")
        .start();
    assert_eq!(server.get("/page.txt").text(), "page\n");
    assert_eq!(
        server.get("/application").status,
        404,
        "a mount ends at a path boundary"
    );
    server.finish();
}

#[test]
fn handler_by_its_media_type_name() {
    let server = server()
        .file("htdocs/app.py", include_str!("../../apps/hello.py"))
        .config("<Files app.py>\nOptions +ExecCGI\nSetHandler application/x-httpd-wsgi\n</Files>")
        .start();
    assert_eq!(server.get("/app.py").text(), "Hello world!\n");
    server.finish();
}

#[test]
fn access_control_of_the_script_directory_applies() {
    let server = server()
        .config("WSGIScriptAlias / ${APPS}/hello.py\n<Directory ${APPS}>\nRequire all denied\n</Directory>")
        .expect_log("AH01630")
        .start();
    assert_error_page(&server.get("/"), 403);
    server.finish();
}
