//! httpd's parent with a supervisor and processes that serve.

use std::time::Duration;

use rwsgi_harness::{Server, process, wait_until};

use super::{group, pid};

const LIMIT: Duration = Duration::from_secs(20);

/// Waits for another supervisor than `old`.
#[track_caller]
fn succeeded(server: &Server, old: u32) -> u32 {
    let another = || server.supervisor().filter(|new| *new != old);
    assert!(
        wait_until(LIMIT, || another().is_some()),
        "no supervisor follows {old}"
    );
    another().expect("seen")
}

#[test]
fn a_supervisor_that_is_killed_has_a_successor_and_no_request_fails() {
    let server = group("processes=2 threads=2")
        .expect_log("^WSGI1159")
        .expect_log("^WSGI1127")
        .start();
    let mut supervisor = server.supervisor().expect("one runs");
    for _ in 0..3 {
        let before = pid(&server);
        process::signal(supervisor, libc::SIGKILL).expect("it runs");
        supervisor = succeeded(&server, supervisor);
        let adopted = wait_until(LIMIT, || {
            let response = server.get("/pid");
            assert_eq!(response.status, 200, "{response:?}");
            !process::exists(before) && server.workers().len() == 2
        });
        assert!(
            adopted,
            "process {before} is not replaced: {:?}",
            server.workers()
        );
    }
    server.finish();
}

#[test]
fn thirty_graceful_restarts_leave_httpds_parent_as_it_was() {
    let server = group("").start();
    let parent = server.parent_pid();
    let supervisor = server.supervisor().expect("one runs");
    server.graceful();
    pid(&server);
    let descriptors = process::descriptors(parent).len();
    let resident = process::resident_kib(parent).expect("known");
    for _ in 0..30 {
        server.graceful();
        pid(&server);
    }
    assert_eq!(server.supervisor(), Some(supervisor), "it outlives restarts");
    assert_eq!(process::descriptors(parent).len(), descriptors);
    let grown = process::resident_kib(parent)
        .expect("known")
        .saturating_sub(resident);
    assert!(grown < 2048, "the parent has grown by {grown} KiB");
    server.finish();
}

#[test]
fn a_group_that_comes_with_a_restart_serves_and_one_that_goes_ends() {
    let server = group("").start();
    let first = pid(&server);
    server.rewrite_config(|text| text.replace("WSGIDaemonProcess cases", "WSGIDaemonProcess other"));
    server.rewrite_config(|text| text.replace("process-group=cases", "process-group=other"));
    server.graceful();
    assert_ne!(pid(&server), first);
    assert!(
        wait_until(LIMIT, || !process::exists(first)),
        "the old group's process goes"
    );
    server.finish();
}

/// The supervisor that follows is not told of it: the group is in no configuration any more.
#[test]
fn a_group_that_goes_ends_in_time_though_its_supervisor_was_killed() {
    let server = group("graceful-timeout=3 shutdown-timeout=1")
        .expect_log("^WSGI1159")
        .expect_log("^WSGI1127")
        .expect_log("^WSGI1114")
        .allow_log("^WSGI(0146|1008)|AH")
        .start();
    let first = pid(&server);
    let mut stuck = server.connect();
    stuck.send_lossy("GET /never_ends HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.wait_for_log("never ending in");
    server.rewrite_config(|text| text.replace("WSGIDaemonProcess cases", "WSGIDaemonProcess other"));
    server.rewrite_config(|text| text.replace("process-group=cases", "process-group=other"));
    server.graceful();
    assert_ne!(pid(&server), first);
    let supervisor = server.supervisor().expect("one runs");
    process::signal(supervisor, libc::SIGKILL).expect("it runs");
    succeeded(&server, supervisor);
    assert!(
        wait_until(LIMIT, || !process::exists(first)),
        "process {first} of the group that went lives on"
    );
    assert_ne!(pid(&server), first);
    server.finish();
}

#[test]
fn processes_end_when_httpds_parent_is_killed() {
    let server = group("processes=2").start();
    pid(&server);
    let supervisor = server.supervisor().expect("one runs");
    let workers = server.workers();
    server.kill();
    let gone = || {
        workers
            .iter()
            .chain([&supervisor])
            .all(|pid| !process::exists(*pid))
    };
    assert!(wait_until(LIMIT, gone), "{supervisor} or {workers:?} live on");
    server.finish();
}

#[test]
fn a_single_process_uses_groups_too() {
    let server = group("").single_process().start();
    assert_ne!(pid(&server), server.parent_pid());
    server.finish();
}
