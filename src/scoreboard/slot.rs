//! A slot: the right to have one thread of one process run a request.

use std::sync::atomic::{AtomicU32, Ordering};

use super::layout::SLOT;
use super::{Millis, Position, PositionState, Scoreboard, words};

/// How far a slot's request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SlotState {
    /// Nobody has it.
    Free = 0,
    /// A child of httpd has it, and the application has not been started.
    Reserved = 1,
    /// The application may have been started: the request must not be given to another process.
    Running = 2,
    /// The worker is done with the request.
    Done = 3,
}

/// What a running slot becomes when nobody waits for its request any more: the thread is not free before the
/// worker says so. Reads as running.
const ABANDONED: u32 = 4;

/// What a reserved slot becomes when its request goes to another process, because this one has not begun it: only
/// this one knows when it has read that. Reads as running, and is free once the worker has seen it.
const WITHDRAWN: u32 = 5;

/// A reserved slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Number of the position.
    pub position: u32,
    /// Number of the slot in it.
    pub slot: u32,
    /// Which process was there when it was reserved.
    pub instance: u32,
}

/// One slot's words.
#[derive(Clone, Copy)]
pub struct Slot<'m> {
    state: &'m AtomicU32,
    holder: &'m AtomicU32,
    since: &'m AtomicU32,
    thread: &'m AtomicU32,
    unstarted: &'m AtomicU32,
    closing: &'m AtomicU32,
    tries: &'m AtomicU32,
    note: &'m [AtomicU32],
}

impl<'m> Slot<'m> {
    pub(super) fn new(words: &'m [AtomicU32; SLOT]) -> Self {
        let [
            state,
            holder,
            since,
            thread,
            unstarted,
            closing,
            tries,
            _,
            note @ ..,
        ] = words;
        Slot {
            state,
            holder,
            since,
            thread,
            unstarted,
            closing,
            tries,
            note,
        }
    }

    /// How far its request is; an unknown value counts as running.
    pub fn state(&self) -> SlotState {
        match self.state.load(Ordering::SeqCst) {
            0 => SlotState::Free,
            1 => SlotState::Reserved,
            3 => SlotState::Done,
            _ => SlotState::Running,
        }
    }

    /// The process of httpd that has it.
    pub fn holder(&self) -> u32 {
        self.holder.load(Ordering::Relaxed)
    }

    /// When it was reserved, or when its application was started.
    pub fn since(&self) -> Millis {
        self.since.load(Ordering::Relaxed)
    }

    /// The worker's thread that runs it, a number of the worker's own.
    pub fn thread(&self) -> u32 {
        self.thread.load(Ordering::Relaxed)
    }

    /// For the child that reserved it: words about the request, for logs.
    pub fn describe(&self, text: &[u8]) {
        words::write(self.note, text);
    }

    /// What the child said of the request.
    pub fn description(&self) -> Vec<u8> {
        words::read(self.note)
    }

    /// For the child that reserved it: which process this is that it gives its request to, 1 for the first. Those
    /// before had certainly not started it.
    pub fn note_tries(&self, number: u32) {
        self.tries.store(number, Ordering::Relaxed);
    }

    /// Which process this is that its request was given to, 1 for the first.
    pub fn tries(&self) -> u32 {
        self.tries.load(Ordering::Relaxed)
    }

    /// For the child that reserved it: the client has closed its connection, or its sending half.
    pub fn note_client_closing(&self) {
        self.closing.store(1, Ordering::Relaxed);
    }

    /// Whether the client has closed its connection, or its sending half.
    pub fn is_client_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed) != 0
    }

    /// For the worker: the application is about to be started. False when it must not be, as the request was given
    /// to another process; then the slot is free.
    pub fn start(&self, thread: u32, now: Millis) -> bool {
        self.thread.store(thread, Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
        if self.change(SlotState::Reserved, SlotState::Running) {
            return true;
        }
        let is_withdrawn = self.state.load(Ordering::SeqCst) == WITHDRAWN;
        if is_withdrawn {
            self.free();
        }
        // A child that gave up has freed it: then it is not ours to mark.
        !is_withdrawn
    }

    fn withdraw(&self) -> bool {
        self.state
            .compare_exchange(
                SlotState::Reserved as u32,
                WITHDRAWN,
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .is_ok()
    }

    /// For a worker whose requests come from no child of httpd: one begins in the thread that the slot stands
    /// for. `holder` is the worker itself, `text` what logs say of the request.
    pub fn occupy(&self, holder: u32, thread: u32, now: Millis, text: &[u8]) {
        self.describe(text);
        self.holder.store(holder, Ordering::Relaxed);
        self.thread.store(thread, Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
        self.state.store(SlotState::Running as u32, Ordering::SeqCst);
    }

    /// For such a worker: the request has ended.
    pub fn vacate(&self) {
        self.free();
    }

    /// For the worker: it has answered and forgotten the request.
    pub fn finish(&self) {
        let was_abandoned = !self.change(SlotState::Running, SlotState::Done)
            && self.state.load(Ordering::SeqCst) == ABANDONED;
        if was_abandoned {
            self.free();
        }
    }

    /// Whether the worker now has to free it.
    fn abandon(&self) -> bool {
        self.state
            .compare_exchange(
                SlotState::Running as u32,
                ABANDONED,
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .is_ok()
    }

    fn change(&self, from: SlotState, to: SlotState) -> bool {
        self.state
            .compare_exchange(from as u32, to as u32, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    fn take(&self, holder: u32, now: Millis) -> bool {
        let seems_free = self.state.load(Ordering::Relaxed) == SlotState::Free as u32;
        let taken = seems_free && self.change(SlotState::Free, SlotState::Reserved);
        if taken {
            self.holder.store(holder, Ordering::Relaxed);
            self.since.store(now, Ordering::Relaxed);
            self.closing.store(0, Ordering::Relaxed);
        }
        taken
    }

    pub(super) fn set_holder(&self, holder: u32) {
        self.holder.store(holder, Ordering::Relaxed);
    }

    pub(super) fn free(&self) {
        self.holder.store(0, Ordering::Relaxed);
        self.state.store(SlotState::Free as u32, Ordering::SeqCst);
    }
}

impl Scoreboard<'_> {
    /// Reserves a slot of the ready process that has the least to do, for the process `holder` of httpd.
    pub fn reserve(&self, holder: u32, now: Millis) -> Option<Grant> {
        let mut tried = 0_u64;
        loop {
            let (position, _) = self
                .positions()
                .filter(|(index, position)| {
                    position.state() == PositionState::Ready && !(*index < 64 && tried & (1 << index) != 0)
                })
                .map(|(index, position)| (index, (position.is_silent(), position.busy())))
                .min_by_key(|(_, load)| *load)?;
            if let Some(grant) = self.reserve_at(position, holder, now) {
                return Some(grant);
            }
            if position >= 64 {
                return self.reserve_anywhere(holder, now);
            }
            tried |= 1 << position;
        }
    }

    /// The slow way of a very large group.
    fn reserve_anywhere(&self, holder: u32, now: Millis) -> Option<Grant> {
        (0..self.layout().positions).find_map(|position| self.reserve_at(position, holder, now))
    }

    /// Reserves a slot of one process.
    fn reserve_at(&self, index: u32, holder: u32, now: Millis) -> Option<Grant> {
        let position = self.position(index)?;
        let instance = position.instance();
        if position.state() != PositionState::Ready {
            return None;
        }
        let (slot, taken) = self.slots(index).find(|(_, slot)| slot.take(holder, now))?;
        // The supervisor first says that the process drains and then looks at its slots; here it is the
        // other way round, so that one of the two sees the other.
        if position.state() != PositionState::Ready || position.instance() != instance {
            taken.free();
            return None;
        }
        position.add_busy();
        Some(Grant {
            position: index,
            slot,
            instance,
        })
    }

    /// Frees a slot, and gives it to the first who waits. `caller` is the process that does it; `wake` wakes
    /// whoever waits on a word.
    pub fn release(&self, grant: Grant, caller: u32, now: Millis, wake: impl Fn(&AtomicU32)) {
        let (Some(position), Some(slot)) = (
            self.position(grant.position),
            self.slot(grant.position, grant.slot),
        ) else {
            return;
        };
        if position.instance() == grant.instance {
            slot.free();
            position.remove_busy();
        }
        self.hand_over(caller, now, wake);
    }

    /// Like [`release`](Self::release), for a request that was given up and may still be running: its thread
    /// is given to nobody before the worker is done with it.
    pub fn abandon(&self, grant: Grant, caller: u32, now: Millis, wake: impl Fn(&AtomicU32)) {
        let (Some(position), Some(slot)) = (
            self.position(grant.position),
            self.slot(grant.position, grant.slot),
        ) else {
            return;
        };
        if position.instance() == grant.instance && slot.abandon() {
            position.remove_busy();
        } else {
            self.release(grant, caller, now, wake);
        }
    }

    /// Takes the request of a slot back whose process has not begun it though others could: it is certain then that
    /// it will not. Whether that was so. The process is given no further requests, as long as there are others, until
    /// it gives a sign of life.
    pub fn withdraw(&self, grant: Grant) -> bool {
        let is_free = |other: &Position<'_>| {
            other.state() == PositionState::Ready && !other.is_silent() && other.busy() < other.threads()
        };
        let mut others = self.positions().filter(|(index, _)| *index != grant.position);
        let (Some(position), Some(slot)) = (
            self.position(grant.position),
            self.slot(grant.position, grant.slot),
        ) else {
            return false;
        };
        let is_withdrawn = position.instance() == grant.instance
            && others.any(|(_, other)| is_free(&other))
            && slot.withdraw();
        if is_withdrawn {
            position.set_silent(true);
            position.remove_busy();
        }
        is_withdrawn
    }

    /// Whether the application may have been started with the request that was granted this slot, which its
    /// holder has not given back. False only when it certainly was not, also if its process has ended.
    pub fn may_be_started(&self, grant: Grant) -> bool {
        let (Some(position), Some(slot)) = (
            self.position(grant.position),
            self.slot(grant.position, grant.slot),
        ) else {
            return true;
        };
        let is_waiting = slot.state() == SlotState::Reserved && position.instance() == grant.instance;
        !is_waiting && slot.unstarted.load(Ordering::SeqCst) != grant.instance
    }

    /// For the supervisor: frees all slots of a position whose process has ended. Those who hold one can
    /// still tell whether their request was started.
    pub fn clear(&self, index: u32) {
        let Some(position) = self.position(index) else {
            return;
        };
        for (_, slot) in self.slots(index) {
            if slot.state() == SlotState::Reserved {
                slot.unstarted.store(position.instance(), Ordering::SeqCst);
            }
            slot.free();
        }
    }

    /// For the supervisor: frees the slots of a position whose holders are gone, unless the application still
    /// runs there. How many there were.
    pub fn reclaim(&self, index: u32, is_gone: impl Fn(u32) -> bool) -> u32 {
        let Some(position) = self.position(index) else {
            return 0;
        };
        let mut reclaimed = 0;
        for (_, slot) in self.slots(index) {
            if matches!(slot.state(), SlotState::Reserved | SlotState::Done) && is_gone(slot.holder()) {
                slot.free();
                position.remove_busy();
                reclaimed += 1;
            }
        }
        reclaimed
    }

    /// How many requests a position has been given and not finished.
    pub fn held(&self, position: u32) -> u32 {
        let held = self
            .slots(position)
            .filter(|(_, slot)| slot.state() != SlotState::Free)
            .count();
        u32::try_from(held).unwrap_or(u32::MAX)
    }
}
