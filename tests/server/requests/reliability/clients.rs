//! Clients that leave, dawdle or speak something else, and requests that are not the client's own.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::super::{GROUPS, mode, mounted, server, streaming};
use super::{calls, echo, echoes};
use crate::modes::Mode;
use rwsgi_harness::{Mpm, Server, httpd_module_exists, process, wait_for, wait_until};

#[test]
fn r20_bodyless_responses_keep_the_connection_in_step() {
    let server = mounted("outcome_cases.py").start();
    for group in GROUPS {
        let mut connection = server.connect();
        for case in [
            "no_content",
            "not_modified",
            "length_exact",
            "big_body",
            "several_items",
        ] {
            let response = server
                .request("HEAD", &format!("{group}/{case}"))
                .send_on(&mut connection);
            assert!(response.status < 400, "{response:?}");
            assert_eq!(
                connection.get(&format!("{group}/hello")).text(),
                "hello\n",
                "after HEAD {case}"
            );
        }
        for (case, status) in [("no_content", 204), ("not_modified", 304)] {
            assert_eq!(connection.get(&format!("{group}/{case}")).status, status);
            assert_eq!(
                connection.get(&format!("{group}/hello")).text(),
                "hello\n",
                "after {case}"
            );
        }
    }
    server.finish();
}

#[test]
fn r21_upgrade_and_conditions_change_nothing() {
    let server = echo().start();
    for fields in [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
        "Connection: upgrade, keep-alive, , ;garbage\r\n",
        "If-None-Match: *\r\n",
        "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        "Range: bytes=x-y\r\n",
    ] {
        let response = echoes(
            &server,
            format!("GET /x HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"),
        );
        assert!(
            response.interim.is_empty() && response.complete,
            "{fields:?}: {response:?}"
        );
    }
    server.finish();
}

#[test]
fn r22_slow_body_is_cut_off() {
    let server = streaming(mounted("input_cases.py"))
        .one_process()
        .module("reqtimeout")
        .config("RequestReadTimeout body=1")
        .allow_log("AH")
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "POST {group}/remember HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        ));
        let mut probes = 0;
        let seen = wait_for(Duration::from_secs(8), || {
            probes += 1;
            if probes % 100 == 0 {
                connection.send_lossy("x");
            }
            let text = server.get(&format!("{group}/remembered")).text();
            (text != "None").then_some(text)
        });
        let seen = seen.expect("the application must not wait for ever");
        assert!(
            seen.contains("OSError: mod_wsgi request data read error"),
            "{seen}"
        );
    }
    server.finish();
}

#[test]
fn r23_slow_reader_gets_everything() {
    let server = mounted("outcome_cases.py").start();
    let mut connection = server.connect();
    connection.send_lossy("GET /sub/big_body HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(connection.next_head().expect("a head").status, 200);
    // Others are served while this one is stuck with a full socket.
    for _ in 0..20 {
        assert_eq!(server.get("/sub/hello").text(), "hello\n");
    }
    assert_eq!(connection.bytes(3 << 20).expect("the body").len(), 3 << 20);
    server.finish();
}

#[test]
fn r24_client_leaves_while_its_body_is_read() {
    let server = streaming(mounted("input_cases.py"))
        .one_process()
        .allow_log("AH")
        .start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "POST {group}/remember HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx"
        ));
        connection.reset();
        let seen = wait_for(Duration::from_secs(8), || {
            let text = server.get(&format!("{group}/remembered")).text();
            (text != "None").then_some(text)
        });
        assert!(seen.is_some_and(|seen| seen.matches("OSError: ").count() == 2));
    }
    assert!(server.logs_matching("Traceback").is_empty());
    server.finish();
}

#[test]
fn r24_client_leaves_before_the_response_starts() {
    let server = mounted("write_cases.py").one_process().allow_log("AH").start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!("GET {group}/endless HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        connection.reset();
        let closed = wait_until(Duration::from_secs(8), || {
            server.get(&format!("{group}/events")).text() == "close"
        });
        assert!(closed, "close() must be called once");
    }
    assert!(server.logs_matching("Traceback").is_empty());
    server.finish();
}

#[test]
fn r25_half_closed_connection_gets_its_response() {
    let server = mounted("outcome_cases.py").start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {group}/big_body HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        connection.finish_sending();
        let response = connection.response();
        assert_eq!((response.body.len(), response.complete), (3 << 20, true));
    }
    server.finish();
}

#[test]
fn r26_resets_leave_nothing_behind() {
    // Children that come and go would bring descriptors of their own.
    let server = mounted("outcome_cases.py").one_process().allow_log("AH").start();
    let count = |server: &Server| -> usize {
        server
            .children()
            .iter()
            .map(|pid| process::descriptors(*pid).len())
            .sum()
    };
    let children: BTreeSet<u32> = server.children().into_iter().collect();
    let round = |server: &Server| {
        for number in 0..200 {
            let mut connection = server.connect();
            let case = ["big_body", "hello", "several_items"][number % 3];
            connection.send_lossy(format!("GET /sub/{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            connection.reset();
        }
        assert_eq!(server.get("/sub/hello").text(), "hello\n");
    };
    round(&server);
    let mut settled = usize::MAX;
    assert!(wait_until(Duration::from_secs(5), || {
        let before = settled;
        settled = count(&server);
        settled == before
    }));
    round(&server);
    if mode() == Mode::Daemon {
        // Each of the eight threads may keep a connection to the group.
        settled += 8;
    }
    assert!(
        wait_until(Duration::from_secs(5), || count(&server) <= settled),
        "{} > {settled}",
        count(&server)
    );
    assert!(
        children.is_subset(&server.children().into_iter().collect()),
        "a child died"
    );
    server.finish();
}

#[test]
fn r28_http2_and_http1_at_once() {
    let installed = Command::new("nghttp").arg("--version").output().is_ok();
    if !httpd_module_exists("http2") || !installed {
        println!("skipped: needs mod_http2 and the client nghttp");
        return;
    }
    let server = server()
        .mpm(Mpm::Event)
        .module("http2")
        .config("Protocols h2c http/1.1\nWSGIScriptAlias / ${APPS}/environ_dump.py")
        .start();
    thread::scope(|scope| {
        let old = scope.spawn(|| {
            let mut connection = server.connect();
            (0..100).all(|number| {
                connection
                    .get(&format!("/old{number}"))
                    .text()
                    .contains("SERVER_PROTOCOL = 'HTTP/1.1'")
            })
        });
        let urls = (1..=50).map(|number| format!("http://127.0.0.1:{}/new{number}", server.port()));
        // One stream at a time: nghttp prints what arrives as it arrives, so bodies of several would mix.
        let output = Command::new("nghttp")
            .arg("--peer-max-concurrent-streams=1")
            .args(urls)
            .output()
            .expect("nghttp runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text.matches("SERVER_PROTOCOL = 'HTTP/2.0'").count(), 50, "{text}");
        for number in 1..=50 {
            assert_eq!(
                text.matches(&format!("\nPATH_INFO = '/new{number}'\n")).count(),
                1
            );
        }
        assert!(!text.contains("HTTP/1.1") && !text.contains("/old"));
        assert!(
            old.join().expect("the other client ends"),
            "HTTP/1.1 saw something else"
        );
    });
    server.finish();
}

/// `hello gzip` 1,000 times.
const GZIP: [u8; 67] = include!("gzip_body.in");

#[test]
fn r30_inflated_body_is_longer_than_content_length() {
    let server = mounted("input_cases.py")
        .module("filter")
        .module("deflate")
        .config("SetInputFilter DEFLATE\nDeflateInflateRatioLimit 2000")
        .start();
    for group in GROUPS {
        let request = server
            .request("POST", &format!("{group}/length"))
            .header("Content-Encoding", "gzip");
        assert_eq!(request.body(GZIP).send().text(), "10000");
    }
    server.finish();
}

#[test]
fn r30_inflate_limit_is_honoured() {
    let server = mounted("input_cases.py")
        .module("filter")
        .module("deflate")
        .config("SetInputFilter DEFLATE\nDeflateInflateLimitRequestBody 5000\nDeflateInflateRatioLimit 2000")
        .allow_log("AH")
        .start();
    for group in GROUPS {
        let request = server
            .request("POST", &format!("{group}/length"))
            .header("Content-Encoding", "gzip");
        assert!(!request.body(GZIP).send().text().contains("10000"));
    }
    server.finish();
}

#[test]
fn r34_files_that_are_no_scripts() {
    let server = server()
        .config("WSGIScriptAlias /app ${APPS}")
        .app(
            "private.py",
            "SECRET = 'source text'\ndef application(e, s):\n    s('200 OK', [])\n    return [b'ran']\n",
        )
        .app("__pycache__/private.pyc", "SECRET = 'source text'\n")
        .allow_log("AH|WSGI0105|WSGI0109|WSGI013[56]|WSGI0089|Traceback|^ |Error")
        .start();
    let made = Command::new("mkfifo")
        .arg(server.path("apps/fifo.py"))
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
    symlink("/dev/zero", server.path("apps/device.py")).expect("a link");
    symlink(server.path("apps/private.py"), server.path("apps/link.py")).expect("a link");
    fs::copy(server.path("apps/private.py"), server.path("apps/unreadable.py")).expect("a copy");
    fs::set_permissions(server.path("apps/unreadable.py"), Permissions::from_mode(0o0)).expect("permissions");
    for name in [
        "__pycache__/private.pyc",
        "__pycache__/",
        "fifo.py",
        "device.py",
        "unreadable.py",
        "none.py",
        "",
    ] {
        let response = server.get(&format!("/app/{name}"));
        assert!([403, 404, 500].contains(&response.status), "{name}: {response:?}");
        assert!(!response.text().contains("source text"), "{name}");
    }
    for name in ["fifo.py", "device.py"] {
        assert!(
            [403, 404].contains(&server.get(&format!("/app/{name}")).status),
            "{name} must never be opened"
        );
    }
    for name in ["private.py", "link.py"] {
        assert_eq!(server.get(&format!("/app/{name}")).text(), "ran", "{name}");
    }
    server.finish();
}

#[test]
fn r35_subrequest_has_no_body_and_its_headers_stay_inside() {
    let server = server()
        .module("include")
        .file(
            "htdocs/page.shtml",
            "before [<!--#include virtual=\"/app/inner?q=1\" -->] after\n",
        )
        .file("conf/mime.types", "text/html html shtml\n")
        .config(
            "WSGIScriptAlias /app ${APPS}/echo.py\n\
             <Directory ${HTDOCS}>\nOptions +Includes\nAddOutputFilter INCLUDES .shtml\n</Directory>",
        )
        .start();
    let response = server.request("GET", "/page.shtml").body("secret body").send();
    let text = response.text();
    assert!(
        text.starts_with("before [GET ") && text.contains(" '/inner' 'q=1' "),
        "{text}"
    );
    assert!(text.trim_end().ends_with("size=0] after"), "{text}");
    assert_eq!(response.header("X-Call"), None);
    server.finish();
}

#[test]
fn r35_directory_index() {
    let server = server()
        .file("htdocs/folder/index.wsgi", include_str!("../../../apps/echo.py"))
        .config(
            "DirectoryIndex index.wsgi\n\
             <Directory ${HTDOCS}>\nOptions +ExecCGI\nAddHandler wsgi-script .wsgi\n</Directory>",
        )
        .start();
    let text = server.get("/folder/?q=1").text();
    assert!(text.starts_with("GET '/folder/index.wsgi' '' 'q=1'"), "{text}");
    server.finish();
}

#[test]
fn r_probe_the_application_is_called_once_per_request() {
    let server = echo().start();
    for number in 0..5 {
        assert_eq!(calls(&server), number);
    }
    server.finish();
}
