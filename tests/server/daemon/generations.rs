//! Children and connections of an earlier generation of httpd (F-15), and its end in good time (F-16).

use std::thread;
use std::time::{Duration, Instant};

use super::{group, pid, replaced};
use rwsgi_harness::{Connection, Mpm, Server, process, wait_until};

const SIGWINCH: i32 = 28;
const REQUEST: &str = "GET /pid HTTP/1.1\r\nHost: localhost\r\n";

/// A connection that a child of now serves, with the next request begun: no restart of httpd closes it.
fn begun(server: &Server) -> Connection {
    let mut connection = server.connect();
    assert_eq!(connection.get("/pid").status, 200);
    connection.send_lossy(REQUEST);
    // What comes after it is answered: so httpd has it.
    let _ = pid(server);
    connection
}

/// Sends the rest of the request; who answers.
#[track_caller]
fn completed(connection: &mut Connection) -> u32 {
    connection.send_lossy("\r\n");
    super::number(&connection.response())
}

/// The processes of before have gone, and the child with the connection has not: it finds the new ones at the same
/// place.
#[test]
fn f15_an_old_child_reaches_the_processes_of_the_new_generation() {
    for mpm in [Mpm::Event, Mpm::Worker] {
        let server = group("processes=1 threads=4").mpm(mpm).start();
        let old = pid(&server);
        let mut connection = begun(&server);
        for _ in 0..3 {
            let before = pid(&server);
            server.graceful();
            replaced(&server, before, Duration::from_secs(10));
            assert!(wait_until(Duration::from_secs(10), || !process::exists(before)));
        }
        let new = pid(&server);
        assert_ne!(new, old);
        assert_eq!(completed(&mut connection), new, "{}", mpm.name());
        server.finish();
    }
}

/// A group that changes so much that it gets another scoreboard goes on under its old definition as long as a child
/// of httpd knows no other.
#[test]
fn f15_an_old_child_has_its_own_generation_of_a_group_that_grew() {
    let server = group("processes=1 threads=2").start();
    let old = pid(&server);
    let mut connection = begun(&server);
    server.rewrite_config(|text| text.replace("processes=1 threads=2", "processes=2 threads=40"));
    server.graceful();
    let new = replaced(&server, old, Duration::from_secs(10));
    assert!(process::exists(old), "a child of httpd may still need it");
    assert_eq!(completed(&mut connection), old);
    assert_ne!(new, old);
    drop(connection);
    let gone = wait_until(Duration::from_secs(20), || !process::exists(old));
    assert!(gone, "the old definition outlives the child that knew it");
    assert_eq!(server.get("/pid").status, 200);
    server.finish();
}

/// Whether httpd has ended by itself, and everything of it with it.
fn ended(server: &Server, others: &[u32], limit: Duration) -> bool {
    let parent = server.parent_pid();
    wait_until(limit, || {
        let all = process::all();
        let lives = |pid: u32| all.iter().any(|one| one.pid == pid && one.state != 'Z');
        !lives(parent) && !others.iter().any(|pid| lives(*pid))
    })
}

fn everybody(server: &Server) -> Vec<u32> {
    let mut all = server.workers();
    all.extend(server.supervisor());
    all.extend(server.children());
    all
}

#[test]
fn f16_a_graceful_stop_lets_requests_end_and_leaves_nothing() {
    let server = group("processes=2 threads=2").start();
    let _ = pid(&server);
    let all = everybody(&server);
    thread::scope(|scope| {
        let running: Vec<_> = ["/sleeps?for=3", "/streams?for=3"]
            .into_iter()
            .map(|target| scope.spawn(|| server.get(target)))
            .collect();
        server.wait_for_log("asleep in");
        server.wait_for_log("first piece from");
        process::signal(server.parent_pid(), SIGWINCH).expect("it runs");
        for one in running {
            let response = one.join().expect("an answer");
            assert_eq!(response.status, 200, "{response:?}");
            assert!(response.complete, "{response:?}");
        }
    });
    assert!(ended(&server, &all, Duration::from_secs(15)), "{all:?} go on");
    server.finish();
}

#[test]
fn f16_a_graceful_stop_ends_at_its_limit() {
    let server = group("threads=2 shutdown-timeout=1")
        .config("GracefulShutdownTimeout 2")
        .allow_log("AH|WSGI(0146|0145|11..|1008)")
        .start();
    let all = everybody(&server);
    thread::scope(|scope| {
        let stuck = scope.spawn(|| {
            let mut connection = server.connect();
            connection.send_lossy("GET /never_ends HTTP/1.1\r\nHost: localhost\r\n\r\n");
            connection.try_response()
        });
        server.wait_for_log("never ending in");
        let start = Instant::now();
        process::signal(server.parent_pid(), SIGWINCH).expect("it runs");
        assert!(ended(&server, &all, Duration::from_secs(25)), "{all:?} go on");
        println!("a graceful stop of at most 2 s took {:?}", start.elapsed());
        let answer = stuck.join().expect("it ends");
        let is_complete = answer.is_ok_and(|response| response.status == 200 && response.complete);
        assert!(!is_complete, "nobody completes it");
    });
    server.finish();
}

/// What `systemctl stop` does with `KillMode=mixed`: SIGTERM for httpd's parent alone, and SIGKILL for whoever is left
/// when that has ended. Nobody is.
#[test]
fn f16_a_stop_of_the_parent_alone_leaves_nobody_to_be_killed() {
    let server = group("processes=2 threads=2")
        .allow_log("AH|WSGI(0146|11..)")
        .start();
    let _ = pid(&server);
    let all = everybody(&server);
    let parent = server.parent_pid();
    process::signal(parent, libc::SIGTERM).expect("it runs");
    let stopped = wait_until(Duration::from_secs(15), || {
        !process::all()
            .iter()
            .any(|one| one.pid == parent && one.state != 'Z')
    });
    assert!(stopped, "the parent goes on");
    let left: Vec<u32> = all.into_iter().filter(|pid| process::exists(*pid)).collect();
    assert!(left.is_empty(), "{left:?} outlive the parent");
    server.finish();
}
