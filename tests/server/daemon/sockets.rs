//! What happens to the sockets of daemon processes (F-09, F-31, F-32).

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::load::{Answer, LIMITS, Load};
use super::privileges::socket_directory;
use super::{group, is_root, pid};
use crate::assert_error_page;
use rwsgi_harness::{Server, process, wait_until};

const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// The sockets of all processes.
fn sockets(server: &Server) -> Vec<PathBuf> {
    let folders = fs::read_dir(socket_directory(server))
        .expect("it can be read")
        .flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.sort();
    paths
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is there");
}

/// Something that happens to the socket of a process.
struct Damage {
    name: &'static str,
    /// Whether nobody may notice; otherwise requests that have to connect get 503 until the damage is mended.
    is_unseen: bool,
    done: fn(&Path),
}

const DAMAGES: [Damage; 5] = [
    Damage {
        name: "removed",
        is_unseen: true,
        done: |socket| fs::remove_file(socket).expect("it is there"),
    },
    Damage {
        name: "replaced by a file",
        is_unseen: true,
        done: |socket| {
            fs::remove_file(socket).expect("it is there");
            fs::write(socket, "").expect("written");
            // Closed, it would be a denied connection.
            set_mode(socket, 0o666);
        },
    },
    Damage {
        name: "removed with its directory",
        is_unseen: true,
        done: |socket| {
            // The sockets of both processes are in one directory, which may be gone already.
            let _ = fs::remove_dir_all(socket.parent().expect("a directory"));
        },
    },
    Damage {
        name: "closed",
        is_unseen: false,
        done: |socket| set_mode(socket, 0o000),
    },
    Damage {
        name: "in a closed directory",
        is_unseen: false,
        done: |socket| set_mode(socket.parent().expect("a directory"), 0o000),
    },
];

/// There is a new socket, or the old one is as it was, and nothing but that is served.
#[track_caller]
fn mended(server: &Server, name: &str) {
    let is_mended = || {
        let sockets = sockets(server);
        let opened = sockets.iter().filter(|socket| {
            let folder = socket.parent().and_then(|folder| folder.metadata().ok());
            let can_pass = folder.is_some_and(|folder| folder.permissions().mode() & 0o700 == 0o700);
            can_pass
                && socket
                    .metadata()
                    .is_ok_and(|data| data.permissions().mode() & 0o777 == 0o600 && data.len() == 0)
        });
        opened.count() == 2 && sockets.len() == 2 && server.workers().len() == 2
    };
    assert!(
        wait_until(Duration::from_secs(10), is_mended),
        "{name}: {:?} of {:?}",
        sockets(server),
        server.workers()
    );
}

/// Before the first request, so that each has to connect.
#[test]
fn f09_whatever_happens_to_a_socket_is_mended_and_costs_no_answer() {
    for Damage {
        name,
        is_unseen,
        done,
    } in DAMAGES
    {
        let server = group("processes=2 threads=4")
            .mpm_limits(LIMITS)
            .expect_log("^WSGI1113")
            .allow_log("^WSGI0117")
            .start();
        assert!(wait_until(Duration::from_secs(10), || {
            server.logs_matching("takes requests").len() == 2
        }));
        sockets(&server).iter().for_each(|socket| done(socket));
        let load = Load {
            server: &server,
            rate: 100,
            request: &|number| (format!("/token?{number}"), String::new()),
            judge: &|number, answer| match answer {
                Ok(response) if response.status == 200 => {
                    assert!(response.text().starts_with(&format!("{number} ")));
                    Answer::Good
                }
                Ok(response) if response.status == 503 && !is_unseen => {
                    assert!(response.header("Retry-After").is_some(), "{response:?}");
                    Answer::Allowed
                }
                Ok(response) => Answer::Bad(format!("{name}: {}", response.status_line)),
                Err(error) => Answer::Bad(format!("{name}: {error}")),
            },
        };
        let ((), report) = load.run(|answered| {
            mended(&server, name);
            let count = answered.load(std::sync::atomic::Ordering::Acquire);
            assert!(wait_until(Duration::from_secs(10), || {
                answered.load(std::sync::atomic::Ordering::Acquire) > count + 50
            }));
        });
        report.assert_nothing_bad(name);
        server.finish();
    }
}

/// Who listens at a path as a user that is not the supervisor's. Root alone can put it there: the directory is
/// closed to everybody else.
fn stranger(path: &Path) -> Child {
    let script = "import os, socket, sys, time\n\
        listener = socket.socket(socket.AF_UNIX)\n\
        listener.bind(sys.argv[1])\n\
        os.chmod(sys.argv[1], 0o666)\n\
        os.setuid(65534)\n\
        listener.listen(5)\n\
        print('listens', flush=True)\n\
        time.sleep(60)\n";
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut line = String::new();
    let output = child.stdout.take().expect("piped");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "listens\n");
    child
}

#[test]
fn f09_a_socket_of_somebody_else_gets_no_request_and_is_replaced() {
    if !is_root() {
        return;
    }
    let server = group("processes=1 threads=2")
        .expect_log("^WSGI1113")
        .expect_log("^WSGI0117.*the socket is of user 65534, not of the supervisor")
        .start();
    assert!(wait_until(Duration::from_secs(10), || {
        server.logs_matching("takes requests").len() == 1
    }));
    let supervisor = server.supervisor().expect("a supervisor");
    process::signal(supervisor, SIGSTOP).expect("it runs");
    let socket = sockets(&server).remove(0);
    fs::remove_file(&socket).expect("it is there");
    let mut stranger = stranger(&socket);
    let response = server.get("/pid");
    assert_error_page(&response, 503);
    assert!(response.header("Retry-After").is_some(), "{response:?}");
    process::signal(supervisor, SIGCONT).expect("it is there");
    let healed = wait_until(Duration::from_secs(10), || server.get("/pid").status == 200);
    assert!(healed, "the stranger's socket is not replaced");
    stranger.kill().expect("it runs");
    stranger.wait().expect("it ends");
    server.finish();
}

/// What a security module denies looks like a closed directory: the connection is refused with EACCES. The
/// supervisor, which would open the directory again, is stopped meanwhile.
#[test]
fn f32_a_denied_connection_is_a_503_that_names_the_denial() {
    let server = group("processes=1 threads=2")
        .expect_log("^WSGI0117.*Permission denied")
        .allow_log("^WSGI1113")
        .start();
    assert!(wait_until(Duration::from_secs(10), || {
        server.logs_matching("takes requests").len() == 1
    }));
    let supervisor = server.supervisor().expect("a supervisor");
    process::signal(supervisor, SIGSTOP).expect("it runs");
    let socket = sockets(&server).remove(0);
    set_mode(socket.parent().expect("a directory"), 0o000);
    let response = server.get("/pid");
    assert_error_page(&response, 503);
    assert!(response.header("Retry-After").is_some(), "{response:?}");
    process::signal(supervisor, SIGCONT).expect("it is there");
    let healed = wait_until(Duration::from_secs(10), || server.get("/pid").status == 200);
    assert!(healed, "the directory stays closed");
    server.finish();
}

/// httpd's own program.
fn httpd(server: &Server) -> PathBuf {
    fs::read_link(format!("/proc/{}/exe", server.parent_pid())).expect("it runs")
}

/// Sockets have the number of httpd's parent in their path, so there is nothing to steal; what two servers with one
/// configuration do share is the port, and httpd itself refuses the second.
#[test]
fn f31_a_second_httpd_with_the_same_configuration_is_refused_and_takes_nothing() {
    let server = group("processes=2 threads=2").allow_log("AH000").start();
    let _ = pid(&server);
    let before = (server.workers(), sockets(&server));
    for (more, says) in [
        ("", "already running"),
        ("PidFile run/2.pid", "could not bind to address"),
    ] {
        let second = Command::new(httpd(&server))
            .arg("-f")
            .arg(server.path("conf/httpd.conf"))
            .args(["-DFOREGROUND", "-c", more])
            .current_dir(server.root())
            .output()
            .expect("httpd runs");
        let text = String::from_utf8_lossy(&[second.stdout, second.stderr].concat()).into_owned();
        assert!(text.contains(says), "{text}");
    }
    assert_eq!((server.workers(), sockets(&server)), before);
    for _ in 0..20 {
        assert_eq!(server.get("/pid").status, 200);
    }
    server.finish();
}

/// The same place for sockets, another port: each has its own, also after the other has ended or was killed.
#[test]
fn f31_two_httpds_with_one_socket_prefix_do_not_meet() {
    let shared = tempfile::tempdir().expect("a directory");
    set_mode(shared.path(), 0o755);
    let builder =
        group("processes=1 threads=2").config(&format!("WSGISocketPrefix {}/wsgi", shared.path().display()));
    let ours = builder.clone().start();
    let before = pid(&ours);
    for is_killed in [false, true] {
        let other = builder.clone().start();
        assert_ne!(pid(&other), before);
        assert_eq!(fs::read_dir(shared.path()).expect("it can be read").count(), 2);
        if is_killed {
            other.kill();
        }
        other.finish();
        // Of a request that has to connect, too.
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(ours.get("/sleeps?for=0.2").text(), format!("slept {before}")));
            }
        });
    }
    ours.finish();
    assert_eq!(fs::read_dir(shared.path()).expect("it can be read").count(), 0);
}
