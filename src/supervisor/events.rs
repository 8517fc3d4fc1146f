//! Waiting for everything that can happen, and who hears of it.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::Supervisor;
use super::group::Group;
use super::worker::Stage;
use crate::gateway::Level;
use crate::sys::channel::Channel;
use crate::sys::poll::Poll;

/// How often requests of a process that drains are counted.
const DRAIN_STEP: Duration = Duration::from_millis(20);
/// The longest that anything waits to be looked at.
const STEP: Duration = Duration::from_secs(1);

/// What can happen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Control,
    Life,
    Signals,
    Generation(u64),
    Status,
    StatusReader,
    // Number of the group, and of the process in it.
    Report(u32, u32),
    Mailbox(u32, u32),
    Child(u32, u32),
}

impl Supervisor {
    /// What has happened, once something has or is due.
    pub(super) fn wait(&self) -> std::io::Result<Vec<Source>> {
        let mut poll = Poll::default();
        let mut sources = Vec::new();
        if let Some(control) = self.control.as_ref().filter(|_| self.stopping.is_none()) {
            poll.add(control.as_fd(), false);
            poll.add(self.life.as_fd(), false);
            sources.extend([Source::Control, Source::Life]);
        }
        poll.add(self.signals.as_fd(), false);
        sources.push(Source::Signals);
        if let Some(status) = self.public.as_ref().and_then(|public| public.status.as_ref()) {
            if let Some(listener) = status.listener() {
                poll.add(listener, false);
                sources.push(Source::Status);
            }
            for reader in status.readers() {
                poll.add_writable(reader);
                sources.push(Source::StatusReader);
            }
        }
        for (number, pipe) in &self.generations {
            poll.add_end(pipe.as_fd());
            sources.push(Source::Generation(*number));
        }
        for group in &self.groups {
            let number = group.plan.number;
            for worker in &group.workers {
                poll.add(worker.child.as_fd(), false);
                sources.push(Source::Child(number, worker.instance));
                if !worker.mailbox.has_ended() {
                    poll.add(worker.mailbox.as_fd(), worker.mailbox.wants_to_write());
                    sources.push(Source::Mailbox(number, worker.instance));
                }
                if let Some(report) = &worker.report {
                    poll.add_end(report.as_fd());
                    sources.push(Source::Report(number, worker.instance));
                }
            }
        }
        let ready = poll.wait(self.time_to_wait())?;
        let ready = sources.into_iter().zip(ready).filter(|(_, ready)| *ready);
        Ok(ready.map(|(source, _)| source).collect())
    }

    /// How long nothing has to be looked at.
    fn time_to_wait(&self) -> Option<Duration> {
        if self.groups.is_empty() && self.stopping.is_none() {
            return None;
        }
        let now = Instant::now();
        let mut limit = STEP;
        for group in &self.groups {
            if let Some(pause) = group.backoff.remaining(now) {
                limit = limit.min(pause);
            }
            if group.ending && !group.orphans.is_empty() {
                limit = limit.min(DRAIN_STEP);
            }
            for worker in &group.workers {
                match worker.stage {
                    Stage::Draining(_) => limit = limit.min(DRAIN_STEP),
                    Stage::Stopping(Some(end)) if !worker.killed => {
                        limit = limit.min(end.saturating_duration_since(now));
                    }
                    _ => {}
                }
            }
        }
        Some(limit)
    }

    /// Lets those hear of it whom it concerns.
    pub(super) fn handle(&mut self, source: Source) {
        let now = Instant::now();
        match source {
            Source::Control => self.hear_httpd(),
            Source::Life => self.stop(),
            Source::Signals => {
                for signal in self.signals.take() {
                    self.signalled(signal);
                }
            }
            Source::Status => self.tell_status(now),
            Source::StatusReader => self.send_status(now),
            Source::Generation(number) => self.generations.retain(|(known, _)| *known != number),
            Source::Report(number, instance) => self.with(number, instance, |group, worker| {
                group.hear_trouble(worker);
            }),
            Source::Mailbox(number, instance) => self.with(number, instance, |group, worker| {
                if let Some(worker) = group.workers.get_mut(worker) {
                    // Its end is told by its handle.
                    let _ = worker.mailbox.flush();
                }
                group.hear(worker, now);
            }),
            Source::Child(number, instance) => self.with(number, instance, |group, worker| {
                group.bury_if_ended(worker, now);
            }),
        }
    }

    /// Does something with a process, unless that is gone meanwhile.
    fn with(&mut self, number: u32, instance: u32, f: impl FnOnce(&mut Group, usize)) {
        let of_number = |group: &&mut Group| group.plan.number == number;
        let Some(group) = self.groups.iter_mut().find(of_number) else {
            return;
        };
        let worker = group
            .workers
            .iter()
            .position(|worker| worker.instance == instance);
        if let Some(worker) = worker {
            f(group, worker);
        }
    }

    fn hear_httpd(&mut self) {
        let received = self.control.as_ref().map(Channel::receive);
        match received {
            Some(Ok(Some(message))) => {
                if let Err(problem) = self.obey(message) {
                    self.log.write(Level::Error, None, &problem);
                    self.stop();
                }
            }
            None | Some(Ok(None) | Err(_)) => self.stop(),
        }
    }
}
