//! Which log a line of a daemon process reaches, at which level (field report A.12).

use super::{group, pid};
use crate::server;
use rwsgi_harness::{Builder, Level, Server, process};
use std::time::Duration;

const HOSTS: [&str; 2] = ["ONE", "TWO"];

/// A group at server level, used by two hosts with logs of their own.
fn two_hosts() -> Builder {
    let hosts = HOSTS.map(|name| {
        format!(
            "<VirtualHost *:${{PORT_{name}}}>\nServerName {name}.example\nErrorLog logs/{name}.log\n\
             WSGIScriptAlias / ${{APPS}}/daemon_cases.py process-group=shared\n\
             WSGIApplicationGroup %{{GLOBAL}}\n</VirtualHost>\n"
        )
    });
    server()
        .listen("ONE")
        .listen("TWO")
        .config("WSGIDaemonProcess shared threads=2")
        .config(&hosts.concat())
        .allow_log("marker|^stopping of")
}

fn marked(server: &Server, log: &str) -> Vec<String> {
    let lines = server.log(log).into_iter();
    lines
        .map(|line| line.message)
        .filter(|message| message.contains("marker"))
        .collect()
}

#[test]
fn lines_of_a_request_are_in_the_log_of_its_host() {
    let server = two_hosts().start();
    for name in HOSTS {
        let before = HOSTS.map(|name| marked(&server, name).len());
        let response = server.connect_to(server.port_of(name)).get("/prints");
        assert_eq!(response.text(), "printed");
        for (host, before) in HOSTS.into_iter().zip(before) {
            let expected = if host == name { 3 } else { 0 };
            let found = marked(&server, host);
            assert_eq!(found.len() - before, expected, "{name} in {host}: {found:?}");
        }
    }
    // What no request waits for is in the log of the group.
    server.wait_for_log("marker from a thread");
    assert_eq!(marked(&server, "error").len(), 2);
    for line in server
        .log("ONE")
        .iter()
        .filter(|line| line.message.contains("marker"))
    {
        assert!(
            line.client && line.module == "wsgi" && line.level == Level::Error,
            "{}",
            line.text
        );
    }
    server.finish();
}

#[test]
fn a_group_of_a_host_has_the_log_of_that_host() {
    let server = server()
        .listen("OWN")
        .app(
            "told.py",
            "import sys\nprint('marker of the import', file=sys.stderr)\n",
        )
        .config(
            "<VirtualHost *:${PORT_OWN}>\nServerName own.example\nErrorLog logs/own.log\n\
             WSGIDaemonProcess own threads=2\nWSGIScriptAlias / ${APPS}/hello.py process-group=own\n\
             WSGIImportScript ${APPS}/told.py process-group=own application-group=%{GLOBAL}\n</VirtualHost>",
        )
        .allow_log("marker")
        .start();
    assert_eq!(
        server.connect_to(server.port_of("OWN")).get("/").text(),
        "Hello world!\n"
    );
    server.wait_for_log("marker of the import");
    assert_eq!(
        (marked(&server, "own").len(), marked(&server, "error").len()),
        (1, 0)
    );
    server.finish();
}

/// A death is told where the request is told of.
#[test]
fn the_line_of_a_death_is_in_the_log_of_the_host() {
    let server = two_hosts().allow_log("WSGI").start();
    let response = server
        .connect_to(server.port_of("TWO"))
        .get("/dies?by=kill&when=head");
    assert_eq!(response.status, 502);
    server.wait_for_log("^WSGI0146");
    let told = |log: &str| {
        server
            .log(log)
            .iter()
            .filter(|line| line.message.starts_with("WSGI0146"))
            .count()
    };
    assert_eq!((told("ONE"), told("TWO"), told("error")), (0, 1, 0));
    server.finish();
}

/// A logs rotation is a graceful restart: the processes that come after it write into the new file.
#[test]
fn a_rotated_log_is_written_anew() {
    let server = group("threads=2").allow_log("marker").start();
    let old = pid(&server);
    std::fs::rename(server.path("logs/error.log"), server.path("logs/error.1.log")).expect("rotated");
    // What tells that the server came up is in the new file now.
    server.reload();
    super::replaced(&server, old, Duration::from_secs(10));
    assert_eq!(server.get("/prints").text(), "printed");
    server.wait_for_log("marker from a thread");
    let found = marked(&server, "error");
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(marked(&server, "error.1").is_empty());
    // The supervisor outlives the restart and has turned to the new file as well; no process holds the old one, which
    // could not be compressed or its room be used again.
    let holds = |name: &str| {
        let file = server.path(name).display().to_string();
        process::descendants_of(server.parent_pid())
            .iter()
            .map(|found| found.pid)
            .chain([server.parent_pid()])
            .filter(|pid| process::descriptors(*pid).contains(&file))
            .count()
    };
    assert!(rwsgi_harness::wait_until(Duration::from_secs(10), || holds(
        "logs/error.1.log"
    ) == 0));
    assert!(holds("logs/error.log") > 0);
    server.finish();
}

#[test]
fn the_level_of_the_group_decides_about_its_lines() {
    let lines = |level: &str| {
        let server = group("threads=2")
            .config(&format!("LogLevel warn wsgi:{level}"))
            .start();
        let _ = pid(&server);
        let told = server
            .logs_matching("of daemon group 'cases' takes requests")
            .len();
        server.finish();
        told
    };
    assert_eq!((lines("warn"), lines("info")), (0, 1));
}
