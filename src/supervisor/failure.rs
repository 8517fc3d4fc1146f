//! What is said of processes that fail, and how often.

use std::time::Instant;

use super::backoff::Backoff;
use super::group::Group;
use super::worker::Worker;
use crate::config::python_home::HomeProblem;
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::sys::futex;
use crate::sys::program_file::is_mounted_noexec;

/// Most failures of one row that are told apart.
const MOST_TOLD: usize = 16;

/// One process that has failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    /// The line.
    pub(super) text: String,
    /// What is the same at the next vain start for the same reason; `None` where each failure is one of its own.
    pub(super) reason: Option<String>,
}

impl Failure {
    /// A vain start of a process that is called `who`.
    pub(super) fn of_start(code: Code, who: &str, reason: &str) -> Failure {
        Failure {
            code,
            text: format!("{who} {reason}"),
            reason: Some(reason.to_owned()),
        }
    }
}

/// What has been said of failures in a row.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<String>);

impl Told {
    /// What httpd's parent has told already.
    pub(super) fn by_httpd(told: Option<&String>) -> Told {
        Told(told.into_iter().cloned().collect())
    }

    /// Whether this is told for the first time.
    fn is_new(&mut self, reason: &str) -> bool {
        let is_new = self.0.len() < MOST_TOLD && self.0.iter().all(|told| told != reason);
        if is_new {
            self.0.push(reason.to_owned());
        }
        is_new
    }
}

impl Group {
    /// What is wrong with its Python, as far as files tell.
    pub(super) fn mistake(&self) -> Option<HomeProblem> {
        self.plan.choice.as_ref()?.find(is_mounted_noexec).err()
    }

    /// A mistake in what the configuration says of its Python, and how the process `who` failed by it, if one did.
    pub(super) fn failure_by(&self, mistake: &HomeProblem, who: Option<&str>) -> Failure {
        let how = who.map(|who| format!(" ({who})")).unwrap_or_default();
        Failure {
            code: mistake.code(),
            text: format!("daemon group '{}': {mistake}{how}", self.plan.name),
            reason: Some(mistake.to_string()),
        }
    }

    /// Tells that the process with this number has failed, and waits before the next. What was told before is
    /// summed up.
    pub(super) fn tell_failure(&mut self, instance: u32, failure: &Failure, now: Instant) {
        self.forget_failures(now);
        self.failed = self.failed.max(instance);
        let is_new = match &failure.reason {
            Some(reason) => self.told.is_new(reason),
            None => self.backoff.tells_each(),
        };
        let level = if is_new { Level::Error } else { Level::Info };
        self.say(level, Some(failure.code), &failure.text);
        self.mistaken = self.mistake();
        self.backoff.failed(now, self.last_instance.wrapping_mul(7919));
        if let Some(failures) = self.backoff.summary(now) {
            let first = failure.text.lines().next().unwrap_or_default();
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

    /// Begins anew where a process that was started since the last failure has proven that the group can serve.
    pub(super) fn forget_failures(&mut self, now: Instant) {
        // One that served before the failures began says nothing of what is started now.
        let is_proof = |worker: &Worker| worker.instance > self.failed && self.has_proven_itself(worker, now);
        if self.backoff.is_failing() && self.workers.iter().any(is_proof) {
            self.recovers();
        }
    }

    /// A process has died that had proven itself.
    pub(super) fn died_proven(&mut self, worker: &Worker) {
        if self.backoff.is_failing() && worker.instance > self.failed {
            self.recovers();
        }
    }

    fn recovers(&mut self) {
        let failures = self.backoff.failures();
        self.backoff = Backoff::default();
        self.mistaken = None;
        let told = std::mem::take(&mut self.told);
        if failures > 0 && !told.0.is_empty() {
            let text = format!(
                "daemon group '{}' serves again; failed starts in between: {failures}",
                self.plan.name
            );
            self.say(Level::Warning, Some(Code::GROUP_RECOVERED), &text);
        }
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
        if !self.backoff.is_failing() || self.backoff.may_start(now) {
            return;
        }
        let mistake = self.mistake();
        if self.suspects.have_changed() || mistake != self.mistaken {
            self.suspects = super::stamp::Stamps::default();
            self.mistaken = mistake;
            self.backoff.retry_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once_and_not_after_httpd_has_told_it() {
        let by_httpd = "told by httpd".to_owned();
        let mut told = Told::by_httpd(Some(&by_httpd));
        assert!(!told.is_new(&by_httpd));
        assert!(told.is_new("another") && !told.is_new("another"));
        for number in 0..2 * MOST_TOLD {
            told.is_new(&number.to_string());
        }
        assert!(!told.is_new("one of too many"));
    }
}
