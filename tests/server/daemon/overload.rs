//! More requests than a group can take (F-04, F-11, F-12): bounded waiting, quick refusals, and nobody else slowed down.

use std::thread;
use std::time::{Duration, Instant};

use super::{group, pid, quick_or_soak, replaced};
use crate::assert_error_page;
use rwsgi_harness::{Builder, Server, process, wait_until};

const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// More threads in httpd than the group and its queue take together.
fn crowded(options: &str) -> Builder {
    group(options)
        .mpm_limits("StartServers 2\nServerLimit 4\nThreadsPerChild 32\nMinSpareThreads 1\nMaxSpareThreads 128\nMaxRequestWorkers 128")
        .file("htdocs/static.txt", "static")
        .config("Alias /static.txt ${HTDOCS}/static.txt")
        .allow_log("WSGI(11[0-9][0-9]|0084|0116|0145|0146)|AH")
}

/// How long a static file takes, asked often; the 99th percentile.
fn static_file(server: &Server) -> Duration {
    let mut connection = server.connect();
    let mut taken: Vec<Duration> = (0..200)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(connection.get("/static.txt").text(), "static");
            start.elapsed()
        })
        .collect();
    taken.sort();
    taken[197]
}

#[test]
fn f11_a_full_queue_is_a_503_at_once_and_static_files_stay_fast() {
    let server = crowded("threads=1 listen-backlog=4").start();
    let _ = pid(&server);
    thread::scope(|scope| {
        let inside: Vec<_> = (0..5)
            .map(|_| scope.spawn(|| server.get("/sleeps?for=1")))
            .collect();
        server.wait_for_log("asleep in");
        // One runs and four wait once somebody is refused.
        let full = wait_until(Duration::from_secs(1), || {
            let start = Instant::now();
            let response = server.get("/sleeps?for=0");
            response.status == 503 && start.elapsed() < Duration::from_millis(50)
        });
        assert!(full, "nobody is refused");
        let mut refusals: Vec<Duration> = (0..20)
            .map(|_| {
                let start = Instant::now();
                let response = server.get("/pid");
                let taken = start.elapsed();
                assert_error_page(&response, 503);
                assert!(response.header("Retry-After").is_some(), "{response:?}");
                taken
            })
            .collect();
        refusals.sort();
        println!(
            "refused by a full queue after {:?}, at most {:?}",
            refusals[10], refusals[19]
        );
        assert!(refusals[19] < Duration::from_millis(50), "{refusals:?}");
        let fast = static_file(&server);
        println!("a static file beside a full queue: {fast:?} (99th percentile)");
        assert!(fast < Duration::from_millis(20), "{fast:?}");
        for one in inside {
            assert_eq!(one.join().expect("an answer").status, 200, "who waits is served");
        }
    });
    assert_eq!(server.get("/pid").status, 200);
    server.finish();
}

/// Whoever is in the stopped process gets 504 as `socket-timeout=` says; meanwhile all others are served.
#[test]
fn f04_a_stopped_process_delays_its_own_requests_only() {
    let server = crowded("processes=2 threads=2 socket-timeout=2").start();
    let _ = pid(&server);
    let stopped = server.workers()[0];
    let (timed_out, others) = thread::scope(|scope| {
        let inside: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let status = server.get("/sleeps?for=0.5").status;
                    (status, Instant::now())
                })
            })
            .collect();
        let begun = wait_until(Duration::from_secs(5), || {
            server.logs_matching("asleep in").len() == 4
        });
        assert!(begun, "not all are inside");
        let stop = Instant::now();
        process::signal(stopped, SIGSTOP).expect("it runs");
        // The stopped process has no thread to spare, so all go to the other one.
        let mut others = Vec::new();
        while stop.elapsed() < Duration::from_millis(1_500) {
            let start = Instant::now();
            assert_eq!(server.get("/pid").status, 200);
            others.push(start.elapsed());
        }
        let ended: Vec<(u16, Duration)> = inside
            .into_iter()
            .map(|one| one.join().expect("an answer"))
            .map(|(status, when)| (status, when.saturating_duration_since(stop)))
            .collect();
        let of = |wanted: u16| ended.iter().filter(|(status, _)| *status == wanted).count();
        assert_eq!((of(200), of(504)), (2, 2), "{ended:?}");
        let timed_out: Vec<Duration> = ended
            .iter()
            .filter(|(status, _)| *status == 504)
            .map(|(_, after)| *after)
            .collect();
        (timed_out, others)
    });
    let slowest = others.iter().max().expect("some were asked");
    println!(
        "a stopped process: 504 after {timed_out:?} with socket-timeout=2; {} others meanwhile, the slowest {slowest:?}",
        others.len()
    );
    let configured = Duration::from_millis(1_500)..Duration::from_millis(3_500);
    assert!(
        timed_out.iter().all(|after| configured.contains(after)),
        "{timed_out:?}"
    );
    // The first waits until one of the two in the other process has slept.
    assert!(*slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(others.len() > 20, "{}", others.len());
    // Also after that nobody is sent to the stopped process.
    for _ in 0..20 {
        assert_eq!(server.get("/pid").status, 200);
    }
    process::signal(stopped, SIGCONT).expect("it is there");
    server.finish();
}

/// What a stopped process has not begun goes to another, and so does what comes later.
#[test]
fn f04_a_process_that_is_stopped_while_idle_delays_one_request() {
    let server = crowded("processes=2 threads=4").start();
    let ready = wait_until(Duration::from_secs(10), || {
        server.logs_matching("takes requests").len() == 2
    });
    assert!(ready, "one of two processes is not ready");
    let stopped = pid(&server);
    process::signal(stopped, SIGSTOP).expect("it runs");
    let start = Instant::now();
    for _ in 0..30 {
        assert_ne!(pid(&server), stopped);
    }
    // Half a second for one of them; for each it would be fifteen.
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    process::signal(stopped, SIGCONT).expect("it is there");
    let goes_on = wait_until(Duration::from_secs(10), || pid(&server) == stopped);
    assert!(goes_on, "process {stopped} gets no requests any more");
    server.finish();
}

/// Continued within its limits, a process goes on with the right data.
#[test]
fn f04_a_process_that_continues_answers_what_it_was_asked() {
    let server = crowded("threads=2").start();
    let worker = pid(&server);
    thread::scope(|scope| {
        let running = scope.spawn(|| server.get("/sleeps?for=0.5"));
        server.wait_for_log("asleep in");
        process::signal(worker, SIGSTOP).expect("it runs");
        let waiting = scope.spawn(|| server.request("POST", "/token?own").body("body").send());
        thread::sleep(Duration::from_secs(1));
        process::signal(worker, SIGCONT).expect("it is there");
        assert_eq!(
            running.join().expect("an answer").text(),
            format!("slept {worker}")
        );
        assert_eq!(
            waiting.join().expect("an answer").text(),
            format!("own body {worker}")
        );
    });
    server.finish();
}

/// A process that stays stopped is replaced when its lock is out of reach for too long.
#[test]
fn f04_a_process_that_stays_stopped_is_replaced() {
    let server = crowded("threads=2 deadlock-timeout=2 shutdown-timeout=1").start();
    let old = pid(&server);
    process::signal(old, SIGSTOP).expect("it runs");
    assert!(wait_until(Duration::from_secs(15), || !process::exists(old)));
    replaced(&server, old, Duration::from_secs(5));
    server.finish();
}

/// As with mod_wsgi, where clients wait for room in the listener's queue: nobody is refused while httpd has threads.
#[test]
fn f11_unless_told_otherwise_all_but_a_tenth_of_httpds_threads_may_wait() {
    let server = crowded("threads=1")
        .mpm_limits("StartServers 4\nServerLimit 4\nThreadsPerChild 32\nMinSpareThreads 1\nMaxSpareThreads 128\nMaxRequestWorkers 128")
        .start();
    let _ = pid(&server);
    thread::scope(|scope| {
        let first = scope.spawn(|| server.get("/sleeps?for=2").status);
        server.wait_for_log("asleep in");
        let crowd: Vec<_> = (0..112)
            .map(|_| scope.spawn(|| server.get("/pid").status))
            .collect();
        // On a connection of its own: httpd may close kept ones when it is short of threads.
        assert_eq!(server.get("/static.txt").text(), "static");
        for one in crowd {
            assert_eq!(one.join().expect("an answer"), 200, "who waits is served");
        }
        assert_eq!(first.join().expect("an answer"), 200);
    });
    server.finish();
}

#[test]
fn f12_a_crowd_at_the_start_is_served_in_its_turn() {
    let clients = quick_or_soak(500, 2_000);
    let server = crowded("processes=2 threads=4 listen-backlog=1000").start();
    let slowest = thread::scope(|scope| {
        let crowd: Vec<_> = (0..clients)
            .map(|number| {
                let server = &server;
                scope.spawn(move || {
                    let start = Instant::now();
                    let answer = server.get(&format!("/token?{number}"));
                    assert!(answer.text().starts_with(&format!("{number} ")), "{answer:?}");
                    start.elapsed()
                })
            })
            .collect();
        crowd.into_iter().map(|one| one.join().expect("an answer")).max()
    });
    println!("{clients} clients at once: the last was answered after {slowest:?}");
    server.finish();
}

/// Who cannot start at all is refused at once until the script is repaired, and then served without a restart.
#[test]
fn f07_a_group_that_cannot_start_refuses_at_once_and_heals_by_itself() {
    let dies = "import os\nos._exit(3)\n";
    let server = crowded("threads=2 connect-timeout=2")
        .app("preloaded.py", dies)
        .config("WSGIImportScript ${APPS}/preloaded.py process-group=cases application-group=%{GLOBAL}")
        .start();
    let refused = wait_until(Duration::from_secs(20), || {
        let start = Instant::now();
        let response = server.get("/pid");
        response.status == 503
            && response.header("Retry-After").is_some()
            && start.elapsed() < Duration::from_millis(50)
    });
    assert!(refused, "nobody is refused at once");
    std::fs::write(server.path("apps/preloaded.py"), "").expect("the script is writable");
    let healed = wait_until(Duration::from_secs(35), || server.get("/pid").status == 200);
    assert!(healed, "the repaired script is not noticed");
    server.finish();
}
