//! Where a request of a daemon group goes: the slots of its processes, in memory that several processes share.
//!
//! One mapping a group, made by the supervisor. httpd's children reserve and free slots in it, workers note
//! what they run, the supervisor decides which processes may be given requests. All rules are here, over
//! plain words, so that they can be tested without any process; mapping and waiting are the fences' work.
//!
//! The group's own processes can write this memory. Nothing in it is a pointer or a length to trust: every
//! number that is read is bounded by the layout that the reader was told by another way.
//!
//! | part | how many | what |
//! |---|---|---|
//! | header | 1 | the queue's numbers, whether the group is shut |
//! | position | processes that can exist at once, with those that replace others | state, instance, pid, life signs |
//! | slot | threads, for each position | who holds it, what it runs |
//! | waiter | requests that may wait | a ticket, and the slot that it is given |
//! | last words | one for each position | what a process that died left to say |

mod death;
mod layout;
mod position;
mod queue;
mod slot;
mod words;

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU32;

pub use death::Death;
pub use layout::Layout;
pub use position::{Position, PositionState};
pub use queue::{Place, Queued};
pub use slot::{Grant, Slot, SlotState};

/// Milliseconds of the system's monotonic clock, of which the lower 32 bits are kept.
pub type Millis = u32;

/// How long ago `earlier` was, over the wrap-around of the counter after 49 days.
pub fn since(now: Millis, earlier: Millis) -> Millis {
    now.wrapping_sub(earlier)
}

/// A group's scoreboard over its words.
#[derive(Clone, Copy)]
pub struct Scoreboard<'m> {
    words: &'m [AtomicU32],
    layout: Layout,
}

impl<'m> Scoreboard<'m> {
    /// A scoreboard without any position.
    #[must_use]
    pub fn empty() -> Self {
        let layout = Layout {
            positions: 0,
            slots: 0,
            waiters: 0,
        };
        Scoreboard { words: &[], layout }
    }

    /// A scoreboard over `words`, which are zero or were used with the same layout; `None` when they are
    /// fewer than the layout needs.
    pub fn over(words: &'m [AtomicU32], layout: Layout) -> Option<Self> {
        (words.len() >= layout.words()).then_some(Scoreboard { words, layout })
    }

    /// How it is laid out.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// One position; `None` beyond the last.
    pub fn position(&self, index: u32) -> Option<Position<'m>> {
        let words = self.layout.position(index)?;
        let last_words = self.layout.last_words(index)?;
        Some(Position::new(
            self.words.get(words)?.first_chunk()?,
            self.words.get(last_words)?,
        ))
    }

    /// All positions with their numbers.
    pub fn positions(&self) -> impl Iterator<Item = (u32, Position<'m>)> {
        let board = *self;
        (0..self.layout.positions).filter_map(move |index| Some((index, board.position(index)?)))
    }

    /// One slot; `None` beyond the last.
    pub fn slot(&self, position: u32, slot: u32) -> Option<Slot<'m>> {
        let words = self.layout.slot(position, slot)?;
        Some(Slot::new(self.words.get(words)?.first_chunk()?))
    }

    /// The slots that a position has been given, with their numbers.
    pub fn slots(&self, position: u32) -> impl Iterator<Item = (u32, Slot<'m>)> {
        let board = *self;
        let threads = self.position(position).map_or(0, |position| position.threads());
        (0..threads.min(self.layout.slots))
            .filter_map(move |index| Some((index, board.slot(position, index)?)))
    }

    fn header(&self) -> layout::Header<'m> {
        layout::Header::new(self.words)
    }

    /// Shuts the group because its processes cannot be started: nobody waits for them. `retry_after` is in
    /// seconds, at least 1. Those that wait are sent away through `wake`.
    pub fn shut(&self, retry_after: u32, wake: impl Fn(&AtomicU32)) {
        self.header().set_shut(retry_after.max(1));
        self.refuse_all(wake);
    }

    /// For the supervisor: no configuration has the group any more, and none will have it with this scoreboard.
    pub fn retire(&self) {
        self.header().retire();
    }

    /// Whether no configuration has the group any more.
    pub fn is_retired(&self) -> bool {
        self.header().is_retired()
    }

    /// Opens the group again.
    pub fn open(&self) {
        self.header().set_shut(0);
    }

    /// After how many seconds a client may try again, while the group is shut.
    pub fn shut_for(&self) -> Option<u32> {
        Some(self.header().shut()).filter(|seconds| *seconds > 0)
    }
}
