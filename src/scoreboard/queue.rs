//! Those who wait for a slot, first come, first served.

use std::sync::atomic::{AtomicU32, Ordering};

use super::layout::WAITER;
use super::{Grant, Millis, Scoreboard};

const EMPTY: u32 = 0;
/// Being filled in by its owner, or being granted by somebody else.
const CLAIMED: u32 = 1;
const WAITING: u32 = 2;
const GRANTED: u32 = 3;
const REFUSED: u32 = 4;

/// A place in the queue. Given back by [`Scoreboard::leave`] or by taking what was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

/// What has become of somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// Nothing yet. Sleep while the word of the place has this value.
    Waiting(u32),
    /// A slot. The place is given back.
    Granted(Grant),
    /// The group is shut. The place is given back.
    Refused,
}

struct Waiter<'m> {
    state: &'m AtomicU32,
    ticket: &'m AtomicU32,
    holder: &'m AtomicU32,
    position: &'m AtomicU32,
    slot: &'m AtomicU32,
    instance: &'m AtomicU32,
}

impl<'m> Waiter<'m> {
    fn new(words: &'m [AtomicU32; WAITER]) -> Self {
        let [state, ticket, holder, position, slot, instance, ..] = words;
        Waiter {
            state,
            ticket,
            holder,
            position,
            slot,
            instance,
        }
    }

    fn change(&self, from: u32, to: u32) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Gives the cell back. Without a holder it looks like one that is being filled in, until it is empty.
    fn empty(&self) {
        self.holder.store(0, Ordering::Relaxed);
        self.state.store(EMPTY, Ordering::SeqCst);
    }

    fn grant(&self) -> Grant {
        Grant {
            position: self.position.load(Ordering::Relaxed),
            slot: self.slot.load(Ordering::Relaxed),
            instance: self.instance.load(Ordering::Relaxed),
        }
    }
}

impl<'m> Scoreboard<'m> {
    fn waiter(&self, index: u32) -> Option<Waiter<'m>> {
        let words = self.layout.waiter(index)?;
        Some(Waiter::new(self.words.get(words)?.first_chunk()?))
    }

    fn waiters(&self, limit: u32) -> impl Iterator<Item = (u32, Waiter<'m>)> {
        let board = *self;
        (0..limit.min(self.layout.waiters)).filter_map(move |index| Some((index, board.waiter(index)?)))
    }

    /// How many wait.
    pub fn waiting(&self) -> u32 {
        self.header().waiting().load(Ordering::SeqCst)
    }

    /// Queues up, unless `limit` others wait already. Whoever does must then try [`poll`](Self::poll) before
    /// it sleeps.
    pub fn queue_up(&self, limit: u32, holder: u32, now: Millis, wake: impl Fn(&AtomicU32)) -> Option<Place> {
        let (index, waiter) = self
            .waiters(limit)
            .find(|(_, waiter)| waiter.change(EMPTY, CLAIMED))?;
        waiter
            .ticket
            .store(self.header().draw_ticket(), Ordering::Relaxed);
        waiter.holder.store(holder, Ordering::Relaxed);
        self.header().waiting().fetch_add(1, Ordering::SeqCst);
        waiter.state.store(WAITING, Ordering::SeqCst);
        // A slot freed before we stood in the queue was given to nobody.
        self.hand_over(holder, now, wake);
        Some(Place(index))
    }

    /// What has become of a place.
    pub fn poll(&self, place: Place) -> Queued {
        let Some(waiter) = self.waiter(place.0) else {
            return Queued::Refused;
        };
        match waiter.state.load(Ordering::SeqCst) {
            GRANTED => {
                let grant = waiter.grant();
                waiter.empty();
                if self.slot(grant.position, grant.slot).is_some() {
                    Queued::Granted(grant)
                } else {
                    Queued::Refused
                }
            }
            REFUSED => {
                waiter.empty();
                Queued::Refused
            }
            state @ (CLAIMED | WAITING) => Queued::Waiting(state),
            _ => Queued::Refused,
        }
    }

    /// The word to sleep on.
    pub fn place_word(&self, place: Place) -> Option<&'m AtomicU32> {
        Some(self.waiter(place.0)?.state)
    }

    /// Gives the place back without a slot; a slot that was granted meanwhile comes back.
    pub fn leave(&self, place: Place) -> Option<Grant> {
        let waiter = self.waiter(place.0)?;
        // Somebody may be granting just now; that takes a few instructions, unless it was killed there.
        for _ in 0..10_000 {
            if waiter.change(WAITING, CLAIMED) {
                self.one_waits_no_more();
                waiter.empty();
                return None;
            }
            match self.poll(place) {
                Queued::Granted(grant) => return Some(grant),
                Queued::Refused => return None,
                Queued::Waiting(_) => std::hint::spin_loop(),
            }
        }
        waiter.empty();
        None
    }

    /// Gives free slots to those who wait, the first first. `caller` is the process that does it.
    pub fn hand_over(&self, caller: u32, now: Millis, wake: impl Fn(&AtomicU32)) {
        // Bounded, as whoever shares the memory could otherwise keep the caller here.
        for _ in 0..=self.layout.waiters {
            if self.waiting() == 0 {
                return;
            }
            let Some(grant) = self.reserve(caller, now) else {
                return;
            };
            if !self.grant_to_first(grant, &wake) {
                // Nobody after all. Whoever queues up later looks for itself.
                self.take_back(grant);
                if self
                    .waiters(self.layout.waiters)
                    .all(|(_, waiter)| waiter.state.load(Ordering::SeqCst) != WAITING)
                {
                    return;
                }
            }
        }
    }

    fn grant_to_first(&self, grant: Grant, wake: &impl Fn(&AtomicU32)) -> bool {
        for _ in 0..=self.layout.waiters {
            let first = self
                .waiters(self.layout.waiters)
                .filter(|(_, waiter)| waiter.state.load(Ordering::SeqCst) == WAITING)
                .map(|(_, waiter)| (waiter.ticket.load(Ordering::Relaxed), waiter))
                .reduce(|first, other| {
                    // Tickets wrap around.
                    if other.0.wrapping_sub(first.0) > u32::MAX / 2 {
                        other
                    } else {
                        first
                    }
                });
            let Some((_, waiter)) = first else {
                return false;
            };
            if !waiter.change(WAITING, CLAIMED) {
                continue;
            }
            self.one_waits_no_more();
            waiter.position.store(grant.position, Ordering::Relaxed);
            waiter.slot.store(grant.slot, Ordering::Relaxed);
            waiter.instance.store(grant.instance, Ordering::Relaxed);
            if let Some(slot) = self.slot(grant.position, grant.slot) {
                slot.set_holder(waiter.holder.load(Ordering::Relaxed));
            }
            waiter.state.store(GRANTED, Ordering::SeqCst);
            wake(waiter.state);
            return true;
        }
        false
    }

    /// Puts a slot back that nobody wanted.
    fn take_back(&self, grant: Grant) {
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
    }

    fn one_waits_no_more(&self) {
        let _ = self
            .header()
            .waiting()
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |waiting| {
                waiting.checked_sub(1)
            });
    }

    /// Sends all away who wait.
    pub(super) fn refuse_all(&self, wake: impl Fn(&AtomicU32)) {
        for (_, waiter) in self.waiters(self.layout.waiters) {
            if waiter.change(WAITING, REFUSED) {
                self.one_waits_no_more();
                wake(waiter.state);
            }
        }
    }

    /// For the supervisor: empties the places of those who are gone. `is_gone` is false for 0.
    pub fn forget_waiters(&self, is_gone: impl Fn(u32) -> bool) {
        for (_, waiter) in self.waiters(self.layout.waiters) {
            let state = waiter.state.load(Ordering::SeqCst);
            if state == EMPTY || !is_gone(waiter.holder.load(Ordering::Relaxed)) {
                continue;
            }
            if waiter.change(state, CLAIMED) {
                if state == WAITING {
                    self.one_waits_no_more();
                }
                waiter.empty();
            }
        }
    }
}
