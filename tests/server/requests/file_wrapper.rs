//! `wsgi.file_wrapper`: files go out as files, everything else is read.

use std::time::Duration;

use super::{GROUPS, assert_error_page, mode, mounted};
use rwsgi_harness::{Builder, Framing, Response, Server, process, wait_until};

/// What the file holds: large enough for several buffers.
fn content() -> String {
    (0..40_000).map(|number| format!("{number:06}\n")).collect()
}

/// What a file holds that is larger than what sockets hold.
fn large() -> String {
    (0..3_500_000).map(|number| format!("{number:07}\n")).collect()
}

/// The same server with such a file.
fn with_large() -> Builder {
    builder()
        .file("data/large.bin", large())
        .config("SetEnv file.large ${ROOT}/data/large.bin")
}

/// How many descriptors of files there are in httpd's processes and those that run applications.
fn open_files(server: &Server) -> usize {
    let pids = server.children().into_iter().chain(server.workers());
    pids.flat_map(process::descriptors)
        .filter(|target| target.ends_with(".bin"))
        .count()
}

#[track_caller]
fn assert_all_closed(server: &Server) {
    let closed = wait_until(Duration::from_secs(10), || open_files(server) == 0);
    assert!(closed, "{} descriptors are left", open_files(server));
}

fn builder() -> Builder {
    mounted("file_wrapper_cases.py")
        .file("data/file.bin", content())
        .file("data/empty.bin", "")
        .config("SetEnv file.path ${ROOT}/data/file.bin\nEnableSendfile On\nEnableMMAP Off")
        .config("<Location /sub>\nWSGIEnableSendfile On\n</Location>")
}

/// The same complete response in both interpreters, one of which may use sendfile.
#[track_caller]
fn sends(case: &str) -> Response {
    // However long a part of the body has to wait for the rest, as on a busy machine.
    let server = mode()
        .with_options(builder(), "response-flush-delay=60000")
        .start();
    let [main, sub] = GROUPS.map(|group| {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/{case}"));
        assert_eq!((response.status, response.complete), (200, true), "{response:?}");
        let next = connection.get(&format!("{group}/bytes_io"));
        assert_eq!(next.text(), "from memory", "the next response must be in step");
        response
    });
    assert!(main.body == sub.body && main.framing == sub.framing);
    server.finish();
    sub
}

fn length(text: &str) -> Framing {
    Framing::Length(text.len() as u64)
}

#[test]
fn file_wrapper_whole_file_has_a_content_length() {
    let response = sends("whole");
    assert!(response.body == content().as_bytes());
    assert_eq!(response.framing, length(&content()));
}

#[test]
fn file_wrapper_starts_where_the_file_stands() {
    let response = sends("offset");
    assert!(response.body == content().as_bytes()[10..]);
    assert_eq!(response.framing, length(&content()[10..]));
}

#[test]
fn file_wrapper_believes_tell_not_the_descriptor() {
    assert!(sends("offset_after_buffered_read").body == content().as_bytes()[3..]);
}

#[test]
fn file_wrapper_at_the_end_of_the_file() {
    assert_eq!(sends("at_the_end").body, b"");
}

#[test]
fn file_wrapper_empty_file() {
    let server = builder()
        .config("SetEnv file.path ${ROOT}/data/empty.bin")
        .start();
    for group in GROUPS {
        let response = server.get(&format!("{group}/whole"));
        assert_eq!(
            (response.status, response.body.len(), response.complete),
            (200, 0, true)
        );
    }
    server.finish();
}

#[test]
fn file_wrapper_with_the_exact_length() {
    let response = sends("exact_length");
    assert!(response.body == content().as_bytes());
}

#[test]
fn file_wrapper_is_cut_at_a_shorter_length() {
    let server = builder().expect_log("WSGI1006").start();
    for group in GROUPS {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/shorter_length"));
        assert_eq!(
            (response.framing, response.body.as_slice()),
            (Framing::Length(5), &content().as_bytes()[..5])
        );
        assert_eq!(connection.get(&format!("{group}/bytes_io")).text(), "from memory");
    }
    server.finish();
}

#[test]
fn file_wrapper_shorter_than_its_length_closes() {
    let server = builder().expect_log("WSGI1005").start();
    for group in GROUPS {
        let mut connection = server.connect();
        connection.send_lossy(format!(
            "GET {group}/longer_length HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        connection.send_lossy(format!(
            "GET {group}/bytes_io HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        let response = connection.response();
        if response.status == 500 {
            continue;
        }
        assert!(!response.complete, "the next response was spliced into it");
        assert!(response.body == content().as_bytes());
        assert!(connection.closes_within(Duration::from_secs(5)));
    }
    server.finish();
}

#[test]
fn file_wrapper_head() {
    let server = builder().start();
    for group in GROUPS {
        let mut connection = server.connect();
        let response = server
            .request("HEAD", &format!("{group}/whole"))
            .send_on(&mut connection);
        let expected = content().len().to_string();
        assert_eq!(response.header("Content-Length"), Some(expected.as_str()));
        assert_eq!(connection.get(&format!("{group}/bytes_io")).text(), "from memory");
    }
    server.finish();
}

#[test]
fn file_wrapper_closes_the_file_once() {
    let server = builder().one_process().start();
    for group in GROUPS {
        server.get(&format!("{group}/whole_noted"));
        assert_eq!(server.get(&format!("{group}/events")).text(), "close");
    }
    server.finish();
}

#[test]
fn file_wrapper_without_a_descriptor_is_read_in_blocks() {
    let server = builder().one_process().start();
    for group in GROUPS {
        assert_eq!(
            server.get(&format!("{group}/without_descriptor")).text(),
            "0123456789"
        );
        let events = server.get(&format!("{group}/events")).text();
        assert_eq!(events, "read 4,read 4,read 4,read 4,close");
    }
    server.finish();
}

#[test]
fn file_wrapper_over_memory() {
    assert_eq!(sends("bytes_io").text(), "from memory");
}

#[test]
fn file_wrapper_over_a_pipe() {
    assert_eq!(sends("pipe").text(), "through a pipe");
}

#[test]
fn file_wrapper_subclass() {
    assert!(sends("subclass").body == content().as_bytes());
}

#[test]
fn file_wrapper_iterated_by_the_application() {
    assert_eq!(sends("iterated_by_the_application").text(), "0123|4567|89");
}

#[test]
fn file_wrapper_inside_another_iterable() {
    assert_eq!(sends("inside_another_iterable").text(), "wrapped");
}

#[test]
fn file_wrapper_after_write() {
    assert_eq!(sends("after_write").text(), "written first, then read");
    assert_eq!(sends("file_after_write").text(), "written first, 9999\n");
}

#[test]
fn file_wrapper_attributes() {
    assert_eq!(
        sends("attributes").text(),
        "[True, 8192, 7, 'ValueError', 'TypeError']"
    );
}

#[test]
fn file_wrapper_close_that_raises_is_swallowed() {
    assert_eq!(sends("close_raises").text(), "fine");
}

/// A 500 that leaks nothing, and this line in the log.
#[track_caller]
fn fails(case: &str, exception: &str) {
    let server = builder().expect_exception(exception).start();
    for group in GROUPS {
        let response = server.get(&format!("{group}/{case}"));
        assert_error_page(&response, 500);
        assert!(!response.text().contains("secret"));
    }
    server.finish();
}

#[test]
fn file_wrapper_closed_file() {
    fails("closed_file", "ValueError: ");
}

#[test]
fn file_wrapper_over_text() {
    fails("reads_text", "TypeError: ");
}

#[test]
fn file_wrapper_read_that_raises() {
    fails("read_raises", "ValueError: secret in read");
}

#[test]
fn file_wrapper_leaves_no_descriptor_open() {
    let server = builder().start();
    for _ in 0..20 {
        for group in GROUPS {
            assert!(server.get(&format!("{group}/whole")).complete);
        }
    }
    assert_all_closed(&server);
    server.finish();
}

#[test]
fn file_wrapper_over_a_slow_connection_is_whole_and_closed() {
    let server = with_large().start();
    let expected = large();
    for group in GROUPS {
        let mut connection = server.connect();
        for _ in 0..2 {
            let response = connection.get(&format!("{group}/large"));
            assert!(response.complete && response.body == expected.as_bytes());
        }
        // While the connection is kept.
        assert_all_closed(&server);
        assert_eq!(connection.get(&format!("{group}/bytes_io")).text(), "from memory");
    }
    server.finish();
}

#[test]
fn file_wrapper_whose_client_leaves_is_closed() {
    let server = with_large().start();
    for _ in 0..5 {
        for group in GROUPS {
            let mut connection = server.connect();
            connection
                .send(format!("GET {group}/large HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .expect("sent");
            connection.next_head().expect("the response begins");
            connection.reset();
        }
    }
    assert_all_closed(&server);
    server.finish();
}

#[test]
fn file_wrapper_over_a_file_that_is_deleted() {
    assert!(sends("deleted").body == content().as_bytes());
}

#[test]
fn file_wrapper_mapped_into_memory() {
    let server = builder().config("EnableMMAP On").start();
    for group in GROUPS {
        for (case, expected) in [("whole", &content()), ("offset", &content()[10..].to_owned())] {
            let response = server.get(&format!("{group}/{case}"));
            assert!(
                response.complete && response.body == expected.as_bytes(),
                "{case}"
            );
        }
    }
    server.finish();
}

#[test]
fn file_wrapper_in_ranges() {
    let server = builder().start();
    let content = content();
    for group in GROUPS {
        let mut connection = server.connect();
        let mut get = |range: &str| {
            let request = server.request("GET", &format!("{group}/whole"));
            request.header("Range", range).send_on(&mut connection)
        };
        let response = get("bytes=1000-200000");
        assert_eq!((response.status, response.complete), (206, true));
        assert!(response.body == content.as_bytes()[1000..=200_000]);
        let response = get("bytes=-7");
        assert_eq!(response.text(), content[content.len() - 7..]);
        let several = get("bytes=0-99999,150000-279999");
        assert_eq!((several.status, several.complete), (206, true));
        let text = several.text();
        assert!(text.contains(&content[..100_000]) && text.contains(&content[150_000..]));
    }
    server.finish();
}

/// An application may go on with a file while it is sent.
#[test]
fn file_wrapper_over_a_file_that_stays_open() {
    let server = with_large().one_process().start();
    let expected = large();
    for group in GROUPS {
        let ask = |position: usize| {
            let mut connection = server.connect();
            let target = format!("{group}/kept_open?{position}");
            connection
                .send(format!(
                    "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                ))
                .expect("sent");
            connection.next_head().expect("the response begins");
            (position, connection)
        };
        // Each has begun when the next one moves the position.
        let mut under_way: Vec<_> = [0, 8_000_000, 16_000_000].map(ask).into();
        for (position, connection) in &mut under_way {
            assert!(
                connection.rest() == expected.as_bytes()[*position..],
                "{position}"
            );
        }
        assert_eq!(server.get(&format!("{group}/close_kept")).text(), "closed");
    }
    server.finish();
}
