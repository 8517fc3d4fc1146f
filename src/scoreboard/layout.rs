//! Which word is what.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// Words of the header.
const HEADER: usize = 16;
/// Words of a position.
pub(super) const POSITION: usize = 16;
/// Words of a slot: whole cache lines, so that two threads do not share one.
pub(super) const SLOT: usize = 64;
/// Words of a waiter's cell.
pub(super) const WAITER: usize = 16;
/// Words of what a dead process left to say: 4 KiB.
const LAST_WORDS: usize = 1024;

/// How many of each part a scoreboard has. All processes are told it by the supervisor or by httpd's parent,
/// never by the memory itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Layout {
    /// Processes that can exist at once.
    pub positions: u32,
    /// Most threads of one process.
    pub slots: u32,
    /// Most requests that wait.
    pub waiters: u32,
}

impl Layout {
    /// Most positions: far more than any machine runs of one application.
    pub const MOST_POSITIONS: u32 = 4096;
    /// Most slots: the most threads that `threads=` allows.
    pub const MOST_SLOTS: u32 = 65536;
    /// Most waiters.
    pub const MOST_WAITERS: u32 = 65536;

    /// Room for a group of `processes` with `threads`, each process replaced by another before it ends, and
    /// for `waiters`. Rounded up, so that small changes of the configuration fit the same scoreboard.
    #[must_use]
    pub fn for_group(processes: u32, threads: u32, waiters: u32) -> Layout {
        let round = |number: u32, to: u32| number.max(1).div_ceil(to).saturating_mul(to);
        Layout {
            positions: round(processes.saturating_mul(2).saturating_add(2), 4).min(Self::MOST_POSITIONS),
            slots: round(threads, 8).min(Self::MOST_SLOTS),
            waiters: round(waiters, 16).min(Self::MOST_WAITERS),
        }
    }

    /// Whether a group that needs `other` can use this.
    #[must_use]
    pub fn holds(&self, other: Layout) -> bool {
        self.positions >= other.positions && self.slots >= other.slots && self.waiters >= other.waiters
    }

    fn parts(self) -> [usize; 3] {
        [self.positions, self.slots, self.waiters].map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    }

    fn positions_end(self) -> usize {
        HEADER + self.parts()[0] * POSITION
    }

    fn slots_end(self) -> usize {
        let [positions, slots, _] = self.parts();
        self.positions_end() + positions * slots * SLOT
    }

    fn waiters_end(self) -> usize {
        self.slots_end() + self.parts()[2] * WAITER
    }

    /// Words of the whole; each has 4 bytes.
    #[must_use]
    pub fn words(self) -> usize {
        self.waiters_end() + self.parts()[0] * LAST_WORDS
    }

    pub(super) fn position(self, index: u32) -> Option<Range<usize>> {
        range(index, self.positions, HEADER, POSITION)
    }

    pub(super) fn slot(self, position: u32, slot: u32) -> Option<Range<usize>> {
        if position >= self.positions {
            return None;
        }
        let start = self.positions_end() + usize::try_from(position).ok()? * self.parts()[1] * SLOT;
        range(slot, self.slots, start, SLOT)
    }

    pub(super) fn waiter(self, index: u32) -> Option<Range<usize>> {
        range(index, self.waiters, self.slots_end(), WAITER)
    }

    pub(super) fn last_words(self, position: u32) -> Option<Range<usize>> {
        range(position, self.positions, self.waiters_end(), LAST_WORDS)
    }
}

fn range(index: u32, count: u32, start: usize, size: usize) -> Option<Range<usize>> {
    if index >= count {
        return None;
    }
    let start = start + usize::try_from(index).ok()? * size;
    Some(start..start + size)
}

/// The header's words.
#[derive(Clone, Copy)]
pub(super) struct Header<'m> {
    waiting: &'m AtomicU32,
    next_ticket: &'m AtomicU32,
    shut: &'m AtomicU32,
    retired: &'m AtomicU32,
}

impl<'m> Header<'m> {
    pub(super) fn new(words: &'m [AtomicU32]) -> Self {
        // A scoreboard has its header's words, or it was not made.
        static NONE: AtomicU32 = AtomicU32::new(0);
        let word = |index: usize| words.get(index).unwrap_or(&NONE);
        Header {
            waiting: word(0),
            next_ticket: word(1),
            shut: word(2),
            retired: word(3),
        }
    }

    pub(super) fn waiting(&self) -> &'m AtomicU32 {
        self.waiting
    }

    pub(super) fn draw_ticket(&self) -> u32 {
        self.next_ticket.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn set_shut(&self, seconds: u32) {
        self.shut.store(seconds, Ordering::SeqCst);
    }

    pub(super) fn retire(&self) {
        self.retired.store(1, Ordering::SeqCst);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst) != 0
    }

    pub(super) fn shut(&self) -> u32 {
        self.shut.load(Ordering::SeqCst)
    }
}
