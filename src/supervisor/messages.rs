//! What processes tell.

use std::time::Instant;

use super::group::Group;
use super::stamp::Refusal;
use super::worker::Stage;
use crate::config::plan::agreement::{Fix, Part, disagreement};
use crate::config::plan::{FromWorker, Import, Load, ToWorker, VERSION};
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::scoreboard::PositionState;
use crate::sys::program_file;

impl Group {
    /// Takes what a process has told.
    pub(super) fn hear(&mut self, index: usize, now: Instant) {
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        match worker.mailbox.receive() {
            Ok(messages) => {
                for bytes in messages {
                    match serde_json::from_slice(&bytes) {
                        Ok(message) => self.take(index, message, now),
                        Err(error) => self.is_unfit(index, &format!("it sent no message: {error}"), now),
                    }
                }
            }
            Err(error) => self.is_unfit(index, &error.to_string(), now),
        }
    }

    fn take(&mut self, index: usize, message: FromWorker, now: Instant) {
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        match message {
            FromWorker::Hello { version, .. } if version == VERSION => {}
            FromWorker::Hello {
                version,
                python,
                file,
            } => {
                let worker = Part {
                    what: &format!("the worker of its Python {python}"),
                    file: file.as_deref(),
                    version: &version,
                };
                let text = self.disagrees(worker);
                self.give_up(index, Code::WORKER_VERSION, &format!("cannot serve: {text}"), now);
            }
            FromWorker::Ready { failures } => self.is_ready(index, &failures, now),
            FromWorker::NoWorker { reason } => self.give_up(index, Code::WORKER_MISSING, &reason, now),
            FromWorker::SiteDisabled => self.runs_without_site(),
            FromWorker::Failed { reason } => self.is_unfit(index, &reason, now),
            FromWorker::Loading { import } => {
                let file = self.on_disk(&import.script);
                if let Some(worker) = self.workers.get_mut(index) {
                    worker.watched.loading(now);
                    worker.scripts.add(file);
                }
            }
            FromWorker::Loaded { import, success } => {
                if success {
                    worker.watched.loaded();
                    self.note_loaded(&import);
                }
            }
            FromWorker::Outdated { import } => self.is_outdated(index, &import),
            FromWorker::Closed => worker.closed = true,
            FromWorker::WantsReplacement { reason } => worker.wants_replacement(&reason, None),
            FromWorker::Stopping { reason } => {
                worker.ends(&reason, now);
                self.mark(index, PositionState::Draining);
            }
        }
    }

    fn is_ready(&mut self, index: usize, failures: &[Load], now: Instant) {
        let others_serve = self.serves();
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        if worker.stage != Stage::Starting {
            return;
        }
        // What is required was decided here: the process need not be trusted with it.
        let failed = |load: &Load| failures.iter().any(|failure| failure.import == load.import);
        let refused: Vec<Import> = worker
            .loads
            .iter()
            .filter(|load| load.required && failed(load))
            .map(|load| load.import.clone())
            .collect();
        if !refused.is_empty() && others_serve {
            return self.refuse(index, &refused, now);
        }
        let loaded: Vec<Import> = worker
            .loads
            .iter()
            .filter(|load| !failed(load))
            .map(|load| load.import.clone())
            .collect();
        worker.stage = Stage::Ready;
        worker.ready_since = Some(now);
        if !loaded.is_empty() {
            worker.watched.loaded();
        }
        for import in &loaded {
            self.note_loaded(import);
        }
        self.refusal = None;
        self.mark(index, PositionState::Ready);
        self.board.view().open();
        self.board.hand_over();
        if let Some(worker) = self.workers.get(index) {
            let text = format!(
                "{} takes requests after {:.1} s",
                self.name_of(worker),
                now.duration_since(worker.began).as_secs_f64()
            );
            self.say(Level::Info, None, &text);
        }
    }

    /// A new version that cannot be loaded does not take the place of one that serves.
    fn refuse(&mut self, index: usize, refused: &[Import], now: Instant) {
        // A group that lacks a process, or has one that must go, cannot wait for a change only.
        let lacks_one = self.ready_count() < self.target();
        let others = self.workers.iter().filter(|worker| worker.is_ready());
        let is_urgent = others
            .filter_map(|worker| worker.want.as_ref())
            .any(|want| want.reason != "script_reload");
        let files: Vec<_> = refused
            .iter()
            .map(|import| self.on_disk(&import.script))
            .collect();
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        let known: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
        self.refusal = Some(Refusal {
            files: worker.scripts.only(&known),
            again: (lacks_one || is_urgent).then(|| now + Refusal::PAUSE),
        });
        worker.stop("script_reload", now);
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        let text = format!(
            "daemon group '{}' goes on with the version of {} that it has: the new one cannot be loaded",
            self.plan.name,
            names.join(", ")
        );
        self.mark(index, PositionState::Draining);
        self.say(Level::Error, Some(Code::VERSION_REFUSED), &text);
    }

    /// A process has seen another version of a script than it runs; so may others that run it.
    fn is_outdated(&mut self, index: usize, import: &Import) {
        let file = self.on_disk(&import.script);
        for (other, worker) in self.workers.iter_mut().enumerate() {
            if other == index || (worker.is_ready() && worker.scripts.has_changed(&file)) {
                worker.wants_replacement("script_reload", None);
            }
        }
    }

    /// How a worker of another build disagrees with this program, which an upgrade may have replaced meanwhile.
    fn disagrees(&self, worker: Part<'_>) -> String {
        let own = program_file::loaded();
        let command = Part {
            what: "the command rwsgi that supervises it",
            file: own.as_ref().map(|own| &*own.path),
            version: VERSION,
        };
        let server = match self.plan.public {
            None => "httpd",
            Some(_) => "this rwsgi",
        };
        let is_gone = own.as_ref().is_some_and(|own| own.is_gone);
        disagreement(worker, command, Fix::of_running(server, is_gone))
    }

    /// A process cannot serve.
    fn is_unfit(&mut self, index: usize, reason: &str, now: Instant) {
        self.give_up(index, Code::WORKER_UNFIT, &format!("cannot serve: {reason}"), now);
    }

    /// Its Python does not look for the packages of its environment, which is told once a plan.
    fn runs_without_site(&mut self) {
        if std::mem::replace(&mut self.site_told, true) {
            return;
        }
        let text = format!(
            "{} of daemon group '{}' starts Python without its module site (option -S), so packages of the \
             environment cannot be imported; let it start Python without this option",
            self.plan.executable.display(),
            self.plan.name
        );
        self.say(Level::Warning, Some(Code::SITE_DISABLED), &text);
    }

    /// Ends a process that does not get ready.
    pub(super) fn give_up(&mut self, index: usize, code: Code, reason: &str, now: Instant) {
        self.mark(index, PositionState::Draining);
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        if worker.failure.is_none() {
            worker.failure = Some((code, reason.to_owned()));
        }
        worker.stop("shutdown_signal", now);
    }

    /// Says in the scoreboard what may be asked of a process, and tells it if it accepts connections itself.
    pub(super) fn mark(&mut self, index: usize, state: PositionState) {
        let Some(worker) = self.workers.get_mut(index) else {
            return;
        };
        if let Some(position) = self.board.position(worker.position) {
            position.set_state(state);
        }
        if worker.plan.public.is_some() {
            match state {
                PositionState::Ready => worker.tell(&ToWorker::Accept),
                PositionState::Draining => worker.tell(&ToWorker::Close),
                PositionState::Empty | PositionState::Starting => {}
            }
        }
    }
}
