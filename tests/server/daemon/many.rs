//! Many groups at once (F-33).

use std::thread;
use std::time::{Duration, Instant};

use super::quick_or_soak;
use crate::{server, stop};
use rwsgi_harness::{Server, process, wait_until};

/// Asks every group; the processes that answered.
fn ask_all(server: &Server, groups: usize) -> Vec<String> {
    (0..groups)
        .map(|number| {
            let response = server.get(&format!("/{number}/pid"));
            assert_eq!(response.status, 200, "group {number}: {response:?}");
            response.text()
        })
        .collect()
}

fn descriptors_of_supervisor(server: &Server) -> usize {
    process::descriptors(server.supervisor().expect("a supervisor")).len()
}

#[test]
fn f33_many_groups_start_restart_and_stop_in_good_time() {
    let (groups, processes) = quick_or_soak((20, 2), (100, 4));
    let config: String = (0..groups)
        .map(|number| {
            format!(
                "WSGIDaemonProcess group{number} processes={processes} threads=2 startup-timeout=120\n\
                 WSGIScriptAlias /{number} ${{APPS}}/daemon_cases.py process-group=group{number}\n"
            )
        })
        .collect();
    let limit = Duration::from_secs(60);
    let start = Instant::now();
    let server = server()
        .config(&config)
        .config("WSGIApplicationGroup %{GLOBAL}")
        .allow_log("^stopping of")
        .limit(Duration::from_secs(600))
        .start();
    let all = groups * processes;
    let ready = |count: usize| wait_until(limit, || server.logs_matching("takes requests").len() >= count);
    assert!(ready(all), "{} of {all} are ready", server.workers().len());
    let started = start.elapsed();
    ask_all(&server, groups);
    let descriptors = descriptors_of_supervisor(&server);
    // Of each process its end, its channel and its last words; of each group its memory.
    assert!(
        descriptors <= 20 + groups * 2 + all * 5,
        "{descriptors} descriptors"
    );

    let old = server.workers();
    let restart = Instant::now();
    server.graceful();
    // While they are replaced, everybody is served.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ask_all(&server, groups));
        }
    });
    let replaced = wait_until(limit * 2, || {
        let workers = server.workers();
        workers.len() == all && !workers.iter().any(|pid| old.contains(pid))
    });
    assert!(replaced, "after {:?}", restart.elapsed());
    let restarted = restart.elapsed();
    ask_all(&server, groups);
    let is_flat = wait_until(Duration::from_secs(10), || {
        descriptors_of_supervisor(&server) <= descriptors
    });
    assert!(
        is_flat,
        "{descriptors}, later {}",
        descriptors_of_supervisor(&server)
    );

    let begin = Instant::now();
    stop(&server);
    let stopped = begin.elapsed();
    server.finish();
    println!(
        "{groups} groups of {processes}: ready after {started:?}, all replaced after {restarted:?}, \
         {descriptors} descriptors, stopped after {stopped:?}"
    );
    let bound = Duration::from_secs(quick_or_soak(30, 120));
    assert!(
        started < bound && restarted < bound * 2 && stopped < bound / 2,
        "{started:?}, {restarted:?}, {stopped:?}"
    );
}
