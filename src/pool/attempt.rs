//! One request: a worker for it, and another one if the first certainly did not start it.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::answer::{Answer, End};
use super::body::{Collected, Sending, Uncollected};
use super::choose::{self, Reservation};
use super::client::Client;
use super::connect;
use super::failure::{self, Verdict};
use super::params;
use super::relay::{Broken, Buffers, Limits, Relay, State};
use super::{Call, Group};
use crate::fcgi::client::push_request;
use crate::fcgi::record::ProtocolStatus;
use crate::gateway::{BodyLength, Head};
use crate::sys::futex;
use crate::sys::stream::Beside;

/// How long to wait for the supervisor to notice that a process has ended, before another is asked for.
const NOTICE: Duration = Duration::from_millis(50);

/// How a worker ends a request that it had no answer to and whose client has gone.
const CLIENT_GONE: u32 = 1;

/// What is used again for the next request of a thread.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    buffers: Buffers,
    params: Vec<u8>,
    head: Head,
}

impl Workspace {
    /// Most bytes that are kept for the next request.
    const WORTH_KEEPING: usize = 1 << 20;

    /// Whether it is small enough to be kept.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.buffers.out.capacity() + self.params.capacity() <= Self::WORTH_KEEPING
    }
}

/// Gives the request to a worker and passes its answer on, all but the end.
pub(super) fn run<C: Client>(call: &Call<'_, '_>, client: &mut C, workspace: &mut Workspace) -> Verdict {
    workspace.buffers.prepare();
    let collected = match call.plan.body {
        BodyLength::None | BodyLength::Known(0) => Collected::nothing(),
        // The application may answer without reading, and then the client need not send.
        BodyLength::Known(_) | BodyLength::Open if client.awaits_continue() => Collected::default(),
        BodyLength::Known(_) | BodyLength::Open => {
            let limit = call.group.options().request_buffer;
            match Collected::read(client, limit, &mut workspace.buffers.input) {
                Ok(collected) => collected,
                Err(Uncollected::Client(error)) => return failure::body(client, error),
                Err(Uncollected::NoRoom(error)) => return failure::no_room(client, &error),
            }
        }
    };
    let plan = super::queued_now(&call.plan, call.group.takes_files());
    let root = call.group.options().chroot.as_ref().map(|root| root.as_bytes());
    if params::encode(&mut workspace.params, call.environ, &plan, root).is_err() {
        return failure::outside_root(call, client);
    }
    let mut patience = Patience::new(call.group);
    loop {
        match attempt(
            call,
            client,
            workspace,
            &collected,
            plan.takes_files,
            &mut patience,
        ) {
            Attempt::Done(verdict) => return verdict,
            Attempt::Again => {}
        }
    }
}

/// How long a request is tried again.
struct Patience {
    limit: Duration,
    /// When the first try failed.
    begin: Option<Instant>,
    /// Tries after which nobody waited, and the one under way.
    tries: u32,
    most_tries: u32,
}

impl Patience {
    fn new(group: &Group) -> Self {
        let most = group
            .board()
            .map_or(0, |board| board.layout().positions.saturating_mul(2));
        Patience {
            limit: group.options().connect_timeout,
            begin: None,
            tries: 1,
            most_tries: most.saturating_add(4),
        }
    }

    fn left(&self) -> Duration {
        self.begin
            .map_or(self.limit, |begin| self.limit.saturating_sub(begin.elapsed()))
    }

    /// Whether it may be tried again if it fails now.
    fn may_be_left(&self) -> bool {
        self.tries < self.most_tries && !self.left().is_zero()
    }

    /// Whether to try again, after a failure.
    fn is_left(&mut self) -> bool {
        self.begin.get_or_insert_with(Instant::now);
        self.tries = self.tries.saturating_add(1);
        self.tries <= self.most_tries && !self.left().is_zero()
    }

    /// Waits for the end of the process to be noticed. Time bounds the tries that wait; a process that writes
    /// what it likes into the scoreboard could keep others from waiting, and those are counted.
    fn give_back_and_wait(&mut self, reservation: Reservation<'_>) {
        let start = Instant::now();
        give_back_and_wait(reservation, self.left());
        if start.elapsed() >= NOTICE / 2 {
            self.tries = self.tries.saturating_sub(1);
        }
    }
}

enum Attempt {
    Done(Verdict),
    Again,
}

fn attempt<C: Client>(
    call: &Call<'_, '_>,
    client: &mut C,
    workspace: &mut Workspace,
    collected: &Collected,
    takes_files: bool,
    patience: &mut Patience,
) -> Attempt {
    let mut reservation = match choose::reserve(call.group) {
        Ok(reservation) => reservation,
        Err(reason) => return Attempt::Done(failure::no_worker(call, client, reason)),
    };
    reservation.describe(call.request_line, patience.tries);
    let stream = match connect(call, &reservation, patience) {
        Ok(stream) => stream,
        Err(error) => {
            if connect::is_passing(&error) && patience.is_left() {
                patience.give_back_and_wait(reservation);
                return Attempt::Again;
            }
            return Attempt::Done(failure::not_connected(call, client, &error));
        }
    };
    let id = reservation.request_id();
    let Workspace {
        buffers,
        params,
        head,
    } = workspace;
    buffers.out.clear();
    push_request(&mut buffers.out, id, true, params);
    let params_end = buffers.out.len();
    let mut body = Sending::new(collected);
    body.begin(&mut buffers.out, id);
    let max_line = usize::try_from(call.group.options().header_buffer_size).unwrap_or(usize::MAX);
    let mut answer = Answer::new(id, max_line, takes_files, head);
    let mut relay = Relay {
        stream: &stream,
        id,
        body: &mut body,
        client,
        answer: &mut answer,
        limits: limits(call),
        reservation: &mut reservation,
        params_end,
        may_move: patience.may_be_left(),
        buffers,
        beside: Beside::default(),
        state: State::default(),
    };
    let result = relay.run();
    let is_sent = relay.has_sent_all();
    let can_be_sent_again = !answer.has_begun() && !body.has_streamed();
    match result {
        Ok(end) if end.protocol_status == ProtocolStatus::RequestComplete as u8 => {
            let is_client_closing = reservation.slot().is_some_and(|slot| slot.is_client_closing());
            keep(call, reservation, stream, is_sent, end);
            if is_client_closing && !answer.has_head() && end.app_status == CLIENT_GONE {
                return Attempt::Done(Verdict::Leave);
            }
            Attempt::Done(failure::ended(client, &answer, end))
        }
        Ok(end) if can_be_sent_again && is_refusal(end) && patience.is_left() => {
            drop(stream);
            patience.give_back_and_wait(reservation);
            Attempt::Again
        }
        Ok(end) => Attempt::Done(failure::refused(call, client, end)),
        Err(Broken::Lost) if can_be_sent_again && !reservation.may_be_started() && patience.is_left() => {
            drop(stream);
            let grant = reservation.grant();
            // The others that are kept have ended with it.
            call.group.kept().forget(grant.position);
            patience.give_back_and_wait(reservation);
            Attempt::Again
        }
        Err(Broken::Unclaimed) if patience.is_left() => Attempt::Again,
        Err(broken) => {
            drop(stream);
            Attempt::Done(failure::broken(call, client, &answer, reservation, broken))
        }
    }
}

/// The worker is done with the request, whether or not the client has all of the response.
fn keep(call: &Call<'_, '_>, reservation: Reservation<'_>, stream: UnixStream, is_sent: bool, end: End) {
    let grant = reservation.grant();
    if is_sent && end.is_clean {
        call.group.kept().put(grant.position, grant.instance, stream);
    }
    // Last, so that whoever gets the slot finds the connection.
    reservation.release();
}

/// Whether the worker said that it will not run the request, but another could.
fn is_refusal(end: End) -> bool {
    end.protocol_status == ProtocolStatus::Overloaded as u8
        || end.protocol_status == ProtocolStatus::CantMpxConn as u8
}

fn connect(
    call: &Call<'_, '_>,
    reservation: &Reservation<'_>,
    patience: &Patience,
) -> io::Result<UnixStream> {
    let grant = reservation.grant();
    match call.group.kept().take(grant.position, grant.instance) {
        Some(stream) => Ok(stream),
        None => connect::connect(call.groups, call.group, grant, patience.left()),
    }
}

/// Until the supervisor has noticed that the process is gone, its slots are the first to be chosen again.
fn give_back_and_wait(reservation: Reservation<'_>, limit: Duration) {
    let (grant, board) = (reservation.grant(), reservation.board());
    drop(reservation);
    let Some(position) = board.position(grant.position) else {
        return;
    };
    let word = position.dead_instance_word();
    let value = word.load(std::sync::atomic::Ordering::SeqCst);
    if value != grant.instance && position.instance() == grant.instance {
        futex::wait(word, value, limit.min(NOTICE));
    }
}

fn limits(call: &Call<'_, '_>) -> Limits {
    let options = call.group.options();
    Limits {
        worker: call.groups.socket_timeout(call.group),
        client: call.groups.timeout(),
        delivery: call
            .group
            .client_patience()
            .unwrap_or_else(|| call.groups.timeout()),
        flush_delay: options.response_flush_delay,
        response_buffer: usize::try_from(options.response_buffer_size).unwrap_or(usize::MAX),
    }
}
