//! What is done about processes that exceed a limit, and about what others left behind.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::group::Group;
use super::watch::Verdict;
use super::worker::Stage;
use crate::config::plan::ToWorker;
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::scoreboard::{Millis, PositionState};
use crate::sys::{child, clock};

/// How often files and processes of others are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Group {
    /// Holds each process to its limits.
    pub(super) fn enforce(&mut self, now: Instant) {
        let millis = clock::millis();
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get_mut(index) else {
                return;
            };
            let plan = Rc::clone(&worker.plan);
            match worker.stage {
                Stage::Starting => {
                    let limit = plan.options.startup_timeout;
                    if limit.is_some_and(|limit| now.duration_since(worker.began) > limit) {
                        self.starts_too_long(index, now);
                    }
                }
                Stage::Ready => {
                    let pid = worker.child.pid();
                    let verdict = worker.watched.look(
                        &plan.options,
                        &self.board.view(),
                        worker.position,
                        (now, millis),
                        worker.began,
                        || child::resident_bytes(pid),
                    );
                    if let Some(verdict) = verdict {
                        self.carry_out(index, &verdict, now);
                    }
                }
                Stage::Draining(_) | Stage::Stopping(_) => {}
            }
        }
    }

    fn starts_too_long(&mut self, index: usize, now: Instant) {
        self.dump_stacks(index, "startup_timeout");
        let text = "was not ready within startup-timeout=";
        self.give_up(index, Code::STARTUP_TIMEOUT, text, now);
    }

    fn carry_out(&mut self, index: usize, verdict: &Verdict, now: Instant) {
        match *verdict {
            Verdict::Interrupt { slot, millis } => {
                if let Some(worker) = self.workers.get_mut(index) {
                    worker.tell(&ToWorker::Interrupt { slot });
                }
                let text = format!("{}: it is interrupted", self.running(index, slot, millis));
                self.say(Level::Warning, Some(Code::REQUEST_TIMEOUT), &text);
            }
            Verdict::Replace(reason) => {
                let is_new = self
                    .workers
                    .get(index)
                    .is_some_and(|worker| worker.want.is_none());
                if let Some(worker) = self.workers.get_mut(index).filter(|_| is_new) {
                    worker.wants_replacement(reason, None);
                    self.tell(index, Level::Info, None, &format!("is to be replaced: {reason}"));
                }
            }
            Verdict::Force { reason, slot } => self.force(index, reason, slot, now),
            Verdict::End(reason) => {
                self.dump_stacks(index, reason);
                self.tell(
                    index,
                    Level::Error,
                    Some(Code::DEADLOCK_TIMEOUT),
                    "did not get hold of Python's lock for too long, and is ended",
                );
                self.mark(index, PositionState::Draining);
                if let Some(worker) = self.workers.get_mut(index) {
                    worker.stop(reason, now);
                }
            }
        }
    }

    fn force(&mut self, index: usize, reason: &'static str, slot: Option<(u32, Millis)>, now: Instant) {
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        if worker.want.as_ref().is_some_and(|want| want.by.is_some()) {
            return;
        }
        let by = now + worker.plan.options.graceful_timeout.unwrap_or_default();
        worker.wants_replacement(reason, Some(by));
        if let Some(want) = &mut worker.want {
            want.by = Some(by);
        }
        self.dump_stacks(index, reason);
        match slot {
            Some((slot, millis)) => {
                let text = format!("{}: the process is replaced", self.running(index, slot, millis));
                self.say(Level::Error, Some(Code::REQUEST_TIMEOUT), &text);
            }
            None => self.tell(
                index,
                Level::Error,
                Some(Code::STARTUP_TIMEOUT),
                "has loaded no script within startup-timeout=, and is replaced",
            ),
        }
    }

    fn dump_stacks(&mut self, index: usize, reason: &str) {
        if let Some(worker) = self.workers.get_mut(index)
            && worker.watched.dumps()
        {
            worker.tell(&ToWorker::DumpStacks {
                reason: reason.to_owned(),
            });
        }
    }

    /// Writes a line about a process.
    fn tell(&self, index: usize, level: Level, code: Option<Code>, text: &str) {
        if let Some(worker) = self.workers.get(index) {
            self.say(level, code, &format!("{} {text}", self.name_of(worker)));
        }
    }

    /// Which request has run for how long, for the log.
    fn running(&self, index: usize, slot: u32, millis: Millis) -> String {
        let Some(worker) = self.workers.get(index) else {
            return String::new();
        };
        let note = self.board.view().slot(worker.position, slot);
        let note = note.map(|slot| slot.description()).unwrap_or_default();
        format!(
            "the request '{}' has run for {} s in {}",
            String::from_utf8_lossy(&note),
            millis / 1000,
            self.name_of(worker)
        )
    }

    /// Looks at what changes seldom and costs more to look at.
    pub(super) fn look_around(&mut self, now: Instant) {
        if self.ending {
            self.bury_orphans();
        }
        if self
            .looked
            .is_some_and(|last| now.duration_since(last) < LOOK_EVERY)
        {
            return;
        }
        self.looked = Some(now);
        self.heal(now);
        self.bury_orphans();
        self.reclaim_slots();
        self.look_for_sockets();
        self.forget_failures(now);
        self.shut_if_hopeless(now);
    }

    /// Children of httpd that have died leave slots and places in the queue behind.
    fn reclaim_slots(&self) {
        let board = self.board.view();
        let is_gone = |pid| pid != 0 && !child::exists(pid);
        board.forget_waiters(is_gone);
        let reclaimed: u32 = (0..board.layout().positions)
            .map(|index| board.reclaim(index, is_gone))
            .sum();
        if reclaimed > 0 {
            self.board.hand_over();
        }
    }

    /// A process that cannot be connected to any more is replaced.
    fn look_for_sockets(&mut self) {
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get(index) else {
                return;
            };
            let is_there = worker
                .socket
                .as_ref()
                .is_none_or(|socket| socket.symlink_metadata().is_ok());
            if worker.want.is_some() || !worker.is_ready() || is_there {
                continue;
            }
            self.tell(
                index,
                Level::Warning,
                Some(Code::SOCKET_LOST),
                "has lost its socket, and is replaced",
            );
            // Where that fails, no other process can be started either, which is told then.
            let _ = self.setting.make_directory();
            let _ = self.setting.make_group_directory(self.plan.number);
            if let Some(worker) = self.workers.get_mut(index) {
                worker.wants_replacement("graceful_signal", None);
            }
        }
    }
}
