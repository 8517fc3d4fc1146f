//! How many processes a group has, and how they are replaced: the new one is ready before the old one goes.

use std::time::{Duration, Instant};

use super::group::Group;
use super::orphan::Orphan;
use super::watch;
use super::worker::{Stage, Want, Worker};
use crate::config::plan::ToWorker;
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::scoreboard::PositionState;
use crate::sys::clock;

impl Group {
    /// How many processes it should have.
    pub(super) fn target(&self) -> usize {
        if self.ending {
            return 0;
        }
        usize::try_from(self.plan.options.processes()).unwrap_or(usize::MAX)
    }

    /// Starts, drains and ends processes as it is time to.
    pub(super) fn roll(&mut self, now: Instant) {
        self.want_new_edition();
        self.drain_overdue(now);
        self.drain_services(now);
        self.drain_surplus(now);
        self.fill_up(now);
        self.end_drained(now);
        self.kill_overdue(now);
    }

    /// All processes of an earlier plan are replaced.
    fn want_new_edition(&mut self) {
        let edition = self.edition;
        for worker in &mut self.workers {
            if worker.is_ready() && worker.edition < edition {
                worker.wants_replacement("graceful_signal", None);
            }
        }
    }

    /// Those that must go whether or not another is ready.
    fn drain_overdue(&mut self, now: Instant) {
        for index in 0..self.workers.len() {
            let want = self.workers.get(index).and_then(|worker| worker.want.clone());
            let is_overdue = want.as_ref().and_then(|want| want.by).is_some_and(|by| by <= now);
            if is_overdue && self.workers.get(index).is_some_and(Worker::is_ready) {
                let reason = want.map(|want| want.reason).unwrap_or_default();
                self.drain(index, &reason, None, now);
            }
        }
    }

    /// A service, which takes no requests, never runs twice: it ends before its successor starts.
    fn drain_services(&mut self, now: Instant) {
        for index in 0..self.workers.len() {
            let is_to_go = |worker: &&Worker| worker.is_ready() && worker.plan.options.threads == 0;
            let want = self
                .workers
                .get(index)
                .filter(is_to_go)
                .and_then(|worker| worker.want.clone());
            if let Some(want) = want {
                self.drain(index, &want.reason, None, now);
            }
        }
    }

    /// Those that others have taken the place of, or that are too many.
    fn drain_surplus(&mut self, now: Instant) {
        while self.ready_count() > self.target() && self.live_count() > self.target() {
            if self.drain_an_orphan() {
                continue;
            }
            let Some(index) = self.least_wanted() else {
                return;
            };
            let want = self.workers.get(index).and_then(|worker| worker.want.clone());
            let Want { reason, drain, .. } = want.unwrap_or_else(|| Want {
                reason: "shutdown_signal".to_owned(),
                drain: self.plan.options.graceful_timeout,
                by: None,
            });
            self.drain(index, &reason, drain, now);
        }
        // One that has not begun to serve is not waited for.
        while self.live_count() > self.target() && self.ending {
            let starting = |worker: &Worker| worker.stage == Stage::Starting;
            let Some(worker) = self.workers.iter_mut().find(|worker| starting(worker)) else {
                return;
            };
            worker.stop("shutdown_signal", now);
        }
    }

    /// The ready process to do without: the one that must go soonest, one to be replaced, the oldest.
    fn least_wanted(&self) -> Option<usize> {
        let ready = self
            .workers
            .iter()
            .enumerate()
            .filter(|(_, worker)| worker.is_ready());
        ready
            .min_by_key(|(_, worker)| {
                let by = worker.want.as_ref().and_then(|want| want.by);
                (by.is_none(), by, worker.want.is_none(), worker.instance)
            })
            .map(|(index, _)| index)
    }

    /// Starts what is missing, or one that is to replace another.
    fn fill_up(&mut self, now: Instant) {
        if self.ending || !self.backoff.may_start(now) {
            return;
        }
        if self.refusal.as_ref().is_some_and(|refusal| refusal.is_over(now)) {
            self.refusal = None;
        }
        let is_service = self.plan.options.threads == 0;
        let live = if is_service {
            self.workers.len()
        } else {
            self.live_count()
        };
        let target = self.target();
        let starting = self.workers.iter().any(|worker| worker.stage == Stage::Starting);
        let wants = self
            .workers
            .iter()
            .any(|worker| worker.is_ready() && worker.want.is_some())
            || self.orphans.iter().any(Orphan::is_ready);
        // A version that was refused is no help, unless there is no other.
        let is_refused = self.refusal.is_some() && self.serves();
        let count = match target.saturating_sub(live) {
            _ if is_refused => 0,
            0 => usize::from(wants && !starting && live == target),
            // One tries for all.
            _ if self.backoff.is_failing() => usize::from(!starting),
            missing => missing,
        };
        for _ in 0..count {
            if !self.spawn(now) {
                return;
            }
        }
    }

    /// Gives a process no further requests.
    pub(super) fn drain(&mut self, index: usize, reason: &str, limit: Option<Duration>, now: Instant) {
        self.mark(index, PositionState::Draining);
        if let Some(worker) = self.workers.get_mut(index) {
            worker.reason.get_or_insert_with(|| reason.to_owned());
            worker.stage = Stage::Draining(now + limit.unwrap_or_default());
        }
    }

    /// Asks those to end whose requests are done, or whose time is over.
    fn end_drained(&mut self, now: Instant) {
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get(index) else {
                return;
            };
            let Stage::Draining(until) = worker.stage else {
                continue;
            };
            let held = self.held(worker);
            if held > 0 && until > now {
                continue;
            }
            if held > 0 {
                let text = format!("{} had to end with {held} requests running", self.name_of(worker));
                self.say(Level::Warning, Some(Code::DRAIN_CUT), &text);
            }
            let reason = worker.reason.clone().unwrap_or_default();
            if let Some(worker) = self.workers.get_mut(index) {
                worker.stop(&reason, now);
            }
        }
    }

    /// How many requests hold up the end of a process.
    fn held(&self, worker: &Worker) -> u32 {
        let board = self.board.view();
        let held = watch::held(&worker.plan.options, &board, worker.position, clock::millis());
        if worker.plan.public.is_none() {
            return held;
        }
        if !worker.closed {
            return held.max(1);
        }
        // Connections on which a request is awaited count, too; requests that have run too long do not.
        let overdue = board.held(worker.position).saturating_sub(held);
        let busy = board
            .position(worker.position)
            .map_or(0, |position| position.busy());
        busy.saturating_sub(overdue)
    }

    /// Kills those that were asked to end and did not.
    fn kill_overdue(&mut self, now: Instant) {
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get_mut(index) else {
                return;
            };
            let is_overdue = matches!(worker.stage, Stage::Stopping(Some(limit)) if limit <= now);
            if !is_overdue || worker.killed {
                continue;
            }
            worker.killed = true;
            worker.child.kill();
            if let Some(worker) = self.workers.get(index) {
                let text = format!("{} did not end in time and is killed", self.name_of(worker));
                self.say(Level::Warning, Some(Code::WORKER_KILLED), &text);
            }
        }
    }

    /// Has all its processes, and those to come, say that they are about to end.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        for worker in self.workers.iter_mut().filter(|worker| worker.is_ready()) {
            worker.tell(&ToWorker::Leave);
        }
    }

    /// Lets all its processes end when their requests are done.
    pub(super) fn end(&mut self) {
        self.ending = true;
        self.drain_orphans();
    }

    /// As [`end`](Self::end), for the last group on its listener: nobody who has connected is left behind.
    pub(super) fn end_for_good(&mut self) {
        self.end();
        for index in 0..self.workers.len() {
            let drains = |worker: &Worker| matches!(worker.stage, Stage::Draining(_));
            if self.workers.get(index).is_some_and(drains) {
                self.mark(index, PositionState::Draining);
            }
        }
    }

    /// Lets all its processes end now.
    pub(super) fn end_now(&mut self, now: Instant) {
        self.end();
        for index in 0..self.workers.len() {
            self.mark(index, PositionState::Draining);
            if let Some(worker) = self.workers.get_mut(index) {
                worker.stop("shutdown_signal", now);
            }
        }
    }
}
