//! Connections to workers that wait for their next request.

use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use crate::scoreboard::{Millis, since};
use crate::sys::{clock, stream};

/// After how long without a request a connection is looked at before it is used.
const TRUSTED: Millis = 1000;

/// One connection that waits.
#[derive(Debug)]
struct Kept {
    instance: u32,
    since: Millis,
    stream: UnixStream,
}

/// The connections of one process of httpd to one group. The one used last is used first, so that few are
/// kept busy; there are never more than requests that ran at once.
#[derive(Debug)]
pub(super) struct KeptConnections {
    positions: Box<[Mutex<Vec<Kept>>]>,
}

impl KeptConnections {
    pub(super) fn new(positions: u32) -> Self {
        KeptConnections {
            positions: (0..positions).map(|_| Mutex::new(Vec::new())).collect(),
        }
    }

    /// A connection to this process at this position. Those to processes before it are closed.
    pub(super) fn take(&self, position: u32, instance: u32) -> Option<UnixStream> {
        let mut kept = self.at(position)?.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = kept.pop() {
            let is_usable = last.instance == instance
                && (since(clock::millis(), last.since) < TRUSTED || is_quiet(&last.stream));
            if is_usable {
                return Some(last.stream);
            }
        }
        None
    }

    /// Keeps a connection that has nothing unread and no request.
    pub(super) fn put(&self, position: u32, instance: u32, stream: UnixStream) {
        let Some(kept) = self.at(position) else {
            return;
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.first().is_some_and(|first| first.instance != instance) {
            kept.clear();
        }
        kept.push(Kept {
            instance,
            since: clock::millis(),
            stream,
        });
    }

    /// Closes all connections to the process at this position.
    pub(super) fn forget(&self, position: u32) {
        if let Some(kept) = self.at(position) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn at(&self, position: u32) -> Option<&Mutex<Vec<Kept>>> {
        self.positions.get(usize::try_from(position).ok()?)
    }
}

/// Whether the peer has neither closed the connection nor sent what nobody asked for.
fn is_quiet(stream: &UnixStream) -> bool {
    let mut byte = [0];
    // What is read here makes the connection useless anyway.
    stream::receive_now(stream, &mut byte).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    #[test]
    fn the_last_one_put_comes_back_first_and_only_to_its_own_process() {
        let kept = KeptConnections::new(2);
        let (one, _one) = UnixStream::pair().expect("a pair");
        let (two, _two) = UnixStream::pair().expect("a pair");
        let last = two.as_raw_fd();
        kept.put(1, 7, one);
        kept.put(1, 7, two);
        assert!(kept.take(0, 7).is_none());
        assert_eq!(kept.take(1, 7).map(|stream| stream.as_raw_fd()), Some(last));
        // Another process has begun there: what is left is of no use.
        assert!(kept.take(1, 8).is_none() && kept.take(1, 7).is_none());
    }

    #[test]
    fn connections_of_an_earlier_process_are_closed_by_those_of_the_next() {
        let kept = KeptConnections::new(1);
        let (old, old_peer) = UnixStream::pair().expect("a pair");
        let (new, _new_peer) = UnixStream::pair().expect("a pair");
        kept.put(0, 1, old);
        kept.put(0, 2, new);
        let mut byte = [0];
        assert_eq!(stream::receive_now(&old_peer, &mut byte).ok(), Some(0));
        assert!(kept.take(0, 2).is_some());
    }

    #[test]
    fn a_position_that_does_not_exist_keeps_nothing() {
        let kept = KeptConnections::new(1);
        let (one, _two) = UnixStream::pair().expect("a pair");
        kept.put(1, 1, one);
        assert!(kept.take(1, 1).is_none());
    }

    #[test]
    fn a_connection_with_something_unread_is_not_quiet() {
        let (one, mut two) = UnixStream::pair().expect("a pair");
        assert!(is_quiet(&one));
        two.write_all(b"x").expect("sent");
        assert!(!is_quiet(&one));
        drop(two);
        assert!(!is_quiet(&one));
    }
}
