//! Restarts, stops, and what lives from one request to the next.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{GROUPS, get_kept, mode, mounted, server};
use crate::modes::Mode;
use crate::stop;
use rwsgi_harness::{Mpm, Server, process, wait_until};

const RESTARTS: usize = 30;
/// Restarts after which the parent has all that it will ever need.
const WARM: usize = 5;

/// Asks again and again over kept connections until `stop`.
fn keep_asking(server: &Server, target: &str, stop: &AtomicBool, answered: &AtomicUsize) {
    let mut kept = None;
    while !stop.load(Ordering::Acquire) {
        let response = get_kept(server, &mut kept, target);
        assert_eq!((response.status, response.complete), (200, true), "{response:?}");
        answered.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn restarts_under_load_lose_no_request_and_leak_nothing() {
    let server = mounted("restart_cases.py")
        .mpm(Mpm::Event)
        .allow_log("exit callback|AH00045")
        .limit(Duration::from_secs(180))
        .start();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let targets = ["/main/", "/sub/", "/main/", "/sub/"];
        let clients: Vec<_> = targets
            .iter()
            .map(|target| scope.spawn(|| keep_asking(&server, target, &stop, &answered)))
            .collect();
        let mut early = None;
        for number in 0..RESTARTS {
            let before = answered.load(Ordering::Acquire);
            server.graceful();
            let going_on = wait_until(Duration::from_secs(10), || {
                answered.load(Ordering::Acquire) >= before + 20
                    || clients.iter().any(|client| client.is_finished())
            });
            assert!(going_on, "no answers after restart {number}");
            if number == WARM {
                early = Some(figures(&server));
            }
        }
        let late = figures(&server);
        stop.store(true, Ordering::Release);
        for client in clients {
            client.join().expect("no request fails");
        }
        let (memory, descriptors) = early.expect("more restarts than those that warm up");
        assert!(
            late.0 < memory + 1024,
            "the parent grew from {memory} to {} KiB",
            late.0
        );
        assert_eq!(late.1, descriptors, "descriptors of the parent");
    });
    let gone = wait_until(Duration::from_secs(10), || server.children().len() == 1);
    assert!(gone, "old children are left: {:?}", server.children());
    server.finish();
}

/// Resident KiB and descriptors of the parent.
fn figures(server: &Server) -> (u64, usize) {
    let parent = server.parent_pid();
    let memory = process::resident_kib(parent).expect("the parent runs");
    (memory, process::descriptors(parent).len())
}

#[test]
fn restarts_let_a_running_request_finish() {
    let server = mounted("restart_cases.py")
        .mpm(Mpm::Event)
        .allow_log("exit callback")
        .start();
    for group in GROUPS {
        let mut running = server.connect();
        running.send_lossy(format!("GET {group}/slow HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        // Sent before, so it is accepted before the one that this waits for.
        let old = pid_of(&server, group);
        server.graceful();
        let response = running.response();
        assert!(
            response.complete && response.text().ends_with(&old),
            "{response:?}"
        );
        assert_other_process(&server, group, &old);
    }
    server.finish();
}

/// The next request meets a new process: at once where it is httpd's own, else as soon as it is ready.
#[track_caller]
fn assert_other_process(server: &Server, group: &str, old: &str) {
    match mode() {
        Mode::Embedded => assert_ne!(pid_of(server, group), old),
        Mode::Daemon => assert!(wait_until(Duration::from_secs(10), || pid_of(server, group) != old)),
    }
}

fn pid_of(server: &Server, group: &str) -> String {
    let text = server.get(&format!("{group}/")).text();
    text.rsplit(' ').next().expect("three words").to_string()
}

#[test]
fn restarts_an_ungraceful_one_starts_afresh() {
    let server = mounted("restart_cases.py")
        .mpm(Mpm::Event)
        .allow_log("exit callback|AH03092")
        .start();
    for _ in 0..5 {
        let before = GROUPS.map(|group| pid_of(&server, group));
        server.restart();
        for (group, old) in GROUPS.iter().zip(&before) {
            assert_other_process(&server, group, old);
        }
    }
    server.finish();
}

#[test]
fn restarts_thread_locals_survive_from_request_to_request() {
    let server = mounted("restart_cases.py")
        .mpm(Mpm::Event)
        .allow_log("exit callback|AH");
    let server = match mode() {
        Mode::Embedded => {
            server.mpm_limits("StartServers 1\nServerLimit 1\nThreadsPerChild 1\nMaxRequestWorkers 1")
        }
        Mode::Daemon => server.config("WSGIDaemonProcess single threads=1\nWSGIProcessGroup single"),
    };
    let server = server.start();
    for count in 1..=10 {
        for group in GROUPS {
            let text = server.get(&format!("{group}/")).text();
            assert_eq!(
                text.split(' ').nth(1),
                Some(count.to_string().as_str()),
                "{group}: {text}"
            );
        }
    }
    server.finish();
}

#[test]
fn restarts_exit_callbacks_run_once_in_every_interpreter() {
    let server = mounted("restart_cases.py")
        .mpm(Mpm::Event)
        .expect_log("exit callback")
        .start();
    for round in 1..=2 {
        let pids = GROUPS.map(|group| pid_of(&server, group));
        if round == 1 {
            server.graceful();
        } else {
            stop(&server);
        }
        for (group, pid) in ["main", "localhost.*/sub"].iter().zip(&pids) {
            server.wait_for_log(&format!("exit callback of {group} in {pid}$"));
            assert_eq!(
                server
                    .logs_matching(&format!("exit callback of {group} in {pid}$"))
                    .len(),
                1
            );
        }
    }
    server.finish();
}

/// A stop while a request is inside Python for good.
///
/// The threaded MPMs wait for their worker threads, whatever a handler does there; after three reminders, two
/// seconds apart, the parent kills the child. So the end is httpd's, and no descriptor or process is left.
fn stops_although_stuck(mpm: Mpm, group: &str, how: &str) -> Duration {
    let server = mounted("restart_cases.py")
        .mpm(mpm)
        .allow_log("exit callback|stuck in|AH00045|AH00046|exit signal")
        .allow_log("^WSGI(1008|0146|11[0-9][0-9])")
        .start();
    for group in GROUPS {
        server.get(&format!("{group}/"));
    }
    let mut stuck = server.connect();
    stuck.send_lossy(format!("GET {group}/{how} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    server.wait_for_log("stuck in");
    let start = Instant::now();
    stop(&server);
    let taken = start.elapsed();
    server.finish();
    taken
}

/// httpd kills its children after ten seconds. Daemon processes are told only then, and have five of their own.
const LONGEST_STOP: Duration = Duration::from_secs(18);

#[test]
fn restarts_a_sleeping_request_does_not_hang_the_stop() {
    let taken = stops_although_stuck(Mpm::Event, "/main", "sleep");
    assert!(taken < LONGEST_STOP, "{taken:?}");
}

#[test]
fn restarts_a_locked_request_does_not_hang_the_stop() {
    let taken = stops_although_stuck(Mpm::Worker, "/sub", "lock");
    assert!(taken < LONGEST_STOP, "{taken:?}");
}

#[test]
fn restarts_a_busy_request_does_not_hang_the_stop() {
    let taken = stops_although_stuck(Mpm::Event, "/sub", "spin");
    assert!(taken < LONGEST_STOP, "{taken:?}");
}

/// Here the signal arrives at the thread that is inside Python, which must not be waited for.
#[test]
fn restarts_a_stuck_request_of_prefork_does_not_delay_the_stop() {
    for (group, how) in [("/main", "sleep"), ("/sub", "spin"), ("/sub", "lock")] {
        let taken = stops_although_stuck(Mpm::Prefork, group, how);
        // A daemon process has its shutdown-timeout.
        let limit = if mode() == Mode::Embedded { 5 } else { 8 };
        assert!(taken < Duration::from_secs(limit), "{how} in {group}: {taken:?}");
    }
}

#[test]
fn restarts_more_interpreters_than_a_process_may_have() {
    let server = server()
        .config("WSGIScriptAlias / ${APPS}/hello.py\nWSGIApplicationGroup %{HOST}")
        .mpm(Mpm::Event)
        .mpm_limits("StartServers 1\nServerLimit 1\nThreadsPerChild 4\nMaxRequestWorkers 4")
        .allow_log("AH")
        .expect_log("^WSGI1004")
        .limit(Duration::from_secs(180))
        .start();
    let ask = |number: u32| {
        server
            .request("GET", "/")
            .header("Host", &format!("host{number}.example"))
            .send()
    };
    for number in 0..128 {
        assert_eq!(ask(number).status, 200, "group {number}");
    }
    for number in 128..131 {
        let response = ask(number);
        assert_eq!((response.status, response.complete), (503, true));
    }
    let lines = server.logs_matching("^WSGI1004");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].message.contains("host128.example") && lines[0].client,
        "{}",
        lines[0].text
    );
    for number in [0, 63, 127] {
        assert_eq!(ask(number).text(), "Hello world!\n", "group {number} goes on");
    }
    server.finish();
}
