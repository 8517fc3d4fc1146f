//! Every limit in time, number or memory that a running process is held to.
//!
//! The options and their meaning are those of mod_wsgi, and all of them are looked at whichever are set.

use std::time::{Duration, Instant};

use crate::config::daemon_group::DaemonOptions;
use crate::scoreboard::{Millis, Scoreboard, Slot, SlotState, since};

/// How often a process's memory is looked at.
const MEMORY_EVERY: Duration = Duration::from_secs(5);

/// What is remembered of one process.
#[derive(Debug)]
pub(super) struct Watched {
    /// Requests that an exception was raised in, by slot and start, and when.
    interrupted: Vec<(u32, Millis, Instant)>,
    /// Since when no script has been loaded with success, though some were tried.
    loading_since: Option<Instant>,
    has_loaded: bool,
    /// Smoothed, in bytes.
    resident: Option<f64>,
    memory_looked_at: Option<Instant>,
    /// `maximum-requests=`, spread a little.
    maximum_requests: Option<u32>,
    has_dumped: bool,
}

/// What is to be done about a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Raise an exception in the request of this slot, which has run so long.
    Interrupt { slot: u32, millis: Millis },
    /// Replace it, for a reason of the contract's list.
    Replace(&'static str),
    /// Replace it, and do not wait for its requests longer than its limit even though no other is ready.
    Force {
        reason: &'static str,
        slot: Option<(u32, Millis)>,
    },
    /// End it now.
    End(&'static str),
}

impl Watched {
    /// A process that starts. `dice`, any number, spreads `maximum-requests=` over several.
    pub(super) fn new(options: &DaemonOptions, dice: u32) -> Watched {
        Watched {
            interrupted: Vec::new(),
            loading_since: None,
            has_loaded: false,
            resident: None,
            memory_looked_at: None,
            maximum_requests: options
                .maximum_requests
                .map(|limit| spread(limit, options.processes(), dice)),
            has_dumped: false,
        }
    }

    /// A request makes it load a script.
    pub(super) fn loading(&mut self, now: Instant) {
        if !self.has_loaded {
            self.loading_since.get_or_insert(now);
        }
    }

    /// It has loaded a script.
    pub(super) fn loaded(&mut self) {
        self.has_loaded = true;
        self.loading_since = None;
    }

    /// Whether this is the first time that its stacks are to be written.
    pub(super) fn dumps(&mut self) -> bool {
        !std::mem::replace(&mut self.has_dumped, true)
    }

    /// What is to be done about a process that takes requests, `began` when it was started. `resident` asks
    /// for its memory.
    pub(super) fn look(
        &mut self,
        options: &DaemonOptions,
        board: &Scoreboard<'_>,
        position: u32,
        clock: (Instant, Millis),
        began: Instant,
        resident: impl FnOnce() -> Option<u64>,
    ) -> Option<Verdict> {
        let (now, millis) = clock;
        let state = board.position(position)?;
        let over = |limit: Option<Duration>, age: Duration| limit.is_some_and(|limit| age > limit);
        if over(options.deadlock_timeout, age(millis, state.gil_seen())) {
            return Some(Verdict::End("deadlock_timeout"));
        }
        if let Some(verdict) = self.look_at_requests(options, board, position, clock) {
            return Some(verdict);
        }
        let loading = self.loading_since.map(|since| now.duration_since(since));
        if loading.is_some_and(|age| over(options.startup_timeout, age)) {
            return Some(Verdict::Force {
                reason: "startup_timeout",
                slot: None,
            });
        }
        if self.maximum_requests.is_some_and(|limit| state.served() >= limit) {
            return Some(Verdict::Replace("maximum_requests"));
        }
        if over(options.restart_interval, now.duration_since(began)) {
            return Some(Verdict::Replace("restart_interval"));
        }
        if self.is_too_large(options, now, resident) {
            return Some(Verdict::Replace("max_rss"));
        }
        let is_idle = state.served() > 0 && held(options, board, position, millis) == 0;
        if is_idle && over(options.inactivity_timeout, age(millis, state.last_activity())) {
            return Some(Verdict::Replace("inactivity_timeout"));
        }
        None
    }

    fn look_at_requests(
        &mut self,
        options: &DaemonOptions,
        board: &Scoreboard<'_>,
        position: u32,
        (now, millis): (Instant, Millis),
    ) -> Option<Verdict> {
        let limit = request_limit(options)?;
        let running: Vec<(u32, Slot<'_>)> = board
            .slots(position)
            .filter(|(_, slot)| slot.state() == SlotState::Running)
            .collect();
        self.interrupted.retain(|(number, start, _)| {
            running
                .iter()
                .any(|(slot, words)| slot == number && words.since() == *start)
        });
        for (number, slot) in running {
            let start = slot.since();
            if age(millis, start) <= limit {
                continue;
            }
            let told = self
                .interrupted
                .iter()
                .find(|(slot, since, _)| *slot == number && *since == start);
            match (options.interrupt_timeout, told) {
                (Some(_), None) => {
                    self.interrupted.push((number, start, now));
                    return Some(Verdict::Interrupt {
                        slot: number,
                        millis: since(millis, start),
                    });
                }
                (Some(grace), Some((_, _, when))) if now.duration_since(*when) <= grace => {}
                _ => {
                    return Some(Verdict::Force {
                        reason: "request_timeout",
                        slot: Some((number, since(millis, start))),
                    });
                }
            }
        }
        None
    }

    fn is_too_large(
        &mut self,
        options: &DaemonOptions,
        now: Instant,
        resident: impl FnOnce() -> Option<u64>,
    ) -> bool {
        let Some(limit) = options.max_rss else {
            return false;
        };
        let is_time = self
            .memory_looked_at
            .is_none_or(|last| now.duration_since(last) >= MEMORY_EVERY);
        if !is_time {
            return false;
        }
        self.memory_looked_at = Some(now);
        let Some(bytes) = resident() else {
            return false;
        };
        let bytes = bytes as f64;
        let smoothed = self.resident.map_or(bytes, |before| (before + bytes) / 2.0);
        self.resident = Some(smoothed);
        smoothed > limit as f64
    }
}

/// How many requests of a process hold up its end: those it has been given, without those that have run
/// longer than any may.
pub(super) fn held(options: &DaemonOptions, board: &Scoreboard<'_>, position: u32, now: Millis) -> u32 {
    let Some(limit) = request_limit(options) else {
        return board.held(position);
    };
    let limit = limit + options.interrupt_timeout.unwrap_or_default();
    let held = board.slots(position).filter(|(_, slot)| match slot.state() {
        SlotState::Free => false,
        SlotState::Running => age(now, slot.since()) <= limit,
        SlotState::Reserved | SlotState::Done => true,
    });
    u32::try_from(held.count()).unwrap_or(u32::MAX)
}

/// `request-timeout=`, longer the more threads share the process: `T * (1 + ln(threads))`.
fn request_limit(options: &DaemonOptions) -> Option<Duration> {
    let factor = 1.0 + f64::from(options.threads.max(1)).ln();
    Some(options.request_timeout?.mul_f64(factor))
}

fn age(now: Millis, earlier: Millis) -> Duration {
    // A time just noted by another process may be a little later than `now`.
    let passed = since(now, earlier);
    Duration::from_millis(if passed > u32::MAX / 2 { 0 } else { passed.into() })
}

/// Up to a tenth more or less, so that processes started together do not end together.
fn spread(limit: u32, processes: u32, dice: u32) -> u32 {
    if processes < 2 {
        return limit;
    }
    let tenth = limit / 10;
    let offset = dice % (tenth * 2 + 1);
    (limit - tenth).saturating_add(offset).max(1)
}

#[cfg(test)]
mod tests;
