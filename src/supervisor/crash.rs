//! Processes that have ended.

use std::time::Instant;

use super::backoff::PROVEN;
use super::failure::Failure;
use super::group::Group;
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
                Trouble::Identity | Trouble::Program | Trouble::Denied => {
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
            let failure = self.could_not_start(&name, *trouble, text);
            return self.fails(worker, &failure, now);
        }
        if let Some((code, text)) = &worker.failure {
            return self.fails(worker, &Failure::of_start(*code, &name, text), now);
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
        let mistake = match worker.ready_since {
            None if !asked => self.mistake(),
            _ => None,
        };
        if let Some(mistake) = mistake {
            let who = format!("{name} {death} before it took requests");
            let failure = self.failure_by(&mistake, Some(&who));
            return self.fails(worker, &failure, now);
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
        let is_proven = self.has_proven_itself(worker, now);
        if is_proven {
            self.died_proven(worker);
        }
        if asked || is_proven {
            return self.say(Level::Error, Some(Code::PROCESS_DIED), &text);
        }
        // A process that takes requests dies by one of them, perhaps by another each time.
        let reason = worker.ready_since.is_none().then(|| death.to_string());
        let failure = Failure {
            code: Code::PROCESS_DIED,
            text,
            reason,
        };
        self.fails(worker, &failure, now);
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
    fn fails(&mut self, worker: &Worker, failure: &Failure, now: Instant) {
        self.suspects = worker.scripts.clone();
        self.tell_failure(worker.instance, failure, now);
    }

    /// A process has failed before it was Python; `text` says how.
    fn could_not_start(&self, name: &str, trouble: Trouble, text: &str) -> Failure {
        let reason = format!("could not be started: {text}");
        match (trouble, self.mistake()) {
            (Trouble::Identity, _) => Failure::of_start(Code::WORKER_NOT_ITS_USER, name, &reason),
            (_, Some(mistake)) => self.failure_by(&mistake, Some(&format!("{name} {reason}"))),
            (Trouble::Denied, None) => {
                let reason = format!(
                    "{reason}, though owners and permissions allow it; look for a denial of SELinux or AppArmor \
                     (ausearch -m AVC -ts recent, dmesg) and for access lists (getfacl)"
                );
                Failure::of_start(Code::WORKER_NOT_STARTED, name, &reason)
            }
            _ => Failure::of_start(Code::WORKER_NOT_STARTED, name, &reason),
        }
    }
}

fn worker_line(group: &Group, index: usize, text: &str) -> String {
    group.workers.get(index).map_or_else(
        || text.to_owned(),
        |worker| format!("{}: {text}", group.name_of(worker)),
    )
}
