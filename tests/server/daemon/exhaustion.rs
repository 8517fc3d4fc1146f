//! What the system has no more of: room on the disk, descriptors, processes, memory (F-20, F-22 to F-24).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{group, is_root, pid};
use crate::assert_error_page;
use rwsgi_harness::process::{self, Limit};
use rwsgi_harness::{Builder, Server, wait_until};

const SIGKILL: i32 = 9;

/// Whether a test can have a file system of its own; says so when not.
fn can_mount() -> bool {
    let done = Command::new("unshare").args(["--mount", "true"]).status();
    let can = is_root() && done.is_ok_and(|status| status.success());
    if !can {
        println!("skipped: no file system can be mounted here");
    }
    can
}

/// httpd where `place`, its `TMPDIR`, is a file system of 64 KiB that nobody else sees and that ends with it.
fn with_small_disk(builder: Builder, place: &Path) -> Builder {
    let mount = "mount -t tmpfs -o size=64k,mode=1777 none \"$TMPDIR\" && exec \"$@\"";
    builder.env("TMPDIR", &place.display().to_string()).under([
        "/usr/bin/unshare",
        "--mount",
        "/bin/sh",
        "-c",
        mount,
        "sh",
    ])
}

fn posted(server: &Server, length: usize) -> rwsgi_harness::Response {
    server.request("POST", "/digest").body("x".repeat(length)).send()
}

#[test]
fn f20_a_body_that_the_disk_has_no_room_for_is_a_503_and_the_room_is_given_back() {
    if !can_mount() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let server = with_small_disk(group("threads=4 request-buffer=16777216"), place.path())
        .expect_log("^WSGI1132.*No space left on device")
        .start();
    const MEBIBYTE: usize = 1 << 20;
    // More than the disk holds, if only one were left there.
    for length in [0, 1, 65_536, MEBIBYTE, MEBIBYTE + 40_000, MEBIBYTE + 40_000] {
        let response = posted(&server, length);
        assert!(response.text().starts_with(&format!("{length} ")), "{response:?}");
    }
    let child = server.children();
    for _ in 0..5 {
        let response = posted(&server, 4 * MEBIBYTE);
        assert_error_page(&response, 503);
        assert!(response.header("Retry-After").is_some(), "{response:?}");
        let response = posted(&server, MEBIBYTE + 40_000);
        assert_eq!(response.status, 200, "the room of the body before is not free");
    }
    let left = format!("/proc/{}/root{}", child[0], place.path().display());
    assert_eq!(fs::read_dir(left).expect("the child sees it").count(), 0);
    assert_eq!(server.children(), child, "no child has died");
    server.finish();
}

#[test]
fn f20_a_directory_for_bodies_that_cannot_be_written_is_told_of_and_small_bodies_go_on() {
    let place = tempfile::tempdir().expect("a directory");
    let missing = place.path().join("missing");
    let server = group("threads=2 request-buffer=16777216")
        .env("TMPDIR", &missing.display().to_string())
        .expect_log(&format!("^WSGI1132.*'{}'.*No such file", missing.display()))
        .start();
    assert_error_page(&posted(&server, 4 << 20), 503);
    assert_eq!(posted(&server, 100_000).status, 200);
    server.finish();
}

/// Without `request-buffer=` a body is passed on as it comes and needs no disk.
#[test]
fn f20_a_body_that_is_passed_on_needs_no_disk() {
    if !can_mount() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let server = with_small_disk(group("threads=4"), place.path()).start();
    let response = posted(&server, 16 << 20);
    assert!(response.text().starts_with("16777216 "), "{response:?}");
    server.finish();
}

/// The lowest number that no descriptor of a process has.
fn lowest_free(pid: u32) -> u64 {
    let numbers: Vec<u64> = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it runs")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    (0..)
        .find(|number| !numbers.contains(number))
        .expect("one is free")
}

/// Lets a process open nothing more; the limit before.
fn take_descriptors(pid: u32) -> u64 {
    process::set_limit(pid, Limit::Descriptors, lowest_free(pid)).expect("it runs")
}

fn give_back(pid: u32, limit: Limit, before: u64) {
    process::set_limit(pid, limit, before).expect("it runs");
}

/// Processor time that a process uses up in a second and a half.
fn busy(pid: u32) -> Duration {
    let before = process::processor_time(pid).expect("it runs");
    thread::sleep(Duration::from_millis(1_500));
    process::processor_time(pid).expect("it runs") - before
}

/// Less than that is no loop.
const IDLE: Duration = Duration::from_millis(300);

#[test]
fn f22_a_child_of_httpd_without_descriptors_answers_503_and_recovers() {
    let server = group("threads=4")
        .one_process()
        .file("htdocs/page.txt", "page")
        .config("Alias /page.txt ${HTDOCS}/page.txt")
        .expect_log("^WSGI0117.*Too many open files")
        .allow_log("Too many open files")
        .start();
    assert!(wait_until(Duration::from_secs(10), || {
        !server.logs_matching("takes requests").is_empty()
    }));
    // A connection that is there already, as this is not about httpd's own accept.
    let mut connection = server.connect();
    assert_eq!(connection.get("/page.txt").text(), "page");
    let child = server.children()[0];
    let before = take_descriptors(child);
    let response = connection.get("/pid");
    assert_error_page(&response, 503);
    assert!(response.header("Retry-After").is_some(), "{response:?}");
    let used = busy(child);
    assert!(used < IDLE, "{used:?} in 1.5 s");
    give_back(child, Limit::Descriptors, before);
    assert_eq!(server.get("/pid").status, 200);
    assert_eq!(server.children(), [child]);
    server.finish();
}

/// A connection that cannot be accepted waits in the listener's queue; those that are open go on.
#[test]
fn f22_a_process_without_descriptors_goes_on_with_what_it_has_and_recovers() {
    let server = group("threads=4")
        .expect_log("^WSGI1128.*Too many open files")
        .start();
    let worker = pid(&server);
    let before = take_descriptors(worker);
    thread::scope(|scope| {
        let kept = scope.spawn(|| server.get("/sleeps?for=1"));
        server.wait_for_log("asleep in");
        let waits = scope.spawn(|| {
            let start = Instant::now();
            (server.get("/pid"), start.elapsed())
        });
        server.wait_for_log("^WSGI1128");
        let used = busy(worker);
        assert!(used < IDLE, "{used:?} in 1.5 s");
        assert_eq!(kept.join().expect("an answer").status, 200);
        // Over the connection that is free now.
        assert_eq!(server.get("/pid").text(), worker.to_string());
        assert!(!waits.is_finished(), "it cannot have been accepted");
        give_back(worker, Limit::Descriptors, before);
        let (response, taken) = waits.join().expect("an answer");
        assert_eq!(response.text(), worker.to_string());
        println!("accepted and answered after {taken:?}");
        assert!(taken < Duration::from_secs(6), "{taken:?}");
    });
    let told = server.logs_matching("^WSGI1128").len();
    assert!(told <= 6, "told {told} times");
    server.finish();
}

/// Kills one process of two while the supervisor lacks something; the other serves, and a successor comes when the
/// supervisor has what it needs.
fn lacking(server: &Server, limit: Limit, soft: u64, says: &str) {
    let _ = pid(server);
    let supervisor = server.supervisor().expect("a supervisor");
    let before = process::set_limit(supervisor, limit, soft).expect("it runs");
    let victim = server.workers()[0];
    process::signal(victim, SIGKILL).expect("it runs");
    server.wait_for_log(says);
    for _ in 0..50 {
        let other = pid(server);
        assert_ne!(other, victim);
        assert_eq!(server.workers(), [other], "one serves");
    }
    let used = busy(supervisor);
    assert!(used < IDLE, "{used:?} in 1.5 s");
    let told = server.logs_matching(says).len();
    assert!(told <= 6, "told {told} times");
    give_back(supervisor, limit, before);
    // The pauses between tries have grown to a few seconds at most by now.
    let healed = wait_until(Duration::from_secs(20), || {
        let _ = pid(server);
        server.workers().len() == 2
    });
    assert!(healed, "no successor");
}

#[test]
fn f22_a_supervisor_without_descriptors_goes_on_and_recovers() {
    let server = group("processes=2 threads=2")
        .allow_log("^WSGI(1101|1103|1105|0146)")
        .start();
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 2));
    let free = lowest_free(server.supervisor().expect("a supervisor"));
    lacking(
        &server,
        Limit::Descriptors,
        free,
        "^WSGI1101.*Too many open files",
    );
    server.finish();
}

/// A restart hands descriptors to a supervisor that can take none: what serves goes on serving.
#[test]
fn f22_a_restart_does_no_harm_while_the_supervisor_has_no_descriptors() {
    let server = group("processes=1 threads=2").allow_log("^WSGI|^AH").start();
    let old = pid(&server);
    let supervisor = server.supervisor().expect("a supervisor");
    let before = take_descriptors(supervisor);
    server.graceful();
    let served = (0..20).filter(|_| server.get("/pid").status == 200).count();
    assert_eq!(served, 20);
    if process::exists(supervisor) {
        give_back(supervisor, Limit::Descriptors, before);
    }
    server.graceful();
    super::replaced(&server, old, Duration::from_secs(40));
    server.finish();
}

/// `setresuid` of a user with too many processes succeeds since Linux 3.1, and the start of the program fails: nothing
/// runs as root instead.
#[test]
fn f23_a_user_without_processes_keeps_those_it_has_and_recovers() {
    let server = group("processes=2 threads=2")
        .allow_log("^WSGI(1101|1103|1105|0146)")
        .start();
    assert!(wait_until(Duration::from_secs(10), || server.workers().len() == 2));
    let says = "^WSGI1101.*Resource temporarily unavailable";
    lacking(&server, Limit::Processes, 1, says);
    server.finish();
}

/// An account that nothing else runs under, so that its processes can be counted.
const USER: &str = "bin";

#[test]
fn f23_a_process_that_gets_no_threads_is_none_and_the_group_recovers() {
    if !is_root() {
        return;
    }
    let server = group(&format!("threads=6 user={USER} group={USER} connect-timeout=1"))
        .allow_log("^WSGI(1101|1103|1104|1105|1121|0116|1134)")
        .start();
    let old = pid(&server);
    let supervisor = server.supervisor().expect("a supervisor");
    // The process, its control thread and one more.
    let before = process::set_limit(supervisor, Limit::Processes, 3).expect("it runs");
    process::signal(old, SIGKILL).expect("it runs");
    server.wait_for_log(
        "threads? could not be started: Resource temporarily unavailable|control thread: Resource",
    );
    assert_error_page(&server.get("/pid"), 503);
    give_back(supervisor, Limit::Processes, before);
    let healed = wait_until(Duration::from_secs(20), || server.get("/pid").status == 200);
    assert!(healed, "it does not recover");
    server.finish();
}

/// Bytes of address space that a process has.
fn address_space(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).expect("it runs");
    let pages: u64 = text
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .expect("a number");
    pages * 4096
}

/// What a client sends or asks for is passed on in pieces: it does not matter how much of it there is.
#[test]
fn f24_a_child_of_httpd_that_is_out_of_memory_passes_large_bodies_on() {
    let server = group("threads=2 request-buffer=134217728").one_process().start();
    let _ = pid(&server);
    assert_eq!(posted(&server, 100_000).status, 200);
    let child = server.children()[0];
    let before =
        process::set_limit(child, Limit::AddressSpace, address_space(child) + (8 << 20)).expect("it runs");
    const LENGTH: usize = 32 << 20;
    let response = posted(&server, LENGTH);
    assert!(response.text().starts_with(&format!("{LENGTH} ")), "{response:?}");
    let response = server.get(&format!("/body?length={LENGTH}&piece=1000000"));
    assert!(
        response.complete && response.body.len() == LENGTH,
        "{} bytes",
        response.body.len()
    );
    give_back(child, Limit::AddressSpace, before);
    assert_eq!(server.children(), [child], "the child has died");
    server.finish();
}

/// What an application wants at once and cannot have is its `MemoryError`.
#[test]
fn f24_a_process_that_is_out_of_memory_answers_500_and_goes_on() {
    let server = group("threads=2").expect_exception("MemoryError").start();
    let worker = pid(&server);
    let before =
        process::set_limit(worker, Limit::AddressSpace, address_space(worker) + (32 << 20)).expect("it runs");
    let all_at_once = server
        .request("POST", "/digest?size=-1")
        .body("x".repeat(128 << 20))
        .send();
    assert_error_page(&all_at_once, 500);
    assert_error_page(&server.get("/body?length=134217728"), 500);
    give_back(worker, Limit::AddressSpace, before);
    assert_eq!(pid(&server), worker, "the process has died");
    server.finish();
}
