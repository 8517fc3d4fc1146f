//! Connections from other web servers: accepted on a listener that all processes of the group share, each when it
//! has a thread to spare, and counted in the scoreboard while a request is awaited or runs.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::desk::Desk;
use super::log;
use super::public_request;
use super::server::{LISTENER, Server};
use super::wire::Wire;
use crate::config::plan::Public;
use crate::gateway::{Code, Level};
use crate::scoreboard::{Position, since};
use crate::sys::epoll::Interest;
use crate::sys::poll::Poll;
use crate::sys::{clock, listener};

/// How long a connection may be between its beginning and its place in the listener's queue.
const HANDSHAKE: Duration = Duration::from_millis(50);
/// How long connections are taken at most that others have begun.
const QUEUE: Duration = Duration::from_secs(1);

impl Server {
    /// Accepts connections from now on.
    pub(super) fn open_public(&self) {
        // All processes are told of each arrival: one that is about to close could otherwise keep one to itself.
        let added = self.epoll.add(&self.parts.listener, LISTENER, Interest::Readable);
        if let Err(error) = added {
            let text = format!("no connection can be accepted: {error}");
            log::line(Level::Error, Code::WORKER_FAILED, &text);
        }
    }

    /// Accepts no further connections, and keeps none after its request. With `is_last` no other process accepts
    /// any: those are taken that wait to be accepted.
    pub(super) fn close_public(&self, is_last: bool) {
        self.is_closed.store(true, Ordering::SeqCst);
        // It may not have been opened.
        let _ = self.epoll.remove(&self.parts.listener);
        let public = self.parts.public.as_ref();
        if let Some(public) = public.filter(|public| is_last && public.owns_listener) {
            self.empty_queue(public);
        }
    }

    /// Whether no further connections are accepted, and none is kept after its request.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Whether nobody is connected.
    pub(super) fn is_deserted(&self) -> bool {
        self.table.is_empty()
    }

    /// Says from now on that no requests are taken, to whoever asks.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::SeqCst);
    }

    /// Whether that is so.
    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::SeqCst)
    }

    /// Has nobody connect any more, and takes all who have; threads find their requests.
    fn empty_queue(&self, public: &Public) {
        let listener = &self.parts.listener;
        let deadline = Instant::now() + QUEUE;
        listener::turn_away(listener);
        while Instant::now() < deadline {
            let Err(error) = self.take_in(public) else {
                continue;
            };
            match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                io::ErrorKind::WouldBlock => {
                    let mut poll = Poll::default();
                    poll.add(listener.as_fd(), false);
                    if !poll.wait(Some(HANDSHAKE)).is_ok_and(|ready| ready == [true]) {
                        break;
                    }
                }
                // Another process has found the queue empty.
                io::ErrorKind::InvalidInput => return,
                _ => {
                    let text = format!("a connection could not be accepted: {error}");
                    log::line(Level::Warning, Code::CONNECTION_REFUSED, &text);
                    break;
                }
            }
        }
        listener::shut(listener);
    }

    /// Accepts one connection, and counts its request.
    fn take_in(&self, public: &Public) -> io::Result<u64> {
        // Before it is accepted, so that the supervisor never sees a closed process with nothing to do that has
        // something to do.
        self.position().inspect(Position::add_busy);
        let accepted = self.accept_public(public);
        if accepted.is_err() {
            self.position().inspect(Position::remove_busy);
        }
        accepted
    }

    /// Accepts one connection and begins with it at once: who waits behind it may find another process.
    pub(super) fn accept_one(&self, desk: &mut Desk) {
        let Some(public) = &self.parts.public else {
            return;
        };
        match self.take_in(public) {
            Ok(number) => self.arrived(number, false, desk),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {
                }
                // Another process has shut the listener, and this one is about to be told.
                io::ErrorKind::InvalidInput if self.is_leaving() => {
                    let _ = self.epoll.change(&self.parts.listener, LISTENER, Interest::None);
                }
                _ => {
                    // Would be told of again at once.
                    let _ = self.epoll.change(&self.parts.listener, LISTENER, Interest::None);
                    self.accept_later(&error);
                }
            },
        }
    }

    fn accept_public(&self, public: &Public) -> io::Result<u64> {
        let socket = listener::accept(&self.parts.listener)?;
        let connection = self.add(socket, public.protocol, Some(clock::millis()))?;
        self.watch(&connection)?;
        Ok(connection.number())
    }

    fn position(&self) -> Option<Position<'_>> {
        self.board()?.position(self.position_number())
    }

    /// Counts a request that begins on a connection.
    pub(super) fn count(&self, connection: &Connection, wire: &mut Wire) {
        if !wire.is_counted {
            wire.is_counted = true;
            connection.await_request(Some(clock::millis()));
            self.position().inspect(Position::add_busy);
        }
    }

    /// Counts it off.
    pub(super) fn uncount(&self, connection: &Connection, wire: &mut Wire) {
        connection.await_request(None);
        if std::mem::take(&mut wire.is_counted) {
            self.position().inspect(Position::remove_busy);
        }
    }

    /// Runs a request that has just arrived; whether the connection can be used for another.
    pub(super) fn serve_public(
        &self,
        public: &Public,
        connection: &Connection,
        wire: &mut Wire,
        desk: &mut Desk,
    ) -> bool {
        connection.await_request(None);
        let reusable = public_request::serve(self, public, connection, wire, desk);
        if reusable {
            self.uncount(connection, wire);
        }
        reusable
    }

    /// Closes connections whose peers have not sent a whole request for longer than a read may take.
    pub(super) fn drop_silent_peers(&self) {
        let Some(patience) = self.parts.patience.filter(|_| self.parts.public.is_some()) else {
            return;
        };
        let is_silent = |connection: &Connection| {
            // The time is looked at after the beginning, which would seem long ago if it were later.
            let waited = connection
                .awaited_since()
                .map_or(0, |begun| since(clock::millis(), begun));
            u128::from(waited) > patience.as_millis()
        };
        for connection in self.table.all() {
            if is_silent(&connection) {
                connection.await_request(None);
                // Its end is an arrival, which a thread then finds.
                let _ = connection.socket().shutdown(std::net::Shutdown::Both);
            }
        }
    }
}
