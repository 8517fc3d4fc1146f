//! Bodies of every size in both directions, whole and unchanged.

use std::time::{Duration, Instant};

use super::{group, quick_or_soak};
use md5::{Digest, Md5};
use rwsgi_harness::{Connection, Server};

/// The bytes that `daemon_cases.py` makes.
fn pattern(length: usize) -> Vec<u8> {
    let round: Vec<u8> = (0..=250).collect();
    let mut bytes = round.repeat(length / round.len() + 1);
    bytes.truncate(length);
    bytes
}

fn hash(bytes: &[u8]) -> String {
    Md5::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// 0 to 70,000, each one where there is time, and the neighbours of powers of two up to 64 MiB.
fn sizes() -> Vec<usize> {
    let step = quick_or_soak(997, 1);
    let most = quick_or_soak(22, 26);
    let powers = (10..=most).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]);
    (0..=70_000).step_by(step).chain(powers).collect()
}

/// The smallest buffers make the most partial writes.
fn server() -> Server {
    group("threads=4 send-buffer-size=512 receive-buffer-size=512 request-buffer=8192")
        .config("WSGIChunkedRequest On")
        .limit(Duration::from_secs(quick_or_soak(120, 7_200)))
        .start()
}

#[test]
fn a11_request_bodies_arrive_whole() {
    let server = server();
    let mut kept = server.connect();
    for size in sizes() {
        let body = pattern(size);
        let wanted = format!("{size} {}", hash(&body));
        let target = format!("/digest?size={}", [1_000, 65_536, 1 << 20][size % 3]);
        let whole = server.request("POST", &target).body(&body).send_on(&mut kept);
        assert_eq!(whole.text(), wanted, "with a length");
        if size % 5 == 0 || size > 70_000 {
            let pieces = body.chunks(9_973);
            let chunked = server.request("POST", &target).chunks(pieces).send_on(&mut kept);
            assert_eq!(chunked.text(), wanted, "chunked");
        }
    }
    server.finish();
}

#[test]
fn a11_response_bodies_arrive_whole() {
    let server = server();
    let mut kept = server.connect();
    for size in sizes() {
        let piece = [0, 4_096, 100_003][size % 3];
        for framing in ["length", "chunked"] {
            let response = kept.get(&format!("/body?length={size}&piece={piece}&framing={framing}"));
            assert!(response.complete, "{size} {framing}");
            assert_eq!(response.body.len(), size, "{framing}");
            assert!(response.body == pattern(size), "{size} {framing}: other bytes");
        }
    }
    server.finish();
}

/// The neighbours of some powers of two up to 64 MiB.
fn large_sizes() -> impl Iterator<Item = usize> {
    [24, 26]
        .into_iter()
        .flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1])
}

/// Buffers as the system has them, as large bodies with the smallest would take minutes. Each has a connection of its
/// own: while one is hashed here, a kept one may be idle for too long.
fn server_for_large_bodies() -> Server {
    group("threads=4").config("WSGIChunkedRequest On").start()
}

#[test]
fn a11_request_bodies_of_up_to_64_mebibytes_arrive_whole() {
    let server = server_for_large_bodies();
    let start = Instant::now();
    for size in large_sizes() {
        let body = pattern(size);
        let wanted = format!("{size} {}", hash(&body));
        let request = server.request("POST", "/digest?size=1048576");
        let request = match size % 2 {
            0 => request.body(&body),
            _ => request.chunks(body.chunks(99_991)),
        };
        assert_eq!(request.send().text(), wanted);
    }
    println!("requests of up to 64 MiB: {:?}", start.elapsed());
    server.finish();
}

#[test]
fn a11_response_bodies_of_up_to_64_mebibytes_arrive_whole() {
    let server = server_for_large_bodies();
    let start = Instant::now();
    for size in large_sizes() {
        let (piece, framing) = [(0, "length"), (65_536, "chunked"), (1_000_003, "length")][size % 3];
        let response = server.get(&format!("/body?length={size}&piece={piece}&framing={framing}"));
        assert!(response.complete, "{size} {framing}");
        assert!(response.body == pattern(size), "{size} {framing}: other bytes");
    }
    println!("responses of up to 64 MiB: {:?}", start.elapsed());
    server.finish();
}

/// Ten mebibytes each way, and neither side waits for the other.
#[test]
fn an_answer_that_does_not_read_its_request_is_complete() {
    let server = server();
    let body = pattern(10 << 20);
    let start = Instant::now();
    let mut connection = server.connect();
    let sender = std::sync::Arc::clone(connection.stream());
    std::thread::scope(|scope| {
        let sends = scope.spawn(move || {
            use std::io::Write;
            let head = format!(
                "POST /body?length={} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
                10 << 20,
                body.len()
            );
            let _ = (&*sender).write_all(head.as_bytes());
            // The server may close before all is sent.
            let _ = (&*sender).write_all(&body);
        });
        let response = connection.response();
        assert_eq!((response.status, response.complete), (200, true));
        assert!(response.body == pattern(10 << 20), "other bytes");
        sends.join().expect("it ends");
    });
    println!("10 MiB each way, none of it read: {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(
        server.get("/digest").text(),
        format!("0 {}", hash(b"")),
        "the process goes on"
    );
    server.finish();
}

/// Data that arrives in drips reaches the application; the drips hold no thread while they can be collected.
#[test]
fn a_slow_upload_holds_no_thread() {
    let server = group("threads=1 request-buffer=65536").start();
    let mut slow: Vec<Connection> = (0..4)
        .map(|_| {
            let mut connection = server.connect();
            connection.send_lossy("POST /digest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n");
            connection.send_lossy([b'x'; 1000]);
            connection
        })
        .collect();
    let start = Instant::now();
    assert_eq!(server.get("/digest").status, 200);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    for connection in &mut slow {
        connection.send_lossy([b'x'; 1000]);
        assert_eq!(
            connection.response().text(),
            format!("2000 {}", hash(&[b'x'; 2000]))
        );
    }
    server.finish();
}

#[test]
fn a09_a_body_over_the_limit_is_a_413_and_the_process_goes_on() {
    let server = group("threads=2")
        .config("LimitRequestBody 100000\nWSGIChunkedRequest On")
        .allow_log("AH|WSGI")
        .start();
    for size in [99_999, 100_000] {
        assert_eq!(
            server
                .request("POST", "/digest")
                .body(pattern(size))
                .send()
                .status,
            200,
            "{size}"
        );
    }
    let body = pattern(100_001);
    assert_eq!(server.request("POST", "/digest").body(&body).send().status, 413);
    assert_eq!(
        server
            .request("POST", "/digest")
            .chunks(body.chunks(10_000))
            .send()
            .status,
        413
    );
    assert_eq!(server.get("/digest").status, 200);
    server.finish();
}
