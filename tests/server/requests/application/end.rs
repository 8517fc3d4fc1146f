//! Ways to leave a request and the process: W-16 to W-19.

use std::time::{Duration, Instant};

use super::super::{GROUPS, mode};
use super::{assert_error_page, both, cases, count, failing, fails, pid};
use crate::modes::Mode;
use rwsgi_harness::{Mpm, wait_until};

#[test]
fn w16_exceptions_that_ask_to_leave() {
    let server = failing().start();
    let before = pid(&server);
    for number in 0..count(&server, "leaves_count") {
        fails(&server, &format!("leaves?{number}"), "WSGI017[45]");
    }
    assert_eq!(
        server.logs_matching("^WSGI0175").len(),
        6,
        "SystemExit has a number of its own"
    );
    server.wait_for_log("KeyboardInterrupt");
    assert_eq!(pid(&server), before, "the process must go on");
    server.finish();
}

/// The process ends with its request, and another takes its place. Only where the process is not httpd's own can
/// the client be told.
fn replaced_after(death: &str) {
    let server = cases()
        .allow_log("exit signal|AH00545|AH0005[0-9]")
        .allow_log("^WSGI0146|^WSGI11|^Fatal Python|^(Current t|T)hread 0x|^ +(File |<no Python frame>)|^$|^Extension modules")
        .limit(Duration::from_secs(90))
        .start();
    for group in GROUPS {
        let before = pid(&server);
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {group}/dies?{death} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        match mode() {
            Mode::Embedded => {
                let answer = connection.rest();
                assert!(
                    answer.is_empty(),
                    "{death}: {:?}",
                    String::from_utf8_lossy(&answer)
                );
            }
            Mode::Daemon => assert_error_page(&connection.response(), 502),
        }
        let back = wait_until(Duration::from_secs(10), || {
            server
                .request("GET", "/main/pid")
                .try_send()
                .is_ok_and(|response| response.text() != before.to_string())
        });
        assert!(back, "{death}: no new process answers");
        for response in both(&server, "fine") {
            assert_eq!(response.text(), "fine");
        }
    }
    for core in std::fs::read_dir(server.path("cores"))
        .expect("a directory")
        .flatten()
    {
        std::fs::remove_file(core.path()).expect("a core of this test");
    }
    server.finish();
}

#[test]
fn w17_the_process_exits() {
    replaced_after("exit_0");
}

#[test]
fn w17_the_process_exits_with_an_error() {
    replaced_after("exit_1");
}

#[test]
fn w17_the_process_aborts() {
    replaced_after("abort");
}

#[test]
fn w17_the_process_is_killed() {
    replaced_after("kill");
}

#[test]
fn w17_the_process_writes_to_null() {
    replaced_after("segv");
}

#[test]
fn w17_the_process_gets_a_bus_error() {
    replaced_after("bus");
}

#[test]
fn w17_the_process_meets_an_illegal_instruction() {
    replaced_after("ill");
}

/// While one request keeps its thread, others of the same process are answered.
///
/// Before 3.12, CPython passes on its lock only between threads of one interpreter, so a group that computes
/// without a pause holds up the other groups of its process; those are not asked then.
fn leaves_others_alone(case: &str, event: &str, answer: &str, everywhere: bool) {
    let server = cases().start();
    let before = pid(&server);
    for group in GROUPS {
        let mut busy = server.connect();
        busy.send_lossy(format!("GET {group}/{case} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let began = wait_until(Duration::from_secs(5), || {
            server.get(&format!("{group}/events")).text() == event
        });
        assert!(began);
        let start = Instant::now();
        let mut other = server.connect();
        for asked in GROUPS.iter().filter(|asked| everywhere || **asked == group) {
            for _ in 0..10 {
                assert_eq!(other.get(&format!("{asked}/fine")).text(), "fine");
            }
        }
        let waited = start.elapsed();
        assert!(
            waited < Duration::from_millis(1900),
            "others had to wait {waited:?}"
        );
        assert_eq!(busy.response().text(), answer);
    }
    assert_eq!(pid(&server), before);
    server.finish();
}

#[test]
fn w18_a_sleeping_request_leaves_others_alone() {
    leaves_others_alone("sleeps", "asleep", "slept", true);
}

#[test]
fn w18_a_busy_request_leaves_others_alone() {
    leaves_others_alone("spins", "spinning", "spun", false);
}

/// A stop under load is bounded although threads of the application are left.
fn stops_with_threads(kind: &str) {
    let server = cases().mpm(Mpm::Event).allow_log("^WSGI1008").start();
    for _ in 0..3 {
        for response in both(&server, &format!("leaks_threads?{kind}")) {
            assert_eq!(response.status, 200);
        }
    }
    let parent = server.parent_pid();
    let start = Instant::now();
    server.finish();
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{parent} took {:?} to stop",
        start.elapsed()
    );
}

#[test]
fn w19_daemon_threads_do_not_hold_up_the_stop() {
    stops_with_threads("daemon");
}

#[test]
fn w19_other_threads_are_waited_for() {
    stops_with_threads("joined");
}

#[test]
fn w19_a_request_after_threads_were_leaked() {
    let server = failing().allow_log("^WSGI1008").start();
    both(&server, "leaks_threads?daemon");
    assert_error_page(&server.get("/main/raises"), 500);
    for response in both(&server, "fine") {
        assert_eq!(response.text(), "fine");
    }
    server.finish();
}
