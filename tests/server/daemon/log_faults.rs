//! Logs that take nothing (F-21).

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use super::RESPAWN;
use crate::{assert_error_page, server};
use rwsgi_harness::{Builder, Response, Server, process, wait_for, wait_until};

const SIGKILL: i32 = 9;
const SIGSTOP: i32 = 19;
const SIGCONT: i32 = 18;

/// A virtual host with a group of its own and this log: the log of the host, of the group and of its processes.
fn host_with_log(log: &str) -> Builder {
    server()
        .listen("HOST")
        .config(&format!(
            "<VirtualHost *:${{PORT_HOST}}>\nServerName host.example\nErrorLog {log}\n\
             WSGIDaemonProcess cases processes=2 threads=4\n\
             WSGIScriptAlias / ${{APPS}}/daemon_cases.py process-group=cases\n\
             WSGIApplicationGroup %{{GLOBAL}}\n</VirtualHost>"
        ))
        .allow_log("marker|^stopping of|^WSGI")
}

fn ask(server: &Server, target: &str) -> Response {
    server.connect_to(server.port_of("HOST")).get(target)
}

/// Kills a process; both are there again soon.
fn kill_one(server: &Server) {
    let victim = server.workers()[0];
    process::signal(victim, SIGKILL).expect("it runs");
    let start = Instant::now();
    let replaced = wait_until(Duration::from_secs(10), || {
        let _ = ask(server, "/pid");
        let workers = server.workers();
        workers.len() == 2 && !workers.contains(&victim)
    });
    assert!(replaced, "the supervisor replaces nobody");
    println!("replaced after {:?}", start.elapsed());
    assert!(start.elapsed() < RESPAWN * 3, "{:?}", start.elapsed());
}

/// Every write to the device fails as on a full disk.
#[test]
fn f21_a_log_on_a_full_disk_stops_nobody() {
    let server = host_with_log("/dev/full").start();
    for _ in 0..20 {
        assert_eq!(ask(&server, "/prints").text(), "printed");
    }
    let response = ask(&server, "/dies?by=kill&when=head");
    assert_error_page(&response, 502);
    for _ in 0..3 {
        kill_one(&server);
    }
    assert_eq!(ask(&server, "/prints").text(), "printed");
    server.finish();
}

/// The program of a piped log, stopped, with its pipe full.
struct Blocked {
    program: u32,
}

impl Blocked {
    /// Finds the program of a log and stops it.
    fn stop(server: &Server, name: &str) -> Blocked {
        let program = wait_for(Duration::from_secs(10), || {
            process::descendants_of(server.parent_pid())
                .into_iter()
                .find(|one| one.name == name)
        });
        let program = program.expect("the program of the log").pid;
        process::signal(program, SIGSTOP).expect("it runs");
        Blocked { program }
    }

    /// Writes until there is no room; how much of it.
    fn fill(&self) -> usize {
        let mut pipe: File = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(format!("/proc/{}/fd/0", self.program))
            .expect("its pipe");
        let line = format!("{}\n", "x".repeat(98));
        let mut written = 0;
        while pipe.write_all(line.as_bytes()).is_ok() {
            written += line.len();
        }
        assert!(written > 4096, "{written} bytes");
        written
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // Otherwise httpd could not write that it stops.
        let _ = process::signal(self.program, SIGCONT);
    }
}

/// Requests that have nothing to say are served, processes are replaced, and what could not be written is counted. (A
/// request that does log waits in httpd itself, for whoever reads the pipe.)
#[test]
fn f21_a_log_whose_reader_is_stuck_stops_nobody_and_losses_are_told() {
    let server = host_with_log("\"|/usr/bin/tee -a ${ROOT}/logs/host.log\"").start();
    assert_eq!(ask(&server, "/pid").status, 200);
    let blocked = Blocked::stop(&server, "tee");
    blocked.fill();
    for _ in 0..50 {
        let start = Instant::now();
        assert_eq!(ask(&server, "/pid").status, 200);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    for _ in 0..3 {
        kill_one(&server);
    }
    // What a process says outside of any request does not hold it up either.
    let start = Instant::now();
    assert_eq!(ask(&server, "/tells_in_thread?lines=2000").text(), "told 2000");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(server.logs_matching("^WSGI1161").is_empty());
    drop(blocked);
    // Whoever writes next tells.
    kill_one(&server);
    let _ = ask(&server, "/tells_in_thread?lines=1");
    let told = server.wait_for_log("^WSGI1161: [0-9]+ records");
    println!("{}", told.message);
    let text = fs::read_to_string(server.path("logs/host.log")).expect("the log");
    assert!(
        text.matches("xxxxx\n").count() > 40,
        "what was in the pipe is there"
    );
    server.allow_log("^x+$|told in a thread|^\\[|^$");
    server.finish();
}
