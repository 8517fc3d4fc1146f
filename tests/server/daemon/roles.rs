//! Who is who in daemon mode, and what each of them can reach (P-01, P-03, P-07 to P-09, P-23).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use super::privileges::socket_directory;
use super::{group, id, is_root, pid};
use crate::{assert_error_page, server};
use rwsgi_harness::{Server, process, wait_until};

const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

fn program(pid: u32) -> String {
    let link = fs::read_link(format!("/proc/{pid}/exe")).expect("it runs");
    link.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Ranges of memory that it shares with others and can write into: permissions and path of each.
fn shared(pid: u32) -> BTreeSet<(String, String)> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    let fields = maps
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields
        .filter(|fields| fields.len() >= 5 && fields[1].starts_with("rw") && fields[1].ends_with('s'))
        .map(|fields| {
            // A number tells one piece of memory without a name from another.
            (format!("{} {}", fields[1], fields[4]), fields[5..].join(" "))
        })
        .collect()
}

#[test]
fn p01_parent_supervisor_and_processes_are_three_programs() {
    let server = group("processes=1 threads=2").start();
    let worker = pid(&server);
    let supervisor = server.supervisor().expect("a supervisor");
    assert_eq!(program(supervisor), "rwsgi");
    assert!(program(worker).starts_with("python"), "{}", program(worker));
    assert_eq!(process::children_of(supervisor), [worker]);
    // What has root's rights runs no Python and waits for no network.
    let maps = fs::read_to_string(format!("/proc/{supervisor}/maps")).expect("it runs");
    for foreign in ["python", "libapr", "mod_"] {
        assert!(!maps.contains(foreign), "{foreign} is in the supervisor");
    }
    let sockets = process::descriptors(supervisor);
    assert!(
        !sockets.iter().any(|target| process::is_tcp_socket(target)),
        "{sockets:?}"
    );
    let threads = fs::read_dir(format!("/proc/{supervisor}/task"))
        .expect("it runs")
        .count();
    assert_eq!(threads, 1);
    server.finish();
}

/// The scoreboard of its own group is the only memory that a process shares with anybody.
#[test]
fn p03_a_process_shares_the_scoreboard_of_its_group_and_nothing_else() {
    let server = server()
        .config("WSGIDaemonProcess one threads=2\nWSGIDaemonProcess two threads=2")
        .config("WSGIScriptAlias /one ${APPS}/daemon_cases.py process-group=one")
        .config("WSGIScriptAlias /two ${APPS}/daemon_cases.py process-group=two")
        .config("WSGIApplicationGroup %{GLOBAL}")
        .allow_log("^stopping of")
        .start();
    let boards = ["/one/pid", "/two/pid"].map(|target| {
        let shared = shared(super::number(&server.get(target)));
        assert!(
            shared
                .iter()
                .all(|(_, path)| path.contains("memfd:rwsgi scoreboard")),
            "{shared:?}"
        );
        assert_eq!(shared.len(), 1, "{shared:?}");
        shared
    });
    assert!(boards[0].is_disjoint(&boards[1]), "{boards:?}");
    server.finish();
}

#[test]
fn p07_a_process_cannot_put_anything_beside_its_socket() {
    if !is_root() {
        return;
    }
    let server = group("threads=2 user=daemon group=daemon").start();
    let _ = pid(&server);
    let (user, group) = (id("/etc/passwd", "daemon"), id("/etc/group", "daemon"));
    let top = socket_directory(&server);
    let below = fs::read_dir(&top)
        .expect("it can be read")
        .flatten()
        .map(|entry| entry.path());
    for folder in below.chain([top.clone()]) {
        let touched = Command::new("touch")
            .arg(folder.join("mine"))
            .uid(user)
            .gid(group)
            .output()
            .expect("it runs");
        let says = String::from_utf8_lossy(&touched.stderr).into_owned();
        assert!(
            !touched.status.success() && says.contains("Permission denied"),
            "{says}"
        );
    }
    server.finish();
}

/// Even where the directory and the socket let somebody through, a process serves nobody but httpd.
#[test]
fn p08_a_process_refuses_who_is_not_httpd() {
    if !is_root() {
        return;
    }
    let server = group("threads=2")
        .expect_log("^WSGI1124")
        .allow_log("^WSGI1113")
        .start();
    let _ = pid(&server);
    let supervisor = server.supervisor().expect("a supervisor");
    process::signal(supervisor, SIGSTOP).expect("it runs");
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is there");
    };
    let folder = fs::read_dir(socket_directory(&server))
        .expect("it can be read")
        .flatten()
        .next();
    let folder = folder.expect("a group").path();
    open(&folder, 0o755);
    let socket = fs::read_dir(&folder).expect("it can be read").flatten().next();
    let socket = socket.expect("a socket").path();
    open(&socket, 0o666);
    let script = "import socket, sys\n\
        stranger = socket.socket(socket.AF_UNIX)\n\
        stranger.settimeout(10)\n\
        stranger.connect(sys.argv[1])\n\
        print('received', stranger.recv(1))\n";
    let output = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .arg(&socket)
        .uid(id("/etc/passwd", "daemon"))
        .output()
        .expect("Python runs");
    let says = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // Closed, in order or not.
    assert!(
        says.contains("received b''") || says.contains("ConnectionReset"),
        "{says}"
    );
    server.wait_for_log("^WSGI1124");
    process::signal(supervisor, SIGCONT).expect("it is there");
    assert!(wait_until(Duration::from_secs(10), || server.get("/pid").status == 200));
    server.finish();
}

#[test]
fn p09_the_supervisor_has_a_handle_of_each_process() {
    let server = group("processes=3 threads=2").start();
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 3));
    let _ = pid(&server);
    let handles = |server: &Server| {
        let supervisor = server.supervisor().expect("a supervisor");
        let descriptors = process::descriptors(supervisor).into_iter();
        descriptors.filter(|target| target.contains("pidfd")).count()
    };
    assert_eq!(handles(&server), 3);
    server.finish();
}

/// What a client entrusts to an application is in no log, whatever goes wrong with its request.
#[test]
fn p23_credentials_cookies_and_bodies_are_in_no_log() {
    let server = group("threads=2 connect-timeout=1 listen-backlog=1 socket-timeout=2")
        .config("LogLevel debug wsgi:trace8")
        .expect_exception("MemoryError")
        .allow_log("WSGI|AH|asleep|RequestTimeout")
        .start();
    const SECRETS: [&str; 3] = [
        "secret-of-authorization",
        "secret-of-a-cookie",
        "secret-of-a-body",
    ];
    let ask = |target: &str| {
        let authorization = format!("Bearer {}", SECRETS[0]);
        server
            .request("POST", target)
            .header("Authorization", &authorization)
            .header("Cookie", &format!("session={}", SECRETS[1]))
            .body(SECRETS[2])
            .send()
    };
    assert_eq!(ask("/token?1").status, 200);
    assert_error_page(&ask("/too_much?bytes=9000000000000000000"), 500);
    assert_error_page(&ask("/dies?by=segv&when=head"), 502);
    assert_error_page(&ask("/sleeps?for=4"), 504);
    assert_eq!(ask("/no_such_case").status, 500);
    server.expect_exception("KeyError: 'no_such_case'");
    server.allow_log(
        "^Fatal Python error|^Current thread|^Thread 0x|^ +(File |<no Python frame>)|^$|^Extension modules",
    );
    let logs = fs::read_dir(server.path("logs"))
        .expect("it can be read")
        .flatten();
    let mut looked_at = 0;
    for log in logs {
        let text = String::from_utf8_lossy(&fs::read(log.path()).expect("a log")).into_owned();
        looked_at += usize::from(text.contains("/dies?by=segv"));
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is in {}", log.path().display());
        }
    }
    assert!(looked_at > 0, "no log tells of the requests");
    server.finish();
}
