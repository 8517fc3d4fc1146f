//! One process takes the place of another.

use std::time::{Duration, Instant};

use mod_rwsgi::config::plan::GroupPlan;
use mod_rwsgi::scoreboard::{PositionState, SlotState};

use crate::driver::{Httpd, exists, signal, wait_until};

fn serving(change: impl FnOnce(&mut GroupPlan)) -> (Httpd, u32) {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    change(&mut group);
    httpd.serve(vec![group]);
    let pid = httpd.ready()[0];
    (httpd, pid)
}

#[test]
fn a_restart_of_httpd_replaces_each_process_and_always_one_serves() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.processes = Some(2);
    httpd.serve(vec![group.clone()]);
    let (before, number) = (httpd.ready(), httpd.board().number);
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    assert_eq!(httpd.board().number, number, "the scoreboard is the same");
    wait_until("both are replaced", || {
        let now = httpd.ready();
        assert!(now.len() >= 2, "{now:?}");
        now.len() == 2 && before.iter().all(|pid| !now.contains(pid) && !exists(*pid))
    });
    let trace = httpd.read("trace");
    assert_eq!(trace.matches("stopped graceful_signal").count(), 2, "{trace}");
    assert!(!httpd.read("log").contains("[wsgi:error]"));
}

#[test]
fn a_process_ends_only_when_its_requests_are_done() {
    let (mut httpd, pid) = serving(|_| {});
    let grant = httpd.board().view().reserve(std::process::id(), 0).expect("free");
    let plan = httpd.plan(vec![httpd.group()]);
    httpd.configure(plan).expect("accepted");
    wait_until("the new one is ready", || {
        httpd.ready().first().is_some_and(|new| *new != pid)
    });
    let draining = httpd.board().in_state(PositionState::Draining);
    assert!(exists(pid) && draining.len() == 1, "{draining:?}");
    httpd.board().view().release(grant, std::process::id(), 0, |_| {});
    httpd.wait_for_successor(pid);
    assert!(!httpd.read("log").contains("WSGI1114"));
}

#[test]
fn requests_that_never_end_are_cut_after_graceful_timeout() {
    let (mut httpd, pid) = serving(|group| group.options.graceful_timeout = Some(Duration::from_secs(1)));
    httpd.board().view().reserve(std::process::id(), 0).expect("free");
    let mut group = httpd.group();
    group.options.graceful_timeout = Some(Duration::from_secs(1));
    let (plan, begin) = (httpd.plan(vec![group]), Instant::now());
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_successor(pid);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    httpd.wait_for_line(&["WSGI1114", "1 requests running"]);
}

#[test]
fn a_broken_version_leaves_the_old_one_serving_until_it_is_mended() {
    let (httpd, pid) = serving(|_| {});
    httpd.write("app.py", "broken");
    signal(pid, "-USR2");
    httpd.wait_for_line(&["[wsgi:error]", "WSGI1106", "app.py"]);
    assert_eq!(httpd.ready(), [pid]);
    // Told of it again, it is not tried again.
    let tries = || httpd.read("trace").matches("started").count();
    let before = tries();
    signal(pid, "-USR2");
    let begin = Instant::now();
    wait_until("the supervisor has looked around twice", || {
        begin.elapsed() > Duration::from_secs(3)
    });
    assert_eq!((tries(), httpd.ready()), (before, vec![pid]));
    httpd.write("app.py", "ok");
    httpd.wait_for_successor(pid);
}

#[test]
fn a_version_that_crashes_leaves_the_old_one_serving() {
    let (httpd, pid) = serving(|_| {});
    httpd.write("app.py", "crash");
    signal(pid, "-USR2");
    httpd.wait_for_line(&["WSGI1103", "SIGSEGV", "before it took requests"]);
    assert_eq!(httpd.ready(), [pid]);
    assert_eq!(httpd.board().view().shut_for(), None);
    httpd.write("app.py", "ok");
    httpd.wait_for_successor(pid);
}

#[test]
fn a_script_that_fails_at_the_first_start_keeps_nobody_from_serving() {
    let mut httpd = Httpd::start();
    httpd.write("app.py", "broken");
    httpd.serve(vec![httpd.group()]);
    assert!(!httpd.read("log").contains("WSGI1106"));
}

#[test]
fn eviction_replaces_a_process() {
    let (httpd, pid) = serving(|_| {});
    signal(pid, "-USR1");
    httpd.wait_for_successor(pid);
    let trace = httpd.read("trace");
    assert!(
        trace.contains(&format!("{pid} stopped eviction_signal")),
        "{trace}"
    );
}

#[test]
fn a_process_that_ends_by_itself_is_no_failure() {
    let (httpd, pid) = serving(|_| {});
    signal(pid, "-TERM");
    httpd.wait_for_successor(pid);
    assert!(
        !httpd.read("log").contains("[wsgi:error]"),
        "{}",
        httpd.read("log")
    );
}

#[test]
fn enough_requests_replace_a_process() {
    let (httpd, pid) = serving(|group| group.options.maximum_requests = Some(3));
    let (position, _, _) = httpd.board().in_state(PositionState::Ready)[0];
    let view = httpd.board().view();
    for _ in 0..3 {
        view.position(position).expect("exists").count_served();
    }
    httpd.wait_for_successor(pid);
    assert!(httpd.read("trace").contains("stopped maximum_requests"));
}

#[test]
fn a_request_over_its_time_is_interrupted_then_ends_its_process() {
    let (httpd, pid) = serving(|group| {
        group.options.threads = 1;
        group.options.request_timeout = Some(Duration::from_secs(1));
        group.options.interrupt_timeout = Some(Duration::from_secs(1));
        group.options.graceful_timeout = Some(Duration::from_secs(1));
    });
    let view = httpd.board().view();
    let now = mod_rwsgi::sys::clock::millis();
    let grant = view.reserve(std::process::id(), now).expect("free");
    let slot = view.slot(grant.position, grant.slot).expect("exists");
    slot.describe(b"GET /slow");
    slot.start(1, now);
    assert_eq!(slot.state(), SlotState::Running);
    httpd.wait_for_line(&["[wsgi:warn]", "WSGI1108", "'GET /slow'", "interrupted"]);
    httpd.wait_for_line(&["[wsgi:error]", "WSGI1108", "'GET /slow'", "replaced"]);
    httpd.wait_for_successor(pid);
    let trace = httpd.read("trace");
    for words in [
        "{\"Interrupt\": {\"slot\": 0}}",
        "DumpStacks",
        "stopped request_timeout",
    ] {
        assert!(trace.contains(words), "{words}: {trace}");
    }
}

#[test]
fn a_process_whose_lock_is_out_of_reach_is_ended_at_once() {
    let (httpd, pid) = serving(|group| group.options.deadlock_timeout = Some(Duration::from_secs(1)));
    // The stub never notes that it has the lock.
    httpd.wait_for_line(&["[wsgi:error]", "WSGI1109", &pid.to_string()]);
    wait_until("it has ended", || !exists(pid));
}

#[test]
fn another_user_or_more_threads_make_another_scoreboard_and_the_old_one_serves_old_children() {
    let (mut httpd, pid) = serving(|_| {});
    let old = httpd.boards.remove("site").expect("there");
    let mut group = httpd.group();
    group.options.threads = 40;
    httpd.serve(vec![group]);
    assert_ne!(httpd.board().number, old.number);
    assert_eq!(
        old.in_state(PositionState::Ready).len(),
        1,
        "old children find it"
    );
    httpd.children.remove(0);
    wait_until("the old one has ended", || !exists(pid));
    assert_eq!(httpd.ready().len(), 1);
}

#[test]
fn a_group_that_is_gone_from_the_plan_ends_with_the_children_that_know_it() {
    let (mut httpd, pid) = serving(|_| {});
    let plan = httpd.plan(vec![]);
    httpd.configure(plan).expect("accepted");
    let plan = httpd.plan(vec![]);
    httpd.configure(plan).expect("accepted");
    assert_eq!(httpd.ready(), [pid]);
    httpd.children.remove(1);
    assert_eq!(httpd.ready(), [pid], "its own generation lives");
    httpd.children.remove(0);
    wait_until("it has ended", || !exists(pid));
}

#[test]
fn fewer_processes_are_enough_after_a_restart() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.processes = Some(3);
    httpd.serve(vec![group.clone()]);
    let before = httpd.ready();
    group.options.processes = Some(1);
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    wait_until("one new process serves", || {
        let now = httpd.ready();
        assert!(!now.is_empty());
        now.len() == 1 && before.iter().all(|pid| !exists(*pid))
    });
}

/// Open descriptors and resident bytes of the supervisor.
fn size(httpd: &Httpd) -> (usize, u64) {
    let pid = httpd.supervisor.id();
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("readable");
    let resident = mod_rwsgi::sys::child::resident_bytes(pid).expect("told");
    (descriptors.count(), resident)
}

#[test]
fn restarts_of_httpd_leave_nothing_behind_in_the_supervisor() {
    let (mut httpd, mut pid) = serving(|_| {});
    let mut restart = |httpd: &mut Httpd| {
        let plan = httpd.plan(vec![httpd.group()]);
        httpd.configure(plan).expect("accepted");
        // The children of the generation before have ended.
        let last = httpd.children.len() - 1;
        httpd.children.drain(..last);
        pid = httpd.wait_for_successor(pid);
    };
    for _ in 0..5 {
        restart(&mut httpd);
    }
    let (descriptors, resident) = size(&httpd);
    for _ in 0..25 {
        restart(&mut httpd);
    }
    wait_until("as many descriptors as before", || size(&httpd).0 == descriptors);
    let grown = size(&httpd).1.saturating_sub(resident);
    assert!(grown < 256 << 10, "{grown} bytes more");
    let directory = httpd
        .plan(vec![])
        .directory
        .join(httpd.board().number.to_string());
    assert_eq!(
        std::fs::read_dir(directory).expect("readable").count(),
        1,
        "sockets"
    );
}
