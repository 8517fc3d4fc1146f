//! The life of the process on Python's main thread: signs of life, what needs Python's lock, the end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::server::Server;
use crate::app;
use crate::sys::clock;

/// How often Python's lock is taken as a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What the control thread wants done.
#[derive(Debug)]
pub(super) enum Task {
    /// Interrupt the request of this slot.
    Interrupt(u32),
    /// Write the stacks of all threads.
    WriteStacks,
    /// Tell callbacks of a signal.
    Publish(&'static str, i32),
    /// End, for this reason.
    Stop(String),
}

/// What the main thread and the control thread share.
#[derive(Default)]
pub(super) struct Life {
    tasks: Mutex<VecDeque<Task>>,
    asked: Condvar,
    is_ending: AtomicBool,
    has_written_stacks: AtomicBool,
}

impl Life {
    fn tasks(&self) -> MutexGuard<'_, VecDeque<Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the main thread do something.
    pub(super) fn ask(&self, task: Task) {
        match task {
            Task::Stop(_) => self.note_ending(),
            Task::WriteStacks => self.has_written_stacks.store(false, Ordering::Release),
            Task::Interrupt(_) | Task::Publish(..) => {}
        }
        self.tasks().push_back(task);
        self.asked.notify_one();
    }

    /// Notes that the process ends.
    pub(super) fn note_ending(&self) {
        self.is_ending.store(true, Ordering::Release);
    }

    /// Whether the process ends.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// Whether the stacks that were asked for last have been written.
    pub(super) fn has_written_stacks(&self) -> bool {
        self.has_written_stacks.load(Ordering::Acquire)
    }

    /// The next task, or none for as long as a heartbeat is.
    fn next(&self) -> Option<Task> {
        let tasks = self.tasks();
        let (mut tasks, _) = self
            .asked
            .wait_timeout_while(tasks, HEARTBEAT, |tasks| tasks.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        tasks.pop_front()
    }

    /// Does what is asked until the process is to end; the reason.
    pub(super) fn live(&self, server: &Server) -> String {
        loop {
            match self.next() {
                Some(Task::Stop(reason)) => return reason,
                Some(Task::Interrupt(slot)) => {
                    if let Some(place) = server.interruptible(slot) {
                        app::interrupt(place);
                    }
                }
                Some(Task::WriteStacks) => {
                    app::write_stacks();
                    self.has_written_stacks.store(true, Ordering::Release);
                }
                Some(Task::Publish(name, number)) => publish(server, name, number),
                None => {}
            }
            beat(server);
        }
    }
}

/// Takes Python's lock, and notes that it could be had.
pub(super) fn beat(server: &Server) {
    app::check_signals();
    let board = server.board();
    if let Some(position) = board.and_then(|board| board.position(server.position_number())) {
        position.note_gil(clock::millis());
    }
}

/// Callbacks may take their time, or never return: they have a thread of their own.
fn publish(server: &Server, name: &'static str, number: i32) {
    let builder = std::thread::Builder::new().name("wsgi:signals".into());
    let told = move || app::publish_signal(name, number);
    // Without memory for a thread nobody hears of the signal.
    let _ = server.crew().start(builder, told);
}
