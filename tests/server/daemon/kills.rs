//! Processes that end under load (F-02, F-05, F-30): nobody notices but the requests inside.

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::crashes::{SIGKILL, dying};
use super::load::{Answer, LIMITS, Load};
use super::{group, quick_or_soak};
use rwsgi_harness::{ClientError, Response, process, wait_until};

const SIGSEGV: i32 = 11;

#[test]
fn f05_replacement_by_maximum_requests_loses_nothing() {
    let server = group("threads=4 maximum-requests=20").mpm_limits(LIMITS).start();
    let load = Load {
        server: &server,
        rate: 200,
        request: &|number| (format!("/token?{number}"), String::new()),
        judge: &|number, answer| own_token(number, answer, false),
    };
    let (pids, report) = load.run(|answered| {
        let mut pids = std::collections::BTreeSet::new();
        wait_until(Duration::from_secs(20), || {
            pids.extend(server.workers());
            answered.load(Ordering::Acquire) > 400 && pids.len() > 5
        });
        pids
    });
    report.assert_nothing_bad("replacement by maximum-requests");
    assert!(pids.len() > 5, "only {} processes served", pids.len());
    server.finish();
}

/// Whether an answer carries the token of its own request; a 502 may be allowed.
fn own_token(number: u64, answer: Result<&Response, &ClientError>, victims: bool) -> Answer {
    let wanted = format!("{number} ");
    match answer {
        Ok(response)
            if response.status == 200 && response.complete && response.text().starts_with(&wanted) =>
        {
            Answer::Good
        }
        Ok(response) if response.status == 502 && victims => Answer::Allowed,
        Ok(response) => Answer::Bad(format!("{} {}", response.status_line, response.text())),
        Err(error) => Answer::Bad(error.to_string()),
    }
}

/// The victims are told, nobody gets another's answer, and whoever was not in the killed process notices nothing.
#[test]
fn f02_kills_under_load_harm_nobody_but_the_requests_inside() {
    let kills = quick_or_soak(150, 10_000);
    let server = dying("processes=4 threads=4")
        .mpm_limits(LIMITS)
        .limit(Duration::from_secs(quick_or_soak(300, 36_000)))
        .start();
    let killed = Mutex::new(Vec::new());
    let load = Load {
        server: &server,
        rate: 200,
        request: &|number| (format!("/token?{number}"), format!("body of {number}")),
        judge: &|number, answer| own_token(number, answer, true),
    };
    let ((), report) = load.run(|answered| {
        for number in 0..kills {
            let before = answered.load(Ordering::Acquire);
            let workers = server.workers();
            if let Some(victim) = workers.get(number % workers.len().max(1)) {
                let signal = if number % 2 == 0 { SIGKILL } else { SIGSEGV };
                if process::signal(*victim, signal).is_ok() {
                    killed.lock().expect("one thread").push(*victim);
                }
            }
            let going_on = wait_until(Duration::from_secs(10), || {
                answered.load(Ordering::Acquire) >= before + 20 && server.workers().len() == 4
            });
            assert!(going_on, "kill {number}: no process came back");
        }
    });
    report.assert_nothing_bad(&format!("{kills} kills under load"));
    let killed = killed.into_inner().expect("one thread");
    let lines = server.logs_matching("^WSGI0146");
    assert_eq!(lines.len() as u64, report.allowed, "a line for each 502");
    for line in lines {
        let of_a_victim = killed.iter().any(|pid| line.message.contains(&pid.to_string()));
        assert!(of_a_victim, "{}", line.text);
    }
    server.finish();
}

/// httpd's parent puts another supervisor in the place of one that died; nothing else is disturbed.
#[test]
fn f30_a_dead_supervisor_is_replaced_and_no_request_is_lost() {
    let server = group("processes=2 threads=4")
        .mpm_limits(LIMITS)
        .allow_log("WSGI11[0-9][0-9]")
        .start();
    let load = Load {
        server: &server,
        rate: 100,
        request: &|number| (format!("/token?{number}"), String::new()),
        judge: &|number, answer| own_token(number, answer, false),
    };
    let ((), report) = load.run(|answered| {
        for _ in 0..2 {
            let old = server.supervisor().expect("a supervisor");
            let before = answered.load(Ordering::Acquire);
            process::signal(old, SIGKILL).expect("it runs");
            let back = wait_until(Duration::from_secs(10), || {
                server.supervisor().is_some_and(|new| new != old)
                    && server.workers().len() == 2
                    && answered.load(Ordering::Acquire) > before + 50
            });
            assert!(back, "no supervisor came back");
        }
    });
    report.assert_nothing_bad("supervisor killed");
    server.finish();
}
