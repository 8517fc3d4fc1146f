//! Processes of a supervisor that has died.
//!
//! They serve on, and cannot be spoken to: they end when the scoreboard says that they drain and no request
//! is left, or when httpd ends. They are not this supervisor's children, so it never signals them.

use super::group::Group;
use crate::config::plan;
use crate::gateway::Level;
use crate::scoreboard::PositionState;
use crate::sys::child;

/// One such process.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) position: u32,
    instance: u32,
    /// What the scoreboard says, which the process itself can write.
    pid: u32,
    state: PositionState,
}

impl Orphan {
    pub(super) fn is_ready(&self) -> bool {
        self.state == PositionState::Ready
    }
}

impl Group {
    /// Takes over the processes that the scoreboard tells of.
    pub(super) fn adopt(&mut self) {
        let board = self.board.view();
        let mut orphans = Vec::new();
        let mut highest = 0;
        for (index, position) in board.positions() {
            highest = highest.max(position.instance());
            let mut state = position.state();
            if state == PositionState::Empty {
                continue;
            }
            if state == PositionState::Starting {
                // Nobody will hear that it is ready.
                state = PositionState::Draining;
                position.set_state(state);
            }
            orphans.push(Orphan {
                position: index,
                instance: position.instance(),
                pid: position.pid(),
                state,
            });
        }
        self.last_instance = highest;
        if !orphans.is_empty() {
            self.say(
                Level::Info,
                None,
                &format!(
                    "daemon group '{}' has {} processes of an earlier supervisor, which are replaced one by one",
                    self.plan.name,
                    orphans.len()
                ),
            );
        }
        self.orphans = orphans;
    }

    /// Lets an orphan end that takes requests, when there is one.
    pub(super) fn drain_an_orphan(&mut self) -> bool {
        let Some(orphan) = self.orphans.iter_mut().find(|orphan| orphan.is_ready()) else {
            return false;
        };
        orphan.state = PositionState::Draining;
        if let Some(position) = self.board.position(orphan.position) {
            position.set_state(PositionState::Draining);
        }
        true
    }

    /// Lets all of them end.
    pub(super) fn drain_orphans(&mut self) {
        while self.drain_an_orphan() {}
    }

    /// Forgets those that have ended.
    pub(super) fn bury_orphans(&mut self) {
        let (gone, alive) = std::mem::take(&mut self.orphans)
            .into_iter()
            .partition(|orphan| !child::exists(orphan.pid));
        self.orphans = alive;
        let gone: Vec<Orphan> = gone;
        for orphan in gone {
            if let Some(position) = self.board.position(orphan.position) {
                position.set_state(PositionState::Empty);
            }
            self.board.view().clear(orphan.position);
            let socket = plan::socket_path(&self.setting.directory, self.plan.number, orphan.instance);
            // It may never have had one.
            let _ = std::fs::remove_file(socket);
        }
    }
}
