//! Processes that die (F-01 to F-06, F-08): what the client sees, what the log says, how soon another serves.

use std::fs;
use std::time::{Duration, Instant};

use super::{RESPAWN, group, one_line, pid, replaced};
use crate::assert_error_page;
use rwsgi_harness::{Builder, Head, Server, httpd_module_exists, process, wait_until};

pub(super) const SIGKILL: i32 = 9;
const SIGSTOP: i32 = 19;

/// Deaths of `daemon_cases.py`, and how the log names each.
const DEATHS: [(&str, &str); 6] = [
    ("kill", "SIGKILL"),
    ("segv", "SIGSEGV"),
    ("abort", "SIGABRT"),
    ("memory", "SIGABRT"),
    ("exit_0", "status 0"),
    ("exit_3", "status 3"),
];

/// The lines of a death: of the request, of the process, and Python's last words.
pub(super) fn dying(options: &str) -> Builder {
    group(options).allow_log(
        r"WSGI(0146|11\d\d)|^Fatal Python error|^Current thread|^Thread 0x|^ +(File |<no Python frame>)|^$|^Extension modules",
    )
}

/// The victim's answer, then the line about it, then a successor.
fn after_death(death: &str, named: &str, when: &str, answer: impl FnOnce(&Server, &str)) {
    let server = dying("threads=4").start();
    let old = pid(&server);
    let target = format!("/dies?by={death}&when={when}");
    answer(&server, &target);
    let start = Instant::now();
    replaced(&server, old, RESPAWN);
    println!(
        "{death} {when}: another process answered after {:?}",
        start.elapsed()
    );
    let line = one_line(&server, "WSGI0146");
    let text = &line.message;
    assert!(line.client, "the line belongs to the request: {}", line.text);
    for part in ["cases", &old.to_string(), named, &target] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    if death == "segv" {
        server.wait_for_log("Fatal Python error: Segmentation fault");
        server.wait_for_log(r"daemon_cases\.py.* in dies");
    }
    server.finish();
}

/// The whole request takes that long, the time until it dies included.
#[test]
fn f02_death_before_the_head_is_a_502_at_once() {
    let mut taken = Vec::new();
    for (death, named) in DEATHS.iter().chain(&DEATHS) {
        after_death(death, named, "head", |server, target| {
            let start = Instant::now();
            assert_error_page(&server.get(target), 502);
            taken.push(start.elapsed());
            println!("{death}: 502 after {:?}", start.elapsed());
        });
    }
    assert_at_once("a 502 after a death", taken);
}

/// How long each client of a killed process has to wait.
#[test]
fn f02_a_killed_process_is_a_502_at_once_for_each_of_its_requests() {
    let server = dying("threads=4").start();
    let mut taken = Vec::new();
    for round in 1..=5 {
        let victim = pid(&server);
        let before = server.logs_matching("asleep in").len();
        std::thread::scope(|scope| {
            let inside: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let response = server.get("/sleeps?for=30");
                        (response, Instant::now())
                    })
                })
                .collect();
            let begun = wait_until(Duration::from_secs(10), || {
                server.logs_matching("asleep in").len() == before + 3
            });
            assert!(begun, "round {round}: not all are inside");
            let killed = Instant::now();
            process::signal(victim, SIGKILL).expect("it runs");
            for one in inside {
                let (response, answered) = one.join().expect("an answer");
                assert_error_page(&response, 502);
                taken.push(answered.duration_since(killed));
            }
        });
        replaced(&server, victim, RESPAWN);
    }
    assert_at_once("a 502 after SIGKILL", taken);
    server.finish();
}

/// Half of them within 100 ms; a machine that others keep busy may be late with the rest.
#[track_caller]
fn assert_at_once(what: &str, mut taken: Vec<Duration>) {
    taken.sort();
    let (median, longest) = (taken[taken.len() / 2], taken[taken.len() - 1]);
    println!(
        "{what}: median {median:?}, longest {longest:?} of {}",
        taken.len()
    );
    assert!(taken.len() >= 10);
    assert!(median <= Duration::from_millis(100), "{what}: median {median:?}");
    assert!(longest <= Duration::from_millis(500), "{what}: {taken:?}");
}

/// Reads the first byte of the body, tells the application that it is there, and reads on.
fn cut(server: &Server, target: &str) -> (Head, String) {
    let mut connection = server.connect();
    connection.send_lossy(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let head = connection.next_head().expect("a head");
    let first = connection.bytes(1).expect("a first byte");
    fs::write(server.path("htdocs/arrived"), "").expect("told");
    let rest = connection.rest();
    fs::remove_file(server.path("htdocs/arrived")).expect("it is there");
    (
        head,
        String::from_utf8_lossy(&[first, rest].concat()).into_owned(),
    )
}

#[test]
fn f03_death_in_a_body_with_a_length_is_a_short_body() {
    for (death, named) in DEATHS {
        after_death(death, named, "length", |server, target| {
            let (head, body) = cut(server, target);
            assert_eq!((head.status, head.header("Content-Length")), (200, Some("1000")));
            assert_eq!(body, "part", "{death}");
        });
    }
}

#[test]
fn f03_death_in_a_chunked_body_leaves_out_the_last_chunk() {
    for (death, named) in DEATHS {
        after_death(death, named, "chunked", |server, target| {
            let (head, body) = cut(server, target);
            assert_eq!(
                (head.status, head.header("Transfer-Encoding")),
                (200, Some("chunked"))
            );
            assert_eq!(body, "4\r\npart\r\n", "{death}: no last chunk may follow");
        });
    }
}

#[test]
fn f03_death_in_a_body_over_http2_resets_the_stream() {
    if !httpd_module_exists("http2") {
        println!("skipped: the installed httpd lacks mod_http2");
        return;
    }
    let server = dying("threads=4")
        .module("http2")
        .config("Protocols h2c http/1.1")
        .allow_log("AH|h2_")
        .start();
    for when in ["length", "chunked"] {
        let target = format!(
            "http://127.0.0.1:{}/dies?by=kill&when={when}&after=0.5",
            server.port()
        );
        let curl = std::process::Command::new("curl")
            .args(["--silent", "--http2-prior-knowledge", &target])
            .output();
        let Ok(output) = curl else {
            println!("skipped: no curl");
            return;
        };
        // 18: a partial file, 92: an error in the HTTP/2 stream.
        let code = output.status.code();
        assert!(matches!(code, Some(18 | 92)), "{when}: {output:?}");
        let _ = pid(&server);
    }
    server.finish();
}

/// A stopped process takes the connection and never starts; when it is killed, the request is sent to another.
#[test]
fn f01_a_request_that_was_not_started_is_sent_to_another_process() {
    let server = dying("processes=2 threads=1").start();
    let workers = server.workers();
    assert_eq!(workers.len(), 2);
    for victim in workers {
        process::signal(victim, SIGSTOP).expect("it runs");
        std::thread::scope(|scope| {
            let asked: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| server.get("/sleeps?for=0.3")))
                .collect();
            // One of them is with the process that runs, the other with the one that does not.
            server.wait_for_log("asleep in");
            process::signal(victim, SIGKILL).expect("it is there");
            for one in asked {
                let response = one.join().expect("an answer");
                assert_eq!(response.status, 200, "{response:?}");
            }
        });
        assert!(wait_until(Duration::from_secs(5), || {
            let workers = server.workers();
            workers.len() == 2 && !workers.contains(&victim)
        }));
    }
    assert!(
        server.logs_matching("^WSGI0146").is_empty(),
        "nobody lost an answer"
    );
    server.finish();
}

/// All processes at once: their requests are lost, those that wait are served by the successors.
#[test]
fn f06_a_group_that_dies_as_a_whole_comes_back() {
    let server = dying("processes=2 threads=2").start();
    for _ in 0..3 {
        // A process that has answered is followed by another at once.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(server.get("/sleeps?for=0.2").status, 200));
            }
        });
        let before = server.logs_matching("asleep in").len();
        let old = server.workers();
        std::thread::scope(|scope| {
            let inside: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| server.get("/sleeps?for=5")))
                .collect();
            let begun = wait_until(Duration::from_secs(10), || {
                server.logs_matching("asleep in").len() == before + 2
            });
            assert!(begun, "not both are inside");
            for victim in &old {
                process::signal(*victim, SIGKILL).expect("it runs");
            }
            for one in inside {
                assert_error_page(&one.join().expect("an answer"), 502);
            }
        });
        let start = Instant::now();
        assert!(!old.contains(&pid(&server)), "who waits is served by a successor");
        println!(
            "the group answered {:?} after its last process died",
            start.elapsed()
        );
        assert!(wait_until(Duration::from_secs(5), || server.workers().len() == 2));
    }
    server.finish();
}

/// The pause before the next start grows with each start in vain, and is forgotten once a process has served.
#[test]
fn f06_starts_in_vain_before_another_served_are_no_reason_to_wait() {
    let server = dying("threads=2")
        .app("slow_start.py", "import time\ntime.sleep(0.3)\n")
        .config("WSGIImportScript ${APPS}/slow_start.py process-group=cases application-group=%{GLOBAL}")
        .start();
    let mut serving = pid(&server);
    let mut slowest = Duration::ZERO;
    for round in 0..8 {
        let killed = Instant::now();
        process::signal(serving, SIGKILL).expect("it runs");
        let mut starting = serving;
        let begun = wait_until(Duration::from_secs(10), || {
            let newest = server.workers().last().copied();
            starting = newest.filter(|one| *one != serving).unwrap_or(serving);
            starting != serving
        });
        assert!(begun, "round {round}: nothing is started");
        process::signal(starting, SIGKILL).expect("it starts");
        serving = pid(&server);
        slowest = slowest.max(killed.elapsed());
    }
    println!("a process that serves after one that was killed when it started: {slowest:?} at most");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    server.finish();
}

#[test]
fn f08_a_limit_of_memory_is_a_memory_error_of_the_request() {
    let server = group("threads=2 virtual-memory-limit=2000000000")
        .expect_exception("MemoryError")
        .start();
    let before = pid(&server);
    assert_error_page(&server.get("/too_much?bytes=4000000000"), 500);
    assert_eq!(pid(&server), before, "the process goes on");
    server.finish();
}

/// What the kernel does to a process when memory is short: the log says that it was not us.
#[test]
fn f08_a_kill_that_nobody_here_sent_hints_at_memory() {
    let server = dying("threads=2").expect_log("memory").start();
    assert_error_page(&server.get("/dies?by=kill&when=head"), 502);
    server.wait_for_log("SIGKILL.*memory");
    server.finish();
}

/// kill -9 of httpd's parent: the daemon processes and the supervisor end by themselves, sockets removed.
#[test]
fn f30_nothing_outlives_a_killed_httpd() {
    let server = group("processes=2 threads=2").start();
    let _ = pid(&server);
    let workers: Vec<u32> = server.workers().into_iter().chain(server.supervisor()).collect();
    assert_eq!(workers.len(), 3);
    server.kill();
    let gone = || workers.iter().all(|pid| !process::exists(*pid));
    assert!(
        wait_until(Duration::from_secs(10), gone),
        "they go on: {workers:?}"
    );
    server.finish();
}
