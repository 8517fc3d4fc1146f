//! Damaged streams against running servers: no process ends, nothing leaks, and every connection is closed.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use mod_rwsgi::fcgi::client::{push_abort, push_body, push_body_end, push_request};
use mod_rwsgi::fcgi::params::push_pair;
use mod_rwsgi::fcgi::record::{Kind, push};
use rwsgi_harness::{Damage, process, wait_until};

use super::rig::{PATIENCE, Site, Standalone};

const APP: &str = "
def application(environ, start_response):
    body = environ['wsgi.input'].read()
    start_response('200 OK', [('Content-Length', str(len(body)))])
    return [body]
";

/// In the usual form, and with `RWSGI_SOAK`.
const STREAMS: (usize, usize) = (2_000, 100_000);
/// Clients at a time.
const CLIENTS: usize = 4;
/// How much more memory a process may have afterwards, in KiB.
const GROWTH: u64 = 32 << 10;

fn count() -> usize {
    if std::env::var_os("RWSGI_SOAK").is_some() {
        STREAMS.1
    } else {
        STREAMS.0
    }
}

fn variables() -> Vec<(&'static [u8], Vec<u8>)> {
    vec![
        (b"CONTENT_LENGTH", b"100".to_vec()),
        (b"SCGI", b"1".to_vec()),
        (b"REQUEST_METHOD", b"POST".to_vec()),
        (b"SCRIPT_NAME", b"/app".to_vec()),
        (b"PATH_INFO", b"/x".to_vec()),
        (b"HTTP_COOKIE", vec![b'c'; 200]),
        (b"mod_wsgi.x-plan", b"forged".to_vec()),
    ]
}

/// Two requests on a connection, with all else that a web server may send.
fn fastcgi() -> Vec<u8> {
    let (mut stream, mut params, mut question) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in variables() {
        push_pair(&mut params, name, &value);
    }
    push_pair(&mut question, b"FCGI_MAX_REQS", b"");
    push(&mut stream, Kind::GetValues, 0, &question);
    push_request(&mut stream, 1, true, &params);
    push_body(&mut stream, 1, &[b'b'; 100]);
    push_body_end(&mut stream, 1);
    push_request(&mut stream, 2, false, &params);
    push_body(&mut stream, 2, &[b'b'; 50]);
    push_abort(&mut stream, 2);
    stream
}

fn scgi() -> Vec<u8> {
    let headers: Vec<u8> = variables()
        .iter()
        .flat_map(|(name, value)| [name, &b"\0"[..], value, b"\0"].concat())
        .collect();
    let length = format!("{}:", headers.len());
    [length.as_bytes(), &headers, b",", &[b'b'; 100]].concat()
}

/// Sends a stream, and reads until the connection is closed.
fn replay(socket: &Path, stream: &[u8]) -> Vec<u8> {
    let mut connection = UnixStream::connect(socket).expect("connected");
    connection.set_read_timeout(Some(PATIENCE)).expect("set");
    // What is refused early is not read to its end.
    let _ = connection.write_all(stream);
    let _ = connection.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match connection.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}: the connection stays open after {stream:?}"),
    }
    answer
}

fn descriptors(worker: u32) -> usize {
    process::descriptors(worker).len()
}

fn hold_out(protocol: &str, whole: &[u8]) {
    let site = Site::with(APP);
    let socket = site.path("sock");
    let served = Standalone::start(
        &site,
        protocol,
        &format!("unix:{}", socket.display()),
        &["--threads", "4"],
    );
    let is_answered = || {
        let answer = replay(&socket, whole);
        answer.windows(14).any(|bytes| bytes == b"Status: 200 OK")
    };
    assert!(is_answered(), "{}", served.log());
    let [worker] = served.workers()[..] else {
        panic!("one worker: {}", served.log());
    };
    let (before, memory) = (descriptors(worker), process::resident_kib(worker));
    let each = count() / CLIENTS;
    let answered: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|number| {
                let socket = &socket;
                scope.spawn(move || {
                    let mut damage = Damage::new(0x9e37_79b9_7f4a_7c15 ^ number as u64);
                    (0..each)
                        .filter(|_| {
                            let mut stream = whole.to_vec();
                            damage.mutate(&mut stream);
                            !replay(socket, &stream).is_empty()
                        })
                        .count()
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("joined"))
            .sum()
    });
    println!(
        "{protocol}: {} damaged streams, {answered} with some answer",
        each * CLIENTS
    );
    assert!(
        answered > each / 10,
        "{answered}: hardly any was understood so far"
    );
    assert!(is_answered(), "{}", served.log());
    assert_eq!(served.workers(), [worker], "{}", served.log());
    let back = wait_until(Duration::from_secs(10), || descriptors(worker) <= before);
    assert!(back, "{} descriptors, {before} before", descriptors(worker));
    let grown = process::resident_kib(worker)
        .zip(memory)
        .map(|(now, then)| now.saturating_sub(then));
    assert!(grown.is_some_and(|grown| grown < GROWTH), "{grown:?} KiB more");
    let log = served.finish();
    assert!(log.contains("WSGI1191: "), "nothing was refused: {log}");
    assert!(
        !log.contains("internal error") && !log.contains("panicked"),
        "{log}"
    );
}

#[test]
fn damaged_fastcgi_leaves_nothing_behind() {
    hold_out("fastcgi", &fastcgi());
}

#[test]
fn damaged_scgi_leaves_nothing_behind() {
    hold_out("scgi", &scgi());
}
