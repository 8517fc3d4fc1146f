use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::stub::{echo, head_and};
use super::*;
use crate::fcgi::record::{self, ProtocolStatus};
use crate::gateway::BodyLength;
use crate::scoreboard::Death;
use crate::sys::futex;

#[test]
fn a_request_is_answered_and_its_connection_used_again() {
    let site = Site::new(2, |_| {});
    let connections = site.stub(0, echo);
    for _ in 0..3 {
        let (verdict, visitor) = site.get();
        assert_eq!(verdict, Verdict::Complete);
        assert_eq!((visitor.status, visitor.response()), (200, b"/here:".to_vec()));
        assert_eq!(visitor.headers, [("X-Own".to_owned(), "1".to_owned())]);
        // What is left is the server's to send: the worker is free for others already.
        assert_eq!((visitor.flushes, site.held()), (0, 0));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_worker_gets_plan_and_variables() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        while stub.read() {
            let names: Vec<&str> = stub.params.iter().map(|(name, _)| name.as_str()).collect();
            let text = names.join(",");
            stub.answer(text.as_bytes());
        }
    });
    let (_, visitor) = site.get();
    assert_eq!(
        String::from_utf8_lossy(&visitor.response()),
        "mod_wsgi.x-plan,mod_wsgi.x-log,PATH_INFO"
    );
}

#[test]
fn a_kept_connection_that_the_worker_closed_costs_nothing_but_another() {
    let site = Site::new(1, |_| {});
    let connections = site.stub(0, |stub| {
        if stub.read() {
            stub.answer(b"once");
        }
    });
    for _ in 0..3 {
        assert_eq!(site.get().0, Verdict::Complete);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[test]
fn a_request_that_was_not_started_goes_to_another_worker() {
    let site = Site::new(1, |_| {});
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    site.stub(0, move |stub| {
        stub.read();
        count.fetch_add(1, Ordering::SeqCst);
        // It ends before it has done anything, and the supervisor sees that.
        let position = stub.board().position(0).expect("exists");
        position.bury(Death::Exited(1), b"");
        futex::wake(position.dead_instance_word());
        stub.board().clear(0);
    });
    site.stub(1, |stub| {
        while stub.read() {
            let tries = stub.slot(|slot| slot.tries());
            stub.answer(tries.to_string().as_bytes());
        }
    });
    let (verdict, visitor) = site.get();
    assert_eq!(verdict, Verdict::Complete);
    assert!(visitor.log.is_empty(), "{:?}", visitor.log);
    assert_eq!(visitor.response(), b"2");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn a_request_that_a_worker_leaves_lying_goes_to_another_and_is_never_started_there() {
    let site = Site::new(2, |_| {});
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    // It reads, as a process does that goes on after a pause, when the other has answered.
    site.stub(0, move |stub| {
        stub.read();
        assert!(!stub.read(), "the connection ends");
        let started = stub.slot(|slot| slot.start(1, 0));
        tell.lock().expect("one at a time").send(started).expect("heard");
    });
    site.stub(1, echo);
    let begin = Instant::now();
    let (verdict, visitor) = site.get();
    assert_eq!(
        (verdict, visitor.response()),
        (Verdict::Complete, b"/here:".to_vec())
    );
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(told.recv_timeout(LONG), Ok(false));
    assert!(visitor.log.is_empty(), "{:?}", visitor.log);
    // Others do not go there, until it gives a sign of life.
    for _ in 0..10 {
        let grant = site.board().reserve(1, 0).expect("a slot");
        assert_eq!(grant.position, 1);
        site.board().release(grant, 1, 0, futex::wake);
    }
    site.board().position(0).expect("exists").note_gil(0);
    assert_eq!(site.board().reserve(1, 0).map(|grant| grant.position), Some(0));
}

#[test]
fn a_request_that_is_left_lying_again_and_again_is_given_up_within_the_connect_timeout() {
    let site = Site::new(1, |options| options.connect_timeout = Duration::from_millis(400));
    // A third is left that it could go to, so that it is not waited for the second.
    for position in 0..3 {
        site.stub(position, |stub| while stub.read() {});
    }
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Later(1), vec!["WSGI0116"]));
}

#[test]
fn a_request_waits_for_its_worker_when_no_other_is_free() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        while stub.read() {
            thread::sleep(Duration::from_millis(700));
            stub.start();
            stub.finish();
            stub.answer(b"late");
        }
    });
    let (verdict, visitor) = site.get();
    assert_eq!(
        (verdict, visitor.response()),
        (Verdict::Complete, b"late".to_vec())
    );
}

#[test]
fn a_request_that_was_started_is_lost_with_its_worker_and_the_log_says_how() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        stub.read();
        stub.start();
        let stream = stub.stream.try_clone().expect("copied");
        stream.shutdown(std::net::Shutdown::Both).expect("closed");
        // The supervisor notices a little later.
        thread::sleep(SHORT);
        let position = stub.board().position(0).expect("exists");
        let death = Death::Killed {
            signal: 11,
            ours: false,
        };
        position.bury(death, b"Fatal Python error: Segmentation fault\n  File \"a.py\"");
        futex::wake(position.dead_instance_word());
    });
    let (verdict, visitor) = site.get();
    assert_eq!(verdict, Verdict::Fail(502));
    let [line] = visitor.log.as_slice() else {
        panic!("{:?}", visitor.log)
    };
    assert!(
        line.starts_with("WSGI0146: process 4001 of group 'app', running 'GET /here HTTP/1.1' for 0."),
        "{line}"
    );
    assert!(
        line.contains("was killed by SIGSEGV (signal 11)\nFatal Python error"),
        "{line}"
    );
}

#[test]
fn a_worker_that_the_supervisor_ended_took_too_long() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        stub.read();
        stub.start();
        let position = stub.board().position(0).expect("exists");
        let death = Death::Killed {
            signal: 9,
            ours: true,
        };
        position.bury(death, b"");
    });
    assert_eq!(site.get().0, Verdict::Fail(504));
}

#[test]
fn a_worker_that_is_overloaded_is_not_the_last_word() {
    let site = Site::new(1, |_| {});
    let tries = Arc::new(AtomicUsize::new(0));
    let count = tries.clone();
    site.stub(0, move |stub| {
        while stub.read() {
            if count.fetch_add(1, Ordering::SeqCst) > 0 {
                stub.answer(b"");
                continue;
            }
            let mut out = Vec::new();
            record::push_end(&mut out, stub.id, 0, ProtocolStatus::Overloaded);
            stub.send(&out);
        }
    });
    assert_eq!(site.get().0, Verdict::Complete);
    assert_eq!(tries.load(Ordering::SeqCst), 2);
}

#[test]
fn a_worker_of_another_role_is_not_asked_again() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        while stub.read() {
            let mut out = Vec::new();
            record::push_end(&mut out, stub.id, 0, ProtocolStatus::UnknownRole);
            stub.send(&out);
        }
    });
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Later(1), vec!["WSGI0116"]));
    assert_eq!(site.held(), 0);
}

#[test]
fn a_socket_that_disappears_is_looked_for_no_longer_than_told() {
    let site = Site::new(1, |options| options.connect_timeout = SHORT);
    let (_, listener) = site.open(0);
    drop(listener);
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Later(1), vec!["WSGI0117"]));
    assert_eq!(site.held(), 0);
}

#[test]
fn a_socket_of_somebody_else_is_not_used() {
    let mut site = Site::new(1, |_| {});
    site.stub(0, echo);
    site.distrust();
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Later(1), vec!["WSGI0117"]));
    assert!(
        visitor.log[0].contains("not of the supervisor"),
        "{:?}",
        visitor.log
    );
}

#[test]
fn an_answer_that_comes_too_late_is_nobodys() {
    let site = Site::new(4, |options| {
        options.socket_timeout = Some(Duration::from_millis(20))
    });
    let number = AtomicUsize::new(0);
    site.stub(0, move |stub| {
        while stub.read() {
            stub.start();
            let token = stub.body.clone();
            if number.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) {
                thread::sleep(Duration::from_millis(40));
            }
            stub.finish();
            if !stub.answer(&token) {
                return;
            }
        }
    });
    let mut answered = 0;
    for number in 0..60_u32 {
        let token = number.to_be_bytes();
        let mut visitor = Visitor::with_body(&[&token]);
        match site.run(&mut visitor, BodyLength::Known(4)) {
            Verdict::Complete => {
                assert_eq!(visitor.response(), token);
                answered += 1;
            }
            verdict => assert_eq!(verdict, Verdict::Fail(504)),
        }
    }
    assert!((20..60).contains(&answered), "{answered}");
}

#[test]
fn the_next_request_does_not_see_what_an_earlier_answer_left() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        while stub.read() {
            let mut out = Vec::new();
            record::push(&mut out, record::Kind::Stdout, stub.id, &head_and(b"x"));
            record::push_end(&mut out, stub.id, 0, ProtocolStatus::RequestComplete);
            record::push(&mut out, record::Kind::Stdout, stub.id, b"smuggled");
            stub.send(&out);
        }
    });
    for _ in 0..5 {
        let (verdict, visitor) = site.get();
        assert_eq!((verdict, visitor.response()), (Verdict::Complete, b"x".to_vec()));
    }
}
