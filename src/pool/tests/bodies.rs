use std::sync::mpsc;
use std::thread;

use super::stub::{echo, head_and};
use super::visitor::Step;
use super::*;
use crate::gateway::{BodyError, BodyLength};
use crate::scoreboard::Death;

/// Bytes that tell where they are.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| u8::try_from((index * 7 + index / 251) % 256).expect("below 256"))
        .collect()
}

#[test]
fn bodies_of_all_sizes_arrive_whole() {
    let site = Site::new(2, |options| options.request_buffer = 3 << 20);
    site.stub(0, echo);
    for length in [
        0,
        1,
        8191,
        65_534,
        65_535,
        65_536,
        131_070,
        1 << 20,
        (1 << 20) + 1,
        3 << 20,
        (3 << 20) + 1,
        9 << 20,
    ] {
        let body = pattern(length);
        for announced in [BodyLength::Known(length as u64), BodyLength::Open] {
            let mut visitor = Visitor::with_body(&body.chunks(100_000).collect::<Vec<_>>());
            assert_eq!(site.run(&mut visitor, announced), Verdict::Complete, "{length}");
            let response = visitor.response();
            assert!(response.strip_prefix(b"/here:") == Some(&body), "{length}");
        }
    }
}

#[test]
fn a_body_that_comes_slowly_takes_no_thread_before_it_is_here() {
    let site = Site::new(1, |_| {});
    site.stub(0, echo);
    let (sender, receiver) = mpsc::channel();
    let mut visitor = Visitor {
        live_body: Some(receiver),
        ..Visitor::default()
    };
    thread::scope(|scope| {
        let slow = scope.spawn(|| (site.run(&mut visitor, BodyLength::Open), visitor.response()));
        sender.send(b"be".to_vec()).expect("awaited");
        assert_eq!(site.get().0, Verdict::Complete, "the one thread is free");
        sender.send(b"gin".to_vec()).expect("awaited");
        drop(sender);
        assert_eq!(
            slow.join().expect("no panic"),
            (Verdict::Complete, b"/here:begin".to_vec())
        );
    });
}

#[test]
fn a_long_body_and_a_long_answer_pass_each_other() {
    let site = Site::new(1, |options| options.request_buffer = 0);
    site.stub(0, |stub| {
        stub.read_params();
        stub.start();
        let answer = head_and(&pattern(10 << 20));
        assert!(
            stub.stdout(&answer),
            "the answer is taken before the body is read"
        );
        stub.read_body();
        assert!(stub.body == pattern(10 << 20));
        stub.end(0);
    });
    let body = pattern(10 << 20);
    let mut visitor = Visitor::with_body(&body.chunks(60_000).collect::<Vec<_>>());
    let verdict = site.run(&mut visitor, BodyLength::Known(10 << 20));
    assert_eq!(verdict, Verdict::Complete);
    assert!(visitor.response() == body);
}

#[test]
fn a_client_that_waits_for_it_is_told_to_send_unless_the_answer_is_there() {
    let site = Site::new(1, |_| {});
    let is_quick = std::sync::atomic::AtomicBool::new(true);
    site.stub(0, move |stub| {
        stub.read_params();
        stub.start();
        if !is_quick.swap(false, std::sync::atomic::Ordering::SeqCst) {
            stub.read_body();
        }
        let body = stub.body.clone();
        stub.finish();
        stub.answer(&body);
    });
    for (response, told) in [(&b""[..], 0), (b"sent", 1)] {
        let mut visitor = Visitor {
            waits: true,
            ..Visitor::with_body(&[b"sent"])
        };
        let verdict = site.run(&mut visitor, BodyLength::Known(4));
        assert_eq!(
            (verdict, visitor.response()),
            (Verdict::Complete, response.to_vec())
        );
        assert_eq!(visitor.continues, told);
    }
}

#[test]
fn an_answer_that_does_not_wait_for_the_body_ends_the_connection() {
    let site = Site::new(1, |options| options.request_buffer = 0);
    let connections = site.stub(0, |stub| {
        stub.read_params();
        stub.start();
        stub.answer(b"early");
        stub.finish();
        // Until the other end is gone: what is unread must not cut the answer off.
        stub.read_body();
    });
    for _ in 0..2 {
        let mut visitor = Visitor::with_body(&[]);
        let (_sender, receiver) = mpsc::channel();
        visitor.live_body = Some(receiver);
        let verdict = site.run(&mut visitor, BodyLength::Known(1 << 30));
        assert_eq!(
            (verdict, visitor.response()),
            (Verdict::Complete, b"early".to_vec())
        );
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 2);
}

fn fails_first(site: &Site) {
    let is_first = std::sync::atomic::AtomicBool::new(true);
    site.stub(0, move |stub| {
        stub.read();
        if !is_first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            let body = stub.body.clone();
            stub.answer(&body);
        }
    });
}

#[test]
fn a_collected_body_is_sent_again_to_another_worker() {
    for length in [10, 100_000, 2 << 20] {
        let site = Site::new(1, |options| options.request_buffer = 4 << 20);
        fails_first(&site);
        let body = pattern(length);
        let mut visitor = Visitor::with_body(&[&body]);
        let verdict = site.run(&mut visitor, BodyLength::Known(length as u64));
        assert_eq!(verdict, Verdict::Complete);
        assert!(visitor.response() == body);
    }
}

#[test]
fn a_streamed_body_is_not() {
    let site = Site::new(1, |options| options.request_buffer = 1000);
    fails_first(&site);
    // Nobody will say how the process ended.
    let position = site.board().position(0).expect("exists");
    position.bury(Death::Exited(3), b"");
    position.set_state(crate::scoreboard::PositionState::Ready);
    let body = pattern(100_000);
    let mut visitor = Visitor::with_body(&[&body]);
    let verdict = site.run(&mut visitor, BodyLength::Known(100_000));
    assert_eq!((verdict, visitor.codes()), (Verdict::Fail(502), vec!["WSGI0146"]));
    assert!(
        visitor.log[0].ends_with("exited with status 3"),
        "{:?}",
        visitor.log
    );
}

#[test]
fn a_body_that_breaks_is_the_clients_matter() {
    for error in [BodyError::TooLarge, BodyError::Gone, BodyError::TimedOut] {
        for request_buffer in [0, 1 << 20] {
            let site = Site::new(1, |options| options.request_buffer = request_buffer);
            site.stub(0, echo);
            let mut visitor = Visitor::with_body(&[b"some"]);
            visitor.body.extend([Step::Pause, Step::Broken(error.clone())]);
            let verdict = site.run(&mut visitor, BodyLength::Open);
            assert_eq!(verdict, Verdict::Body(error.clone()));
            assert_eq!(visitor.codes(), ["WSGI1010"]);
            assert_eq!(site.held(), 0);
        }
    }
}
