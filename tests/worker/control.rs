//! Messages, signals, and the end of the process.

use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use mod_rwsgi::config::interpreter::InterpreterOptions;
use mod_rwsgi::config::plan::{FromWorker, Import, Load, LogLevel, ToWorker};
use mod_rwsgi::scoreboard::PositionState;

use super::client::Asked;
use super::rig::{Rig, python};

const APP: &str = r#"
import atexit, os, signal, sys, threading, time
import mod_wsgi

atexit.register(print, "atexit has run", file=sys.__stderr__, flush=True)

@mod_wsgi.subscribe_shutdown
def stopping(name, **event):
    print(name, event["shutdown_reason"], file=sys.__stderr__, flush=True)

@mod_wsgi.subscribe_signals
def signalled(name, **event):
    print(name, event["signame"], event["signum"], file=sys.__stderr__, flush=True)

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/loop":
        print("looping", file=sys.__stderr__, flush=True)
        while True:
            time.sleep(0.01)
    if path == "/crash":
        signal.raise_signal(signal.SIGSEGV)
    if path == "/term":
        pid = os.fork()
        if pid == 0:
            time.sleep(30)
            os._exit(3)
        os.kill(pid, signal.SIGTERM)
        status = os.waitpid(pid, 0)[1]
        start_response("200 OK", [])
        return [str(os.WTERMSIG(status)).encode()]
    if path == "/stack":
        def deep(number):
            return number if number == 0 else max([deep(number - 1)], key=lambda item: item)
        sys.setrecursionlimit(100_000)
        start_response("200 OK", [])
        return [str(deep(5_000)).encode()]
    start_response("200 OK", [])
    return [b"ok"]
"#;

#[test]
fn a_stop_runs_callbacks_and_exit_functions() {
    let Some(mut rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    client.get("/");
    client.ask(Asked {
        group: "other",
        ..Asked::default()
    });
    let status = rig.stop("maximum_requests");
    let log = rig.log();
    assert!(status.success(), "{status} {log}");
    assert_eq!(
        log.matches("process_stopping maximum_requests").count(),
        2,
        "{log}"
    );
    assert_eq!(log.matches("atexit has run").count(), 2, "{log}");
}

#[test]
fn a_request_that_is_interrupted_ends_with_504_and_its_stack() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    for group in ["", "other"] {
        let mut client = rig.connect();
        client.send(
            Asked {
                path: "/loop",
                group,
                ..Asked::default()
            },
            2,
        );
        rig.wait_for_log("looping");
        rig.tell(&ToWorker::Interrupt { slot: 1 });
        let answered = client.answer(2);
        assert_eq!(answered.app_status, Some(504), "{answered:?} {}", rig.log());
        assert!(
            answered.log.iter().any(|line| line.contains("WSGI1123")),
            "{answered:?}"
        );
        assert!(rig.log().contains("time.sleep(0.01)"), "{}", rig.log());
        assert_eq!(client.get("/").body, b"ok");
        std::fs::write(rig.script().with_file_name("log"), "").expect("emptied");
    }
}

#[test]
fn stacks_are_written_when_they_are_asked_for() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    client.send(
        Asked {
            path: "/loop",
            ..Asked::default()
        },
        1,
    );
    rig.wait_for_log("looping");
    rig.tell(&ToWorker::DumpStacks {
        reason: "because".into(),
    });
    rig.wait_for_log("WSGI1126: the stacks of all threads follow: because");
    rig.wait_for_log("time.sleep(0.01)");
}

#[test]
fn a_crash_leaves_the_stack_behind() {
    for (other, group) in [(false, ""), (false, "other"), (true, ""), (true, "other")] {
        let Some(python) = python(other) else { return };
        let mut rig = Rig::spawn(&python, APP, |_| {});
        rig.expect_ready();
        let mut client = rig.connect();
        let asked = |path| Asked {
            path,
            group,
            ..Asked::default()
        };
        assert_eq!(client.ask(asked("/")).body, b"ok");
        let answered = client.ask(asked("/crash"));
        assert_eq!(answered.app_status, None);
        assert_eq!(rig.wait().signal(), Some(libc::SIGSEGV));
        let text = rig.crash_text();
        assert!(text.contains("Segmentation fault"), "{text}");
        // Before Python 3.12 its fault handler sees the frames of the main interpreter only.
        let told = if group.is_empty() || other {
            "in application"
        } else {
            "no Python frame"
        };
        assert!(text.contains(told), "{other} '{group}': {text}");
    }
}

#[test]
fn signals_are_told_and_the_last_one_ends_the_process() {
    let Some(mut rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    rig.connect().get("/");
    assert!(matches!(rig.next_message(), FromWorker::Loading { .. }));
    assert!(matches!(rig.next_message(), FromWorker::Loaded { .. }));
    rig.signal(libc::SIGUSR2);
    rig.wait_for_log(&format!("process_signal SIGUSR2 {}", libc::SIGUSR2));
    rig.signal(libc::SIGUSR1);
    match rig.next_message() {
        FromWorker::WantsReplacement { reason } => assert_eq!(reason, "eviction_signal"),
        other => panic!("{other:?}"),
    }
    rig.signal(libc::SIGTERM);
    match rig.next_message() {
        FromWorker::Stopping { reason } => assert_eq!(reason, "shutdown_signal"),
        other => panic!("{other:?}"),
    }
    assert!(rig.wait().success());
    assert!(
        rig.log().contains("process_stopping shutdown_signal"),
        "{}",
        rig.log()
    );
}

#[test]
fn a_signal_for_a_forked_copy_is_the_copys_alone() {
    let Some(rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    assert_eq!(client.get("/term").body, b"15");
    assert_eq!(client.get("/").body, b"ok");
}

#[test]
fn deep_recursion_fits_the_stack_of_a_thread() {
    let Some(rig) = Rig::start(APP, |plan| plan.group.options.stack_size = Some(64 << 20)) else {
        return;
    };
    assert_eq!(rig.connect().get("/stack").body, b"0");
}

#[test]
fn an_orphan_serves_until_its_place_is_drained() {
    let Some(mut rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    let mut client = rig.connect();
    let (channel, _) = mod_rwsgi::sys::channel::Channel::pair().expect("a pair");
    rig.channel = channel;
    rig.wait_for_log("WSGI1127");
    assert_eq!(client.get("/").body, b"ok");
    rig.board()
        .position(0)
        .expect("there")
        .set_state(PositionState::Draining);
    assert!(rig.wait().success());
    assert!(
        rig.log().contains("process_stopping graceful_signal"),
        "{}",
        rig.log()
    );
}

#[test]
fn an_orphan_of_a_group_that_is_gone_ends_by_itself() {
    let Some(mut rig) = Rig::start(APP, |_| {}) else {
        return;
    };
    rig.board()
        .position(0)
        .expect("there")
        .set_state(PositionState::Ready);
    assert_eq!(rig.connect().get("/").body, b"ok");
    let (channel, _) = mod_rwsgi::sys::channel::Channel::pair().expect("a pair");
    rig.channel = channel;
    rig.wait_for_log("WSGI1127");
    assert_eq!(rig.connect().get("/").body, b"ok");
    rig.board().retire();
    assert!(rig.wait().success());
    assert!(
        rig.log().contains("process_stopping graceful_signal"),
        "{}",
        rig.log()
    );
}

#[test]
fn an_orphan_that_drains_waits_for_its_requests_no_longer_than_told() {
    let second = std::time::Duration::from_secs(1);
    let Some(mut rig) = Rig::start(APP, |plan| {
        plan.group.options.graceful_timeout = Some(second);
        plan.group.options.shutdown_timeout = Some(second);
    }) else {
        return;
    };
    rig.board()
        .position(0)
        .expect("there")
        .set_state(PositionState::Ready);
    let grant = rig.board().reserve(1, 0).expect("a slot");
    let mut client = rig.connect();
    let looping = Asked {
        path: "/loop",
        ..Asked::default()
    };
    client.send(looping, u16::try_from(grant.slot).expect("small") + 1);
    rig.wait_for_log("looping");
    let (channel, _) = mod_rwsgi::sys::channel::Channel::pair().expect("a pair");
    rig.channel = channel;
    rig.wait_for_log("WSGI1127");
    rig.board()
        .position(0)
        .expect("there")
        .set_state(PositionState::Draining);
    let begin = Instant::now();
    rig.wait();
    assert!(begin.elapsed() < 10 * second, "{:?}", begin.elapsed());
    let log = rig.log();
    assert!(log.contains("had to end with 1 requests running"), "{log}");
}

#[test]
fn the_end_of_httpd_is_the_end_of_the_process_even_if_a_request_is_stuck() {
    let second = std::time::Duration::from_secs(1);
    let Some(mut rig) = Rig::start(APP, |plan| plan.group.options.shutdown_timeout = Some(second)) else {
        return;
    };
    let mut client = rig.connect();
    client.send(
        Asked {
            path: "/loop",
            ..Asked::default()
        },
        1,
    );
    rig.wait_for_log("looping");
    let begin = Instant::now();
    drop(rig.life_pipe.take());
    rig.wait();
    assert!(begin.elapsed() < 10 * second);
}

fn load(script: &std::path::Path) -> Load {
    Load {
        import: Import {
            script: script.into(),
            application_group: String::new(),
        },
        required: false,
    }
}

#[test]
fn scripts_and_modules_are_loaded_before_requests_and_failures_are_told() {
    let Some(python) = python(false) else { return };
    let bad = tempfile::Builder::new().suffix(".wsgi").tempfile().expect("made");
    std::fs::write(bad.path(), "import no_such_module").expect("written");
    let mut rig = Rig::spawn(&python, APP, |plan| {
        plan.group.options.preload = vec!["json".into(), "no_such_module_either".into()];
        plan.loads = vec![load(bad.path())];
    });
    assert!(matches!(rig.next_message(), FromWorker::Hello { .. }));
    match rig.next_message() {
        FromWorker::Ready { failures } => assert_eq!(failures, [load(bad.path())]),
        other => panic!("{other:?}"),
    }
    let log = rig.log();
    for part in ["WSGI1122", "no_such_module_either", "WSGI0109", "WSGI1041"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

#[test]
fn a_service_is_its_script_and_sigterm_ends_it() {
    let Some(python) = python(false) else { return };
    let app = "
import atexit, sys, threading, time
atexit.register(print, 'atexit has run', file=sys.__stderr__, flush=True)
print('serving', threading.current_thread() is threading.main_thread(), file=sys.__stderr__, flush=True)
while True:
    time.sleep(0.01)
";
    let script = tempfile::Builder::new().suffix(".py").tempfile().expect("made");
    std::fs::write(script.path(), app).expect("written");
    let mut rig = Rig::spawn(&python, "", |plan| {
        plan.group.options.threads = 0;
        plan.loads = vec![load(script.path())];
    });
    rig.expect_ready();
    rig.wait_for_log("serving True");
    let status = rig.stop("shutdown_signal");
    let log = rig.log();
    assert!(
        status.success() && log.contains("atexit has run"),
        "{status} {log}"
    );
    assert!(!log.contains("SystemExit"), "{log}");
}

#[test]
fn a_missing_worker_is_one_line_that_says_what_to_do() {
    let Some(python) = python(false) else { return };
    let output = std::process::Command::new(&python)
        .args(["-I", "-c", mod_rwsgi::config::plan::BOOTSTRAP, "/nowhere"])
        .output()
        .expect("runs");
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(71), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("finds no worker for Python 3."), "{line}");
    assert!(line.contains("/nowhere/python3."), "{line}");
}

#[test]
fn two_groups_with_their_own_gils_run_at_once() {
    let Some(python) = python(true) else {
        return;
    };
    let app = "
import mod_wsgi
def application(environ, start_response):
    start_response('200 OK', [])
    return [mod_wsgi.application_group.encode()]
";
    let mut rig = Rig::spawn(&python, app, |plan| {
        plan.group.python.options = InterpreterOptions {
            per_interpreter_gil: Some(true),
            ..InterpreterOptions::default()
        };
        plan.group.log_level = LogLevel(7);
    });
    rig.expect_ready();
    let mut client = rig.connect();
    for group in ["one", "two", "one", ""] {
        let answered = client.ask(Asked {
            group,
            ..Asked::default()
        });
        assert_eq!(answered.body, group.as_bytes(), "{answered:?} {}", rig.log());
    }
    let status = rig.stop("shutdown_signal");
    assert!(status.success(), "{status} {}", rig.log());
}
