//! The life of `rwsgi fastcgi` and its processes: restarts, deaths, timeouts, the status, systemd.

use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mod_rwsgi::fcgi::client::{Answer, AnswerReader, push_body_end, push_request};
use mod_rwsgi::fcgi::params::push_pair;
use rwsgi_harness::{process, wait_for, wait_until};

use super::rig::{PATIENCE, Site, Standalone};

pub(crate) const APP: &str = r#"
import os, signal, sys, time

VERSION = "one"

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/crash":
        signal.raise_signal(signal.SIGSEGV)
    if path == "/loop":
        while True:
            time.sleep(0.01)
    if path == "/slow":
        print("slow has begun", file=sys.__stderr__, flush=True)
        time.sleep(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{VERSION} {os.getpid()}".encode()]
"#;

/// Status and body of a request over a connection of its own; `None` when it gets no whole answer.
pub(crate) fn ask(site: &Site, path: &str) -> Option<(String, String)> {
    let mut socket = UnixStream::connect(site.path("fastcgi.sock")).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    ask_on(&mut socket, path, false)
}

/// Status and body of a request on a connection, which is kept open with `keep`.
pub(crate) fn ask_on(socket: &mut (impl Read + Write), path: &str, keep: bool) -> Option<(String, String)> {
    let mut params = Vec::new();
    for (name, value) in [
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", path),
    ] {
        push_pair(&mut params, name.as_bytes(), value.as_bytes());
    }
    let mut bytes = Vec::new();
    push_request(&mut bytes, 1, keep, &params);
    push_body_end(&mut bytes, 1);
    socket.write_all(&bytes).ok()?;
    let (mut reader, mut text, mut room) = (AnswerReader::new(1, false), Vec::new(), [0; 4096]);
    loop {
        let count = socket.read(&mut room).ok()?;
        let mut input = room.get(..count).filter(|input| !input.is_empty())?;
        while let Some(event) = reader.next(&mut input).ok()? {
            match event {
                Answer::Stdout(piece) => text.extend_from_slice(piece),
                Answer::Stderr(_) | Answer::File { .. } => {}
                Answer::End { .. } => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let status = head.strip_prefix("Status: ")?.get(..3)?;
                    return Some((status.to_owned(), body.to_owned()));
                }
            }
        }
    }
}

pub(crate) fn start(site: &Site, more: &[&str]) -> Standalone {
    let listen = format!("unix:{}", site.path("fastcgi.sock").display());
    Standalone::start(site, "fastcgi", &listen, more)
}

fn body(site: &Site) -> String {
    let (status, body) = ask(site, "/").expect("an answer");
    assert_eq!(status, "200");
    body
}

#[test]
fn a_kept_connection_answers_again_and_again() {
    let site = Site::with(APP);
    let served = start(&site, &[]);
    let mut socket = UnixStream::connect(site.path("fastcgi.sock")).expect("connected");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    for _ in 0..3 {
        assert!(ask_on(&mut socket, "/", true).is_some());
    }
    served.finish();
    assert!(!site.path("fastcgi.sock").exists());
}

/// Requests without a pause while all processes are replaced, again and again.
#[test]
fn no_request_is_lost_when_processes_are_replaced() {
    const ROUNDS: usize = 3;
    let site = Site::with(APP);
    let served = start(&site, &["--processes", "2", "--threads", "3"]);
    served.wait_for_count("takes requests", 2);
    let (stop, answered, lost) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    match ask(&site, "/") {
                        Some((status, _)) if status == "200" => answered.fetch_add(1, Ordering::Relaxed),
                        _ => lost.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
        for round in 1..=ROUNDS {
            let signal = if round % 2 == 0 {
                libc::SIGUSR1
            } else {
                libc::SIGHUP
            };
            served.signal(signal);
            served.wait_for_count("has ended: graceful_signal", 2 * round);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (answered, lost) = (answered.into_inner(), lost.into_inner());
    println!("{answered} answered, {lost} lost over {ROUNDS} replacements of all processes");
    assert_eq!(lost, 0);
    assert!(answered > 20, "{answered}");
    served.finish();
}

#[test]
fn a_changed_script_replaces_processes_and_a_broken_one_does_not() {
    let site = Site::with(APP);
    let served = start(&site, &[]);
    assert!(body(&site).starts_with("one "));
    site.write("wsgi.py", &APP.replace("\"one\"", "\"two\""));
    assert!(wait_until(PATIENCE, || body(&site).starts_with("two ")));
    site.write("wsgi.py", "raise RuntimeError('broken')\n");
    assert!(body(&site).starts_with("two "));
    served.wait_for_log("goes on with the version");
    assert!(body(&site).starts_with("two "));
    served.finish();
}

#[test]
fn a_crash_names_its_request_and_is_followed_by_another_process() {
    let site = Site::with(APP);
    let served = start(&site, &[]);
    let before = body(&site);
    assert_eq!(ask(&site, "/crash"), None);
    served.wait_for_log("was killed by SIGSEGV (signal 11)");
    served.wait_for_log("while it ran 'GET /crash'");
    assert!(served.log().contains("Fatal Python error"), "{}", served.log());
    assert!(wait_until(PATIENCE, || ask(&site, "/").is_some()));
    assert_ne!(body(&site), before);
    served.finish();
}

#[test]
fn a_request_that_takes_too_long_is_interrupted() {
    let site = Site::with(APP);
    let options = [
        "--threads",
        "1",
        "--request-timeout",
        "1",
        "--interrupt-timeout",
        "5",
    ];
    let served = start(&site, &options);
    let (status, _) = ask(&site, "/loop").expect("an answer");
    assert_eq!(status, "504");
    served.wait_for_log("WSGI1108");
    served.finish();
}

#[test]
fn a_process_is_replaced_after_as_many_requests_as_told() {
    let site = Site::with(APP);
    let served = start(&site, &["--maximum-requests", "5"]);
    for _ in 0..5 {
        body(&site);
    }
    served.wait_for_log("has ended: maximum_requests");
    assert!(ask(&site, "/").is_some());
    served.finish();
}

#[test]
fn the_status_tells_processes_and_their_requests() {
    let site = Site::with(APP);
    let status_file = site.path("status").display().to_string();
    let served = start(&site, &["--status", &status_file]);
    body(&site);
    let status = || {
        let mut text = String::new();
        let mut socket = UnixStream::connect(&status_file).expect("connected");
        socket.read_to_string(&mut text).expect("read");
        text
    };
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| ask(&site, "/slow"));
        served.wait_for_log("slow has begun");
        let text = status();
        let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let worker = &parsed["groups"][0]["processes"][0];
        assert_eq!(worker["state"], "ready", "{text}");
        assert_eq!(worker["requests"], 1, "{text}");
        assert_eq!(worker["running"][0]["request"], "GET /slow", "{text}");
        assert_eq!(worker["pid"], served.workers()[0], "{text}");
        assert!(slow.join().expect("joined").is_some());
    });
    served.finish();
    assert!(!site.path("status").exists());
}

/// The socket is made by whoever starts it, as systemd does it.
#[test]
fn a_socket_that_is_passed_is_served_and_left_open() {
    let site = Site::with(APP);
    let socket = site.path("fastcgi.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let program = r#"
import os, socket, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), "1"
os.environ["NOTIFY_SOCKET"] = os.path.abspath("notify")
os.execv(sys.argv[2], sys.argv[2:])
"#;
    let notified = UnixDatagram::bind(site.path("notify")).expect("bound");
    notified.set_read_timeout(Some(PATIENCE)).expect("set");
    let started = Standalone::spawn_by(&site, program, &listener);
    let heard = || {
        let mut room = [0; 64];
        let count = notified.recv(&mut room).expect("told");
        String::from_utf8_lossy(&room[..count]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    // Whoever connects before it serves waits.
    assert!(ask(&site, "/").is_some());
    let log = started.finish();
    assert_eq!(heard(), "STOPPING=1");
    assert!(log.contains("the socket that systemd passes"), "{log}");
    assert!(
        UnixStream::connect(&socket).is_ok(),
        "it is not ours to remove or to shut"
    );
}

/// Whoever connects to a server that does not come up is told soon, and heard once it does.
#[test]
fn connections_are_turned_away_when_no_process_can_start() {
    let site = Site::with("import os\nos._exit(3)\napplication = None\n");
    let listen = format!("unix:{}", site.path("fastcgi.sock").display());
    let served = Standalone::spawn(&site, "fastcgi", &listen, &[]);
    served.wait_for_log("exited with status 3 before it took requests");
    assert_eq!(ask(&site, "/"), None);
    site.write("wsgi.py", APP);
    served.wait_for_log("takes requests");
    assert!(body(&site).starts_with("one "));
    served.finish();
}

#[test]
fn what_cannot_be_used_any_more_leaves_the_processes_as_they_are() {
    let site = Site::with(APP);
    let served = start(&site, &["--no-reload"]);
    std::fs::rename(site.path("wsgi.py"), site.path("elsewhere.py")).expect("renamed");
    served.signal(libc::SIGHUP);
    served.wait_for_log("WSGI1190: the processes go on as they are");
    assert!(body(&site).starts_with("one "));
    served.finish();
}

#[test]
fn a_file_says_everything_and_is_read_again() {
    let site = Site::with(&APP.replace("VERSION = \"one\"", "VERSION = os.environ[\"VERSION\"]"));
    let file = |version: &str| {
        format!(
            "app = 'wsgi.py'\nlisten = 'unix:fastcgi.sock'\nno-reload = true\n[env]\nVERSION = '{version}'\n"
        )
    };
    site.write("etc.toml", &file("one"));
    let served = Standalone::start_by_file(&site, "etc.toml");
    assert!(body(&site).starts_with("one "));
    site.write("etc.toml", "processes = 0\n");
    served.signal(libc::SIGHUP);
    served.wait_for_log("WSGI1190: the processes go on as they are");
    assert!(body(&site).starts_with("one "));
    site.write("etc.toml", &file("two"));
    served.signal(libc::SIGHUP);
    assert!(wait_until(PATIENCE, || body(&site).starts_with("two ")));
    served.finish();
}

#[test]
fn a_factory_of_a_module_is_served() {
    let site = Site::with("");
    site.write(
        "shop.py",
        &format!("{APP}\ndef create_app():\n    return application\n"),
    );
    let listen = format!("unix:{}", site.path("fastcgi.sock").display());
    let served = Standalone::spawn_app(&site, "fastcgi", "shop:create_app()", &listen, &[]);
    served.wait_for_log("takes requests");
    let made = made_by(&served);
    assert!(body(&site).starts_with("one ") && made.exists());
    served.finish();
    assert!(!made.exists(), "the loader is left behind");
}

fn made_by(served: &Standalone) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("rwsgi-standalone-{}", served.child.id()))
}

#[test]
fn a_start_in_vain_leaves_nothing() {
    let site = Site::with("");
    site.write("shop.py", APP);
    site.write("state.txt", "");
    let listen = format!("unix:{}", site.path("fastcgi.sock").display());
    let status = site.path("state.txt").display().to_string();
    let more = ["--status", status.as_str()];
    let mut served = Standalone::spawn_app(&site, "fastcgi", "shop:application", &listen, &more);
    let ended = wait_for(PATIENCE, || served.child.try_wait().expect("waits"));
    let log = served.log();
    assert!(ended.is_some_and(|ended| !ended.success()), "{log}");
    assert!(log.contains("--status"), "{log}");
    assert!(!made_by(&served).exists(), "the loader is left behind");
    assert!(!site.path("fastcgi.sock").exists(), "the socket is left behind");
}

#[test]
fn a_silent_connection_does_not_stay() {
    let site = Site::with(APP);
    let served = start(&site, &["--socket-timeout", "1"]);
    let mut socket = UnixStream::connect(site.path("fastcgi.sock")).expect("connected");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    socket.write_all(&[1, 1, 0]).expect("sent");
    assert_eq!(socket.read(&mut [0; 1]).expect("an end"), 0);
    served.finish();
}

#[test]
fn a_worker_ends_when_the_supervisor_is_killed() {
    let site = Site::with(APP);
    let mut served = start(&site, &[]);
    let workers = served.workers();
    assert!(!workers.is_empty());
    served.child.kill().expect("killed");
    served.child.wait().expect("waited");
    let gone = wait_until(Duration::from_secs(20), || {
        workers.iter().all(|worker| !process::exists(*worker))
    });
    assert!(gone, "{}", served.log());
}
