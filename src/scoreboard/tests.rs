use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::*;

fn memory(layout: Layout) -> Vec<AtomicU32> {
    (0..layout.words()).map(|_| AtomicU32::new(0)).collect()
}

fn no_wake(_: &AtomicU32) {}

const ME: u32 = 77;

fn with_board(processes: u32, threads: u32, waiters: u32, f: impl FnOnce(Scoreboard<'_>)) {
    let layout = Layout::for_group(processes, threads, waiters);
    let words = memory(layout);
    let board = Scoreboard::over(&words, layout).expect("enough words");
    for index in 0..processes {
        let position = board.position(index).expect("exists");
        position.begin(index + 1, 1000 + index, threads, 0);
        position.set_state(PositionState::Ready);
    }
    f(board);
}

#[test]
fn parts_do_not_overlap_and_end_within_the_words() {
    let layout = Layout::for_group(3, 5, 7);
    let mut seen = HashSet::new();
    let mut parts = Vec::new();
    for position in 0..layout.positions {
        parts.push(layout.position(position).expect("exists"));
        parts.push(layout.last_words(position).expect("exists"));
        parts.extend((0..layout.slots).map(|slot| layout.slot(position, slot).expect("exists")));
    }
    parts.extend((0..layout.waiters).map(|waiter| layout.waiter(waiter).expect("exists")));
    for part in parts {
        assert!(part.start >= 16 && part.end <= layout.words());
        assert!(part.into_iter().all(|word| seen.insert(word)));
    }
    assert_eq!(seen.len() + 16, layout.words());
    assert!(layout.position(layout.positions).is_none());
    assert!(layout.slot(0, layout.slots).is_none());
    assert!(layout.slot(layout.positions, 0).is_none());
    assert!(layout.waiter(layout.waiters).is_none());
}

#[test]
fn small_changes_of_a_group_keep_its_layout() {
    let first = Layout::for_group(2, 15, 100);
    assert_eq!(first, Layout::for_group(3, 16, 110));
    assert!(first.holds(Layout::for_group(1, 4, 10)));
    assert!(!first.holds(Layout::for_group(2, 40, 100)));
}

#[test]
fn too_few_words_are_refused() {
    let layout = Layout::for_group(1, 1, 1);
    let words = memory(layout);
    assert!(Scoreboard::over(&words[1..], layout).is_none());
}

#[test]
fn slots_go_to_the_process_with_least_to_do_and_run_out() {
    with_board(2, 2, 4, |board| {
        let grants: Vec<Grant> = (0..4).map(|_| board.reserve(ME, 5).expect("free")).collect();
        let positions: Vec<u32> = grants.iter().map(|grant| grant.position).collect();
        assert_eq!(positions, [0, 1, 0, 1]);
        assert_eq!(board.reserve(ME, 5), None);
        board.release(grants[2], ME, 6, no_wake);
        assert_eq!(board.reserve(ME, 7), Some(grants[2]));
    });
}

#[test]
fn only_ready_processes_are_given_requests() {
    with_board(1, 1, 4, |board| {
        let position = board.position(0).expect("exists");
        for state in [
            PositionState::Starting,
            PositionState::Draining,
            PositionState::Empty,
        ] {
            position.set_state(state);
            assert_eq!(board.reserve(ME, 0), None, "{state:?}");
        }
        position.set_state(PositionState::Ready);
        assert!(board.reserve(ME, 0).is_some());
    });
}

#[test]
fn a_slot_of_an_earlier_process_is_not_freed_for_its_successor() {
    with_board(1, 1, 4, |board| {
        let old = board.reserve(ME, 0).expect("free");
        board.clear(0);
        let position = board.position(0).expect("exists");
        position.begin(9, 1009, 1, 0);
        position.set_state(PositionState::Ready);
        let new = board.reserve(ME, 0).expect("free");
        board.release(old, ME, 0, no_wake);
        assert_eq!(board.reserve(ME, 0), None, "the new one is still held");
        board.release(new, ME, 0, no_wake);
        assert!(board.reserve(ME, 0).is_some());
    });
}

#[test]
fn who_waits_is_served_in_order() {
    with_board(1, 1, 4, |board| {
        let held = board.reserve(ME, 0).expect("free");
        let first = board.queue_up(4, 1, 0, no_wake).expect("room");
        let second = board.queue_up(4, 2, 0, no_wake).expect("room");
        assert_eq!(board.waiting(), 2);
        assert!(matches!(board.poll(first), Queued::Waiting(_)));
        let woken = AtomicU64::new(0);
        board.release(held, ME, 0, |_| {
            woken.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert!(matches!(board.poll(second), Queued::Waiting(_)));
        let Queued::Granted(grant) = board.poll(first) else {
            panic!("not granted")
        };
        assert_eq!(
            board.slot(grant.position, grant.slot).expect("exists").holder(),
            1
        );
        board.release(grant, ME, 0, no_wake);
        assert!(matches!(board.poll(second), Queued::Granted(_)));
        assert_eq!(board.waiting(), 0);
    });
}

#[test]
fn the_queue_is_bounded_and_a_place_can_be_left() {
    with_board(1, 1, 16, |board| {
        let held = board.reserve(ME, 0).expect("free");
        let place = board.queue_up(1, 1, 0, no_wake).expect("room");
        assert_eq!(board.queue_up(1, 2, 0, no_wake), None);
        assert_eq!(board.leave(place), None);
        assert_eq!(board.waiting(), 0);
        let place = board.queue_up(1, 2, 0, no_wake).expect("room again");
        board.release(held, ME, 0, no_wake);
        assert_eq!(board.leave(place), Some(held), "granted meanwhile");
    });
}

#[test]
fn a_slot_that_is_free_already_is_given_at_once() {
    with_board(1, 1, 4, |board| {
        let place = board.queue_up(4, 1, 0, no_wake).expect("room");
        assert!(matches!(board.poll(place), Queued::Granted(_)));
    });
}

#[test]
fn a_shut_group_sends_all_away() {
    with_board(1, 1, 4, |board| {
        let _held = board.reserve(ME, 0).expect("free");
        let place = board.queue_up(4, 1, 0, no_wake).expect("room");
        board.shut(7, no_wake);
        assert_eq!(board.poll(place), Queued::Refused);
        assert_eq!((board.shut_for(), board.waiting()), (Some(7), 0));
        board.open();
        assert_eq!(board.shut_for(), None);
    });
}

#[test]
fn what_dead_holders_had_comes_back() {
    with_board(1, 2, 4, |board| {
        let dead = board.reserve(1, 0).expect("free");
        let alive = board.reserve(2, 0).expect("free");
        let waits = board.queue_up(4, 1, 0, no_wake).expect("room");
        board.forget_waiters(|pid| pid == 1);
        assert_eq!(board.waiting(), 0);
        assert_eq!(board.poll(waits), Queued::Refused);
        assert_eq!(board.reclaim(0, |pid| pid == 1), 1);
        assert_eq!(board.reserve(3, 0), Some(dead));
        let slot = board.slot(alive.position, alive.slot).expect("exists");
        slot.start(4, 9);
        assert_eq!(board.reclaim(0, |pid| pid == 2), 0, "its application still runs");
        slot.finish();
        assert_eq!(board.reclaim(0, |pid| pid == 2), 1);
    });
}

#[test]
fn a_death_is_told_of_one_process_only() {
    with_board(1, 1, 4, |board| {
        let position = board.position(0).expect("exists");
        assert_eq!(position.death_of(1), None);
        let killed = Death::Killed {
            signal: 11,
            ours: false,
        };
        position.bury(killed, b"Fatal Python error");
        assert_eq!(
            position.death_of(1),
            Some((killed, b"Fatal Python error".to_vec()))
        );
        position.begin(2, 5, 1, 0);
        assert_eq!(position.death_of(2), None);
        position.bury(Death::Exited(3), b"");
        position.begin(3, 6, 1, 0);
        assert_eq!(
            (position.dead_pid_of(2), position.dead_pid_of(1)),
            (Some(5), None)
        );
        assert_eq!(position.death_of(2), Some((Death::Exited(3), Vec::new())));
        assert_eq!(position.death_of(1), None);
    });
}

#[test]
fn text_is_bounded_whatever_stands_in_the_memory() {
    with_board(1, 1, 4, |board| {
        let slot = board.slot(0, 0).expect("exists");
        slot.describe(&[b'x'; 5000]);
        let text = slot.description();
        assert!(text.len() > 100 && text.len() < 256 && text.iter().all(|byte| *byte == b'x'));
    });
    let layout = Layout::for_group(1, 1, 1);
    let words: Vec<AtomicU32> = (0..layout.words()).map(|_| AtomicU32::new(u32::MAX)).collect();
    let board = Scoreboard::over(&words, layout).expect("enough words");
    assert!(board.position(0).expect("exists").death_of(u32::MAX).is_none());
    assert!(board.slot(0, 0).expect("exists").description().len() < 256);
    assert!(board.slots(0).count() <= 8, "never more than the layout has");
    assert_eq!(board.reserve(ME, 0), None);
}

/// Many threads, few slots: nobody shares a slot, nobody is forgotten.
#[test]
fn no_slot_is_shared_and_nobody_starves() {
    const THREADS: u32 = 8;
    const ROUNDS: u32 = 2_000;
    with_board(2, 2, 16, |board| {
        let taken = Mutex::new(HashSet::new());
        let stuck = AtomicBool::new(false);
        let done = AtomicU64::new(0);
        thread::scope(|scope| {
            for holder in 1..=THREADS {
                let (taken, stuck, done) = (&taken, &stuck, &done);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let grant = board.reserve(holder, round).or_else(|| {
                            let place = board.queue_up(16, holder, round, no_wake)?;
                            let begin = std::time::Instant::now();
                            loop {
                                match board.poll(place) {
                                    Queued::Granted(grant) => return Some(grant),
                                    Queued::Refused => return None,
                                    Queued::Waiting(_) if begin.elapsed().as_secs() > 20 => {
                                        stuck.store(true, Ordering::Relaxed);
                                        return None;
                                    }
                                    Queued::Waiting(_) => thread::yield_now(),
                                }
                            }
                        });
                        let grant = grant.expect("granted");
                        let key = (grant.position, grant.slot);
                        assert!(taken.lock().expect("lock").insert(key), "shared: {key:?}");
                        thread::yield_now();
                        assert!(taken.lock().expect("lock").remove(&key));
                        board.release(grant, holder, round, no_wake);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert!(!stuck.load(Ordering::Relaxed));
        assert_eq!(done.load(Ordering::Relaxed), u64::from(THREADS * ROUNDS));
        assert_eq!((board.waiting(), board.held(0), board.held(1)), (0, 0, 0));
    });
}

#[test]
fn an_abandoned_request_keeps_its_thread_until_the_worker_is_done() {
    with_board(1, 1, 8, |board| {
        let grant = board.reserve(ME, 0).expect("free");
        let slot = board.slot(grant.position, grant.slot).expect("exists");
        slot.start(0, 0);
        board.abandon(grant, ME, 0, no_wake);
        assert_eq!(slot.state(), SlotState::Running);
        assert!(board.reserve(ME, 0).is_none());
        slot.finish();
        assert_eq!(slot.state(), SlotState::Free);
        assert!(board.reserve(ME, 0).is_some());
    });
}

#[test]
fn an_abandoned_request_that_was_not_started_leaves_a_free_thread() {
    with_board(1, 1, 8, |board| {
        let grant = board.reserve(ME, 0).expect("free");
        board.abandon(grant, ME, 0, no_wake);
        assert!(board.reserve(ME, 0).is_some());
    });
}

#[test]
fn a_holder_can_tell_what_was_not_started_after_the_process_has_ended() {
    with_board(1, 2, 4, |board| {
        let (waiting, running) = (
            board.reserve(ME, 0).expect("free"),
            board.reserve(ME, 0).expect("free"),
        );
        board
            .slot(running.position, running.slot)
            .expect("exists")
            .start(1, 0);
        let told = || (board.may_be_started(waiting), board.may_be_started(running));
        assert_eq!(told(), (false, true));
        board.clear(0);
        assert_eq!(told(), (false, true));
        let position = board.position(0).expect("exists");
        position.begin(9, 1009, 2, 0);
        position.set_state(PositionState::Ready);
        let next = [board.reserve(ME, 0), board.reserve(ME, 0)].map(|grant| grant.expect("free"));
        for grant in next {
            board
                .slot(grant.position, grant.slot)
                .expect("exists")
                .start(1, 0);
            assert!(board.may_be_started(grant));
        }
        assert_eq!(told(), (false, true));
    });
}

#[test]
fn a_worker_can_account_for_requests_of_its_own() {
    with_board(1, 2, 4, |board| {
        let (position, slot) = (
            board.position(0).expect("exists"),
            board.slot(0, 1).expect("exists"),
        );
        position.add_busy();
        slot.occupy(ME, 2, 5, b"GET /x");
        assert_eq!((slot.state(), slot.since()), (SlotState::Running, 5));
        assert_eq!((slot.holder(), slot.thread()), (ME, 2));
        assert_eq!(slot.description(), b"GET /x");
        assert_eq!((board.held(0), position.busy()), (1, 1));
        // It is the worker's, which is there: nobody takes it back.
        assert_eq!(board.reclaim(0, |_| true), 0);
        slot.vacate();
        position.remove_busy();
        assert_eq!((board.held(0), position.busy()), (0, 0));
    });
}
