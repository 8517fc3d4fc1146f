use super::stub::head_and;
use super::*;
use crate::fcgi::record::{self, Kind, ProtocolStatus};
use crate::gateway::BodyLength::None as NoBody;
use crate::gateway::wire::LogEntry;
use crate::gateway::{Code, Level, Origin};

/// Answers each request of a site with these bytes as STDOUT, then this status.
fn answering(
    stdout: &[u8],
    app_status: u32,
    change: impl FnOnce(&mut crate::config::daemon_group::DaemonOptions),
) -> Site {
    let site = Site::new(1, change);
    let stdout = stdout.to_vec();
    site.stub(0, move |stub| {
        while stub.read() {
            if !stdout.is_empty() {
                stub.stdout(&stdout);
            }
            stub.end(app_status);
        }
    });
    site
}

fn outcome(stdout: &[u8], app_status: u32) -> (Verdict, Visitor) {
    answering(stdout, app_status, |_| {}).get()
}

#[test]
fn a_worker_that_refuses_says_with_which_status() {
    for status in [404, 500, 503, 504] {
        let (verdict, visitor) = outcome(b"", status);
        assert_eq!(
            (verdict, visitor.log.len()),
            (Verdict::Fail(u16::try_from(status).expect("small")), 0)
        );
    }
}

#[test]
fn no_response_at_all_is_a_bad_gateway() {
    for status in [0, 1, 200, 399, 600, u32::MAX] {
        let (verdict, visitor) = outcome(b"", status);
        assert_eq!(
            (verdict, visitor.codes()),
            (Verdict::Fail(502), vec!["WSGI1137"]),
            "{status}"
        );
    }
}

#[test]
fn a_response_that_the_application_broke_off_is_broken_off() {
    let (verdict, visitor) = outcome(&head_and(b"half"), 1);
    assert_eq!(
        (verdict, visitor.response()),
        (Verdict::BreakOff, b"half".to_vec())
    );
    assert!(visitor.log.is_empty());
}

#[test]
fn a_response_shorter_than_declared_is_broken_off_and_a_longer_one_is_cut() {
    let (verdict, visitor) = outcome(b"Status: 200 OK\r\nContent-Length: 5\r\n\r\nhalf", 0);
    assert_eq!((verdict, visitor.codes()), (Verdict::BreakOff, vec!["WSGI1005"]));
    let (verdict, visitor) = outcome(b"Status: 200 OK\r\nContent-Length: 3\r\n\r\nlong", 0);
    assert_eq!(
        (verdict, visitor.response()),
        (Verdict::Complete, b"lon".to_vec())
    );
}

#[test]
fn a_status_without_a_body_has_none() {
    let (verdict, visitor) = outcome(b"Status: 304 Not Modified\r\nContent-Length: 5\r\n\r\nabc", 0);
    assert_eq!(
        (verdict, visitor.status, visitor.response()),
        (Verdict::Complete, 304, Vec::new())
    );
    let site = answering(b"Status: 200 OK\r\nContent-Length: 5\r\n\r\n", 0, |_| {});
    let mut visitor = Visitor {
        is_head: true,
        ..Visitor::default()
    };
    assert_eq!(site.run(&mut visitor, NoBody), Verdict::Complete);
}

#[test]
fn httpd_answers_errors_where_it_is_told_to() {
    let site = answering(b"Status: 404 Not Found\r\n\r\nown page", 0, |_| {});
    let mut visitor = Visitor {
        replaces_errors: true,
        ..Visitor::default()
    };
    assert_eq!(site.run(&mut visitor, NoBody), Verdict::Replace(404));
    assert!(visitor.response().is_empty());
    let (verdict, visitor) = site.get();
    assert_eq!(
        (verdict, visitor.response()),
        (Verdict::Complete, b"own page".to_vec())
    );
}

#[test]
fn heads_are_read_up_to_the_limit_of_a_line() {
    for (length, fits) in [
        (8191, true),
        (8192, true),
        (8193, false),
        (32_768, false),
        (65_536, false),
        (1 << 20, false),
    ] {
        let line = format!("X-Long: {}", "v".repeat(length - "X-Long: ".len()));
        let head = format!("Status: 200 OK\r\n{line}\r\n\r\nbody");
        let site = answering(head.as_bytes(), 0, |options| options.header_buffer_size = 8192);
        let (verdict, visitor) = site.get();
        if fits {
            assert_eq!(
                (verdict, visitor.response()),
                (Verdict::Complete, b"body".to_vec()),
                "{length}"
            );
        } else {
            assert_eq!(
                (verdict, visitor.codes()),
                (Verdict::Fail(500), vec!["WSGI0144"]),
                "{length}"
            );
        }
        assert_eq!(site.held(), 0);
    }
}

#[test]
fn a_malformed_head_is_refused() {
    for head in [
        &b"no status\r\n\r\n"[..],
        b"Status: 200 OK\r\nno colon\r\n\r\n",
        b"Status: 99 No\r\n\r\n",
        b"\r\n",
        b"X: y\r\n\r\n",
    ] {
        let (verdict, visitor) = outcome(head, 0);
        assert_eq!((verdict, visitor.codes()), (Verdict::Fail(500), vec!["WSGI0148"]));
    }
}

#[test]
fn log_lines_reach_the_log_of_the_request_in_order() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        stub.read();
        let mut frames = Vec::new();
        let origin = Some(Origin {
            file: b"a.py",
            line: 3,
        });
        LogEntry {
            level: Level::Warning,
            code: None,
            origin,
            text: b"from code",
        }
        .push(&mut frames);
        LogEntry {
            level: Level::Error,
            code: Some(Code::APPLICATION_RAISED.number()),
            origin: None,
            text: b"raised",
        }
        .push(&mut frames);
        let mut out = Vec::new();
        for piece in frames.chunks(7) {
            record::push(&mut out, Kind::Stderr, stub.id, piece);
        }
        stub.send(&out);
        stub.end(500);
    });
    let (verdict, visitor) = site.get();
    assert_eq!(verdict, Verdict::Fail(500));
    assert_eq!(visitor.log, ["Warning a.py:3: from code", "WSGI0174: raised"]);
}

#[test]
fn log_lines_that_are_none_are_a_fault() {
    let site = Site::new(1, |_| {});
    site.stub(0, |stub| {
        stub.read();
        let mut out = Vec::new();
        record::push(&mut out, Kind::Stderr, stub.id, b"plain text");
        record::push_end(&mut out, stub.id, 0, ProtocolStatus::RequestComplete);
        stub.send(&out);
    });
    let (verdict, visitor) = site.get();
    assert_eq!((verdict, visitor.codes()), (Verdict::Fail(502), vec!["WSGI1130"]));
}
