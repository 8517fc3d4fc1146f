//! Restarts of httpd and deploys under load (F-13, F-14, F-18): no request fails, and nothing grows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::load::{Answer, Load};
use super::rolling::{deploy, version};
use super::{group, quick_or_soak};
use rwsgi_harness::{ClientError, Response, Server, process, wait_until};

/// Answers from one restart to the next: a quarter of a second's, so that old children have ended before httpd has
/// no room for new ones.
const ANSWERS_A_RESTART: u64 = 50;
/// Restarts after which a process has all that it will ever need.
const WARM: usize = 5;

/// Resident KiB and descriptors of httpd's parent and of the supervisor.
fn figures(server: &Server) -> [(u64, usize); 2] {
    let supervisor = server.supervisor().expect("a supervisor");
    [server.parent_pid(), supervisor].map(|pid| {
        let memory = process::resident_kib(pid).expect("it runs");
        (memory, process::descriptors(pid).len())
    })
}

/// Memory and descriptors come back to what they were; generations that have ended may take a moment.
#[track_caller]
fn assert_flat(server: &Server, early: [(u64, usize); 2]) {
    let mut late = early;
    let is_flat = wait_until(Duration::from_secs(15), || {
        late = figures(server);
        let mut pairs = early.iter().zip(late);
        pairs.all(|(before, after)| after.0 < before.0 + 1024 && after.1 <= before.1)
    });
    println!("parent and supervisor, KiB and descriptors: {early:?}, later {late:?}");
    assert!(is_flat, "from {early:?} to {late:?}");
}

/// The version in an answer is one that was deployed and not broken.
fn good_version(answer: Result<&Response, &ClientError>, deployed: &AtomicU64) -> Answer {
    let response = match answer {
        Ok(response) if response.status == 200 && response.complete => response,
        Ok(response) => return Answer::Bad(format!("{} {}", response.status_line, response.text())),
        Err(error) => return Answer::Bad(error.to_string()),
    };
    let text = response.text();
    let version: Option<u64> = text.split(' ').nth(1).and_then(|number| number.parse().ok());
    match version {
        // Odd deploys are the broken ones.
        Some(version) if version % 2 == 0 && version <= deployed.load(Ordering::Acquire) => Answer::Good,
        _ => Answer::Bad(format!("never deployed: {text}")),
    }
}

#[test]
fn restarts_and_deploys_under_load_lose_nothing() {
    let (restarts, deploys) = quick_or_soak((30, 10), (1_100, 1_000));
    let server = group("processes=2 threads=8 graceful-timeout=120")
        .app("version.py", &version(0, false))
        .file("htdocs/static.txt", "static")
        .config_first("Alias /static.txt ${HTDOCS}/static.txt\nWSGIScriptAlias /version ${APPS}/version.py process-group=cases application-group=%{GLOBAL}")
        // After a graceful restart httpd starts a child when an old one has ended, else within a second. With one
        // child and a long request in it nobody would accept for that second, whatever the module does.
        .mpm_limits("StartServers 4\nServerLimit 32\nThreadsPerChild 16\nMinSpareThreads 32\nMaxSpareThreads 64\nMaxRequestWorkers 512")
        .allow_log("WSGI(0105|0109|0174|1041|11[0-9][0-9])|broken deploy|Traceback|^ |AH00045")
        .limit(Duration::from_secs(quick_or_soak(300, 36_000)))
        .start();
    let loaded = wait_until(Duration::from_secs(20), || {
        server.logs_matching("takes requests").len() == 2
    });
    assert!(loaded, "the first version is not served");
    let deployed = AtomicU64::new(0);
    let load = Load {
        server: &server,
        // A little more than the 200 that have to be reached, for those on their way when the load stops.
        rate: 205,
        request: &|number| {
            let target = match kind(number) {
                Kind::Slow => "/version/slow",
                Kind::Static => "/static.txt",
                Kind::Quick => "/version",
            };
            (target.to_owned(), String::new())
        },
        judge: &|number, answer| match kind(number) {
            Kind::Static => whole_file(answer),
            _ => good_version(answer, &deployed),
        },
    };
    let ((), report) = load.run(|answered| {
        let (mut early, mut old) = (None, Vec::new());
        let mut number = 0;
        for restart in 0..restarts {
            if restart * deploys / restarts >= number && number < deploys {
                number += 1;
                deployed.store(number as u64, Ordering::Release);
                deploy(&server, number as u64, number % 2 == 1);
            }
            let before = answered.load(Ordering::Acquire);
            old = server.children();
            server.graceful();
            let going_on = wait_until(Duration::from_secs(20), || {
                answered.load(Ordering::Acquire) >= before + ANSWERS_A_RESTART
            });
            assert!(going_on, "no answers after restart {restart}");
            if restart == WARM {
                settle(&server, &old);
                early = Some(figures(&server));
            }
        }
        settle(&server, &old);
        assert_flat(&server, early.expect("more restarts than those that warm up"));
    });
    report.assert_nothing_bad(&format!(
        "{restarts} graceful restarts and {deploys} deploys, half of them broken"
    ));
    let [slow, quick, file] =
        [Kind::Slow, Kind::Quick, Kind::Static].map(|one| report.longest(|number| kind(number) == one));
    println!(
        "the longest wait: a request of five seconds {slow:?}, any other {quick:?}, a static file {file:?}"
    );
    // Over the whole time, restarts and deploys included.
    assert!(report.rate() >= 200.0, "{:.1} a second", report.rate());
    // How long httpd lets connections wait while it starts children, static files show.
    let ours = Duration::from_secs(1);
    assert!(quick < file + ours && slow < Duration::from_secs(5) + file + ours);
    server.finish();
}

/// What a request of the load is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Takes five seconds: two are under way at any time.
    Slow,
    /// Not for the application at all.
    Static,
    Quick,
}

fn kind(number: u64) -> Kind {
    match number {
        number if number % 500 == 99 => Kind::Slow,
        number if number % 10 == 8 => Kind::Static,
        _ => Kind::Quick,
    }
}

/// The file came as a whole.
fn whole_file(answer: Result<&Response, &ClientError>) -> Answer {
    match answer {
        Ok(response) if response.status == 200 && response.complete && response.text() == "static" => {
            Answer::Good
        }
        Ok(response) => Answer::Bad(format!("{} {}", response.status_line, response.text())),
        Err(error) => Answer::Bad(error.to_string()),
    }
}

/// Processes of before have ended, and those children of httpd that served before its last restart.
fn settle(server: &Server, old: &[u32]) {
    let settled = wait_until(Duration::from_secs(30), || {
        server.workers().len() == 2 && !server.children().iter().any(|child| old.contains(child))
    });
    assert!(
        settled,
        "children {:?}, old ones {old:?}, workers {:?}",
        server.children(),
        server.workers()
    );
}
