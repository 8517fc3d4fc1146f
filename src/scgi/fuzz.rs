//! Requests that were damaged on their way.

use super::{Event, Headers, RequestReader};
use rwsgi_harness::Damage;

const MUTATIONS: usize = 100_000;
/// Headers of a damaged request: enough for all that the whole one has.
const LIMIT: usize = 1024;

/// Whether the request is read to its end.
fn read(request: &[u8], damage: &mut Damage) -> bool {
    let (mut reader, mut body, mut ended) = (RequestReader::new(LIMIT), 0, false);
    for mut piece in damage.pieces(request) {
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
    let mut damage = Damage::new(0x9e37_79b9_7f4a_7c15);
    assert!(read(&whole, &mut damage));
    let mut complete = 0;
    for _ in 0..MUTATIONS {
        let mut request = whole.clone();
        damage.mutate(&mut request);
        complete += usize::from(read(&request, &mut damage));
    }
    assert!(
        complete > MUTATIONS / 20 && complete < MUTATIONS * 3 / 4,
        "{complete}"
    );
}
