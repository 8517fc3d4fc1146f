//! Every timeout of the contract's section 2.3: what fires, what the client sees, and what `process_stopping` is told.

use std::thread;
use std::time::{Duration, Instant};

use super::{group, json, one_line, pid, replaced, stopped_for};
use crate::assert_error_page;
use rwsgi_harness::{Builder, Server, process, wait_until};

const SIGUSR1: i32 = 10;
const SIGTERM: i32 = 15;

/// A process that is replaced, told why.
#[track_caller]
fn replaced_for(server: &Server, old: u32, reason: &str) {
    replaced(server, old, Duration::from_secs(15));
    stopped_for(server, old, reason);
}

fn limited(options: &str) -> Builder {
    group(options).allow_log(
        r"WSGI(0145|0146|0084|0116|11\d\d)|RequestTimeout|WSGI1008|Traceback|^ |Thread 0x|Current thread|^$|stack",
    )
}

#[test]
fn queue_timeout_answers_504_without_calling_the_application() {
    let server = limited("threads=1 queue-timeout=1").start();
    let _ = pid(&server);
    thread::scope(|scope| {
        let busy = scope.spawn(|| server.get("/sleeps?for=3"));
        server.wait_for_log("asleep in");
        let start = Instant::now();
        assert_error_page(&server.get("/sleeps?for=0"), 504);
        let waited = start.elapsed();
        assert!(
            waited >= Duration::from_millis(900) && waited < Duration::from_millis(2500),
            "{waited:?}"
        );
        assert_eq!(busy.join().expect("an answer").status, 200);
    });
    one_line(&server, "WSGI0084");
    assert_eq!(
        server.logs_matching("asleep in").len(),
        1,
        "the second never started"
    );
    server.finish();
}

#[test]
fn connect_timeout_answers_503_when_no_process_is_ready() {
    let server = limited("threads=1 connect-timeout=1")
        .app("slow.py", "import time\ntime.sleep(6)\n")
        .config("WSGIImportScript ${APPS}/slow.py process-group=cases application-group=%{GLOBAL}")
        .start();
    let start = Instant::now();
    let response = server.get("/pid");
    let waited = start.elapsed();
    assert_error_page(&response, 503);
    assert!(response.header("Retry-After").is_some(), "{response:?}");
    assert!(
        waited >= Duration::from_millis(900) && waited < Duration::from_secs(4),
        "{waited:?}"
    );
    one_line(&server, "WSGI0116");
    server.finish();
}

#[test]
fn socket_timeout_bounds_the_wait_for_a_head() {
    let server = limited("threads=2 socket-timeout=1").start();
    let before = pid(&server);
    let start = Instant::now();
    assert_error_page(&server.get("/sleeps?for=3"), 504);
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_millis(900) && waited < Duration::from_millis(2500),
        "{waited:?}"
    );
    one_line(&server, "WSGI0145");
    assert_eq!(pid(&server), before, "nothing is killed");
    server.finish();
}

/// One thread: the limit is the option itself.
#[test]
fn interrupt_timeout_ends_the_request_and_keeps_the_process() {
    let server = limited("threads=1 request-timeout=1 interrupt-timeout=10").start();
    let before = pid(&server);
    let start = Instant::now();
    assert_error_page(&server.get("/sleeps?for=20"), 504);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(pid(&server), before);
    server.finish();
}

#[test]
fn interrupt_timeout_after_the_head_truncates() {
    let server = limited("threads=1 request-timeout=1 interrupt-timeout=10").start();
    let response = server.get("/streams?for=5");
    assert_eq!((response.status, response.text().as_str()), (200, "first "));
    assert!(!response.complete, "{response:?}");
    server.finish();
}

/// What does not let itself be interrupted takes its process along; requests beside it end first.
#[test]
fn request_timeout_replaces_the_process_and_shows_its_stacks() {
    for options in ["interrupt-timeout=1", "interrupt-timeout=0"] {
        let server = limited(&format!(
            "threads=1 request-timeout=1 graceful-timeout=1 {options}"
        ))
        .start();
        let old = pid(&server);
        thread::scope(|scope| {
            let stuck = scope.spawn(|| server.get("/never_ends"));
            server.wait_for_log("never ending in");
            replaced(&server, old, Duration::from_secs(15));
            let answer = stuck.join().expect("an answer");
            assert!([502, 504].contains(&answer.status), "{options}: {answer:?}");
        });
        server.wait_for_log(r"daemon_cases\.py.* in never_ends");
        server.finish();
    }
}

/// With more threads the limit is longer, by 1 + ln(threads).
#[test]
fn request_timeout_grows_with_the_threads() {
    let server = limited("threads=3 request-timeout=1 interrupt-timeout=10").start();
    let start = Instant::now();
    assert_error_page(&server.get("/sleeps?for=20"), 504);
    let taken = start.elapsed();
    assert!(
        taken > Duration::from_secs(2) && taken < Duration::from_secs(5),
        "{taken:?}"
    );
    server.finish();
}

#[test]
fn deadlock_timeout_replaces_a_process_whose_lock_is_held() {
    let server = limited("threads=2 deadlock-timeout=2 shutdown-timeout=1").start();
    let old = pid(&server);
    thread::scope(|scope| {
        let held = scope.spawn(|| server.get("/holds_the_lock?for=30"));
        server.wait_for_log("holding in");
        assert_error_page(&held.join().expect("an answer"), 504);
    });
    replaced(&server, old, Duration::from_secs(5));
    server.wait_for_log("deadlock");
    server.finish();
}

#[test]
fn inactivity_timeout_replaces_an_idle_process() {
    let server = limited("threads=2 inactivity-timeout=1").start();
    let old = pid(&server);
    stopped_for(&server, old, "inactivity_timeout");
    assert_ne!(pid(&server), old);
    server.finish();
}

#[test]
fn inactivity_timeout_spares_a_running_request_and_ignores_what_is_told_to_be_ignored() {
    let server = limited("threads=2 inactivity-timeout=1")
        .config("<Location /pid>\n  WSGIIgnoreActivity On\n</Location>")
        .start();
    let response = server.get("/sleeps?for=2.5");
    let old: u32 = response
        .text()
        .rsplit(' ')
        .next()
        .expect("two words")
        .parse()
        .expect("a number");
    let probed = wait_until(Duration::from_secs(10), || pid(&server) != old);
    assert!(probed, "probes kept the process alive");
    stopped_for(&server, old, "inactivity_timeout");
    server.finish();
}

#[test]
fn restart_interval_replaces_a_process() {
    let server = limited("threads=2 restart-interval=1").start();
    let old = pid(&server);
    replaced_for(&server, old, "restart_interval");
    server.finish();
}

#[test]
fn maximum_requests_replaces_a_process() {
    let server = limited("threads=2 maximum-requests=5").start();
    let old = pid(&server);
    replaced_for(&server, old, "maximum_requests");
    server.finish();
}

#[test]
fn max_rss_replaces_a_process_that_grew() {
    let server = limited("threads=2 max-rss=150000000").start();
    let old = pid(&server);
    assert_eq!(server.get("/grows?by=200000000").status, 200);
    replaced(&server, old, Duration::from_secs(40));
    server.finish();
}

#[test]
fn cpu_time_limit_replaces_a_process() {
    let server = limited("threads=2 cpu-time-limit=1").start();
    let old = pid(&server);
    let _ = server.get("/computes?for=1.2");
    replaced_for(&server, old, "cpu_time_limit");
    server.finish();
}

/// A script that cannot be loaded does not get for ever.
#[test]
fn startup_timeout_replaces_a_process_that_cannot_load() {
    let source = "import sys, mod_wsgi\n\
        mod_wsgi.subscribe_shutdown(lambda name, **event: print('stopping for', event['shutdown_reason'], file=sys.stderr))\n\
        raise LookupError('not yet')\n";
    let server = limited("threads=2 startup-timeout=1")
        .app("broken.py", source)
        .config_first("WSGIScriptAlias /broken ${APPS}/broken.py process-group=cases")
        .allow_log("WSGI(0105|0109)|LookupError|stopping for")
        .start();
    let old = server.workers();
    assert_error_page(&server.get("/broken"), 500);
    let done = wait_until(Duration::from_secs(10), || {
        server.workers().iter().all(|pid| !old.contains(pid))
    });
    assert!(done, "{old:?} go on");
    server.wait_for_log("^stopping for startup_timeout");
    server.finish();
}

#[test]
fn sigusr1_replaces_a_process_after_its_requests() {
    let server = limited("threads=2 eviction-timeout=10").start();
    let old = pid(&server);
    thread::scope(|scope| {
        let running = scope.spawn(|| server.get("/sleeps?for=1.5"));
        server.wait_for_log("asleep in");
        process::signal(old, SIGUSR1).expect("it runs");
        replaced(&server, old, Duration::from_secs(10));
        let answer = running.join().expect("an answer");
        assert_eq!(answer.text(), format!("slept {old}"));
    });
    stopped_for(&server, old, "eviction_signal");
    server.finish();
}

#[test]
fn eviction_timeout_bounds_the_wait_for_requests() {
    let server = limited("threads=2 eviction-timeout=1 shutdown-timeout=1").start();
    let old = pid(&server);
    thread::scope(|scope| {
        let running = scope.spawn(|| server.get("/sleeps?for=20"));
        server.wait_for_log("asleep in");
        process::signal(old, SIGUSR1).expect("it runs");
        let start = Instant::now();
        assert_error_page(&running.join().expect("an answer"), 502);
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    });
    replaced(&server, old, Duration::from_secs(5));
    server.finish();
}

#[test]
fn sigterm_stops_a_process_and_another_takes_its_place() {
    let server = limited("threads=2").start();
    let old = pid(&server);
    process::signal(old, SIGTERM).expect("it runs");
    replaced_for(&server, old, "shutdown_signal");
    server.finish();
}

#[test]
fn shutdown_timeout_bounds_the_stop() {
    let server = limited("threads=2 shutdown-timeout=1")
        .app(
            "stays.py",
            "import atexit, time\natexit.register(time.sleep, 60)\n",
        )
        .config("WSGIImportScript ${APPS}/stays.py process-group=cases application-group=%{GLOBAL}")
        .start();
    let old = pid(&server);
    process::signal(old, SIGTERM).expect("it runs");
    let start = Instant::now();
    let gone = wait_until(Duration::from_secs(10), || !process::exists(old));
    assert!(gone, "it goes on");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_ne!(pid(&server), old);
    server.finish();
}

/// The timers run although the contract's monitor would not have been started.
#[test]
fn timeouts_work_without_a_deadlock_timeout() {
    let server = limited("threads=2 deadlock-timeout=0 restart-interval=1").start();
    let old = pid(&server);
    replaced_for(&server, old, "restart_interval");
    server.finish();
}

#[test]
fn the_slow_client_is_waited_for_and_the_thread_is_not() {
    let server = limited("threads=1").start();
    let mut slow = server.connect();
    slow.send_lossy("GET /body?length=6000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = slow.next_head().expect("a head");
    assert_eq!(head.status, 200);
    // The one thread is free although hardly a byte of the answer has been taken.
    let start = Instant::now();
    let facts = json(&server, "/configuration");
    assert_eq!(facts["multithread"], false);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(slow.bytes(6_000_000).expect("the body").len(), 6_000_000);
    server.finish();
}
