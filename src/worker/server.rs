//! Waiting for requests: the listener, the connections, and the threads that serve them.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::Duration;

use super::connection::Connection;
use super::crew::Crew;
use super::desk::Desk;
use super::output::write_all;
use super::reporter::Reporter;
use super::table::Table;
use super::wire::{Taken, Wire};
use super::{log, request};
use crate::app::Interruptible;
use crate::config::plan::{Protocol, Public};
use crate::gateway::{Code, Level};
use crate::scoreboard::{Layout, Scoreboard};
use crate::sys::epoll::{Epoll, Interest};
use crate::sys::memory::SharedWords;
use crate::sys::{listener, own_process, scheduling, stream};

/// The listener's number for epoll; connections count from 0.
pub(super) const LISTENER: u64 = u64::MAX;
/// The number of what ends the threads.
const END: u64 = u64::MAX - 1;

/// What a server is made of.
pub(super) struct Parts {
    pub(super) listener: OwnedFd,
    pub(super) words: SharedWords,
    pub(super) layout: Layout,
    pub(super) position: u32,
    pub(super) reporter: Arc<Reporter>,
    /// Who may connect: user numbers. Other web servers may, where those are served.
    pub(super) users: Vec<u32>,
    /// How other web servers are served, if they are.
    pub(super) public: Option<Public>,
    /// The group's name.
    pub(super) group: String,
    /// How long a read or write on a connection may take.
    pub(super) patience: Option<Duration>,
}

/// The process's side of its group's connections.
pub(super) struct Server {
    pub(super) parts: Parts,
    pub(super) epoll: Epoll,
    pub(super) table: Table,
    interruptibles: Vec<Interruptible>,
    /// Kept open for epoll: readable once the threads are to end.
    _ending: UnixStream,
    end: UnixStream,
    /// A connection waits that could not be accepted.
    accept_again: AtomicBool,
    /// No further connections are accepted.
    pub(super) is_closed: AtomicBool,
    /// Whoever asks is told that no requests are taken.
    pub(super) is_leaving: AtomicBool,
    crew: Arc<Crew>,
}

impl Server {
    pub(super) fn new(parts: Parts) -> io::Result<Server> {
        let epoll = Epoll::new()?;
        listener::set_nonblocking(&parts.listener)?;
        // Other web servers are accepted when the supervisor says so.
        if parts.public.is_none() {
            epoll.add(&parts.listener, LISTENER, Interest::Arrival)?;
        }
        let (ending, end) = UnixStream::pair()?;
        epoll.add(&ending, END, Interest::Readable)?;
        let slots = usize::try_from(parts.layout.slots).unwrap_or_default();
        Ok(Server {
            epoll,
            table: Table::default(),
            interruptibles: std::iter::repeat_with(Interruptible::default)
                .take(slots)
                .collect(),
            _ending: ending,
            end,
            accept_again: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            crew: Arc::default(),
            parts,
        })
    }

    pub(super) fn board(&self) -> Option<Scoreboard<'_>> {
        Scoreboard::over(self.parts.words.words(), self.parts.layout)
    }

    pub(super) fn position_number(&self) -> u32 {
        self.parts.position
    }

    pub(super) fn reporter(&self) -> &Reporter {
        &self.parts.reporter
    }

    /// Where the request of a slot can be interrupted.
    pub(super) fn interruptible(&self, slot: u32) -> Option<&Interruptible> {
        self.interruptibles.get(usize::try_from(slot).ok()?)
    }

    /// Sets whether arrivals on a connection are told.
    pub(super) fn tell_arrivals(&self, connection: &Connection, interest: Interest) -> io::Result<()> {
        self.epoll
            .change(connection.socket(), connection.number(), interest)
    }

    /// Starts `count` threads that serve, with `stack` bytes of stack each.
    pub(super) fn start_threads(self: &Arc<Self>, count: u32, stack: usize) -> io::Result<()> {
        for number in 1..=count {
            let server = Arc::clone(self);
            let builder = Builder::new().name(format!("wsgi:{number}")).stack_size(stack);
            self.crew.start(builder, move || server.serve(number))?;
        }
        Ok(())
    }

    /// The threads that run Python.
    pub(super) fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    /// Lets threads that run no request end, and the others after theirs; whether all that run Python have
    /// after `patience`, `None` for ever.
    pub(super) fn end_threads(&self, patience: Option<Duration>) -> bool {
        let _ = self.end.shutdown(std::net::Shutdown::Both);
        self.crew.wait(patience)
    }

    /// Tries again to accept what could not be accepted.
    pub(super) fn retry_accept(&self) {
        if self.accept_again.swap(false, Ordering::Relaxed) {
            let interest = match self.parts.public {
                None => Interest::Arrival,
                Some(_) => Interest::Readable,
            };
            // Not one that has been closed meanwhile.
            let _ = self.epoll.change(&self.parts.listener, LISTENER, interest);
        }
    }

    /// Serves until the threads are to end.
    fn serve(&self, thread: u32) {
        scheduling::do_not_interrupt();
        let mut desk = Desk {
            thread,
            ..Desk::default()
        };
        loop {
            match self.epoll.wait() {
                Ok(Some(event)) => match event.token {
                    END => return,
                    LISTENER if self.parts.public.is_some() => self.accept_one(&mut desk),
                    LISTENER => self.accept(),
                    number => self.arrived(number, event.is_end, &mut desk),
                },
                Ok(None) => {}
                Err(error) => {
                    let text = format!("waiting for requests failed: {error}");
                    log::line(Level::Error, Code::WORKER_FAILED, &text);
                    own_process::leave(70);
                }
            }
        }
    }

    fn accept(&self) {
        loop {
            match listener::accept(&self.parts.listener) {
                Ok(socket) => {
                    if let Err(error) = self.accepted(socket) {
                        let text = format!("a connection could not be served: {error}");
                        log::line(Level::Warning, Code::CONNECTION_REFUSED, &text);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => return self.accept_later(&error),
                },
            }
        }
    }

    /// Tells that a connection could not be accepted, and leaves it for [`retry_accept`](Self::retry_accept).
    pub(super) fn accept_later(&self, error: &io::Error) {
        let text = format!("a connection could not be accepted: {error}");
        log::line(Level::Warning, Code::CONNECTION_REFUSED, &text);
        self.accept_again.store(true, Ordering::Relaxed);
    }

    fn accepted(&self, socket: UnixStream) -> io::Result<()> {
        let user = stream::peer_uid(&socket)?;
        if !self.parts.users.contains(&user) {
            let text = format!("a process of user number {user} connected, which is not httpd's");
            log::line(Level::Warning, Code::STRANGER_REFUSED, &text);
            return Ok(());
        }
        let connection = self.add(socket, Protocol::FastCgi, None)?;
        self.watch(&connection)
    }

    /// Adds a connection; with `awaited`, a request is counted as awaited on it since then.
    pub(super) fn add(
        &self,
        socket: UnixStream,
        protocol: Protocol,
        awaited: Option<u32>,
    ) -> io::Result<Arc<Connection>> {
        socket.set_read_timeout(self.parts.patience)?;
        socket.set_write_timeout(self.parts.patience)?;
        let make = |number| Connection::new(number, socket, protocol, awaited);
        Ok(self.table.insert(make))
    }

    /// Has arrivals on a connection told.
    pub(super) fn watch(&self, connection: &Arc<Connection>) -> io::Result<()> {
        let added = self
            .epoll
            .add(connection.socket(), connection.number(), Interest::Arrival);
        if added.is_err() {
            self.table.remove(connection);
        }
        added
    }

    /// Something has arrived on a connection, its end perhaps.
    pub(super) fn arrived(&self, number: u64, is_end: bool, desk: &mut Desk) {
        let Some(connection) = self.table.get(number) else {
            return;
        };
        if is_end {
            connection.note_end();
        }
        let Some(mut wire) = connection.claim() else {
            return;
        };
        // A panic has been logged by its hook. What it left of the connection is not known.
        let kept = catch_unwind(AssertUnwindSafe(|| {
            loop {
                if !self.advance(&connection, &mut wire, desk) {
                    return false;
                }
                if connection.release() {
                    return true;
                }
            }
        }));
        if !kept.unwrap_or(false) {
            self.uncount(&connection, &mut wire);
            self.table.remove(&connection);
            connection.end();
        }
    }

    /// Does all that there is to do on a connection; false when it is to be closed.
    fn advance(&self, connection: &Connection, wire: &mut Wire, desk: &mut Desk) -> bool {
        loop {
            match wire.read_arrived(connection.socket()) {
                Ok(None) => return true,
                Ok(Some(0)) | Err(_) => return false,
                Ok(Some(_)) => {}
            }
            loop {
                match wire.take() {
                    Ok(Some(Taken::Params)) => {
                        let reusable = match &self.parts.public {
                            None => request::serve(self, connection, wire, desk),
                            Some(public) => self.serve_public(public, connection, wire, desk),
                        };
                        wire.end_request();
                        if !reusable || !wire.is_kept() {
                            return false;
                        }
                    }
                    Ok(Some(Taken::Begin)) if self.parts.public.is_some() => self.count(connection, wire),
                    Ok(Some(Taken::Reply)) => {
                        let replies = std::mem::take(&mut wire.replies);
                        let parts = &mut [io::IoSlice::new(&replies)];
                        if write_all(connection.socket(), parts).is_err() {
                            return false;
                        }
                    }
                    // Nothing has been begun that could be told to end.
                    Ok(Some(Taken::Abort)) => return false,
                    Ok(Some(Taken::Begin | Taken::Body | Taken::BodyEnd)) => {}
                    Ok(None) => break,
                    Err(fault) => {
                        let code = match &self.parts.public {
                            None => Code::WIRE_BROKEN,
                            Some(_) => Code::PEER_REFUSED,
                        };
                        log::line(Level::Warning, code, &fault.to_string());
                        return false;
                    }
                }
            }
            if !wire.may_have_more() && !connection.has_ended() {
                return true;
            }
        }
    }
}
