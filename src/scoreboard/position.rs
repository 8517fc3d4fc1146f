//! A process of the group.

use std::sync::atomic::{AtomicU32, Ordering};

use super::layout::POSITION;
use super::{Death, Millis, words};

/// What may be asked of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PositionState {
    /// There is none.
    Empty = 0,
    /// It has not loaded its scripts yet.
    Starting = 1,
    /// It takes requests.
    Ready = 2,
    /// It takes no further requests and ends when those it has are done.
    Draining = 3,
}

/// One position's words.
#[derive(Clone, Copy)]
pub struct Position<'m> {
    state: &'m AtomicU32,
    instance: &'m AtomicU32,
    pid: &'m AtomicU32,
    threads: &'m AtomicU32,
    busy: &'m AtomicU32,
    served: &'m AtomicU32,
    gil_seen: &'m AtomicU32,
    last_activity: &'m AtomicU32,
    dead_instance: &'m AtomicU32,
    death: &'m AtomicU32,
    dead_pid: &'m AtomicU32,
    silent: &'m AtomicU32,
    last_words: &'m [AtomicU32],
}

impl<'m> Position<'m> {
    pub(super) fn new(words: &'m [AtomicU32; POSITION], last_words: &'m [AtomicU32]) -> Self {
        let [
            state,
            instance,
            pid,
            threads,
            busy,
            served,
            gil_seen,
            last_activity,
            dead_instance,
            death,
            dead_pid,
            silent,
            ..,
        ] = words;
        Position {
            state,
            instance,
            pid,
            threads,
            busy,
            served,
            gil_seen,
            last_activity,
            dead_instance,
            death,
            dead_pid,
            silent,
            last_words,
        }
    }

    /// What may be asked of it; an unknown value counts as nothing.
    pub fn state(&self) -> PositionState {
        match self.state.load(Ordering::SeqCst) {
            1 => PositionState::Starting,
            2 => PositionState::Ready,
            3 => PositionState::Draining,
            _ => PositionState::Empty,
        }
    }

    /// For the supervisor.
    pub fn set_state(&self, state: PositionState) {
        self.state.store(state as u32, Ordering::SeqCst);
    }

    /// Which process it is: a number that no other process of the group has had. Never 0 for a process.
    pub fn instance(&self) -> u32 {
        self.instance.load(Ordering::SeqCst)
    }

    /// The process's number, for logs and figures only: nobody is signalled by what stands here.
    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// How many requests it runs at once.
    pub fn threads(&self) -> u32 {
        self.threads.load(Ordering::Relaxed)
    }

    /// For the supervisor: a new process begins here.
    pub fn begin(&self, instance: u32, pid: u32, threads: u32, now: Millis) {
        self.state.store(PositionState::Empty as u32, Ordering::SeqCst);
        self.pid.store(pid, Ordering::Relaxed);
        self.threads.store(threads, Ordering::Relaxed);
        self.served.store(0, Ordering::Relaxed);
        self.busy.store(0, Ordering::Relaxed);
        self.silent.store(0, Ordering::Relaxed);
        self.gil_seen.store(now, Ordering::Relaxed);
        self.last_activity.store(now, Ordering::Relaxed);
        self.instance.store(instance, Ordering::SeqCst);
        self.state.store(PositionState::Starting as u32, Ordering::SeqCst);
    }

    /// For the supervisor: the process has ended, and how. `text` is what it left to say, a traceback most
    /// often.
    pub fn bury(&self, death: Death, text: &[u8]) {
        self.state.store(PositionState::Empty as u32, Ordering::SeqCst);
        words::write(self.last_words, text);
        self.death.store(death.word(), Ordering::SeqCst);
        self.dead_pid.store(self.pid(), Ordering::SeqCst);
        self.dead_instance.store(self.instance(), Ordering::SeqCst);
    }

    /// How `instance` ended and what it left to say, once the supervisor has noticed; until the next process
    /// here ends.
    pub fn death_of(&self, instance: u32) -> Option<(Death, Vec<u8>)> {
        if self.dead_instance.load(Ordering::SeqCst) != instance {
            return None;
        }
        let death = Death::from_word(self.death.load(Ordering::SeqCst))?;
        let text = words::read(self.last_words);
        (self.dead_instance.load(Ordering::SeqCst) == instance).then_some((death, text))
    }

    /// The number that `instance` had, as long as [`death_of`](Self::death_of) tells of it. By then the position
    /// may have its next process.
    pub fn dead_pid_of(&self, instance: u32) -> Option<u32> {
        let pid = self.dead_pid.load(Ordering::SeqCst);
        (self.dead_instance.load(Ordering::SeqCst) == instance).then_some(pid)
    }

    /// The word that [`bury`](Self::bury) changes last, to wait on.
    pub fn dead_instance_word(&self) -> &'m AtomicU32 {
        self.dead_instance
    }

    /// Requests that it has been given and not finished: a hint for the choice among processes.
    pub fn busy(&self) -> u32 {
        self.busy.load(Ordering::Relaxed)
    }

    /// One more: for a worker that accepts connections itself a connection on which a request is awaited or
    /// runs.
    pub fn add_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn remove_busy(&self) {
        let _ = self
            .busy
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |busy| busy.checked_sub(1));
    }

    /// Requests finished; for the worker to count and the supervisor to read.
    pub fn served(&self) -> u32 {
        self.served.load(Ordering::Relaxed)
    }

    /// For the worker: one more request is finished.
    pub fn count_served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    /// When the worker last got hold of Python's lock without a request.
    pub fn gil_seen(&self) -> Millis {
        self.gil_seen.load(Ordering::Relaxed)
    }

    /// For the worker.
    pub fn note_gil(&self, now: Millis) {
        self.gil_seen.store(now, Ordering::Relaxed);
        self.set_silent(false);
    }

    /// Whether it has left a request lying, and given no sign of life since.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed) != 0
    }

    pub(super) fn set_silent(&self, silent: bool) {
        self.silent.store(silent.into(), Ordering::Relaxed);
    }

    /// When a request last began, read or wrote.
    pub fn last_activity(&self) -> Millis {
        self.last_activity.load(Ordering::Relaxed)
    }

    /// For the worker: a request began, read or wrote.
    pub fn note_activity(&self, now: Millis) {
        self.last_activity.store(now, Ordering::Relaxed);
    }
}
