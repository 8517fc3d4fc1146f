//! Groups of `threads=0`: the import script is the service.

use std::time::Duration;

use super::replaced;
use crate::server;
use rwsgi_harness::{Builder, Server, process, wait_for, wait_until};

const SIGTERM: i32 = 15;

fn service(source: &str) -> Builder {
    server()
        .app("service.py", source)
        .config("WSGIDaemonProcess service threads=0 display-name=%{GROUP}")
        .config("WSGIImportScript ${APPS}/service.py process-group=service application-group=%{GLOBAL}")
        .allow_log("^service |^WSGI1103.* exited with status 0")
}

#[test]
fn a_service_runs_in_the_main_thread_and_ends_by_system_exit() {
    let server = service(
        "import sys, threading, time\n\
         main = threading.current_thread() is threading.main_thread()\n\
         print('service runs in the main thread:', main, file=sys.stderr, flush=True)\n\
         try:\n    \
             while True:\n        \
                 time.sleep(0.05)\n\
         except SystemExit:\n    \
             print('service ends', file=sys.stderr, flush=True)\n    \
             raise\n",
    )
    .start();
    server.wait_for_log("^service runs in the main thread: True");
    let old = server.workers();
    assert_eq!(old.len(), 1);
    process::signal(old[0], SIGTERM).expect("it runs");
    server.wait_for_log("^service ends$");
    assert!(next(&server, old[0]) > 0);
    server.expect_log("^service ends$");
    server.finish();
}

/// Waits for a process that is not `old`.
fn next(server: &Server, old: u32) -> u32 {
    let found = wait_for(Duration::from_secs(10), || {
        server.workers().into_iter().find(|pid| *pid != old)
    });
    found.expect("another process")
}

#[test]
fn a_service_that_returns_is_started_again() {
    let server = service(
        "import os, sys\n\
         print('service came and went', os.getpid(), file=sys.stderr, flush=True)\n",
    )
    .allow_log("WSGI11")
    .start();
    let again = wait_until(Duration::from_secs(20), || {
        server.logs_matching("^service came and went").len() >= 3
    });
    assert!(again, "it is not started again");
    server.finish();
}

#[test]
fn a_service_may_set_signal_handlers() {
    let server = service(
        "import signal, sys, time\n\
         def heard(number, frame):\n    \
             print('service heard', number, file=sys.stderr, flush=True)\n\
         signal.signal(signal.SIGUSR2, heard)\n\
         print('service listens', file=sys.stderr, flush=True)\n\
         while True:\n    \
             time.sleep(0.05)\n",
    )
    .start();
    server.wait_for_log("^service listens");
    process::signal(server.workers()[0], 12).expect("it runs");
    server.wait_for_log("^service heard 12$");
    server.finish();
}

/// A service and an application side by side: each group is its own.
#[test]
fn a_service_does_not_keep_other_groups_from_serving() {
    let server = service("import time\nwhile True:\n    time.sleep(0.05)\n")
        .config("WSGIDaemonProcess cases threads=2\nWSGIScriptAlias / ${APPS}/daemon_cases.py process-group=cases")
        .allow_log("^stopping of")
        .start();
    let old = super::pid(&server);
    process::signal(old, SIGTERM).expect("it runs");
    replaced(&server, old, Duration::from_secs(10));
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 2));
    server.finish();
}
