//! What an application does with a request's objects, in time and too late: W-14, W-15, W-22, W-24.

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

use super::super::GROUPS;
use super::{answers, both, cases, failing, fails, pid};

#[test]
fn w14_write_and_iteration() {
    let server = failing().start();
    answers(&server, "write_and_iterate", "one two three four");
    fails(
        &server,
        "write_text",
        "TypeError: write\\(\\) argument must be bytes, not str",
    );
    server.finish();
}

#[test]
fn w14_a_thread_goes_on_after_its_request() {
    let server = cases().allow_log("late$").start();
    let before = pid(&server);
    for group in GROUPS {
        for _ in 0..5 {
            assert_eq!(
                server.get(&format!("{group}/write_in_thread_after")).text(),
                "body"
            );
            let others: Vec<_> = (0..50)
                .map(|_| server.get(&format!("{group}/fine")).text())
                .collect();
            assert!(
                others.iter().all(|text| text == "fine"),
                "another response was disturbed"
            );
            server.get(&format!("{group}/join_thread"));
            // It began before the end: what it did until then may have worked.
            let outcomes = server.get(&format!("{group}/events")).text();
            assert!(outcomes.starts_with("thread:RuntimeError after "), "{outcomes}");
        }
    }
    assert_eq!(pid(&server), before);
    server.finish();
}

#[test]
fn w15_objects_of_a_request_after_its_end() {
    let server = cases().start();
    let before = pid(&server);
    for case in ["use_after", "use_after_in_thread"] {
        for group in GROUPS {
            assert_eq!(server.get(&format!("{group}/keep")).text(), "kept");
            assert_eq!(
                server.get(&format!("{group}/{case}")).text(),
                format!("{} b'wrapped' 'GET'", ["RuntimeError"; 7].join(" ")),
                "{group}/{case}"
            );
            answers(&server, "drop_kept", "fine");
        }
    }
    assert_eq!(pid(&server), before);
    server.finish();
}

#[test]
fn w22_input_at_its_limits() {
    let server = cases().start();
    for group in GROUPS {
        let mut connection = server.connect();
        let response = server
            .request("POST", &format!("{group}/input_limits"))
            .body("0123456789")
            .send_on(&mut connection);
        assert_eq!(
            response.text(),
            "b'' b'' b'01' b'23456789' b'' b'' b'' [] [] [] None b'' False",
            "{group}"
        );
        assert_eq!(
            connection.get(&format!("{group}/fine")).text(),
            "fine",
            "out of step"
        );
        let huge = server
            .request("POST", &format!("{group}/input_huge_size"))
            .body("0123")
            .send();
        assert_eq!(huge.text(), "b'0123'");
        let beyond = server
            .request("POST", &format!("{group}/input_size_beyond"))
            .body("0123")
            .send();
        assert!(
            ["b'0123'", "OverflowError"].contains(&beyond.text().as_str()),
            "{}",
            beyond.text()
        );
        let shared = server
            .request("POST", &format!("{group}/input_two_threads"))
            .body(vec![b'x'; 200_000])
            .send();
        assert_eq!(shared.text(), "200000", "two threads that read");
    }
    server.finish();
}

/// Both directions full at once: the client sends on and reads meanwhile.
#[test]
fn w24_a_big_answer_to_a_body_that_nobody_reads() {
    let server = cases().start();
    for group in GROUPS {
        let connection = server.connect();
        let stream = Arc::clone(connection.stream());
        let head =
            format!("POST {group}/big_answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4194304\r\n\r\n");
        let sender = thread::spawn(move || {
            let _ = (&*stream).write_all(head.as_bytes());
            let _ = (&*stream).write_all(&vec![b'u'; 4 << 20]);
        });
        let (mut received, mut piece) = (0, vec![0; 1 << 16]);
        let mut stream = &**connection.stream();
        while received < 10 << 20 {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(count) => received += count,
            }
        }
        sender.join().expect("the sender ends");
        assert!(received > 10 << 20, "{received} bytes only");
    }
    let [main, sub] = both(&server, "fine");
    assert_eq!((main.text(), sub.text()), ("fine".into(), "fine".into()));
    server.finish();
}
