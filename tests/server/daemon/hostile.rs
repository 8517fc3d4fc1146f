//! Answers that are none (F-27 to F-29), by a stub in the place of a daemon process: `tests/stubs/worker`. What the
//! module makes of every kind of record is tried in `src/pool/tests/hostile.rs`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{group, quick_or_soak};
use mod_rwsgi::config::plan::VERSION;
use rwsgi_harness::{Response, Server};

/// A group of one such process.
fn stubbed(options: &str) -> Server {
    let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/worker");
    group(&format!(
        "threads=4 socket-timeout=2 connect-timeout=1 python={} env=STUB_VERSION={} {options}",
        stub.display(),
        VERSION
    ))
    .one_process()
    .allow_log("^WSGI|^e+$")
    .start()
}

/// Asks as often as it takes for every connection to be used; each answer is the one to its question.
#[track_caller]
fn still_fine(server: &Server, after: &str) {
    for number in 0..10 {
        let token = format!("{number}-{}", after.trim_start_matches('/'));
        let response = server.get(&format!("/fine?{token}"));
        assert_eq!(
            (response.status, response.text()),
            (200, format!("{token}\n")),
            "after {after}"
        );
    }
}

/// What a client may see instead of an answer.
fn is_refusal(response: &Response) -> bool {
    [500, 502, 503, 504].contains(&response.status) && response.complete
}

#[test]
fn f27_what_is_no_answer_is_a_bad_gateway_and_its_connection_is_not_used_again() {
    let server = stubbed("");
    let child = server.children();
    for (manner, status) in [
        ("/other_version", 502),
        ("/other_request", 502),
        ("/other_kind", 502),
        ("/no_head", 500),
        ("/no_answer", 502),
        ("/noise", 502),
        // Nobody said that the lines are not framed.
        ("/floods", 502),
    ] {
        let response = server.get(&format!("{manner}?1"));
        assert_eq!(response.status, status, "{manner}: {response:?}");
        still_fine(&server, manner);
    }
    assert!(!server.logs_matching("^WSGI1130").is_empty());
    // A connection that ends before the answer does; as nothing says that the request was begun, it is asked again.
    let cut = server.get("/truncated?1");
    assert!(is_refusal(&cut) || !cut.complete, "{cut:?}");
    // The answer is whole; what comes after it belongs to nobody.
    for manner in ["/after_end", "/twice_ended"] {
        let response = server.get(&format!("{manner}?own"));
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "own\n"),
            "{manner}"
        );
        still_fine(&server, manner);
    }
    assert_eq!(server.children(), child, "no child has died");
    server.finish();
}

#[test]
fn f27_turned_bits_harm_no_other_request() {
    let server = stubbed("");
    let child = server.children();
    let count = quick_or_soak(300, 20_000);
    let start = Instant::now();
    for number in 0..count {
        let answer = server.request("GET", &format!("/flipped?{number}")).try_send();
        if let Ok(response) = answer {
            assert!(response.status >= 200, "{response:?}");
        }
        if number % 10 == 0 {
            still_fine(&server, "/flipped");
        }
        // Answers that never end take their time; the short form has enough of it.
        if quick_or_soak(start.elapsed() > Duration::from_secs(15), false) {
            println!("{number} damaged answers in 15 s");
            break;
        }
    }
    still_fine(&server, "/flipped");
    assert_eq!(server.children(), child, "no child has died");
    assert!(server.logs_matching("internal error|panicked").is_empty());
    server.finish();
}

/// Each byte is in time, and the head is not.
#[test]
fn f28_a_head_that_drips_is_given_up() {
    let server = stubbed("");
    let start = Instant::now();
    let response = server.get("/drips?1");
    let taken = start.elapsed();
    assert_eq!(response.status, 504, "{response:?}");
    println!("a head that drips was given up after {taken:?}");
    assert!(taken < Duration::from_secs(8), "{taken:?}");
    server.wait_for_log("^WSGI0145");
    still_fine(&server, "/drips");
    server.finish();
}

#[test]
fn f29_an_answer_after_we_gave_up_is_nobodys() {
    let server = stubbed("");
    still_fine(&server, "nothing");
    for round in 0..2 {
        thread::scope(|scope| {
            let late: Vec<_> = (0..3)
                .map(|number| {
                    scope.spawn({
                        let server = &server;
                        move || server.get(&format!("/late?late-{round}-{number}"))
                    })
                })
                .collect();
            for one in late {
                let response = one.join().expect("an answer");
                assert_eq!(response.status, 504, "{response:?}");
            }
        });
        // The late answers come while these are asked.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            still_fine(&server, "/late");
        }
    }
    server.finish();
}

/// Clients that go away in the middle of everything, and others that check whose answer they get.
#[test]
fn f29_after_any_number_of_aborts_every_answer_is_ones_own() {
    let server = group("processes=2 threads=4")
        .allow_log("^WSGI|first piece")
        .start();
    let (stop, count) = (AtomicBool::new(false), quick_or_soak(1_000, 250_000));
    thread::scope(|scope| {
        for client in 0..4_usize {
            let (server, stop) = (&server, &stop);
            scope.spawn(move || {
                let targets = [
                    "/token?gone",
                    "/body?length=3000000",
                    "/streams?for=0.05",
                    "/digest",
                ];
                let mut number = client;
                while !stop.load(Ordering::Acquire) {
                    number += 1;
                    let mut connection = server.connect();
                    let target = targets[number % targets.len()];
                    connection.send_lossy(format!(
                        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{}",
                        "gone".repeat(5_000 * (number % 6))
                    ));
                    if number % 2 == 0 {
                        let _ = connection.next_head();
                    }
                    connection.reset();
                }
            });
        }
        let checks: Vec<_> = (0..4)
            .map(|client| {
                let server = &server;
                scope.spawn(move || {
                    for number in 0..count / 4 {
                        let (token, body) = (format!("{client}-{number}"), format!("body-{client}-{number}"));
                        let response = server
                            .request("POST", &format!("/token?{token}"))
                            .body(&body)
                            .send();
                        let wanted = format!("{token} {body} ");
                        assert!(response.text().starts_with(&wanted), "{wanted}: {response:?}");
                    }
                })
            })
            .collect();
        let results: Vec<_> = checks.into_iter().map(|check| check.join().is_ok()).collect();
        stop.store(true, Ordering::Release);
        assert_eq!(results, [true; 4]);
    });
    server.finish();
}
