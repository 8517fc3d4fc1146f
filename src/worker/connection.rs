//! A connection: kept from a child of httpd, or from another web server.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::wire::Wire;
use crate::config::plan::Protocol;
use crate::sys::listener;

/// No thread has it.
const IDLE: u8 = 0;
/// A thread has it.
const BUSY: u8 = 1;
/// A thread has it, and something has arrived since.
const NOTIFIED: u8 = 2;

/// A connection. epoll tells each arrival to one thread; only the thread that finds the connection idle takes
/// it, so that nothing has to be registered anew for each request.
pub(super) struct Connection {
    number: u64,
    socket: UnixStream,
    state: AtomicU8,
    /// The other side will send nothing more.
    has_ended: AtomicBool,
    /// Its end is to look like a failure.
    is_broken_off: AtomicBool,
    /// Since when a request is awaited, in milliseconds of the system's clock; 0 when none is.
    awaited_since: AtomicU32,
    wire: Mutex<Wire>,
}

impl Connection {
    /// With `awaited`, a request is counted as awaited on it since then.
    pub(super) fn new(
        number: u64,
        socket: UnixStream,
        protocol: Protocol,
        awaited: Option<u32>,
    ) -> Connection {
        let mut wire = Wire::new(protocol);
        wire.is_counted = awaited.is_some();
        Connection {
            number,
            socket,
            state: AtomicU8::new(IDLE),
            has_ended: AtomicBool::new(false),
            is_broken_off: AtomicBool::new(false),
            awaited_since: AtomicU32::new(awaited_word(awaited)),
            wire: Mutex::new(wire),
        }
    }

    /// Its number in the table, and for epoll.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// Notes that the other side will send nothing more. Comes before [`claim`](Self::claim): it is not told again.
    pub(super) fn note_end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    /// Whether that is so, and what is there has to be read to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Has its end look like a failure, where that can be.
    pub(super) fn break_off(&self) {
        listener::break_off(&self.socket);
        self.is_broken_off.store(true, Ordering::Relaxed);
    }

    /// Ends it for whoever else holds it for a moment yet.
    pub(super) fn end(&self) {
        // An orderly end would come before the failure.
        if !self.is_broken_off.load(Ordering::Relaxed) {
            let _ = self.socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Notes that a request is awaited since `now`, or with `None` that it has arrived.
    pub(super) fn await_request(&self, now: Option<u32>) {
        self.awaited_since.store(awaited_word(now), Ordering::Relaxed);
    }

    /// Since when a request is awaited, if one is.
    pub(super) fn awaited_since(&self) -> Option<u32> {
        Some(self.awaited_since.load(Ordering::Relaxed)).filter(|since| *since != 0)
    }

    /// Takes the connection after an arrival; `None` when another thread has it, which will look.
    pub(super) fn claim(&self) -> Option<MutexGuard<'_, Wire>> {
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
                IDLE => Some(BUSY),
                BUSY => Some(NOTIFIED),
                _ => None,
            });
        (before == Ok(IDLE)).then(|| self.wire.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the connection back when nothing is left to read; false when something has arrived meanwhile,
    /// and the thread still has it.
    pub(super) fn release(&self) -> bool {
        let released = self
            .state
            .compare_exchange(BUSY, IDLE, Ordering::AcqRel, Ordering::Acquire);
        if released.is_err() {
            self.state.store(BUSY, Ordering::Release);
        }
        released.is_ok()
    }

    /// Whether something has arrived since the thread took it.
    pub(super) fn is_notified(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED
    }
}

/// 0 stands for none.
fn awaited_word(since: Option<u32>) -> u32 {
    since.map_or(0, |since| since.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_has_it_and_misses_no_arrival() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        let connection = Connection::new(0, ours, Protocol::FastCgi, None);
        let wire = connection.claim().expect("idle");
        assert!(connection.claim().is_none());
        assert!(connection.is_notified());
        assert!(!connection.release());
        assert!(connection.release());
        drop(wire);
        assert!(connection.claim().is_some());
    }
}
