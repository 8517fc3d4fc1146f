use super::*;
use crate::fcgi::client::{push_abort, push_body, push_body_end, push_request};
use crate::fcgi::params::{Pairs, push_pair};
use crate::fcgi::record::{push, push_end};
use proptest::prelude::*;

/// An event without what it borrows; adjacent pieces of a body are one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Begin(u16, bool),
    Params(Vec<u8>),
    Stdin(Vec<u8>),
    StdinEnd,
    Abort,
    Reply,
}

struct Peer {
    reader: RequestReader,
    seen: Vec<Seen>,
    replies: Vec<u8>,
}

impl Peer {
    fn new() -> Self {
        Peer {
            reader: RequestReader::new(MAX_PARAMS),
            seen: Vec::new(),
            replies: Vec::new(),
        }
    }

    fn feed(&mut self, mut input: &[u8]) -> Result<(), Fault> {
        while let Some(event) = self.reader.next(&mut input, &mut self.replies)? {
            let seen = match event {
                Event::Begin { id, role, keep } => {
                    assert_eq!((role, self.reader.id()), (RESPONDER, id));
                    Seen::Begin(id, keep)
                }
                Event::Params => Seen::Params(self.reader.params().to_vec()),
                Event::Stdin(piece) => match self.seen.last_mut() {
                    Some(Seen::Stdin(body)) => {
                        body.extend_from_slice(piece);
                        continue;
                    }
                    _ => Seen::Stdin(piece.to_vec()),
                },
                Event::StdinEnd => Seen::StdinEnd,
                Event::Abort => Seen::Abort,
                Event::Reply => Seen::Reply,
            };
            self.seen.push(seen);
        }
        assert!(input.is_empty(), "input is left although more is asked for");
        Ok(())
    }

    fn take(&mut self) -> (Vec<Seen>, Vec<u8>) {
        (std::mem::take(&mut self.seen), std::mem::take(&mut self.replies))
    }
}

/// All events of a stream without a reset, and the replies.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<Seen>, Vec<u8>), Fault> {
    let mut peer = Peer::new();
    pieces.into_iter().try_for_each(|piece| peer.feed(piece))?;
    Ok(peer.take())
}

fn fault(stream: &[u8]) -> Fault {
    let fault = read([stream]).expect_err("a fault");
    assert_eq!(read(stream.chunks(1)).as_ref(), Err(&fault));
    fault
}

fn params() -> Vec<u8> {
    let mut params = Vec::new();
    push_pair(&mut params, b"REQUEST_METHOD", b"POST");
    push_pair(&mut params, b"HTTP_COOKIE", &[b'c'; 200]);
    params
}

fn request(id: u16, body: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    push_request(&mut stream, id, true, &params());
    push_body(&mut stream, id, body);
    push_body_end(&mut stream, id);
    stream
}

fn begin(id: u16, role: u16) -> Vec<u8> {
    let mut stream = Vec::new();
    let [role1, role0] = role.to_be_bytes();
    push(
        &mut stream,
        Kind::BeginRequest,
        id,
        &[role1, role0, 0, 0, 0, 0, 0, 0],
    );
    stream
}

fn record(kind: Kind, id: u16, content: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    push(&mut stream, kind, id, content);
    stream
}

fn end(id: u16, status: ProtocolStatus) -> Vec<u8> {
    let mut stream = Vec::new();
    push_end(&mut stream, id, 0, status);
    stream
}

fn seen_request(id: u16, body: &[u8]) -> Vec<Seen> {
    vec![
        Seen::Begin(id, true),
        Seen::Params(params()),
        Seen::Stdin(body.to_vec()),
        Seen::StdinEnd,
    ]
}

#[test]
fn every_split_gives_the_same() {
    let stream = request(1, b"a=b");
    let expected = (seen_request(1, b"a=b"), Vec::new());
    for split in 0..=stream.len() {
        let (first, rest) = stream.split_at(split);
        assert_eq!(read([first, rest]).as_ref(), Ok(&expected), "{split}");
    }
    assert_eq!(read(stream.chunks(1)), Ok(expected));
}

///
#[test]
fn variables_and_bodies_of_several_records_are_read() {
    for length in [65_534, 65_535, 65_536, 200_000] {
        let text = vec![b'v'; length];
        let mut stream = Vec::new();
        push_request(&mut stream, 9, false, &text);
        push_body(&mut stream, 9, &text);
        push_body_end(&mut stream, 9);
        let (seen, _) = read(stream.chunks(10_000)).expect("no fault");
        let expected = [
            Seen::Begin(9, false),
            Seen::Params(text.clone()),
            Seen::Stdin(text),
            Seen::StdinEnd,
        ];
        assert!(seen == expected, "{length}");
    }
}

#[test]
fn a_kept_connection_serves_one_request_after_another() {
    let mut peer = Peer::new();
    for id in [1, 1, 2] {
        peer.feed(&request(id, b"body")).expect("no fault");
        assert_eq!(peer.take(), (seen_request(id, b"body"), Vec::new()));
        assert!(!peer.reader.is_idle());
        peer.reader.reset();
        assert!(peer.reader.is_idle());
        assert_eq!((peer.reader.id(), peer.reader.params()), (0, &b""[..]));
    }
}

#[test]
fn memory_of_unusual_size_is_not_kept() {
    let mut peer = Peer::new();
    let mut stream = Vec::new();
    push_request(&mut stream, 1, true, &vec![b'v'; KEPT_PARAMS + 1]);
    peer.feed(&stream).expect("no fault");
    peer.reader.reset();
    assert_eq!(peer.reader.params.capacity(), 0);
    peer.feed(&request(2, b"")).expect("no fault");
    peer.reader.reset();
    assert!(peer.reader.params.capacity() > 0);
}

#[test]
fn variables_are_bounded() {
    let mut stream = Vec::new();
    push_request(&mut stream, 1, true, &[b'v'; 100]);
    for (limit, fits) in [(100, true), (99, false), (0, false)] {
        let mut reader = RequestReader::new(limit);
        let (mut input, mut replies) = (&stream[..], Vec::new());
        let last = std::iter::from_fn(|| reader.next(&mut input, &mut replies).transpose())
            .find(|event| !matches!(event, Ok(Event::Begin { .. })));
        let expected = if fits {
            Ok(Event::Params)
        } else {
            Err(Fault::ParamsTooLarge(limit))
        };
        assert_eq!(last, Some(expected), "{limit}");
        assert!(reader.params.len() <= limit);
    }
}

#[test]
fn a_second_request_at_the_same_time_is_refused() {
    let mut peer = Peer::new();
    let [first, second] = [request(1, b"one"), request(2, b"two")];
    // The second comes while the first one's body is under way.
    let (head, tail) = first.split_at(first.len() - 8);
    peer.feed(&[head, &second, tail].concat()).expect("no fault");
    let (seen, replies) = peer.take();
    let mut expected = seen_request(1, b"one");
    expected.insert(3, Seen::Reply);
    assert_eq!((seen, replies), (expected, end(2, ProtocolStatus::CantMpxConn)));
    // The number is free again.
    peer.reader.reset();
    peer.feed(&second).expect("no fault");
    assert_eq!(peer.take().0, seen_request(2, b"two"));
}

#[test]
fn other_roles_are_refused() {
    for role in [0, 2, 3, 257] {
        let mut stream = begin(5, role);
        stream.extend(record(Kind::Params, 5, &params()));
        stream.extend(record(Kind::Params, 5, b""));
        stream.extend(record(Kind::Data, 5, b"file"));
        stream.extend(request(6, b"x"));
        let (seen, replies) = read([&stream[..]]).expect("no fault");
        assert_eq!((&seen[0], &seen[1..]), (&Seen::Reply, &seen_request(6, b"x")[..]));
        assert_eq!(replies, end(5, ProtocolStatus::UnknownRole));
    }
}

#[test]
fn a_flood_of_requests_is_a_fault() {
    let stream: Vec<u8> = (1..=100).flat_map(|id| begin(id, 7)).collect();
    let mut peer = Peer::new();
    assert_eq!(peer.feed(&stream), Err(Fault::RequestFlood));
    assert_eq!(peer.seen.len(), MAX_SKIPPED);
}

#[test]
fn the_rest_of_a_body_that_nobody_reads_is_skipped() {
    let stream = request(1, &[b'x'; 1000]);
    for answered_after in [17, 30, 200, 500, stream.len() - 4] {
        let mut peer = Peer::new();
        let (before, after) = stream.split_at(answered_after);
        peer.feed(before).expect("no fault");
        peer.reader.reset();
        peer.take();
        peer.feed(&[after, &request(2, b"next")].concat())
            .expect("no fault");
        assert_eq!(
            peer.take(),
            (seen_request(2, b"next"), Vec::new()),
            "{answered_after}"
        );
        assert!(peer.reader.skipped.is_empty(), "{answered_after}");
    }
}

#[test]
fn requests_that_were_left_unread_cost_no_memory() {
    let mut peer = Peer::new();
    for id in 1..=u16::MAX {
        let mut stream = Vec::new();
        push_request(&mut stream, id, true, b"");
        peer.feed(&stream).expect("no fault");
        peer.reader.reset();
        peer.take();
    }
    assert_eq!(peer.reader.skipped.len(), MAX_SKIPPED);
}

#[test]
fn a_beginning_that_is_split_by_a_reset_is_kept() {
    let mut peer = Peer::new();
    let stream = request(2, b"next");
    peer.feed(&request(1, b"x")).expect("no fault");
    peer.feed(&stream[..12]).expect("no fault");
    peer.reader.reset();
    peer.take();
    peer.feed(&stream[12..]).expect("no fault");
    assert_eq!(peer.take().0, seen_request(2, b"next"));
}

#[test]
fn an_active_request_can_be_aborted() {
    let (mut head, stream) = (Vec::new(), request(1, b"body"));
    push_request(&mut head, 1, true, &params());
    // After its beginning, before and after its body, and when it is complete.
    for sent in [16, head.len(), stream.len() - 8, stream.len()] {
        let mut peer = Peer::new();
        peer.feed(&stream[..sent]).expect("no fault");
        let mut abort = Vec::new();
        push_abort(&mut abort, 1);
        peer.feed(&abort).expect("no fault");
        assert_eq!(peer.take().0.last(), Some(&Seen::Abort));
        assert_eq!(peer.feed(&abort), Err(Fault::Kind(2)));
    }
}

#[test]
fn an_abort_of_what_has_ended_is_ignored() {
    let mut peer = Peer::new();
    let mut abort = Vec::new();
    push_abort(&mut abort, 1);
    peer.feed(&abort).expect("no fault");
    peer.feed(&request(1, b"x")).expect("no fault");
    peer.reader.reset();
    peer.take();
    peer.feed(&[abort, request(2, b"y")].concat()).expect("no fault");
    assert_eq!(peer.take().0, seen_request(2, b"y"));
}

#[test]
fn limits_are_told_once_each() {
    let mut question = Vec::new();
    for name in [
        &b"FCGI_MPXS_CONNS"[..],
        b"FCGI_OWN",
        b"FCGI_MAX_CONNS",
        b"FCGI_MAX_REQS",
        b"FCGI_MAX_REQS",
    ] {
        push_pair(&mut question, name, b"");
    }
    let mut peer = Peer::new();
    peer.reader.set_limits(15, 16);
    for piece in record(Kind::GetValues, 0, &question).chunks(5) {
        peer.feed(piece).expect("no fault");
    }
    let (seen, replies) = peer.take();
    let told: Vec<_> = Pairs::new(&replies[8..])
        .map(|pair| pair.expect("a pair"))
        .collect();
    assert_eq!((seen, &replies[..2]), (vec![Seen::Reply], &[1, 10][..]));
    let expected: [(&[u8], &[u8]); 3] = [
        (b"FCGI_MPXS_CONNS", b"0"),
        (b"FCGI_MAX_CONNS", b"15"),
        (b"FCGI_MAX_REQS", b"16"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_unknown_management_record_is_named() {
    // The second is known between our own ends only, and to nobody who sends it here.
    for kind in [77, Kind::File as u8] {
        let mut stream = Header {
            kind,
            id: 0,
            length: 3,
            padding: 2,
        }
        .bytes()
        .to_vec();
        stream.extend_from_slice(b"???__");
        stream.extend(request(1, b"x"));
        let (seen, replies) = read([&stream[..]]).expect("no fault");
        assert_eq!(seen[0], Seen::Reply);
        assert_eq!(
            replies,
            record(Kind::UnknownType, 0, &[kind, 0, 0, 0, 0, 0, 0, 0])
        );
        assert_eq!(seen[1..], seen_request(1, b"x"));
    }
}

#[test]
fn what_a_web_server_must_not_send_is_a_fault() {
    let (whole, other) = (request(1, b"x"), Fault::Id { id: 2, expected: 1 });
    let begun = |more: Vec<u8>| [begin(1, RESPONDER), more].concat();
    let complete = |more: Vec<u8>| [whole.clone(), more].concat();
    let unknown = Header {
        kind: 12,
        id: 1,
        length: 0,
        padding: 0,
    };
    for (stream, expected) in [
        (b"GET / HTTP/1.1\r\n".to_vec(), Fault::Version(b'G')),
        (
            record(Kind::BeginRequest, 1, b"short"),
            Fault::Length { kind: 1, length: 5 },
        ),
        (
            record(Kind::BeginRequest, 1, b"too long!"),
            Fault::Length { kind: 1, length: 9 },
        ),
        (record(Kind::BeginRequest, 0, &[0; 8]), Fault::Kind(1)),
        (begun(begin(1, RESPONDER)), Fault::Kind(1)),
        (record(Kind::Params, 1, b""), Fault::Id { id: 1, expected: 0 }),
        (begun(record(Kind::Params, 2, b"x")), other.clone()),
        (begun(record(Kind::Stdin, 2, b"x")), other),
        (begun(record(Kind::Stdin, 1, b"x")), Fault::Kind(5)),
        (begun(record(Kind::Data, 1, b"x")), Fault::Kind(8)),
        (begun(record(Kind::Stdout, 1, b"x")), Fault::Kind(6)),
        (
            begun(record(Kind::AbortRequest, 1, b"x")),
            Fault::Length { kind: 2, length: 1 },
        ),
        (begun(unknown.bytes().to_vec()), Fault::Kind(12)),
        (complete(record(Kind::Stdin, 1, b"x")), Fault::StreamEnded(5)),
        (complete(record(Kind::Params, 1, b"x")), Fault::StreamEnded(4)),
        (
            record(Kind::GetValues, 0, &[0; 1025]),
            Fault::Length {
                kind: 9,
                length: 1025,
            },
        ),
        (record(Kind::GetValues, 0, &[0, 0]), Fault::PairUnnamed),
        (record(Kind::GetValuesResult, 0, b""), Fault::Kind(10)),
        (record(Kind::GetValues, 1, b""), Fault::Id { id: 1, expected: 0 }),
    ] {
        assert_eq!(fault(&stream), expected);
    }
}

proptest! {
    #[test]
    fn requests_arrive_as_they_were_sent(id in 1..=u16::MAX, keep in any::<bool>(),
                                         params in prop::collection::vec(any::<u8>(), 0..300),
                                         body in prop::collection::vec(any::<u8>(), 1..300), step in 1_usize..400) {
        let mut stream = Vec::new();
        push_request(&mut stream, id, keep, &params);
        push_body(&mut stream, id, &body);
        push_body_end(&mut stream, id);
        let (seen, replies) = read(stream.chunks(step)).expect("no fault");
        prop_assert_eq!(seen, [Seen::Begin(id, keep), Seen::Params(params), Seen::Stdin(body), Seen::StdinEnd]);
        prop_assert!(replies.is_empty());
    }
}
