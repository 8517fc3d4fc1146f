//! The harness notices what it promises to notice.

use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use rwsgi_harness::{Builder, Framing, Server, process, wait_until};

fn plain() -> Builder {
    Server::builder()
        .without_module_under_test()
        .file("htdocs/page.txt", "page\n")
}

/// What finishing the server complains about.
fn complaint(server: Server) -> String {
    let outcome = catch_unwind(AssertUnwindSafe(|| server.finish()));
    let payload = outcome.expect_err("finishing must fail");
    payload.downcast_ref::<String>().expect("a message").clone()
}

#[test]
fn a_clean_server_serves_restarts_and_finishes() {
    let server = plain().start();
    let mut kept = server.connect();
    for _ in 0..2 {
        let response = kept.get("/page.txt");
        assert_eq!(
            (response.status, response.text().as_str(), response.framing),
            (200, "page\n", Framing::Length(5))
        );
    }
    let before = server.children();
    server.graceful();
    assert_eq!(server.get("/page.txt").status, 200);
    let renewed = || server.children().iter().all(|pid| !before.contains(pid));
    assert!(
        wait_until(Duration::from_secs(10), renewed),
        "the old generation did not end"
    );
    server.wait_for_access("GET /page.txt HTTP/1.1\" 200 5");
    server.finish();
}

#[test]
fn an_undeclared_warning_fails_the_test() {
    let server = plain()
        .module("headers")
        .config("<Location /gone>\nRequire all denied\n</Location>")
        .start();
    assert_eq!(server.get("/gone").status, 403);
    assert!(complaint(server).contains("unexpected log line in error"));
}

#[test]
fn a_declared_warning_passes() {
    let server = plain()
        .config("<Location /gone>\nRequire all denied\n</Location>")
        .expect_log("AH01630")
        .start();
    assert_eq!(server.get("/gone").status, 403);
    server.finish();
}

#[test]
fn a_missing_expected_line_fails_the_test() {
    let server = plain().expect_log("never written").start();
    assert!(complaint(server).contains("no log line matches: never written"));
}

#[test]
fn a_process_that_outlives_the_server_fails_the_test() {
    let server = plain().start();
    let marker = format!("RWSGI_TEST_SERVER={}", server.root().display());
    let (name, value) = marker.split_once('=').expect("a pair");
    let mut stray = Command::new("/usr/bin/sleep")
        .arg("60")
        .env(name, value)
        .spawn()
        .expect("sleep runs");
    assert!(complaint(server).contains("(sleep) outlived the server"));
    assert!(!stray.wait().expect("it can be waited for").success());
}

/// What hides its environment and has a session of its own is known by its ancestors.
#[test]
fn a_descendant_that_outlives_the_server_fails_the_test() {
    let stray = "|/bin/sh -c '/usr/bin/setsid /usr/bin/env -i /usr/bin/sleep 60 & /usr/bin/cat > /dev/null'";
    let server = plain().config(&format!("CustomLog \"{stray}\" common")).start();
    let started = || {
        process::descendants_of(server.parent_pid())
            .iter()
            .any(|one| one.name == "sleep")
    };
    assert!(wait_until(Duration::from_secs(10), started));
    assert!(complaint(server).contains("(sleep) outlived the server"));
}

#[test]
fn a_directory_of_sockets_left_behind_fails_the_test() {
    let server = plain().start();
    std::fs::create_dir(server.path("run/wsgi.1")).expect("a directory");
    assert!(complaint(server).contains("run/wsgi.1"));
}

#[test]
fn a_server_that_the_test_kills_is_no_failure() {
    let server = plain().start();
    assert_eq!(server.get("/page.txt").status, 200);
    server.kill();
    server.finish();
}

#[test]
fn a_socket_file_left_behind_fails_the_test() {
    let server = plain().start();
    let _listener = UnixListener::bind(server.path("run/left.sock")).expect("a socket");
    assert!(complaint(server).contains("run/left.sock"));
}

#[test]
fn a_server_that_lives_too_long_is_killed() {
    let server = plain().limit(Duration::from_millis(300)).start();
    assert!(server.connect().closes_within(Duration::from_secs(10)));
    assert!(complaint(server).contains("outlived its limit"));
}

#[test]
fn a_refused_configuration_is_reported() {
    let check = plain().config("NoSuchDirective on").check_config();
    assert!(
        !check.accepted && check.output.contains("NoSuchDirective"),
        "{}",
        check.output
    );
    assert!(plain().check_config().accepted);
    let error = plain()
        .config("NoSuchDirective on")
        .try_start()
        .expect_err("httpd must refuse");
    assert!(error.report.contains("NoSuchDirective"), "{}", error.report);
}

#[test]
fn each_further_port_listens() {
    let server = plain().listen("SECOND").start();
    let response = server.connect_to(server.port_of("SECOND")).get("/page.txt");
    assert_eq!(response.text(), "page\n");
    server.finish();
}

#[test]
fn a_single_process_below_another_program_serves() {
    let server = Server::builder()
        .without_module_under_test()
        .file("htdocs/a.txt", "a")
        .single_process()
        .under(["/usr/bin/env", "RWSGI_LAUNCHED=yes"])
        .start();
    assert_eq!(server.children(), []);
    let environment = std::fs::read(format!("/proc/{}/environ", server.parent_pid())).expect("our process");
    assert!(String::from_utf8_lossy(&environment).contains("RWSGI_LAUNCHED=yes"));
    assert_eq!(server.get("/a.txt").body, b"a");
    server.finish();
}

/// A stopped process notices no signal but KILL.
#[test]
fn what_the_processes_do_of_a_server_that_does_not_stop_is_told() {
    let server = plain().start();
    let parent = server.parent_pid();
    process::signal(parent, libc::SIGSTOP).expect("it runs");
    let told = complaint(server);
    assert!(told.contains("httpd did not stop on TERM\n"), "{told}");
    let thread = format!("    thread {parent} (");
    let lines: Vec<&str> = told.lines().filter(|line| line.starts_with(&thread)).collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines.iter().all(|line| line.contains("T (stopped)")), "{told}");
    assert!(
        told.contains(&format!("--- backtraces of process {parent}\n")),
        "{told}"
    );
}
