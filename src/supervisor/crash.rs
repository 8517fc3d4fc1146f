//! Processes that have ended.

use std::time::Instant;

use super::backoff::PROVEN;
use super::group::Group;
use super::stamp::Stamps;
use super::worker::{Stage, Worker};
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::scoreboard::{Death, Position, SlotState};
use crate::sys::child::Ending;
use crate::sys::futex;
use crate::sys::launch::Trouble;
use crate::sys::limits::LimitKind;

impl Group {
    /// Looks whether a process has ended; if so, tells everybody concerned, and forgets it.
    pub(super) fn bury_if_ended(&mut self, index: usize, now: Instant) -> bool {
        let ending = self.workers.get(index).and_then(|worker| worker.child.ending());
        let Some(ending) = ending else {
            return false;
        };
        self.hear(index, now);
        self.hear_trouble(index);
        let worker = self.workers.swap_remove(index);
        let death = match ending {
            Ending::Exited(status) => Death::Exited(status),
            Ending::Killed(signal) => Death::Killed {
                signal,
                ours: worker.killed,
            },
        };
        let last_words = worker.last_words();
        let running = self.running_in(&worker);
        if let Some(position) = self.board.position(worker.position) {
            position.bury(death, &last_words);
            futex::wake(position.dead_instance_word());
        }
        self.board.view().clear(worker.position);
        self.judge(&worker, death, (&running, &last_words), now);
        true
    }

    /// Takes the report of a process that has become Python, or has not.
    pub(super) fn hear_trouble(&mut self, index: usize) {
        let Some(report) = self
            .workers
            .get_mut(index)
            .and_then(|worker| worker.report.take())
        else {
            return;
        };
        for (trouble, text) in report.read() {
            let Some(worker) = self.workers.get_mut(index) else {
                return;
            };
            let code = match trouble {
                Trouble::Identity | Trouble::Program => {
                    worker.trouble = Some((trouble, text));
                    continue;
                }
                Trouble::Directory => Code::HOME_NOT_USABLE,
                Trouble::Limit(LimitKind::Priority) => Code::PRIORITY_NOT_SET,
                Trouble::Limit(LimitKind::Data) => Code::MEMORY_LIMIT_NOT_SET,
                Trouble::Limit(LimitKind::AddressSpace) => Code::ADDRESS_LIMIT_NOT_SET,
                Trouble::Limit(LimitKind::Other) => Code::LIMIT_NOT_SET,
            };
            let text = worker_line(self, index, &text);
            self.say(Level::Warning, Some(code), &text);
        }
    }

    /// What a process ran of which no child of httpd tells: `, while it ran 'GET /x'`.
    fn running_in(&self, worker: &Worker) -> String {
        if worker.plan.public.is_none() {
            return String::new();
        }
        let board = self.board.view();
        let running: Vec<String> = board
            .slots(worker.position)
            .filter(|(_, slot)| slot.state() != SlotState::Free)
            .map(|(_, slot)| format!("'{}'", String::from_utf8_lossy(&slot.description())))
            .collect();
        if running.is_empty() {
            return String::new();
        }
        format!(", while it ran {}", running.join(", "))
    }

    fn judge(&mut self, worker: &Worker, death: Death, (running, last_words): (&str, &[u8]), now: Instant) {
        let name = self.name_of(worker);
        let asked = matches!(worker.stage, Stage::Stopping(_));
        let is_clean = matches!(death, Death::Exited(0)) || worker.killed;
        if let Some((trouble, text)) = &worker.trouble {
            let code = match trouble {
                Trouble::Identity => Code::WORKER_NOT_ITS_USER,
                _ => Code::WORKER_NOT_STARTED,
            };
            return self.fails(worker, code, &format!("{name} could not be started: {text}"), now);
        }
        if let Some((code, text)) = &worker.failure {
            return self.fails(worker, *code, &format!("{name} {text}"), now);
        }
        let terminated = matches!(death, Death::Killed { signal: 15, .. });
        if asked && (is_clean || terminated) {
            let reason = worker.reason.as_deref().unwrap_or_default();
            return self.say(Level::Info, None, &format!("{name} has ended: {reason}"));
        }
        let is_service = worker.plan.options.threads == 0;
        if is_service && matches!(death, Death::Exited(0)) && self.has_proven_itself(worker, now) {
            return self.say(Level::Info, None, &format!("{name} has ended by itself"));
        }
        let mut text = format!("{name} {death}");
        match worker.ready_since {
            _ if asked => text.push_str(" when it was to end"),
            None => text.push_str(" before it took requests"),
            Some(_) => {
                let age = now.duration_since(worker.began).as_secs();
                text.push_str(&format!(" after {age} s"));
            }
        }
        text.push_str(running);
        if !last_words.is_empty() {
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(last_words));
        }
        if asked || self.has_proven_itself(worker, now) {
            return self.say(Level::Error, Some(Code::PROCESS_DIED), &text);
        }
        self.fails(worker, Code::PROCESS_DIED, &text, now);
    }

    /// Whether a process has shown that the group can serve, so that its end is no reason to wait: by an answer,
    /// or by its age.
    pub(super) fn has_proven_itself(&self, worker: &Worker, now: Instant) -> bool {
        let position = self.board.position(worker.position);
        let is_its_own = |position: &Position<'_>| position.instance() == worker.instance;
        let served = position
            .filter(is_its_own)
            .map_or(0, |position| position.served());
        let aged = |since| now.duration_since(since) >= PROVEN;
        served > 0 || worker.ready_since.is_some_and(aged)
    }

    /// A process has failed that has not proven itself.
    fn fails(&mut self, worker: &Worker, code: Code, text: &str, now: Instant) {
        self.suspects = worker.scripts.clone();
        self.tell_failure(code, text, now);
    }

    /// Tells of a failed process, and waits before the next. What comes too often is summed up.
    pub(super) fn tell_failure(&mut self, code: Code, text: &str, now: Instant) {
        let level = if self.backoff.tells_each() {
            Level::Error
        } else {
            Level::Debug
        };
        self.say(level, Some(code), text);
        self.backoff.failed(now, self.last_instance.wrapping_mul(7919));
        if let Some(failures) = self.backoff.summary(now) {
            let first = text.lines().next().unwrap_or_default();
            let wait = self.retry_after(now);
            let text = format!(
                "the processes of daemon group '{}' keep failing ({failures} since this was last said), \
                 the next is started in {wait} s; the last: {first}",
                self.plan.name
            );
            self.say(Level::Error, Some(Code::GROUP_FAILS), &text);
        }
        self.shut_if_hopeless(now);
    }

    /// Sends requests away at once when they would wait in vain.
    pub(super) fn shut_if_hopeless(&self, now: Instant) {
        if self.backoff.is_hopeless() && !self.serves() {
            self.board.view().shut(self.retry_after(now), futex::wake);
        }
    }

    fn retry_after(&self, now: Instant) -> u32 {
        let rest = self.backoff.remaining(now).unwrap_or_default();
        u32::try_from(rest.as_millis().div_ceil(1000))
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Tries again at once when a file has changed that the failures may hang on.
    pub(super) fn heal(&mut self, now: Instant) {
        if self.backoff.is_failing() && !self.backoff.may_start(now) && self.suspects.have_changed() {
            self.suspects = Stamps::default();
            self.backoff.retry_now();
        }
    }
}

fn worker_line(group: &Group, index: usize, text: &str) -> String {
    group.workers.get(index).map_or_else(
        || text.to_owned(),
        |worker| format!("{}: {text}", group.name_of(worker)),
    )
}
