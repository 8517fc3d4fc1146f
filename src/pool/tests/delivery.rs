use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::stub::head_and;
use super::*;
use crate::gateway::BodyLength;
use crate::gateway::BodyLength::None as NoBody;

/// A client that takes nothing until its other end is read.
fn stuck() -> (Visitor, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    ours.set_nonblocking(true).expect("set");
    while (&ours).write(&[0; 65536]).is_ok() {}
    let visitor = Visitor {
        socket: Some(ours),
        ..Visitor::default()
    };
    (visitor, theirs)
}

#[test]
fn a_slow_client_does_not_keep_a_worker() {
    let site = Site::new(1, |options| options.response_flush_delay = Duration::ZERO);
    site.stub(0, |stub| {
        while stub.read() {
            stub.start();
            stub.stdout(&head_and(&vec![b'x'; 4 << 20]));
            stub.finish();
            stub.end(0);
        }
    });
    let (mut visitor, _other_end) = stuck();
    let verdict = site.run(&mut visitor, NoBody);
    assert_eq!(verdict, Verdict::Complete);
    assert_eq!((visitor.staged_bytes(), visitor.passed.len()), (4 << 20, 0));
    assert_eq!(site.held(), 0);
}

#[test]
fn a_response_beyond_the_buffer_waits_for_the_client() {
    let site = Site::new(1, |options| options.response_buffer_size = 256 << 10);
    site.stub(0, |stub| {
        stub.read();
        stub.start();
        stub.stdout(&head_and(&vec![b'x'; 4 << 20]));
        stub.end(0);
    });
    let (mut visitor, _other_end) = stuck();
    assert_eq!(site.run(&mut visitor, NoBody), Verdict::Complete);
    assert!(visitor.staged_bytes() <= 512 << 10, "{}", visitor.staged_bytes());
    assert!(visitor.parts > 40, "{}", visitor.parts);
    assert_eq!(visitor.response().len(), 4 << 20);
}

#[test]
fn a_quick_client_gets_a_long_response_as_it_comes() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        stub.read();
        stub.start();
        stub.stdout(&head_and(&vec![b'x'; 4 << 20]));
        stub.end(0);
    });
    // Without a socket nobody can tell that it is slow.
    let (verdict, visitor) = site.get();
    assert_eq!(verdict, Verdict::Complete);
    assert!(visitor.staged_bytes() < 256 << 10, "{}", visitor.staged_bytes());
    assert_eq!(visitor.response().len(), 4 << 20);
}

#[test]
fn what_waits_for_a_pause_is_sent_in_it() {
    for has_socket in [false, true] {
        let site = Site::new(1, |_| {});
        let (sender, receiver) = mpsc::channel();
        let (pair, mut other_end) = UnixStream::pair().expect("a pair");
        let mut visitor = Visitor {
            on_flush: Some(sender),
            socket: has_socket.then_some(pair),
            ..Visitor::default()
        };
        let receiver = std::sync::Mutex::new(receiver);
        site.stub(0, move |stub| {
            stub.read();
            stub.start();
            let receiver = receiver.lock().expect("alone");
            for piece in [&head_and(b"first")[..], b"second"] {
                stub.stdout(piece);
                let flushed = receiver.recv_timeout(LONG).expect("flushed");
                assert!(piece.ends_with(&flushed) && !flushed.is_empty());
            }
            stub.stdout(b"last");
            stub.end(0);
        });
        assert_eq!(site.run(&mut visitor, NoBody), Verdict::Complete);
        assert_eq!(visitor.response(), b"firstsecondlast");
        // The last piece goes with the end, which is not ours to send.
        let last_is_staged = visitor.staged_bytes() == 4 && visitor.flushes == 2;
        assert!(last_is_staged || visitor.flushes == 3);
        other_end.set_nonblocking(true).expect("set");
        let _ = other_end.read(&mut [0]);
    }
}

#[test]
fn drops_of_output_are_not_held_for_ever() {
    let site = Site::new(1, |options| {
        options.response_flush_delay = Duration::from_millis(20)
    });
    let (sender, receiver) = mpsc::channel();
    let receiver = std::sync::Mutex::new(receiver);
    site.stub(0, move |stub| {
        stub.read();
        stub.start();
        stub.stdout(&head_and(b""));
        let begin = Instant::now();
        // Each pause is shorter than the delay.
        while receiver.lock().expect("alone").try_recv().is_err() {
            stub.stdout(b".");
            thread::sleep(Duration::from_millis(1));
            assert!(begin.elapsed() < LONG, "nothing was flushed");
        }
        stub.end(0);
    });
    let mut visitor = Visitor {
        on_flush: Some(sender),
        ..Visitor::default()
    };
    assert_eq!(site.run(&mut visitor, NoBody), Verdict::Complete);
}

#[test]
fn a_client_that_is_gone_ends_the_request() {
    let site = Site::new(1, |_| {});
    let (sender, receiver) = mpsc::channel();
    site.stub(0, move |stub| {
        stub.read();
        stub.start();
        stub.stdout(&head_and(b"x"));
        // The end of the connection is how the worker is told.
        let _ = sender.send(stub.stream.read(&mut [0]).ok());
        stub.finish();
    });
    let mut visitor = Visitor {
        is_gone: true,
        ..Visitor::default()
    };
    let verdict = site.run(&mut visitor, NoBody);
    assert_eq!((verdict, visitor.log.len()), (Verdict::Leave, 0));
    assert_eq!(receiver.recv_timeout(LONG).ok(), Some(Some(0)));
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let site = Site::new(1, |options| {
        options.response_socket_timeout = Some(SHORT);
        options.response_flush_delay = Duration::ZERO;
    });
    site.stub(0, |stub| {
        stub.read();
        stub.start();
        stub.stdout(&head_and(b"x"));
        let _ = stub.stream.read(&mut [0]);
    });
    let (mut visitor, _other_end) = stuck();
    assert_eq!(site.run(&mut visitor, NoBody), Verdict::Leave);
}

#[test]
fn a_silent_worker_is_given_up_before_and_after_its_head() {
    let site = Site::new(1, |options| options.socket_timeout = Some(SHORT));
    site.stub(0, |stub| {
        stub.read();
        if stub.body == b"head" {
            stub.stdout(&head_and(b"x"));
        }
        let _ = stub.stream.read(&mut [0]);
    });
    let mut before = Visitor::with_body(&[b"none"]);
    let verdict = site.run(&mut before, BodyLength::Known(4));
    assert_eq!((verdict, before.codes()), (Verdict::Fail(504), vec!["WSGI0145"]));
    let mut after = Visitor::with_body(&[b"head"]);
    let verdict = site.run(&mut after, BodyLength::Known(4));
    assert_eq!((verdict, after.codes()), (Verdict::BreakOff, vec!["WSGI1136"]));
    assert_eq!(after.response(), b"x");
}

#[test]
fn a_head_that_trickles_in_is_not_waited_for_longer() {
    let site = Site::new(1, |options| options.socket_timeout = Some(SHORT));
    site.stub(0, |stub| {
        stub.read();
        while stub.stdout(b"S") {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let begin = Instant::now();
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Fail(504), vec!["WSGI0145"]));
    assert!(begin.elapsed() < SHORT * 10);
}

#[test]
fn a_client_that_stops_in_its_body_is_given_up() {
    let site = Site::new(1, |options| options.request_buffer = 0).with_timeout(SHORT);
    site.stub(0, |stub| {
        stub.read_params();
        stub.read_body();
    });
    let (_sender, receiver) = mpsc::channel();
    let mut visitor = Visitor {
        live_body: Some(receiver),
        ..Visitor::default()
    };
    let verdict = site.run(&mut visitor, BodyLength::Open);
    assert_eq!(verdict, Verdict::Body(crate::gateway::BodyError::TimedOut));
}
