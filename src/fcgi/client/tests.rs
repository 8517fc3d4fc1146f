use super::*;
use crate::fcgi::record::{ProtocolStatus, push, push_end, push_file};
use proptest::prelude::*;

/// What an answer amounts to, however it arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Whole {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    files: Vec<(u64, u64)>,
    end: Option<(u32, u8)>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Whole, Fault> {
    let (mut reader, mut whole) = (AnswerReader::new(1, true), Whole::default());
    for mut piece in pieces {
        while let Some(answer) = reader.next(&mut piece)? {
            match answer {
                Answer::Stdout(text) => whole.stdout.extend_from_slice(text),
                Answer::File { offset, length } => whole.files.push((offset, length)),
                Answer::Stderr(text) => whole.stderr.extend_from_slice(text),
                Answer::End {
                    app_status,
                    protocol_status,
                } => whole.end = Some((app_status, protocol_status)),
            }
        }
        assert!(piece.is_empty(), "input is left although more is asked for");
    }
    assert_eq!(reader.is_finished(), whole.end.is_some());
    Ok(whole)
}

/// The fault of a stream, the same however it is cut.
fn fault(stream: &[u8]) -> Fault {
    let fault = read([stream]).expect_err("a fault");
    assert_eq!(read(stream.chunks(1)).as_ref(), Err(&fault));
    fault
}

fn padded(kind: Kind, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let header = Header {
        kind: kind as u8,
        id,
        length: u16::try_from(content.len()).expect("one record"),
        padding,
    };
    [&header.bytes()[..], content, &vec![0xaa; padding.into()]].concat()
}

/// A usual answer, with padding.
fn answer() -> Vec<u8> {
    let mut stream = padded(Kind::Stdout, 1, b"Status: 200\r\n\r\nhello", 3);
    stream.extend(padded(Kind::Stderr, 1, b"a line\n", 1));
    stream.extend(padded(Kind::UnknownType, 0, &[99, 0, 0, 0, 0, 0, 0, 0], 0));
    stream.extend(padded(Kind::Stdout, 1, b" world", 255));
    push_file(&mut stream, 1, u64::MAX - 1, 0x0102_0304_0506_0708);
    stream.extend(padded(Kind::File, 1, &[0; 16], 9));
    stream.extend(padded(Kind::Stderr, 1, b"", 0));
    stream.extend(padded(Kind::Stdout, 1, b"", 8));
    stream.extend(padded(Kind::EndRequest, 1, &[1, 2, 3, 4, 0, 0, 0, 0], 7));
    stream
}

fn expected() -> Whole {
    Whole {
        stdout: b"Status: 200\r\n\r\nhello world".to_vec(),
        stderr: b"a line\n".to_vec(),
        files: vec![(u64::MAX - 1, 0x0102_0304_0506_0708), (0, 0)],
        end: Some((0x0102_0304, 0)),
    }
}

#[test]
fn every_split_gives_the_same() {
    let stream = answer();
    for split in 0..=stream.len() {
        let (first, rest) = stream.split_at(split);
        assert_eq!(read([first, rest]), Ok(expected()), "{split}");
    }
    assert_eq!(read(stream.chunks(1)), Ok(expected()));
}

#[test]
fn an_answer_that_is_cut_off_does_not_end() {
    let stream = answer();
    for end in 0..stream.len() {
        assert_eq!(read([&stream[..end]]).expect("no fault").end, None, "{end}");
    }
}

#[test]
fn records_are_counted_to_their_last_byte_of_padding() {
    let stream = padded(Kind::Stdout, 1, b"abc", 2);
    let mut reader = AnswerReader::new(1, false);
    assert!(reader.is_at_boundary());
    for byte in &stream[..stream.len() - 1] {
        let mut piece = std::slice::from_ref(byte);
        while reader.next(&mut piece).expect("no fault").is_some() {}
        assert!(!reader.is_at_boundary());
    }
    assert_eq!(reader.next(&mut &stream[stream.len() - 1..]), Ok(None));
    assert!(reader.is_at_boundary());
}

#[test]
fn streams_may_be_left_without_an_end() {
    let mut stream = Vec::new();
    push(&mut stream, Kind::Stdout, 1, b"x");
    push_end(&mut stream, 1, 0, ProtocolStatus::Overloaded);
    assert_eq!(read([&stream[..]]).expect("no fault").end, Some((0, 2)));
}

///
#[test]
fn records_of_any_length_are_read() {
    for length in [1, 65_534, 65_535] {
        for padding in [0, 1, 255] {
            let content = vec![b'x'; length];
            let stream = padded(Kind::Stdout, 1, &content, padding);
            for step in [4096, stream.len()] {
                assert_eq!(read(stream.chunks(step)).expect("no fault").stdout, content);
            }
        }
    }
}

#[test]
fn what_a_server_must_not_send_is_a_fault() {
    let ended = |kind| [padded(kind, 1, b"", 0), padded(kind, 1, b"x", 0)].concat();
    let unknown = Header {
        kind: 12,
        id: 1,
        length: 0,
        padding: 0,
    };
    for (stream, expected) in [
        (b"HTTP/1.1 200 OK".to_vec(), Fault::Version(b'H')),
        (padded(Kind::Params, 1, b"", 0), Fault::Kind(4)),
        (padded(Kind::BeginRequest, 1, &[0; 8], 0), Fault::Kind(1)),
        (padded(Kind::Stdout, 0, b"x", 0), Fault::Kind(6)),
        (padded(Kind::GetValues, 0, b"", 0), Fault::Kind(9)),
        (padded(Kind::UnknownType, 1, &[0; 8], 0), Fault::Kind(11)),
        (unknown.bytes().to_vec(), Fault::Kind(12)),
        (padded(Kind::Stdout, 2, b"x", 0), Fault::Id { id: 2, expected: 1 }),
        (
            padded(Kind::EndRequest, 256, &[0; 8], 0),
            Fault::Id { id: 256, expected: 1 },
        ),
        (
            padded(Kind::EndRequest, 1, &[0; 7], 0),
            Fault::Length { kind: 3, length: 7 },
        ),
        (
            padded(Kind::EndRequest, 1, &[0; 9], 0),
            Fault::Length { kind: 3, length: 9 },
        ),
        (
            padded(Kind::EndRequest, 1, b"", 0),
            Fault::Length { kind: 3, length: 0 },
        ),
        (padded(Kind::File, 0, &[0; 16], 0), Fault::Kind(0xf1)),
        (
            padded(Kind::File, 1, &[0; 15], 0),
            Fault::Length {
                kind: 0xf1,
                length: 15,
            },
        ),
        (
            padded(Kind::File, 1, &[0; 17], 0),
            Fault::Length {
                kind: 0xf1,
                length: 17,
            },
        ),
        (
            [
                padded(Kind::Stdout, 1, b"", 0),
                padded(Kind::File, 1, &[0; 16], 0),
            ]
            .concat(),
            Fault::StreamEnded(0xf1),
        ),
        (ended(Kind::Stdout), Fault::StreamEnded(6)),
        (ended(Kind::Stderr), Fault::StreamEnded(7)),
        ([answer(), vec![1]].concat(), Fault::AfterEnd),
        ([answer(), answer()].concat(), Fault::AfterEnd),
        (
            padded(Kind::GetValuesResult, 0, b"", 0).repeat(17),
            Fault::ManagementFlood,
        ),
    ] {
        assert_eq!(fault(&stream), expected);
    }
}

#[test]
fn a_file_that_nobody_asked_for_is_a_fault() {
    let mut stream = Vec::new();
    push_file(&mut stream, 1, 0, 1);
    let mut reader = AnswerReader::new(1, false);
    assert_eq!(reader.next(&mut &stream[..]), Err(Fault::Kind(0xf1)));
}

proptest! {
    #[test]
    fn any_records_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1_usize..300) {
        let mut stream = padded(Kind::Stdout, 1, b"x", 0);
        stream.extend_from_slice(&[1]);
        stream.extend_from_slice(&bytes);
        let _ = read(stream.chunks(step));
    }
}

#[test]
fn an_empty_piece_of_a_body_does_not_end_it() {
    let mut out = Vec::new();
    push_body(&mut out, 1, b"");
    assert_eq!(out, b"");
    push_body_end(&mut out, 1);
    assert_eq!(out, [1, 5, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn a_request_without_variables_ends_them_once() {
    let mut out = Vec::new();
    push_request(&mut out, 0x0102, true, b"");
    let expected = [
        &[1, 1, 1, 2, 0, 8, 0, 0][..],
        &[0, 1, 1, 0, 0, 0, 0, 0],
        &[1, 4, 1, 2, 0, 0, 0, 0],
    ];
    assert_eq!(out, expected.concat());
}
