//! The end that no client notices: what SIGTERM does, and what whoever asks is told before it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rwsgi_harness::{command_under_test, wait_for, wait_until};

use super::lives::{APP, ask, ask_on, start};
use super::rig::{PATIENCE, Site, Standalone, free_address};

const READY: (&str, &str) = ("200", "ready\n");

fn told(answer: &Option<(String, String)>) -> Option<(&str, &str)> {
    answer
        .as_ref()
        .map(|(status, body)| (status.as_str(), body.as_str()))
}

/// Waits for its end; the time that took.
fn wait_for_end(served: &mut Standalone) -> Duration {
    let begun = Instant::now();
    let status = wait_for(PATIENCE, || served.child.try_wait().expect("waits"));
    assert!(status.is_some_and(|status| status.success()), "{}", served.log());
    begun.elapsed()
}

/// `rwsgi status` of a site's server.
fn status(site: &Site, more: &[&str]) -> Output {
    let mut command = Command::new(command_under_test());
    command.arg("status").arg(site.path("status")).args(more);
    command.output().expect("started")
}

#[test]
fn a_ping_needs_no_application() {
    let site = Site::with("def application(environ, start_response):\n    raise RuntimeError('not asked')\n");
    let served = start(&site, &["--ping-path", "/healthz"]);
    assert_eq!(told(&ask(&site, "/healthz")), Some(READY));
    assert_eq!(
        ask(&site, "/healthz/").map(|(status, _)| status).as_deref(),
        Some("500")
    );
    served.finish();
}

#[test]
fn whoever_asks_is_told_before_the_end() {
    let site = Site::with(APP);
    let socket = site.path("status").display().to_string();
    let options = [
        "--ping-path",
        "/healthz",
        "--drain-delay",
        "600",
        "--status",
        &socket,
    ];
    let mut served = start(&site, &options);
    assert_eq!(told(&ask(&site, "/healthz")), Some(READY));
    assert_eq!(status(&site, &["--ready"]).stdout, b"ready\n");
    served.signal(libc::SIGTERM);
    let is_told = wait_until(PATIENCE, || {
        ask(&site, "/healthz").is_some_and(|(status, _)| status == "503")
    });
    assert!(is_told, "{}", served.log());
    let probe = status(&site, &["--ready"]);
    let text = String::from_utf8_lossy(&probe.stderr).into_owned();
    assert!(
        !probe.status.success() && text.contains("not taken: draining"),
        "{text}"
    );
    assert_eq!(
        ask(&site, "/").map(|(status, _)| status).as_deref(),
        Some("200"),
        "requests are still taken"
    );
    // A second one does not wait for the time to pass.
    served.signal(libc::SIGTERM);
    wait_for_end(&mut served);
}

#[test]
fn the_end_comes_after_the_delay() {
    let site = Site::with(APP);
    let mut served = start(&site, &["--drain-delay", "1"]);
    served.signal(libc::SIGTERM);
    served.wait_for_log("requests are taken for 1 s yet");
    assert!(ask(&site, "/").is_some());
    wait_for_end(&mut served);
    assert_eq!(ask(&site, "/"), None);
}

/// One thread, five requests: four have connected and wait when the signal comes.
#[test]
fn whoever_has_connected_is_answered() {
    let address = free_address().to_string();
    let site = Site::with(APP);
    let unix = format!("unix:{}", site.path("fastcgi.sock").display());
    for listen in [unix, address] {
        let path = site.path("fastcgi.sock");
        let connect = || -> std::io::Result<Box<dyn Channel>> {
            match listen.parse::<SocketAddr>() {
                Ok(address) => Ok(Box::new(TcpStream::connect(address)?)),
                Err(_) => Ok(Box::new(UnixStream::connect(&path)?)),
            }
        };
        let mut served = Standalone::start(&site, "fastcgi", &listen, &["--threads", "1"]);
        let begun = served.log().matches("slow has begun").count();
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..5)
                .map(|_| {
                    let mut channel = connect().expect("connected");
                    scope.spawn(move || ask_on(&mut channel, "/slow", true))
                })
                .collect();
            served.wait_for_count("slow has begun", begun + 1);
            served.signal(libc::SIGTERM);
            let is_shut = wait_until(PATIENCE, || connect().is_err());
            assert!(is_shut, "it still listens");
            for client in clients {
                let answer = client.join().expect("joined");
                assert_eq!(
                    answer.map(|(status, _)| status).as_deref(),
                    Some("200"),
                    "{listen}"
                );
            }
        });
        wait_for_end(&mut served);
        std::fs::remove_file(site.path("fastcgi.log")).expect("removed");
    }
}

trait Channel: Read + Write + Send {}
impl<T: Read + Write + Send> Channel for T {}

#[test]
fn a_kept_connection_gets_a_last_answer() {
    let site = Site::with(APP);
    let address = free_address();
    let mut served = Standalone::start(&site, "fastcgi", &address.to_string(), &[]);
    let mut kept = TcpStream::connect(address).expect("connected");
    kept.set_read_timeout(Some(PATIENCE)).expect("set");
    assert!(ask_on(&mut kept, "/", true).is_some());
    served.signal(libc::SIGTERM);
    assert!(wait_until(PATIENCE, || TcpStream::connect(address).is_err()));
    assert!(ask_on(&mut kept, "/", true).is_some(), "{}", served.log());
    assert_eq!(kept.read(&mut [0; 1]).expect("an end"), 0);
    wait_for_end(&mut served);
}

#[test]
fn a_second_signal_does_not_wait_for_requests() {
    let site = Site::with(
        APP.replace(
            "/loop\":",
            "/loop\":\n        print('the loop has begun', file=sys.__stderr__, flush=True)",
        )
        .as_str(),
    );
    let options = ["--graceful-timeout", "600", "--shutdown-timeout", "1"];
    let mut served = start(&site, &options);
    std::thread::scope(|scope| {
        let endless = scope.spawn(|| ask(&site, "/loop"));
        served.wait_for_log("the loop has begun");
        served.signal(libc::SIGTERM);
        assert!(wait_until(PATIENCE, || ask(&site, "/").is_none()));
        served.signal(libc::SIGTERM);
        wait_for_end(&mut served);
        assert_eq!(endless.join().expect("joined"), None);
    });
}

#[test]
fn the_status_is_printed() {
    let site = Site::with(APP);
    let socket = site.path("status").display().to_string();
    let served = start(&site, &["--status", &socket, "--threads", "3"]);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| ask(&site, "/slow"));
        served.wait_for_log("slow has begun");
        let printed = status(&site, &[]).stdout;
        let parsed: serde_json::Value = serde_json::from_slice(&printed).expect("JSON");
        assert_eq!(
            (&parsed["state"], &parsed["threads"], &parsed["busy"]),
            (&"ready".into(), &3.into(), &1.into())
        );
        assert!(slow.join().expect("joined").is_some());
    });
    served.finish();
    let nobody = status(&site, &[]);
    let text = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(!nobody.status.success() && text.contains(&socket), "{text}");
}
