//! Many ends of processes, at any moment of their lives.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use mod_rwsgi::config::plan::{FromWorker, ToWorker};

use super::client::{Asked, Client};
use super::rig::{Rig, python};

/// Leaves something of itself in its thread, as applications do.
const APP: &str = r#"
import threading, time

import mod_wsgi

LOCAL = threading.local()

@mod_wsgi.subscribe_signals
def heard(name, **event):
    time.sleep(0)

class Remains:
    def __del__(self):
        time.sleep(0)

def application(environ, start_response):
    LOCAL.remains = Remains()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.02)
    start_response("200 OK", [])
    return [b"ok"]
"#;

/// How many processes of each Python; `make soak` has many more.
fn rounds() -> u32 {
    if std::env::var_os("RWSGI_SOAK").is_some() {
        2_000
    } else {
        12
    }
}

/// Asks until the process is gone.
fn ask_until_it_ends(socket: &Path, script: &Path, group: &str, path: &str) {
    while let Ok(connection) = UnixStream::connect(socket) {
        let mut client = Client::over(connection, script);
        let asked = Asked {
            path,
            group,
            ..Asked::default()
        };
        let request = client.request(asked, 1);
        let mut buffer = [0; 4096];
        while client.socket.write_all(&request).is_ok() {
            match client.socket.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

/// Starts a process, ends it in one of several ways after `delay`, and returns how it went.
fn one_life(python: &Path, round: u32) -> (ExitStatus, String) {
    let mut rig = Rig::spawn(python, APP, |plan| {
        plan.group.options.shutdown_timeout = Some(Duration::from_secs(20));
    });
    let (socket, script) = (rig.socket(), rig.script());
    let is_ready = !round.is_multiple_of(4);
    let status = thread::scope(|scope| {
        for (group, path) in [("", "/"), ("one", "/slow"), ("two", "/"), ("", "/slow")] {
            let (socket, script) = (&socket, &script);
            scope.spawn(move || ask_until_it_ends(socket, script, group, path));
        }
        if is_ready {
            // Later and later, from before the first request on.
            while !matches!(rig.next_message(), FromWorker::Ready { .. }) {}
            thread::sleep(Duration::from_millis(u64::from(round % 40)));
        }
        if is_ready {
            rig.signal(libc::SIGUSR2);
        }
        match round % 3 {
            // Before the process has begun to listen to signals, this one is the end.
            1 if is_ready => rig.signal(libc::SIGTERM),
            2 => drop(rig.life_pipe.take()),
            _ => rig.tell(&ToWorker::Stop {
                reason: "shutdown_signal".into(),
            }),
        }
        rig.wait()
    });
    (status, rig.log() + &rig.crash_text())
}

fn many_lives(python: &Path) {
    for round in 0..rounds() {
        let (status, log) = one_life(python, round);
        assert!(status.success(), "round {round}: {status}\n{log}");
    }
}

#[test]
fn a_process_ends_in_order_whatever_it_is_doing() {
    if let Some(python) = python(false) {
        many_lives(&python);
    }
}

#[test]
fn a_process_of_another_python_ends_in_order_whatever_it_is_doing() {
    if let Some(python) = python(true) {
        many_lives(&python);
    }
}

/// A callback that is still busy when the process is to end.
#[test]
fn a_callback_that_still_runs_does_not_keep_a_process_from_ending_in_order() {
    let app = "
import sys, time, mod_wsgi

@mod_wsgi.subscribe_signals
def heard(name, **event):
    print('heard', file=sys.__stderr__, flush=True)
    for _ in range(200):
        time.sleep(0.001)
    print('done', file=sys.__stderr__, flush=True)

def application(environ, start_response):
    start_response('200 OK', [])
    return [b'ok']
";
    let Some(mut rig) = Rig::start(app, |_| {}) else {
        return;
    };
    rig.connect().get("/");
    rig.signal(libc::SIGUSR2);
    rig.wait_for_log("heard");
    let status = rig.stop("shutdown_signal");
    let log = rig.log() + &rig.crash_text();
    assert!(status.success() && log.contains("done"), "{status}\n{log}");
}

/// Extension modules find the state of a thread by `PyGILState_Ensure()`.
#[test]
fn threads_that_have_ended_leave_those_that_follow_their_own_state() {
    let app = "
import ctypes, sys, mod_wsgi

@mod_wsgi.subscribe_signals
def heard(name, **event):
    print('heard', file=sys.__stderr__, flush=True)

def application(environ, start_response):
    start_response('200 OK', [])
    return [str(ctypes.pythonapi.PyGILState_Check()).encode()]
";
    for other in [false, true] {
        let Some(python) = python(other) else { return };
        let mut rig = Rig::spawn(&python, app, |plan| plan.group.options.threads = 1);
        rig.expect_ready();
        assert_eq!(rig.connect().get("/").body, b"1");
        for round in 1..=20 {
            rig.signal(libc::SIGUSR2);
            rig.wait_for_log(&"heard\n".repeat(round));
            assert_eq!(rig.connect().get("/").body, b"1", "{other} {round}");
        }
        assert!(rig.stop("shutdown_signal").success(), "{}", rig.log());
    }
}
