//! Files that workers hand over.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use tempfile::NamedTempFile;

use super::stub::{Stub, head_and};
use super::*;
use crate::config::daemon_group::DaemonOptions;
use crate::fcgi::record::{self, Kind, ProtocolStatus};
use crate::gateway::BodyLength::None as NoBody;

const HEAD: &[u8] = b"Status: 200 OK\r\nContent-Length: 10\r\n\r\n";

/// A file with ten bytes, the digits.
fn digits() -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("made");
    file.write_all(b"0123456789").expect("written");
    file
}

/// How many descriptors of this process are for the file.
fn open_at(path: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").expect("readable");
    descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target == path)
        .count()
}

/// Waits for the worker's thread to be done, after which one descriptor of the file is left: the test's, or the
/// worker's own.
#[track_caller]
fn assert_one_is_open(path: &Path) {
    let begin = Instant::now();
    while open_at(path) != 1 {
        assert!(begin.elapsed() < LONG, "{} are open", open_at(path));
        thread::yield_now();
    }
}

/// What a worker sends: STDOUT, then records of ranges of files, then the end.
fn records(id: u16, stdout: &[u8], ranges: &[(u64, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    if !stdout.is_empty() {
        record::push(&mut out, Kind::Stdout, id, stdout);
    }
    for (offset, length) in ranges {
        record::push_file(&mut out, id, *offset, *length);
    }
    record::push_end(&mut out, id, 0, ProtocolStatus::RequestComplete);
    out
}

/// A site whose worker answers each request in this way.
fn site(
    change: impl FnOnce(&mut DaemonOptions),
    answer: impl Fn(&mut Stub) -> bool + Send + Sync + 'static,
) -> Site {
    let site = Site::new(1, change);
    site.stub(0, move |stub| {
        while stub.read() {
            stub.start();
            stub.finish();
            if !answer(stub) {
                return;
            }
        }
    });
    site
}

/// What comes of this STDOUT, these ranges and these descriptors.
fn outcome(stdout: &[u8], ranges: &[(u64, u64)], descriptors: Vec<OwnedFd>) -> (Verdict, Visitor) {
    let (stdout, ranges) = (stdout.to_vec(), ranges.to_vec());
    let descriptors = std::sync::Mutex::new(descriptors);
    let site = site(
        |_| {},
        move |stub| {
            let descriptors = std::mem::take(&mut *descriptors.lock().expect("one at a time"));
            let beside: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
            stub.send_beside(&records(stub.id, &stdout, &ranges), &beside)
        },
    );
    let result = site.get();
    site.wait_until_free();
    result
}

#[test]
fn a_file_is_a_part_of_the_body_and_closed_with_it() {
    let file = digits();
    let path = file.path().to_owned();
    let site = site(
        |_| {},
        move |stub| {
            let bytes = records(stub.id, &head_and(b"before "), &[(2, 7)]);
            stub.send_beside(&bytes, &[file.as_file().as_fd()])
        },
    );
    for _ in 0..3 {
        let (verdict, visitor) = site.get();
        assert_eq!((verdict, visitor.files), (Verdict::Complete, 1));
        assert_eq!(visitor.response(), b"before 2345678");
        assert_eq!((visitor.flushes, site.held()), (0, 0), "the worker is free");
    }
    assert_one_is_open(&path);
}

#[test]
fn a_worker_is_told_that_it_may_hand_files_over_until_one_cannot_be_taken() {
    let file = digits();
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let site = site(
        |_| {},
        move |stub| {
            let plan = stub.params.iter().find(|(name, _)| name == "mod_wsgi.x-plan");
            let (name, value) = plan.expect("a plan");
            let mut plan = crate::gateway::wire::RequestPlan::default();
            assert!(plan.take(name.as_bytes(), value));
            tell.lock().expect("alone").send(plan.takes_files).expect("heard");
            let bytes = records(stub.id, &head_and(b""), &[(0, 10)]);
            let own = file.as_file().as_fd();
            if plan.takes_files {
                // As many as a process can take that has no room.
                stub.send_beside(&bytes, &[own, own])
            } else {
                stub.answer(b"copied")
            }
        },
    );
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Fail(502), vec!["WSGI1138"]));
    let (verdict, visitor) = site.get();
    assert_eq!(
        (verdict, visitor.response()),
        (Verdict::Complete, b"copied".to_vec())
    );
    assert_eq!(told.iter().take(2).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn what_httpd_cannot_take_over_is_broken_off_and_others_are_copied() {
    let file = digits();
    let site = site(
        |_| {},
        move |stub| {
            let bytes = records(stub.id, &head_and(b""), &[(0, 10)]);
            stub.send_beside(&bytes, &[file.as_file().as_fd()])
        },
    );
    let mut visitor = Visitor {
        refuses_files: true,
        ..Visitor::default()
    };
    assert_eq!(site.run(&mut visitor, NoBody), Verdict::BreakOff);
    assert_eq!(visitor.codes(), ["WSGI1138"]);
    assert!(!site.group().takes_files());
}

#[test]
fn records_and_descriptors_that_do_not_match_break_the_response_off() {
    let file = digits();
    let own = || OwnedFd::from(file.reopen().expect("opened"));
    type Case<'a> = (&'a str, &'a [u8], &'a [(u64, u64)], Vec<OwnedFd>);
    let cases: [Case<'_>; 7] = [
        ("no descriptor", HEAD, &[(0, 10)], vec![]),
        ("no record", HEAD, &[], vec![own()]),
        ("a second record", HEAD, &[(0, 5), (5, 5)], vec![own()]),
        ("beyond the end", HEAD, &[(1, 10)], vec![own()]),
        ("far beyond the end", HEAD, &[(0, u64::MAX)], vec![own()]),
        ("a length that comes round", HEAD, &[(u64::MAX, 11)], vec![own()]),
        ("no head", b"", &[(0, 10)], vec![own()]),
    ];
    for (name, stdout, ranges, descriptors) in cases {
        let (verdict, visitor) = outcome(stdout, ranges, descriptors);
        let expected = if stdout.is_empty() {
            Verdict::Fail(502)
        } else {
            Verdict::BreakOff
        };
        assert_eq!(
            (verdict, visitor.codes()),
            (expected, vec!["WSGI1138"]),
            "{name}: {:?}",
            visitor.log
        );
        assert!(visitor.response().len() <= 5, "{name}");
    }
    assert_one_is_open(file.path());
}

#[test]
fn more_descriptors_than_told_are_closed() {
    let file = digits();
    let descriptors = (0..10).map(|_| OwnedFd::from(file.reopen().expect("opened")));
    let (verdict, visitor) = outcome(HEAD, &[(0, 10)], descriptors.collect());
    assert_eq!((verdict, visitor.codes()), (Verdict::Fail(502), vec!["WSGI1138"]));
    assert_one_is_open(file.path());
}

#[test]
fn what_is_no_readable_regular_file_is_refused() {
    let file = digits();
    let open = |options: &mut OpenOptions| OwnedFd::from(options.open(file.path()).expect("opened"));
    let (pipe, _writer) = std::io::pipe().expect("made");
    let (socket, mut other_end) = UnixStream::pair().expect("a pair");
    let cases: [(&str, OwnedFd); 6] = [
        ("no regular one", pipe.into()),
        ("no regular one", socket.into()),
        ("no regular one", File::open("/").expect("opens").into()),
        ("no regular one", File::open("/dev/zero").expect("opens").into()),
        ("not open for reading", open(OpenOptions::new().write(true))),
        (
            "not open for reading",
            open(OpenOptions::new().read(true).custom_flags(O_PATH)),
        ),
    ];
    for (reason, descriptor) in cases {
        let (verdict, visitor) = outcome(HEAD, &[(0, 10)], vec![descriptor]);
        assert_eq!((verdict, visitor.codes()), (Verdict::BreakOff, vec!["WSGI1138"]));
        assert!(visitor.log[0].contains(reason), "{:?}", visitor.log);
        assert_eq!(visitor.files, 0);
    }
    assert_eq!(other_end.read(&mut [0]).ok(), Some(0), "it is closed");
}

/// What Linux calls a descriptor that only names its file.
const O_PATH: i32 = 0o10_000_000;

#[test]
fn a_file_is_counted_against_the_declared_length() {
    let file = digits();
    let own = || vec![OwnedFd::from(file.reopen().expect("opened"))];
    let shorter = b"Status: 200 OK\r\nContent-Length: 4\r\n\r\n";
    let (verdict, visitor) = outcome(shorter, &[(3, 7)], own());
    assert_eq!(
        (verdict, visitor.response()),
        (Verdict::Complete, b"3456".to_vec())
    );
    let (verdict, visitor) = outcome(HEAD, &[(3, 7)], own());
    assert_eq!((verdict, visitor.codes()), (Verdict::BreakOff, vec!["WSGI1005"]));
    let (verdict, visitor) = outcome(b"Status: 304 Not Modified\r\n\r\n", &[(3, 7)], own());
    assert_eq!((verdict, visitor.files), (Verdict::Complete, 0));
}

#[test]
fn a_response_that_is_replaced_or_of_a_worker_that_is_lost_leaves_nothing_open() {
    let file = digits();
    let path = file.path().to_owned();
    let site = site(
        |_| {},
        move |stub| {
            let stdout = b"Status: 404 Not Found\r\n\r\n";
            let mut bytes = records(stub.id, stdout, &[(0, 10)]);
            let is_lost = stub.body == b"lost";
            if is_lost {
                bytes.truncate(20);
                let position = stub.board().position(0).expect("exists");
                position.bury(crate::scoreboard::Death::Exited(9), b"");
            }
            stub.send_beside(&bytes, &[file.as_file().as_fd()]) && !is_lost
        },
    );
    let mut visitor = Visitor {
        replaces_errors: true,
        ..Visitor::default()
    };
    assert_eq!(site.run(&mut visitor, NoBody), Verdict::Replace(404));
    assert_eq!(visitor.files, 0);
    assert_one_is_open(&path);
    let mut visitor = Visitor::with_body(&[b"lost"]);
    let verdict = site.run(&mut visitor, crate::gateway::BodyLength::Known(4));
    assert_eq!((verdict, visitor.codes()), (Verdict::Fail(502), vec!["WSGI0146"]));
    assert_one_is_open(&path);
}

#[test]
fn a_connection_that_handed_a_file_over_is_used_again() {
    let file = digits();
    let site = Site::new(1, |_| {});
    let connections = site.stub(0, move |stub| {
        while stub.read() {
            let bytes = records(stub.id, HEAD, &[(0, 10)]);
            stub.send_beside(&bytes, &[file.as_file().as_fd()]);
        }
    });
    for _ in 0..5 {
        assert_eq!(site.get().1.response(), b"0123456789");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
