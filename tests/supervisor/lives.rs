//! Processes start, die, are started again and end.

use std::time::{Duration, Instant};

use mod_rwsgi::config::plan::{VERSION, socket_path};
use mod_rwsgi::scoreboard::{Death, PositionState};

use crate::driver::{Httpd, exists, signal, wait_until};

#[test]
fn a_group_serves_and_ends_with_httpd() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.processes = Some(2);
    httpd.serve(vec![group]);
    let pids = httpd.ready();
    assert_eq!(pids.len(), 2);
    let directory = httpd.plan(vec![]).directory;
    for (_, instance, _) in httpd.board().in_state(PositionState::Ready) {
        assert!(socket_path(&directory, httpd.board().number, instance).exists());
    }
    httpd.stop();
    assert!(pids.iter().all(|pid| !exists(*pid)));
    assert!(!directory.exists());
    let trace = httpd.read("trace");
    assert_eq!(trace.matches("stopped shutdown_signal").count(), 2, "{trace}");
}

#[test]
fn a_supervisor_that_is_started_by_hand_says_so() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_rwsgi"))
        .arg("supervisor")
        .output()
        .expect("runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("httpd starts its supervisor itself"), "{text}");
}

#[test]
fn a_killed_process_is_replaced_within_a_second_and_its_death_is_told() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let (position, instance, pid) = httpd.board().in_state(PositionState::Ready)[0];
    // Until it has proven itself, there is a pause of a tenth of a second.
    let begin = Instant::now();
    signal(pid, "-KILL");
    httpd.wait_for_successor(pid);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let place = httpd.board().view().position(position).expect("exists");
    let death = place.death_of(instance).expect("told").0;
    assert_eq!(
        death,
        Death::Killed {
            signal: 9,
            ours: false
        }
    );
    let line = httpd.wait_for_line(&["[wsgi:error]", "WSGI1103", "SIGKILL", "out of memory"]);
    assert!(
        line.contains(&format!("process {pid} of daemon group 'site'")),
        "{line}"
    );
    httpd.stop();
}

#[test]
fn a_fatal_signal_leaves_the_python_traceback() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let (position, instance, pid) = httpd.board().in_state(PositionState::Ready)[0];
    signal(pid, "-SEGV");
    httpd.wait_for_successor(pid);
    let place = httpd.board().view().position(position).expect("exists");
    let text = place.death_of(instance).expect("told").1;
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("Fatal Python error: Segmentation fault"), "{text}");
    httpd.wait_for_line(&["SIGSEGV (signal 11)"]);
    httpd.wait_for_line(&["[wsgi:error]", "File", "in main"]);
}

#[test]
fn what_was_held_in_a_dead_process_is_free_in_its_successor() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let pid = httpd.ready()[0];
    let me = std::process::id();
    let view = httpd.board().view();
    let held = [view.reserve(me, 0), view.reserve(me, 0)];
    assert!(held.iter().all(Option::is_some) && view.reserve(me, 0).is_none());
    signal(pid, "-KILL");
    httpd.wait_for_successor(pid);
    let view = httpd.board().view();
    assert!(view.reserve(me, 0).is_some() && view.reserve(me, 0).is_some());
}

#[test]
fn slots_of_children_that_are_gone_are_taken_back() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .expect("starts");
    let view = httpd.board().view();
    assert!(view.reserve(child.id(), 0).is_some() && view.reserve(child.id(), 0).is_some());
    child.kill().expect("killed");
    child.wait().expect("ended");
    wait_until("the slots are free", || {
        view.held(httpd.board().in_state(PositionState::Ready)[0].0) == 0
    });
}

#[test]
fn a_group_that_always_fails_is_shut_and_heals_when_its_script_is_mended() {
    let mut httpd = Httpd::start();
    httpd.write("app.py", "exit 3");
    let plan = httpd.plan(vec![httpd.group()]);
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_line(&["WSGI1103", "exited with status 3 before it took requests"]);
    wait_until("the group is shut", || httpd.board().view().shut_for().is_some());
    wait_until("it is tried again", || {
        httpd.read("log").matches("WSGI1103").count() > 3
    });
    let told = httpd.read("log").matches("[wsgi:error]").count();
    assert_eq!(told, 1, "a reason is told once: {}", httpd.read("log"));
    let tries = httpd.read("trace").matches("started").count();
    assert!(tries < 12, "{tries}");
    httpd.write("app.py", "ok");
    wait_until("it serves", || !httpd.ready().is_empty());
    assert_eq!(httpd.board().view().shut_for(), None);
    httpd.wait_for_line(&["[wsgi:warn]", "WSGI1115", "serves again"]);
}

#[test]
fn an_executable_that_is_not_there_is_named_and_waited_for() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.executable = httpd.path("later");
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_line(&["[wsgi:error]", "WSGI1101", "later cannot be run: No such file"]);
    std::fs::copy(httpd.path("python"), httpd.path("later")).expect("copied");
    wait_until("it serves", || !httpd.ready().is_empty());
}

#[test]
fn a_worker_of_another_version_does_not_serve() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.env[0].1 = "0.0.0".to_owned();
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_line(&["WSGI1129", "version 0.0.0", VERSION, "install both"]);
    assert!(httpd.ready().is_empty());
}

#[test]
fn httpds_sudden_end_ends_everything() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let (pid, directory) = (httpd.ready()[0], httpd.plan(vec![]).directory);
    httpd.die();
    assert!(httpd.wait_for_end());
    assert!(!exists(pid) && !directory.exists());
}

#[test]
fn a_process_that_does_not_end_is_killed_after_shutdown_timeout() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.shutdown_timeout = Some(Duration::from_secs(1));
    group.options.env.push(("STUB_STAYS".to_owned(), "1".to_owned()));
    httpd.serve(vec![group]);
    let pid = httpd.ready()[0];
    let begin = Instant::now();
    httpd.stop();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert!(!exists(pid));
    httpd.wait_for_line(&["WSGI1110", &pid.to_string()]);
}

#[test]
fn a_process_that_hangs_while_it_starts_is_replaced_after_startup_timeout() {
    let mut httpd = Httpd::start();
    httpd.write("app.py", "hang");
    let mut group = httpd.group();
    group.options.startup_timeout = Some(Duration::from_secs(1));
    group.options.shutdown_timeout = Some(Duration::from_secs(1));
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    httpd.wait_for_line(&["WSGI1107", "was not ready within startup-timeout="]);
    httpd.write("app.py", "ok");
    wait_until("it serves", || !httpd.ready().is_empty());
}

#[test]
fn a_supervisor_that_died_is_followed_by_one_that_replaces_the_processes_it_left() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.processes = Some(2);
    httpd.serve(vec![group.clone()]);
    let before = httpd.ready();
    httpd.supervisor.kill().expect("killed");
    httpd.supervisor.wait().expect("ended");
    assert!(before.iter().all(|pid| exists(*pid)), "they serve on");
    let number = httpd.board().number;
    httpd.start_again();
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    assert_eq!(httpd.board().number, number);
    wait_until("all are replaced", || {
        let now = httpd.ready();
        assert!(!now.is_empty(), "there is always one that serves");
        now.len() == 2 && before.iter().all(|pid| !now.contains(pid) && !exists(*pid))
    });
    assert_eq!(httpd.read("trace").matches("drained").count(), 2);
    wait_until("their positions are free", || {
        httpd.board().in_state(PositionState::Draining).is_empty()
    });
    httpd.stop();
}

#[test]
fn directories_of_servers_that_are_gone_are_removed() {
    let mut httpd = Httpd::start();
    let mut gone = std::process::Command::new("true").spawn().expect("starts");
    gone.wait().expect("ended");
    let stale = httpd.path(&format!("wsgi.{}", gone.id()));
    std::fs::create_dir_all(stale.join("0")).expect("made");
    httpd.serve(vec![httpd.group()]);
    assert!(!stale.exists());
}

#[test]
fn a_directory_too_long_for_a_socket_is_refused() {
    let mut httpd = Httpd::start();
    let mut plan = httpd.plan(vec![httpd.group()]);
    plan.directory = httpd.path(&"d".repeat(90));
    let reason = httpd.configure(plan).expect_err("refused");
    assert!(reason.contains("too long"), "{reason}");
    // The supervisor is there for the next plan.
    httpd.serve(vec![httpd.group()]);
}

#[test]
fn a_process_without_socket_is_replaced() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    let (_, instance, pid) = httpd.board().in_state(PositionState::Ready)[0];
    let socket = socket_path(&httpd.plan(vec![]).directory, httpd.board().number, instance);
    std::fs::remove_dir_all(socket.parent().expect("a directory")).expect("removed");
    httpd.wait_for_successor(pid);
    httpd.wait_for_line(&["WSGI1113"]);
}

/// Seconds of CPU time that a process has used.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("readable");
    let fields = stat.rsplit_once(')').expect("a name").1;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse().expect("a number"))
        .collect();
    // Linux tells this time in hundredths of a second on all machines.
    (ticks[0] + ticks[1]) / 100.0
}

#[test]
fn waiting_for_a_group_that_fails_and_one_that_serves_costs_nothing() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    httpd.write("app.py", "exit 3");
    let mut failing = httpd.group();
    failing.name = "failing".to_owned();
    let plan = httpd.plan(vec![failing]);
    httpd.configure(plan).expect("accepted");
    wait_until("the pauses are long", || {
        httpd.read("trace").matches("started").count() >= 6
    });
    let (begin, before) = (Instant::now(), cpu_seconds(httpd.supervisor.id()));
    wait_until("two seconds are over", || {
        begin.elapsed() > Duration::from_secs(2)
    });
    let used = cpu_seconds(httpd.supervisor.id()) - before;
    assert!(used <= 0.04, "{used} s of CPU time in two seconds");
}

#[test]
fn a_process_that_sends_no_messages_is_ended_and_others_are_served_meanwhile() {
    for what in ["babble", "flood"] {
        let mut httpd = Httpd::start();
        let mut other = httpd.group();
        other.name = "other".to_owned();
        httpd.write("mad.py", what);
        let mut mad = httpd.group();
        mad.imports[0].script = httpd.path("mad.py");
        mad.options.shutdown_timeout = Some(Duration::from_secs(1));
        mad.options.startup_timeout = Some(Duration::from_secs(1));
        let plan = httpd.plan(vec![mad, other]);
        httpd.configure(plan).expect("accepted");
        httpd.wait_for_line(&[
            "[wsgi:error]",
            if what == "babble" { "WSGI1104" } else { "WSGI1107" },
        ]);
        let pid = httpd.boards["other"].in_state(PositionState::Ready)[0].2;
        signal(pid, "-KILL");
        wait_until("the other group has a new process", || {
            let ready = httpd.boards["other"].in_state(PositionState::Ready);
            ready.len() == 1 && ready[0].2 != pid
        });
        assert!(httpd.ready().is_empty());
    }
}

#[test]
fn what_a_request_made_a_process_load_its_successor_loads_before_it_serves() {
    let mut httpd = Httpd::start();
    httpd.serve(vec![httpd.group()]);
    httpd.write("other.py", "ok");
    let pid = httpd.ready()[0];
    signal(pid, "-HUP");
    wait_until("it is loaded", || httpd.read("trace").contains("loaded"));
    signal(pid, "-USR1");
    let new = httpd.wait_for_successor(pid);
    let trace = httpd.read("trace");
    assert!(
        trace.contains(&format!("{new} started 2 app.py other.py")),
        "{trace}"
    );
    // A script that is gone is no reason not to start.
    std::fs::remove_file(httpd.path("other.py")).expect("removed");
    signal(new, "-USR1");
    let newest = httpd.wait_for_successor(new);
    assert!(
        httpd
            .read("trace")
            .contains(&format!("{newest} started 3 app.py\n"))
    );
}

#[test]
fn a_service_never_runs_twice() {
    let mut httpd = Httpd::start();
    let mut group = httpd.group();
    group.options.threads = 0;
    httpd.serve(vec![group.clone()]);
    let pid = httpd.ready()[0];
    let plan = httpd.plan(vec![group]);
    httpd.configure(plan).expect("accepted");
    wait_until("another runs", || {
        let started = httpd.read("trace").matches("started").count();
        assert!(started < 2 || !exists(pid), "both run");
        started == 2
    });
}

#[test]
fn a_service_that_ends_after_a_while_is_started_again_without_an_error() {
    let mut httpd = Httpd::start();
    httpd.write("app.py", "end 6");
    let mut group = httpd.group();
    group.options.threads = 0;
    httpd.serve(vec![group]);
    let pid = httpd.ready()[0];
    httpd.wait_for_successor(pid);
    httpd.wait_for_line(&["[wsgi:info]", &pid.to_string(), "has ended by itself"]);
    assert!(!httpd.read("log").contains("[wsgi:error]"));
}
