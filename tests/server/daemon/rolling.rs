//! Restarts of httpd and deploys of scripts, which lose nothing (F-13, F-14, F-17, F-18).

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::{group, pid, quick_or_soak, replaced, stopped_for};
use crate::stop;
use rwsgi_harness::{Server, process, wait_until};

/// An application of this version; a broken one cannot be loaded.
pub(super) fn version(number: u64, broken: bool) -> String {
    let fault = if broken {
        "raise ImportError('broken deploy')\n"
    } else {
        ""
    };
    format!(
        "import os, time\nVERSION = {number}\n{fault}\
         def application(environ, start_response):\n    \
             if environ['PATH_INFO'] == '/slow':\n        \
                 time.sleep(5)\n    \
             body = f'version {{VERSION}} of {{os.getpid()}}'.encode()\n    \
             start_response('200 OK', [('Content-Length', str(len(body)))])\n    \
             return [body]\n"
    )
}

/// Puts a file in place of another in one step, as deploys do.
pub(super) fn deploy(server: &Server, number: u64, broken: bool) {
    let (new, script) = (server.path("apps/version.new"), server.path("apps/version.py"));
    fs::write(&new, version(number, broken)).expect("the script is writable");
    fs::rename(new, script).expect("the script is replaced");
}

#[test]
fn a_changed_script_is_served_by_a_new_process_and_the_old_one_ends_with_its_requests() {
    let server = group("threads=4")
        .app("version.py", &version(0, false))
        .config_first("WSGIScriptAlias /version ${APPS}/version.py process-group=cases")
        .start();
    let old = server.get("/version").text();
    thread::scope(|scope| {
        let slow = scope.spawn(|| server.get("/version/slow").text());
        assert!(wait_until(Duration::from_secs(5), || server
            .get("/version")
            .text()
            == old));
        deploy(&server, 2, false);
        let served = wait_until(Duration::from_secs(10), || {
            server.get("/version").text().starts_with("version 2 ")
        });
        assert!(served, "the new version is not served");
        assert_eq!(
            slow.join().expect("an answer"),
            old,
            "a request ends where it began"
        );
    });
    server.finish();
}

#[test]
fn a_broken_version_leaves_the_old_one_serving_and_is_told_once() {
    let server = group("threads=4")
        .app("version.py", &version(0, false))
        .config_first("WSGIScriptAlias /version ${APPS}/version.py process-group=cases")
        .expect_exception("ImportError: broken deploy")
        .allow_log("WSGI(0109|1041|11[0-9][0-9])")
        .start();
    let old = server.get("/version").text();
    deploy(&server, 1, true);
    let told = wait_until(Duration::from_secs(10), || {
        assert_eq!(server.get("/version").text(), old);
        !server.logs_matching("ImportError: broken deploy").is_empty()
    });
    assert!(told, "nobody tried the new version");
    for _ in 0..100 {
        assert_eq!(server.get("/version").text(), old);
    }
    assert_eq!(
        server.logs_matching("ImportError: broken deploy").len(),
        1,
        "it is tried once a version"
    );
    deploy(&server, 2, false);
    let healed = wait_until(Duration::from_secs(10), || {
        server.get("/version").text().starts_with("version 2 ")
    });
    assert!(healed, "the repaired version is not served");
    server.finish();
}

#[test]
fn a_changed_script_is_the_reason_that_process_stopping_is_told() {
    let server = group("threads=2").start();
    let old = pid(&server);
    let script = server.path("apps/daemon_cases.py");
    let text = fs::read_to_string(&script).expect("the script");
    fs::write(&script, text + "\n").expect("the script is writable");
    replaced(&server, old, Duration::from_secs(10));
    stopped_for(&server, old, "script_reload");
    server.finish();
}

/// An idle process does not wait for any timeout before it makes room.
#[test]
fn an_idle_process_is_replaced_within_a_second() {
    let server = group("threads=2 shutdown-timeout=30").start();
    let old = pid(&server);
    let script = server.path("apps/daemon_cases.py");
    let text = fs::read_to_string(&script).expect("the script");
    fs::write(&script, text + "\n").expect("the script is writable");
    let start = Instant::now();
    replaced(&server, old, Duration::from_secs(10));
    assert!(wait_until(Duration::from_secs(10), || !process::exists(old)));
    println!(
        "an idle process was replaced and gone after {:?}",
        start.elapsed()
    );
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    server.finish();
}

#[test]
fn a_graceful_restart_lets_requests_end_and_replaces_every_process() {
    let server = group("threads=2").start();
    let old = pid(&server);
    thread::scope(|scope| {
        let running = scope.spawn(|| server.get("/sleeps?for=4"));
        server.wait_for_log("asleep in");
        server.graceful();
        replaced(&server, old, Duration::from_secs(10));
        let answer = running.join().expect("an answer");
        assert_eq!(
            answer.text(),
            format!("slept {old}"),
            "longer than the three seconds of APR"
        );
    });
    assert!(wait_until(Duration::from_secs(10), || !process::exists(old)));
    server.finish();
}

/// A kept connection belongs to a child of the old generation for as long as its request runs.
#[test]
fn a_group_that_is_removed_ends_after_the_requests_of_old_children() {
    let server = group("threads=2")
        .config_first("WSGIScriptAlias /hello ${APPS}/hello.py process-group=%{GLOBAL}")
        .expect_log("^WSGI015[01]")
        .start();
    let old = pid(&server);
    thread::scope(|scope| {
        let running = scope.spawn(|| server.get("/sleeps?for=2"));
        server.wait_for_log("asleep in");
        server.rewrite_config(|text| text.replace("WSGIDaemonProcess cases", "#"));
        server.graceful();
        assert_eq!(running.join().expect("an answer").text(), format!("slept {old}"));
    });
    assert_eq!(server.get("/pid").status, 500);
    assert_eq!(server.get("/hello").status, 200);
    assert!(wait_until(Duration::from_secs(20), || !process::exists(old)));
    server.finish();
}

#[test]
fn other_numbers_of_processes_and_threads_take_effect_with_a_restart() {
    let server = group("processes=1 threads=1").start();
    let _ = pid(&server);
    for (processes, threads) in [(3, 4), (2, 1), (1, 8)] {
        server.rewrite_config(|text| {
            let lines = text.lines().map(|line| {
                if line.starts_with("WSGIDaemonProcess cases") {
                    format!("WSGIDaemonProcess cases processes={processes} threads={threads}\n")
                } else {
                    format!("{line}\n")
                }
            });
            lines.collect()
        });
        server.graceful();
        let settled = wait_until(Duration::from_secs(20), || {
            let _ = pid(&server);
            server.workers().len() == processes
        });
        assert!(
            settled,
            "{} processes instead of {processes}",
            server.workers().len()
        );
    }
    server.finish();
}

/// A configuration that httpd refuses leaves everything as it is.
#[test]
fn a_broken_configuration_leaves_the_group_serving() {
    let server = group("threads=2").start();
    let old = pid(&server);
    let check = group("threads=2 no-such-option=1").check_config();
    assert!(!check.accepted, "{}", check.output);
    assert_eq!(pid(&server), old);
    server.finish();
}

#[test]
fn a_hard_restart_ends_and_serves_again() {
    let server = group("threads=2").allow_log("AH").start();
    for _ in 0..3 {
        let old = pid(&server);
        server.restart();
        replaced(&server, old, Duration::from_secs(10));
    }
    server.finish();
}

/// A stop does not wait for requests that do not end, and leaves nothing.
#[test]
fn a_stop_with_a_request_that_never_ends_is_bounded() {
    let server = group("threads=2 shutdown-timeout=2")
        .allow_log("AH|WSGI(0146|11..|1008)")
        .start();
    let mut stuck = server.connect();
    stuck.send_lossy("GET /never_ends HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.wait_for_log("never ending in");
    let start = Instant::now();
    stop(&server);
    println!("stopped after {:?}", start.elapsed());
    // httpd gives its children ten seconds. The group is told before that, so that a child need not wait for it.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    server.finish();
}

#[test]
fn starts_and_stops_leave_nothing() {
    for _ in 0..quick_or_soak(5, 1_000) {
        let server = group("processes=2 threads=2").start();
        let _ = pid(&server);
        let start = Instant::now();
        server.finish();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}
