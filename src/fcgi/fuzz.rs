//! F-27: streams that were damaged on their way.

use super::client::{Answer, AnswerReader, push_abort, push_body, push_body_end, push_request};
use super::params::{Pairs, push_pair};
use super::record::{HEADER_LEN, Kind, ProtocolStatus, push, push_end, push_file};
use super::server::{Event, RequestReader};
use rwsgi_harness::Damage;

const MUTATIONS: usize = 100_000;
/// Variables of a damaged stream: enough for all that the whole one has.
const PARAMS_LIMIT: usize = 1024;

fn answer() -> Vec<u8> {
    let mut stream = Vec::new();
    push(
        &mut stream,
        Kind::Stdout,
        1,
        b"Status: 200 OK\r\nA: b\r\n\r\nhello",
    );
    push(&mut stream, Kind::Stderr, 1, b"a line\n");
    push(&mut stream, Kind::UnknownType, 0, &[99, 0, 0, 0, 0, 0, 0, 0]);
    push(&mut stream, Kind::Stdout, 1, &[b'x'; 100]);
    push_file(&mut stream, 1, 7, 1000);
    push(&mut stream, Kind::Stdout, 1, b"");
    push_end(&mut stream, 1, 0, ProtocolStatus::RequestComplete);
    stream
}

fn requests() -> Vec<u8> {
    let (mut stream, mut params, mut question) = (Vec::new(), Vec::new(), Vec::new());
    push_pair(&mut params, b"REQUEST_METHOD", b"POST");
    push_pair(&mut params, b"HTTP_COOKIE", &[b'c'; 200]);
    push_pair(&mut question, b"FCGI_MAX_REQS", b"");
    push(&mut stream, Kind::GetValues, 0, &question);
    push_request(&mut stream, 1, true, &params);
    push_body(&mut stream, 1, &[b'b'; 100]);
    push_request(&mut stream, 2, true, &params);
    push_body_end(&mut stream, 1);
    push_abort(&mut stream, 1);
    stream
}

/// The stream's length is how much content there can be.
fn read_answer(stream: &[u8], pieces: Vec<&[u8]>) -> bool {
    let (mut reader, mut content) = (AnswerReader::new(1, true), 0);
    for mut piece in pieces {
        loop {
            match reader.next(&mut piece) {
                Ok(Some(Answer::Stdout(text) | Answer::Stderr(text))) => content += text.len(),
                Ok(Some(Answer::File { .. })) => {}
                Ok(Some(Answer::End { .. })) => assert!(reader.is_finished()),
                Ok(None) => break,
                Err(fault) => {
                    assert!(!fault.to_string().is_empty());
                    return false;
                }
            }
        }
        assert!(piece.is_empty());
    }
    assert!(content <= stream.len().saturating_sub(HEADER_LEN));
    reader.is_finished()
}

fn read_requests(pieces: Vec<&[u8]>, reset: bool) -> bool {
    let (mut reader, mut replies, mut params) = (RequestReader::new(PARAMS_LIMIT), Vec::new(), 0);
    for mut piece in pieces {
        loop {
            match reader.next(&mut piece, &mut replies) {
                Ok(Some(Event::Params)) => params += Pairs::new(reader.params()).flatten().count(),
                Ok(Some(Event::StdinEnd | Event::Abort)) if reset => reader.reset(),
                Ok(Some(Event::Reply)) => {
                    assert!(
                        replies.len() >= HEADER_LEN && replies.len() < 200,
                        "{}",
                        replies.len()
                    );
                    replies.clear();
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(fault) => {
                    assert!(!fault.to_string().is_empty());
                    return false;
                }
            }
            assert!(reader.params().len() <= PARAMS_LIMIT);
        }
        assert!(piece.is_empty());
    }
    params == 2
}

#[test]
fn damaged_answers_are_read_or_refused() {
    let (whole, mut damage) = (answer(), Damage::new(0x2545_f491_4f6c_dd1d));
    assert!(read_answer(&whole, damage.pieces(&whole)));
    let mut complete = 0;
    for _ in 0..MUTATIONS {
        let mut stream = whole.clone();
        damage.mutate(&mut stream);
        let pieces = damage.pieces(&stream);
        complete += usize::from(read_answer(&stream, pieces));
    }
    // Many bytes are content, which nobody checks here.
    assert!(
        complete > MUTATIONS / 20 && complete < MUTATIONS / 2,
        "{complete}"
    );
}

#[test]
fn damaged_requests_are_read_or_refused() {
    let (whole, mut damage) = (requests(), Damage::new(0x9e37_79b9_7f4a_7c15));
    assert!(read_requests(damage.pieces(&whole), false));
    let mut complete = 0;
    for round in 0..MUTATIONS {
        let mut stream = whole.clone();
        damage.mutate(&mut stream);
        let pieces = damage.pieces(&stream);
        complete += usize::from(read_requests(pieces, round % 2 == 0));
    }
    assert!(
        complete > MUTATIONS / 20 && complete < MUTATIONS * 3 / 4,
        "{complete}"
    );
}
