//! Requests that were damaged on their way.

use super::{Event, Headers, RequestReader};

const MUTATIONS: usize = 100_000;
/// Headers of a damaged request: enough for all that the whole one has.
const LIMIT: usize = 1024;

/// Numbers that look random and are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    /// Damages a request in one to three places.
    fn mutate(&mut self, request: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if request.is_empty() {
                return;
            }
            let position = self.below(request.len());
            match self.below(5) {
                0 => request[position] ^= 1 << self.below(8),
                1 => request[position] = [0, b'0', b'9', b':', b',', 0xff][self.below(6)],
                2 => request.truncate(position),
                3 => drop(request.remove(position)),
                _ => {
                    let end = position + 1 + self.below(request.len() - position);
                    let part = request[position..end].to_vec();
                    request.splice(position..position, part);
                }
            }
        }
    }
}

/// Whether the request is read to its end.
fn read(request: &[u8], random: &mut Random) -> bool {
    let (mut reader, mut body, mut ended) = (RequestReader::new(LIMIT), 0, false);
    let mut rest = request;
    while !rest.is_empty() {
        let (mut piece, later) = rest.split_at((1 + random.below(60)).min(rest.len()));
        rest = later;
        loop {
            match reader.next(&mut piece) {
                Ok(Some(Event::Headers)) => {
                    assert!(Headers::new(reader.headers()).all(|pair| pair.is_ok()));
                }
                Ok(Some(Event::Body(piece))) => body += piece.len(),
                Ok(Some(Event::BodyEnd)) => ended = true,
                Ok(None) => break,
                Err(fault) => {
                    assert!(!fault.to_string().is_empty() && !ended);
                    return false;
                }
            }
            assert!(reader.headers().len() <= LIMIT);
        }
    }
    assert!(body <= request.len());
    ended
}

#[test]
fn damaged_requests_are_read_or_refused() {
    let headers = [
        &b"CONTENT_LENGTH\x00100\0SCGI\x001\0REQUEST_METHOD\0POST\0HTTP_COOKIE\0"[..],
        &[b'c'; 200],
        b"\0",
    ]
    .concat();
    let whole = [
        format!("{}:", headers.len()).as_bytes(),
        &headers,
        b",",
        &[b'b'; 100],
    ]
    .concat();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    assert!(read(&whole, &mut random));
    let mut complete = 0;
    for _ in 0..MUTATIONS {
        let mut request = whole.clone();
        random.mutate(&mut request);
        complete += usize::from(read(&request, &mut random));
    }
    assert!(
        complete > MUTATIONS / 20 && complete < MUTATIONS * 3 / 4,
        "{complete}"
    );
}
