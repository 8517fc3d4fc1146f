//! What a client gets when something about the group or its answer is wrong: rows of the outcome matrix that only
//! daemon mode has.

use super::{group, one_line};
use crate::assert_error_page;

#[test]
fn an_undefined_group_is_a_500() {
    let server = group("threads=2")
        .config_first("WSGIScriptAlias /lost ${APPS}/hello.py process-group=nobody")
        .start();
    assert_error_page(&server.get("/lost"), 500);
    one_line(&server, "WSGI015[01]");
    assert_eq!(server.get("/pid").status, 200);
    server.allow_log("^WSGI015[01]");
    server.finish();
}

#[test]
fn a_group_of_another_host_is_a_500() {
    let server = group("threads=2")
        .listen("OTHER")
        .config(
            "<VirtualHost *:${PORT_OTHER}>\nServerName other.example\n\
             WSGIDaemonProcess theirs threads=2\n\
             WSGIScriptAlias / ${APPS}/hello.py process-group=theirs\n</VirtualHost>",
        )
        .config_first("WSGIScriptAlias /theirs ${APPS}/hello.py process-group=theirs")
        .expect_log("^WSGI0152")
        .start();
    assert_error_page(&server.get("/theirs"), 500);
    assert_eq!(
        server.connect_to(server.port_of("OTHER")).get("/").text(),
        "Hello world!\n"
    );
    assert_eq!(server.get("/pid").status, 200);
    server.finish();
}

/// The pair of hosts that every site with TLS has shares a group by their common name.
#[test]
fn hosts_of_one_name_share_a_group() {
    let host = |port: &str, group: &str| {
        format!(
            "<VirtualHost *:{port}>\nServerName shared.example\n{group}\
             WSGIScriptAlias / ${{APPS}}/daemon_cases.py process-group=shared\n</VirtualHost>\n"
        )
    };
    let server = crate::server()
        .listen("FIRST")
        .listen("SECOND")
        .config(&host("${PORT_FIRST}", "WSGIDaemonProcess shared threads=2\n"))
        .config(&host("${PORT_SECOND}", ""))
        .allow_log("^stopping of")
        .start();
    let [one, two] =
        ["FIRST", "SECOND"].map(|name| server.connect_to(server.port_of(name)).get("/pid").text());
    assert_eq!(one, two);
    server.finish();
}

#[test]
fn a_group_that_is_not_listed_is_a_500() {
    let server = group("threads=2")
        .config("<Location />\nWSGIRestrictProcess other\n</Location>")
        .expect_log("^WSGI0149")
        .start();
    assert_error_page(&server.get("/pid"), 500);
    server.finish();
}

#[test]
fn embedded_applications_can_be_forbidden() {
    let server = group("threads=2")
        .config_first(
            "WSGIRestrictEmbedded On\nWSGIScriptAlias /embedded ${APPS}/hello.py process-group=%{GLOBAL}",
        )
        .expect_log("^WSGI0143")
        .start();
    assert_error_page(&server.get("/embedded"), 500);
    assert_eq!(server.get("/pid").status, 200);
    server.finish();
}

#[test]
fn a_header_line_over_the_buffer_is_a_500() {
    let server = group("threads=2 header-buffer-size=9000")
        .expect_log("^WSGI0144")
        .start();
    for length in [8_000, 8_900] {
        let response = server.get(&format!("/long_header?length={length}"));
        assert_eq!(response.header("X-Long").map(str::len), Some(length));
    }
    assert_error_page(&server.get("/long_header?length=9100"), 500);
    assert_eq!(server.get("/pid").status, 200);
    server.finish();
}

#[test]
fn header_lines_up_to_the_default_pass() {
    let server = group("threads=2").start();
    for length in [8_191, 8_192, 8_193, 32_000] {
        let response = server.get(&format!("/long_header?length={length}"));
        assert_eq!(response.header("X-Long").map(str::len), Some(length));
    }
    server.finish();
}

#[test]
fn a_script_that_is_gone_is_a_404() {
    let server = group("threads=2")
        .config_first("WSGIScriptAlias /gone ${APPS}/no_such.py process-group=cases")
        .allow_log("AH00128|WSGI0135")
        .start();
    assert_error_page(&server.get("/gone"), 404);
    server.finish();
}

/// A server says where it cannot put its sockets before it serves.
#[test]
fn a_socket_prefix_that_does_not_fit_is_refused() {
    let check = group("threads=2")
        .config(&format!("WSGISocketPrefix /tmp/{}", "p".repeat(100)))
        .check_config();
    assert!(
        !check.accepted && check.output.contains("WSGI0064"),
        "{}",
        check.output
    );
}
