use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::stub::head_and;
use super::*;
use crate::fcgi::record::{self, Header, Kind, ProtocolStatus};
use crate::gateway::Head;
use crate::gateway::Level;
use crate::gateway::wire::LogEntry;
use crate::pool::answer::Answer;
use crate::sys::stream::Beside;

const ID: u16 = 1;

/// The file that a whole answer hands over.
fn file() -> File {
    static FILE: OnceLock<File> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let mut file = tempfile::tempfile().expect("made");
        file.write_all(b"not sent, a file").expect("written");
        file
    });
    file.try_clone().expect("copied")
}

const BODY: &[u8] = b"the body of the response, a file";

/// A whole answer: log line, head and body in several records, a file, and the end.
fn answer() -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = Vec::new();
    LogEntry {
        level: Level::Error,
        code: None,
        origin: None,
        text: b"line",
    }
    .push(&mut frame);
    record::push(&mut out, Kind::Stderr, ID, &frame);
    for piece in head_and(b"the body of the response").chunks(13) {
        record::push(&mut out, Kind::Stdout, ID, piece);
    }
    record::push_file(&mut out, ID, 8, 8);
    record::push(&mut out, Kind::Stdout, ID, b"");
    record::push_end(&mut out, ID, 0, ProtocolStatus::RequestComplete);
    out
}

/// Reads an answer in pieces of this size. The body, if it came to an end.
fn read(bytes: &[u8], piece: usize) -> Option<Vec<u8>> {
    let mut head = Head::default();
    let mut answer = Answer::new(ID, 32 << 10, true, &mut head);
    let mut beside = Beside {
        descriptor: Some(file().into()),
        has_lost: false,
    };
    let mut visitor = Visitor::default();
    for piece in bytes.chunks(piece.max(1)) {
        match answer.feed(piece, &mut beside, &mut visitor) {
            Ok(None) => {}
            Ok(Some(_)) => return answer.has_head().then(|| visitor.response()),
            Err(_) => return None,
        }
    }
    None
}

#[test]
fn an_answer_cut_anywhere_is_the_same_answer() {
    let whole = answer();
    for piece in 1..=whole.len() {
        assert_eq!(read(&whole, piece).as_deref(), Some(BODY), "{piece}");
    }
    for end in 0..whole.len() {
        assert_eq!(read(&whole[..end], 9), None, "{end}");
    }
}

#[test]
fn a_hundred_thousand_damaged_answers_do_no_harm() {
    let whole = answer();
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % 1_000_003).expect("small")
    };
    let mut complete = 0;
    for _ in 0..100_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next() % 4 {
            let at = next() % bytes.len();
            match next() % 4 {
                0 => bytes[at] ^= 1 << (next() % 8),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, u8::try_from(next() % 256).expect("a byte")),
                _ => drop(bytes.drain(at..(at + next() % 20).min(bytes.len() - 1).max(at))),
            }
        }
        complete += usize::from(read(&bytes, 1 + next() % bytes.len()).is_some());
    }
    assert!((1..100_000).contains(&complete), "{complete}");
}

proptest! {
    #[test]
    fn random_bytes_are_no_answer(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1_usize..50) {
        let _ = read(&bytes, piece);
    }
}

/// What a request gets whose worker sends these bytes and then closes the connection.
fn outcome(bytes: &[u8]) -> (Verdict, Visitor) {
    outcome_beside(bytes, None)
}

/// The same with a descriptor beside the bytes.
fn outcome_beside(bytes: &[u8], descriptor: Option<File>) -> (Verdict, Visitor) {
    let site = Site::new(1, |_| {});
    let bytes = bytes.to_vec();
    let connections = site.stub(0, move |stub| {
        if stub.read() {
            stub.start();
            stub.send_beside(&bytes, descriptor.as_ref().map(AsFd::as_fd).as_slice());
            stub.finish();
        }
        let position = stub.board().position(0).expect("exists");
        position.bury(crate::scoreboard::Death::Exited(9), b"");
        crate::sys::futex::wake(position.dead_instance_word());
    });
    let (verdict, visitor) = site.get();
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1);
    site.wait_until_free();
    (verdict, visitor)
}

fn record_of(header: Header, content: &[u8]) -> Vec<u8> {
    let mut out = header.bytes().to_vec();
    out.extend_from_slice(content);
    out
}

#[test]
fn what_is_no_answer_is_a_bad_gateway() {
    let stdout = |id: u16, content: &[u8]| {
        let mut out = Vec::new();
        record::push(&mut out, Kind::Stdout, id, content);
        out
    };
    let plain = Header {
        kind: Kind::EndRequest as u8,
        id: ID,
        length: 7,
        padding: 0,
    };
    let cases: [(&str, Vec<u8>); 6] = [
        ("another request's", stdout(2, &head_and(b"x"))),
        ("not FastCGI", b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        ("a record of a server's", {
            let mut out = Vec::new();
            record::push(&mut out, Kind::Params, ID, b"x");
            out
        }),
        ("an end of the wrong length", record_of(plain, &[0; 7])),
        (
            "output after its end",
            [stdout(ID, b""), stdout(ID, b"x")].concat(),
        ),
        ("a flood of management", {
            let mut out = Vec::new();
            (0..100).for_each(|_| record::push(&mut out, Kind::UnknownType, 0, &[0; 8]));
            out
        }),
    ];
    for (name, bytes) in cases {
        let (verdict, visitor) = outcome(&bytes);
        assert_eq!(
            (verdict, visitor.codes()),
            (Verdict::Fail(502), vec!["WSGI1130"]),
            "{name}"
        );
    }
}

#[test]
fn an_answer_without_an_end_is_a_lost_worker() {
    let whole = answer();
    for length in [0, 1, 8, 20, whole.len() - 1] {
        let (verdict, visitor) = outcome_beside(&whole[..length], Some(file()));
        // The last of them has its head.
        let expected = if length < 30 {
            Verdict::Fail(502)
        } else {
            Verdict::BreakOff
        };
        assert_eq!(verdict, expected, "{length}");
        let last = visitor.log.last().expect("a line");
        assert!(
            last.starts_with("WSGI0146: ") && last.ends_with("exited with status 9"),
            "{last}"
        );
    }
}

#[test]
fn padding_and_empty_records_of_any_size_mean_nothing() {
    let mut out = Vec::new();
    for padding in [0, 1, 255] {
        let log = Header {
            kind: Kind::UnknownType as u8,
            id: 0,
            length: 0,
            padding,
        };
        out.extend(record_of(log, &vec![7; usize::from(padding)]));
    }
    let content = head_and(&vec![b'x'; 65_535 - head_and(b"").len()]);
    let largest = Header {
        kind: Kind::Stdout as u8,
        id: ID,
        length: 65_535,
        padding: 255,
    };
    out.extend(record_of(largest, &content));
    out.extend([0; 255]);
    record::push_end(&mut out, ID, 0, ProtocolStatus::RequestComplete);
    let (verdict, visitor) = outcome(&out);
    assert_eq!(
        (verdict, visitor.response().len()),
        (Verdict::Complete, 65_535 - head_and(b"").len())
    );
}

#[test]
fn a_second_end_does_not_reach_the_next_request() {
    let mut out = answer();
    record::push_end(&mut out, ID, 0, ProtocolStatus::RequestComplete);
    let (verdict, visitor) = outcome_beside(&out, Some(file()));
    assert_eq!((verdict, visitor.response()), (Verdict::Complete, BODY.to_vec()));
}
