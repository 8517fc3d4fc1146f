use std::sync::atomic::AtomicU32;

use super::*;
use crate::scoreboard::{Layout, PositionState};

/// A process with `threads` slots that began at 0 and holds `requests`, started then.
fn with(options: &DaemonOptions, requests: u32, f: impl FnOnce(&Scoreboard<'_>, &mut Watched)) {
    let layout = Layout::for_group(1, options.threads, 4);
    let words: Vec<AtomicU32> = (0..layout.words()).map(|_| AtomicU32::new(0)).collect();
    let board = Scoreboard::over(&words, layout).expect("enough words");
    let position = board.position(0).expect("exists");
    position.begin(1, 77, options.threads, 0);
    position.set_state(PositionState::Ready);
    for _ in 0..requests {
        let grant = board.reserve(5, 0).expect("free");
        board.slot(0, grant.slot).expect("exists").start(1, 0);
    }
    f(&board, &mut Watched::new(options, 3));
}

fn options() -> DaemonOptions {
    DaemonOptions {
        threads: 1,
        deadlock_timeout: None,
        ..Default::default()
    }
}

fn seconds(number: u64) -> Option<Duration> {
    Some(Duration::from_secs(number))
}

/// The verdict `secs` seconds after the start.
fn look(
    watched: &mut Watched,
    options: &DaemonOptions,
    board: &Scoreboard<'_>,
    begin: Instant,
    secs: u32,
) -> Option<Verdict> {
    let clock = (begin + Duration::from_secs(secs.into()), secs * 1000);
    watched.look(options, board, 0, clock, begin, || Some(100))
}

#[test]
fn nothing_is_wrong_without_limits() {
    with(&options(), 1, |board, watched| {
        assert_eq!(look(watched, &options(), board, Instant::now(), 1_000_000), None);
    });
}

#[test]
fn a_request_is_interrupted_once_and_then_ends_its_process() {
    let mut options = options();
    options.request_timeout = seconds(10);
    options.interrupt_timeout = seconds(5);
    let begin = Instant::now();
    with(&options, 1, |board, watched| {
        assert_eq!(look(watched, &options, board, begin, 10), None);
        let interrupt = Verdict::Interrupt {
            slot: 0,
            millis: 11_000,
        };
        assert_eq!(look(watched, &options, board, begin, 11), Some(interrupt));
        assert_eq!(look(watched, &options, board, begin, 16), None);
        let force = Verdict::Force {
            reason: "request_timeout",
            slot: Some((0, 17_000)),
        };
        assert_eq!(look(watched, &options, board, begin, 17), Some(force));
        assert_eq!(held(&options, board, 0, 15_000), 1);
        assert_eq!(held(&options, board, 0, 16_000), 0, "it holds up nothing");
        board.slot(0, 0).expect("exists").finish();
        assert_eq!(look(watched, &options, board, begin, 18), None);
    });
}

#[test]
fn more_threads_give_a_request_more_time() {
    let mut options = options();
    options.threads = 15;
    options.request_timeout = seconds(10);
    let begin = Instant::now();
    with(&options, 1, |board, watched| {
        assert_eq!(look(watched, &options, board, begin, 37), None);
        assert!(matches!(
            look(watched, &options, board, begin, 38),
            Some(Verdict::Force { .. })
        ));
    });
}

#[test]
fn a_lock_out_of_reach_ends_the_process_also_without_a_request() {
    let mut options = options();
    options.deadlock_timeout = seconds(3);
    let begin = Instant::now();
    with(&options, 0, |board, watched| {
        assert_eq!(look(watched, &options, board, begin, 3), None);
        let end = Verdict::End("deadlock_timeout");
        assert_eq!(look(watched, &options, board, begin, 4), Some(end));
        board.position(0).expect("exists").note_gil(4_500);
        assert_eq!(
            look(watched, &options, board, begin, 4),
            None,
            "noted after we asked for the time"
        );
    });
}

#[test]
fn idleness_counts_after_the_first_request_and_not_during_one() {
    let mut options = options();
    options.inactivity_timeout = seconds(3);
    let begin = Instant::now();
    let idle = Some(Verdict::Replace("inactivity_timeout"));
    with(&options, 1, |board, watched| {
        let position = board.position(0).expect("exists");
        position.count_served();
        assert_eq!(look(watched, &options, board, begin, 9), None);
        board.clear(0);
        assert_eq!(look(watched, &options, board, begin, 9), idle);
        position.note_activity(8_000);
        assert_eq!(look(watched, &options, board, begin, 9), None);
    });
    with(&options, 0, |board, watched| {
        assert_eq!(look(watched, &options, board, begin, 9), None);
    });
}

#[test]
fn number_age_and_memory_replace_a_process() {
    let begin = Instant::now();
    let mut by_number = options();
    by_number.maximum_requests = Some(2);
    with(&by_number, 0, |board, watched| {
        let position = board.position(0).expect("exists");
        position.count_served();
        assert_eq!(look(watched, &by_number, board, begin, 1), None);
        position.count_served();
        assert_eq!(
            look(watched, &by_number, board, begin, 1),
            Some(Verdict::Replace("maximum_requests"))
        );
    });
    let mut by_age = options();
    by_age.restart_interval = seconds(10);
    with(&by_age, 0, |board, watched| {
        assert_eq!(look(watched, &by_age, board, begin, 10), None);
        assert_eq!(
            look(watched, &by_age, board, begin, 11),
            Some(Verdict::Replace("restart_interval"))
        );
    });
    let mut by_memory = options();
    by_memory.max_rss = Some(100);
    with(&by_memory, 0, |board, watched| {
        let mut at = |secs: u64, bytes| {
            let clock = (begin + Duration::from_secs(secs), 0);
            watched.look(&by_memory, board, 0, clock, begin, || Some(bytes))
        };
        assert_eq!(at(0, 50), None);
        assert_eq!(at(1, 900), None, "not looked at again so soon");
        assert_eq!(at(6, 140), None, "a short peak");
        assert_eq!(at(12, 140), Some(Verdict::Replace("max_rss")));
    });
}

#[test]
fn loading_that_never_succeeds_is_bounded() {
    let mut options = options();
    options.startup_timeout = seconds(5);
    let begin = Instant::now();
    with(&options, 0, |board, watched| {
        watched.loading(begin);
        watched.loading(begin + Duration::from_secs(4));
        assert!(matches!(
            look(watched, &options, board, begin, 6),
            Some(Verdict::Force {
                reason: "startup_timeout",
                ..
            })
        ));
        watched.loaded();
        watched.loading(begin);
        assert_eq!(look(watched, &options, board, begin, 100), None);
    });
}

#[test]
fn processes_do_not_all_end_at_the_same_request() {
    assert_eq!(spread(1000, 1, 12345), 1000);
    let limits: Vec<u32> = (0..500).map(|dice| spread(1000, 4, dice * 7919)).collect();
    assert!(limits.iter().all(|limit| (900..=1100).contains(limit)));
    assert!(limits.iter().any(|limit| *limit < 950) && limits.iter().any(|limit| *limit > 1050));
    assert_eq!(spread(1, 4, 77), 1);
}
