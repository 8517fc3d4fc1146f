//! A request on its way to a worker and the answer on its way back, both at once.
//!
//! A request without a body costs one send and one receive. Whatever takes longer goes round a loop: send
//! what the worker takes, receive what it has, and wait only when neither got any further.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::answer::{Answer, AnswerFault, End};
use super::body::{Next, Sending};
use super::choose::Reservation;
use super::client::Client;
use crate::fcgi::client::{push_body, push_body_end};
use crate::fcgi::record::MAX_CONTENT;
use crate::gateway::{BodyError, ClientGone};
use crate::sys::stream::{self, Beside, Watch};

/// Bytes of a response that are worth passing on before there is a pause.
const PASS_AT: usize = 64 << 10;
/// How long a worker may be silent before it is waited for together with the client, which may leave, or be cut
/// off by an httpd that stops. The read timeout of a stream, unless a worker may not be silent for so long.
pub(super) const FIRST_LOOK: Duration = Duration::from_millis(500);
/// How long to wait for the worker before a client without a socket of its own is asked again.
const SHORTEST_SLICE: Duration = Duration::from_millis(1);
/// The same for a client that has been silent for a while.
const LONGEST_SLICE: Duration = Duration::from_millis(20);

/// How long an application has to answer without its body, before a client that waits to be told is told to
/// send it: whether the application reads is not known here.
const INVITE_AFTER: Duration = Duration::from_millis(50);

/// How long everybody may take, and how much is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Silence of the worker, also before its head is complete.
    pub(super) worker: Duration,
    /// Silence of a client whose body is awaited.
    pub(super) client: Duration,
    /// Slowness of a client that is sent the response.
    pub(super) delivery: Duration,
    /// How long output waits for more.
    pub(super) flush_delay: Duration,
    /// Bytes of a response that are held for a slow client.
    pub(super) response_buffer: usize,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The worker closed its end.
    Lost,
    /// The worker was silent for too long.
    Silent,
    /// The worker did not begin the request, which was taken back.
    Unclaimed,
    /// The answer is none.
    Fault(AnswerFault),
    /// The client's body does not come.
    Body(BodyError),
    /// The client is gone, or too slow.
    Client,
    /// The system refused something.
    System(io::Error),
}

impl From<ClientGone> for Broken {
    fn from(_: ClientGone) -> Self {
        Broken::Client
    }
}

/// Buffers that are used again for the next request.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// What is to be sent.
    pub(super) out: Vec<u8>,
    /// What was received, or a piece of a body.
    pub(super) input: Vec<u8>,
}

impl Buffers {
    /// Makes sure that something can be received.
    pub(super) fn prepare(&mut self) {
        if self.input.len() != MAX_CONTENT {
            self.input.resize(MAX_CONTENT, 0);
        }
    }
}

/// One request on one connection.
pub(super) struct Relay<'a, 'b, 'g, 'h, C> {
    pub(super) stream: &'a UnixStream,
    pub(super) id: u16,
    pub(super) body: &'a mut Sending<'b>,
    pub(super) client: &'a mut C,
    pub(super) answer: &'a mut Answer<'h>,
    pub(super) limits: Limits,
    /// The worker's slot.
    pub(super) reservation: &'a mut Reservation<'g>,
    /// Bytes of what is to be sent that the worker needs to begin the request.
    pub(super) params_end: usize,
    /// Whether the request can be given to another worker if this one does not begin it.
    pub(super) may_move: bool,
    pub(super) buffers: &'a mut Buffers,
    /// A descriptor from the worker, until its record is read.
    pub(super) beside: Beside,
    pub(super) state: State,
}

/// How far a relay is.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How much of what is to be sent was.
    sent: usize,
    /// The worker takes no more.
    is_refused: bool,
    /// The worker was silent for [`FIRST_LOOK`].
    is_slow: bool,
    /// When the worker last did something, or could not be expected to; read from the clock only when there
    /// was something to wait for.
    worker_seen: Option<Instant>,
    client_seen: Option<Instant>,
    /// The worker was told that the client is closing.
    is_closing_told: bool,
    /// Since when the client waits to be told to send its body.
    uninvited: Option<Instant>,
    /// When the request was sent while no head had come.
    asked: Option<Instant>,
    /// When the first piece was staged that has not been passed on.
    staged: Option<Instant>,
    slice: Duration,
}

/// What keeps the request from being sent in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    /// Nothing, or the worker will not have it.
    Nothing,
    Worker,
    Client,
}

impl<C: Client> Relay<'_, '_, '_, '_, C> {
    /// Sends what is in the buffer and the body after it, until the answer has ended.
    pub(super) fn run(&mut self) -> Result<End, Broken> {
        self.buffers.prepare();
        loop {
            let outgoing = self.send()?;
            let nothing_held = self.answer.staged() == 0 && self.state.asked.is_none();
            let may_block = outgoing == Outgoing::Nothing && nothing_held && !self.state.is_slow;
            match self.receive(may_block)? {
                Some(Received::End(end)) => return Ok(end),
                Some(Received::Some) => self.pass_much()?,
                None => self.wait(outgoing)?,
            }
        }
    }

    /// Whether the whole request was sent.
    pub(super) fn has_sent_all(&self) -> bool {
        self.body.is_over() && self.state.sent == self.buffers.out.len()
    }

    /// Sends until the worker or the client makes us wait.
    fn send(&mut self) -> Result<Outgoing, Broken> {
        while !self.state.is_refused {
            let rest = self.buffers.out.get(self.state.sent..).unwrap_or_default();
            if rest.is_empty() {
                if !self.fill()? {
                    return Ok(if self.body.is_over() {
                        Outgoing::Nothing
                    } else {
                        Outgoing::Client
                    });
                }
                continue;
            }
            match stream::send_now(self.stream, rest) {
                Ok(sent) => {
                    self.state.sent += sent;
                    self.state.worker_seen = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Outgoing::Worker),
                // What the worker has answered before is still to be read.
                Err(_) => self.state.is_refused = true,
            }
        }
        Ok(Outgoing::Nothing)
    }

    /// Puts the next piece of the body into the empty buffer; false when there is none now.
    fn fill(&mut self) -> Result<bool, Broken> {
        if self.body.is_over() {
            return Ok(false);
        }
        let out = &mut self.buffers.out;
        let next = self
            .body
            .next(self.client, &mut self.buffers.input)
            .map_err(Broken::Body)?;
        match next {
            Next::Later => {
                self.invite();
                return Ok(false);
            }
            Next::End => {
                out.clear();
                push_body_end(out, self.id);
            }
            Next::Piece(length) => {
                out.clear();
                let piece = self.buffers.input.get(..length).unwrap_or_default();
                push_body(out, self.id, piece);
                self.state.client_seen = None;
                self.state.slice = SHORTEST_SLICE;
            }
        }
        self.state.sent = 0;
        self.params_end = 0;
        Ok(true)
    }

    /// Tells a client that waits for it to send its body, after a while.
    fn invite(&mut self) {
        if self.client.awaits_continue() {
            let begin = *self.state.uninvited.get_or_insert_with(Instant::now);
            if begin.elapsed() >= INVITE_AFTER {
                self.client.answer_expect_continue();
            }
        }
    }

    /// Receives once; `None` when there is nothing.
    fn receive(&mut self, may_block: bool) -> Result<Option<Received>, Broken> {
        let input = &mut self.buffers.input;
        match stream::receive_with_descriptor(self.stream, input, may_block, &mut self.beside) {
            Ok(0) => Err(Broken::Lost),
            Ok(length) => {
                self.state.worker_seen = None;
                let piece = self.buffers.input.get(..length).unwrap_or_default();
                let end = self
                    .answer
                    .feed(piece, &mut self.beside, self.client)
                    .map_err(Broken::Fault)?;
                if self.answer.has_head() {
                    self.state.asked = None;
                } else if end.is_none() {
                    self.state.asked.get_or_insert_with(Instant::now);
                }
                Ok(Some(end.map_or(Received::Some, Received::End)))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // From now on the client is looked at as well.
                if may_block {
                    self.state.is_slow = true;
                    self.state.worker_seen = Instant::now().checked_sub(self.limits.worker.min(FIRST_LOOK));
                }
                Ok(None)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Err(Broken::Lost),
                _ => Err(Broken::System(error)),
            },
        }
    }

    /// Passes on what has gathered while the worker sends without a pause: as long as the client takes it,
    /// and in any case when more is held than should be.
    fn pass_much(&mut self) -> Result<(), Broken> {
        if self.answer.staged() > 0 {
            self.state.staged.get_or_insert_with(Instant::now);
        }
        while self.answer.staged() >= PASS_AT
            && (self.answer.staged() >= self.limits.response_buffer || self.client_takes()?)
        {
            self.pass_part()?;
        }
        Ok(())
    }

    /// Passes on no more than a client that takes output can be expected to take at once.
    fn pass_part(&mut self) -> Result<(), Broken> {
        let passed = self.client.pass_on(PASS_AT)?;
        self.note_passed(passed);
        Ok(())
    }

    fn note_passed(&mut self, passed: usize) {
        self.answer.note_passed(passed);
        self.state.staged = (self.answer.staged() > 0).then(Instant::now);
        // While the client was sent to, the worker may have waited for us.
        self.state.worker_seen = None;
    }

    /// Whether the client takes output at once, as far as that can be told.
    fn client_takes(&self) -> Result<bool, Broken> {
        let Some(descriptor) = self.client.socket() else {
            return Ok(true);
        };
        let mut client = Watch {
            descriptor,
            read: false,
            write: true,
            gone: false,
            closing: false,
        };
        stream::wait(&mut client, &mut NOBODY.clone(), Duration::ZERO).map_err(Broken::System)
    }

    /// Waits for whoever is next, and flushes what waits for a pause.
    fn wait(&mut self, outgoing: Outgoing) -> Result<(), Broken> {
        let now = Instant::now();
        let is_due = match self.state.staged {
            Some(staged) => now - staged >= self.limits.flush_delay,
            None => false,
        };
        let socket = self.client.socket();
        if is_due && socket.is_none() {
            return self.flush();
        }
        let mut worker = Watch {
            descriptor: self.stream.as_raw_fd(),
            read: true,
            write: outgoing == Outgoing::Worker,
            gone: false,
            closing: false,
        };
        let mut client = Watch {
            descriptor: socket.unwrap_or(-1),
            read: outgoing == Outgoing::Client,
            write: is_due,
            gone: true,
            // Such a client may still read: whether it matters is for the worker to say.
            closing: !self.state.is_closing_told,
        };
        let mut limit = self.time_left(outgoing, now, is_due)?;
        if self.reservation.is_unclaimed() {
            let patience = self.limits.worker.min(FIRST_LOOK);
            let is_silent = |seen| now.saturating_duration_since(seen) >= patience;
            if self.state.worker_seen.is_some_and(is_silent) && self.take_back() {
                return Err(Broken::Unclaimed);
            }
            limit = limit.min(FIRST_LOOK);
        }
        stream::wait(&mut worker, &mut client, limit).map_err(Broken::System)?;
        if client.gone {
            return Err(Broken::Client);
        }
        if client.closing {
            self.state.is_closing_told = true;
            if let Some(slot) = self.reservation.slot() {
                slot.note_client_closing();
            }
        }
        if is_due && client.write {
            return self.flush();
        }
        Ok(())
    }

    /// Takes back what the worker has been sent and not begun, if another could. It has to have all that it needs to
    /// see that.
    fn take_back(&mut self) -> bool {
        self.may_move
            && self.state.sent >= self.params_end
            && !self.answer.has_begun()
            && !self.body.has_streamed()
            && self.reservation.withdraw()
    }

    /// Sends what is staged on its way; a large amount in parts, so that a slow client does not keep us from
    /// the worker.
    fn flush(&mut self) -> Result<(), Broken> {
        let staged = self.answer.staged();
        if staged > PASS_AT {
            return self.pass_part();
        }
        self.client.flush()?;
        self.note_passed(staged);
        Ok(())
    }

    /// How long to wait at most before something is to be done; an error when somebody's time is over.
    fn time_left(&mut self, outgoing: Outgoing, now: Instant, is_due: bool) -> Result<Duration, Broken> {
        let state = &mut self.state;
        let (waited, limit, broken) = if is_due {
            let since = state
                .staged
                .map_or(now, |staged| staged + self.limits.flush_delay);
            (now - since, self.limits.delivery, Broken::Client)
        } else if outgoing == Outgoing::Client {
            let since = *state.client_seen.get_or_insert(now);
            let late = Broken::Body(BodyError::TimedOut);
            (now - since, self.limits.client, late)
        } else {
            let mut since = *state.worker_seen.get_or_insert(now);
            if let Some(asked) = state.asked {
                since = since.min(asked);
            }
            (now - since, self.limits.worker, Broken::Silent)
        };
        let mut left = limit.saturating_sub(waited);
        if left.is_zero() {
            return Err(broken);
        }
        if let Some(staged) = state.staged.filter(|_| !is_due) {
            left = left.min(self.limits.flush_delay.saturating_sub(now - staged));
        }
        if let Some(begin) = state.uninvited
            && self.client.awaits_continue()
        {
            let rest = INVITE_AFTER.saturating_sub(now - begin);
            left = left.min(rest.max(SHORTEST_SLICE));
        }
        if outgoing == Outgoing::Client && self.client.socket().is_none() {
            left = left.min(state.slice.max(SHORTEST_SLICE));
            state.slice = (state.slice * 2).min(LONGEST_SLICE);
        }
        Ok(left)
    }
}

/// What a receive led to.
enum Received {
    Some,
    End(End),
}

/// In place of a second descriptor.
const NOBODY: Watch = Watch {
    descriptor: -1,
    read: false,
    write: false,
    gone: false,
    closing: false,
};
