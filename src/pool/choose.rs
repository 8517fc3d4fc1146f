//! Which worker gets a request: a slot of the scoreboard, or a place in the queue for one.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::Group;
use crate::scoreboard::{Grant, Millis, PositionState, Queued, Scoreboard, Slot, SlotState};
use crate::sys::{clock, futex};

/// How long to sleep at most before looking whether the group still has processes. A slot of a request that
/// was given up is found then, as its worker wakes nobody.
const SLICE: Duration = Duration::from_millis(250);

/// Why a request gets no worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoWorker {
    /// The group's processes cannot be started; clients may try again after as many seconds.
    Shut(u32),
    /// As many wait already as may (`listen-backlog=`).
    QueueFull,
    /// It waited for as long as it may (`queue-timeout=`).
    QueueTimeout,
    /// There was no process for as long as one is waited for (`connect-timeout=`).
    NoProcess,
}

/// A slot that is ours until this is gone.
pub(super) struct Reservation<'g> {
    board: Scoreboard<'g>,
    grant: Grant,
    begun: Millis,
    released: bool,
}

/// The number of this process.
pub(super) fn own_pid() -> u32 {
    static PID: OnceLock<u32> = OnceLock::new();
    *PID.get_or_init(std::process::id)
}

impl<'g> Reservation<'g> {
    pub(super) fn grant(&self) -> Grant {
        self.grant
    }

    /// When it was made.
    pub(super) fn begun(&self) -> Millis {
        self.begun
    }

    pub(super) fn board(&self) -> Scoreboard<'g> {
        self.board
    }

    /// The number of the request on its connection; FastCGI keeps 0 for itself.
    pub(super) fn request_id(&self) -> u16 {
        u16::try_from(self.grant.slot).map_or(u16::MAX, |slot| slot.saturating_add(1))
    }

    /// Notes what is run, and at which of its tries to be run, for whoever reads the scoreboard.
    pub(super) fn describe(&self, text: &[u8], tries: u32) {
        if let Some(slot) = self.slot() {
            slot.describe(text);
            slot.note_tries(tries);
        }
    }

    /// The slot.
    pub(super) fn slot(&self) -> Option<Slot<'g>> {
        self.board.slot(self.grant.position, self.grant.slot)
    }

    /// Whether the application may have been started, so that no other process can be asked.
    pub(super) fn may_be_started(&self) -> bool {
        self.board.may_be_started(self.grant)
    }

    /// Whether the worker has not begun the request.
    pub(super) fn is_unclaimed(&self) -> bool {
        self.slot()
            .is_some_and(|slot| slot.state() == SlotState::Reserved)
    }

    /// Takes back a request that the worker has not begun, if another process could; then the slot is the worker's
    /// to free.
    pub(super) fn withdraw(&mut self) -> bool {
        self.released |= self.board.withdraw(self.grant);
        self.released
    }

    /// Gives the slot back: the worker has answered.
    pub(super) fn release(mut self) {
        self.released = true;
        self.board
            .release(self.grant, own_pid(), clock::millis(), futex::wake);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.released {
            self.board
                .abandon(self.grant, own_pid(), clock::millis(), futex::wake);
        }
    }
}

/// Reserves a slot, after waiting for one if need be.
pub(super) fn reserve(group: &Group) -> Result<Reservation<'_>, NoWorker> {
    let board = group.board().ok_or(NoWorker::NoProcess)?;
    // Nobody passes those who wait.
    let at_once = match board.waiting() {
        0 => board.reserve(own_pid(), clock::millis()),
        _ => None,
    };
    let grant = match at_once {
        Some(grant) => grant,
        None => wait(group, board)?,
    };
    Ok(Reservation {
        board,
        grant,
        begun: clock::millis(),
        released: false,
    })
}

#[cold]
fn wait(group: &Group, board: Scoreboard<'_>) -> Result<Grant, NoWorker> {
    let options = group.options();
    if let Some(seconds) = board.shut_for() {
        return Err(NoWorker::Shut(seconds));
    }
    if options.connect_timeout.is_zero() && !has_process(board) {
        return Err(NoWorker::NoProcess);
    }
    let begin = Instant::now();
    let place = board
        .queue_up(options.backlog(), own_pid(), clock::millis(), futex::wake)
        .ok_or(NoWorker::QueueFull)?;
    let word = board.place_word(place).ok_or(NoWorker::QueueFull)?;
    let mut last_process = begin;
    loop {
        let value = match board.poll(place) {
            Queued::Granted(grant) => return Ok(grant),
            Queued::Refused => return Err(NoWorker::Shut(board.shut_for().unwrap_or(1))),
            Queued::Waiting(value) => value,
        };
        let now = Instant::now();
        if has_process(board) {
            last_process = now;
        }
        // There was one when this began, even if none is to be waited for.
        let left = options
            .connect_timeout
            .max(SLICE)
            .saturating_sub(now - last_process);
        let queue_left = options
            .queue_timeout
            .map_or(Duration::MAX, |limit| limit.saturating_sub(now - begin));
        if left.is_zero() || queue_left.is_zero() {
            let reason = if queue_left.is_zero() {
                NoWorker::QueueTimeout
            } else {
                NoWorker::NoProcess
            };
            // What was granted in this moment is taken.
            return board.leave(place).ok_or(reason);
        }
        futex::wait(word, value, left.min(queue_left).min(SLICE));
        board.hand_over(own_pid(), clock::millis(), futex::wake);
    }
}

/// Whether any process takes requests.
fn has_process(board: Scoreboard<'_>) -> bool {
    board
        .positions()
        .any(|(_, position)| position.state() == PositionState::Ready)
}
