use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::stub::echo;
use super::*;
use crate::pool::choose::{self, NoWorker};
use crate::sys::futex;

fn refusal(site: &Site) -> Option<NoWorker> {
    choose::reserve(site.group()).err()
}

#[test]
fn who_finds_no_thread_waits_for_one() {
    let site = Site::new(1, |_| {});
    site.stub(0, echo);
    let held = choose::reserve(site.group()).expect("free");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| site.get());
        while site.board().waiting() == 0 {
            thread::yield_now();
        }
        held.release();
        let (verdict, visitor) = waiting.join().expect("no panic");
        assert_eq!(
            (verdict, visitor.response()),
            (Verdict::Complete, b"/here:".to_vec())
        );
    });
    assert_eq!((site.held(), site.board().waiting()), (0, 0));
}

#[test]
fn a_wait_ends_with_the_queue_timeout() {
    let site = Site::new(1, |options| options.queue_timeout = Some(SHORT));
    site.stub(0, echo);
    let _held = choose::reserve(site.group()).expect("free");
    let begin = Instant::now();
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Fail(504), vec!["WSGI0084"]));
    assert!(begin.elapsed() >= SHORT);
    assert_eq!(site.board().waiting(), 0);
}

#[test]
fn a_full_queue_refuses_at_once() {
    let site = Site::new(1, |options| options.listen_backlog = Some(1));
    site.stub(0, echo);
    let held = choose::reserve(site.group()).expect("free");
    thread::scope(|scope| {
        let first = scope.spawn(|| site.get().0);
        while site.board().waiting() == 0 {
            thread::yield_now();
        }
        let begin = Instant::now();
        let (verdict, visitor) = site.get();
        assert_eq!((verdict, visitor.codes()), (Verdict::Later(1), vec!["WSGI1133"]));
        assert!(begin.elapsed() < Duration::from_millis(50));
        held.release();
        assert_eq!(first.join().expect("no panic"), Verdict::Complete);
    });
}

#[test]
fn a_group_without_a_process_is_waited_for_as_long_as_told() {
    let site = Site::new(1, |options| {
        options.connect_timeout = SHORT.max(Duration::from_millis(300))
    });
    let begin = Instant::now();
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Later(1), vec!["WSGI0116"]));
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[test]
fn with_no_time_to_connect_a_group_without_a_process_refuses_at_once_and_a_busy_one_does_not() {
    let site = Site::new(1, |options| options.connect_timeout = Duration::ZERO);
    let begin = Instant::now();
    assert_eq!(refusal(&site), Some(NoWorker::NoProcess));
    assert!(begin.elapsed() < Duration::from_millis(100));
    site.stub(0, echo);
    let held = choose::reserve(site.group()).expect("free");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| site.get().0);
        while site.board().waiting() == 0 {
            thread::yield_now();
        }
        held.release();
        assert_eq!(waiting.join().expect("no panic"), Verdict::Complete);
    });
}

#[test]
fn a_process_that_becomes_ready_serves_those_who_wait() {
    let site = Site::new(1, |_| {});
    thread::scope(|scope| {
        let waiting = scope.spawn(|| site.get().0);
        while site.board().waiting() == 0 {
            thread::yield_now();
        }
        site.stub(0, echo);
        assert_eq!(waiting.join().expect("no panic"), Verdict::Complete);
    });
}

#[test]
fn a_group_that_is_shut_says_when_to_come_again() {
    let site = Site::new(1, |_| {});
    thread::scope(|scope| {
        let waiting = scope.spawn(|| site.get());
        while site.board().waiting() == 0 {
            thread::yield_now();
        }
        site.board().shut(7, futex::wake);
        let (verdict, visitor) = waiting.join().expect("no panic");
        assert_eq!((verdict, visitor.codes()), (Verdict::Later(7), vec!["WSGI1134"]));
    });
    assert_eq!(refusal(&site), Some(NoWorker::Shut(7)));
}

#[test]
fn a_thread_whose_request_was_given_up_is_found_when_it_is_free_again() {
    let site = Site::new(1, |options| options.socket_timeout = Some(SHORT));
    let (sender, receiver) = mpsc::channel();
    let receiver = std::sync::Mutex::new(receiver);
    site.stub(0, move |stub| {
        while stub.read() {
            stub.start();
            if stub.body == b"slow" {
                receiver.lock().expect("alone").recv().expect("told");
                stub.finish();
                return;
            }
            stub.finish();
            stub.answer(b"quick");
        }
    });
    let mut slow = Visitor::with_body(&[b"slow"]);
    let verdict = site.run(&mut slow, crate::gateway::BodyLength::Known(4));
    assert_eq!((verdict, slow.codes()), (Verdict::Fail(504), vec!["WSGI0145"]));
    assert_eq!(site.held(), 1, "its thread still runs");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| site.get().0);
        while site.board().waiting() == 0 {
            thread::yield_now();
        }
        sender.send(()).expect("waited for");
        assert_eq!(waiting.join().expect("no panic"), Verdict::Complete);
    });
}
