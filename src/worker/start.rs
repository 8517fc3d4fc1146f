//! From the start of the process to its end.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use super::control::Control;
use super::life::{self, Life};
use super::loads;
use super::log;
use super::reporter::Reporter;
use super::server::{Parts, Server};
use super::service;
use super::setup::setup;
use crate::app::{self, Stopped};
use crate::config::plan::{FromWorker, ToWorker, VERSION, WorkerPlan};
use crate::gateway::{Code, Level};
use crate::sys::channel::Channel;
use crate::sys::memory::SharedWords;
use crate::sys::{inherit, own_process, process, program_file, signals};

const LISTENER: RawFd = 3;
const SCOREBOARD: RawFd = 4;
const CHANNEL: RawFd = 5;
const LIFE_PIPE: RawFd = 6;
const CRASH_FILE: RawFd = 7;

/// The exit status of a process that could not begin to serve: EX_SOFTWARE of sysexits.
const FAILED: u8 = 70;

/// What the supervisor left for the process.
struct Inherited {
    listener: OwnedFd,
    scoreboard: OwnedFd,
    channel: OwnedFd,
    life_pipe: OwnedFd,
    crash_file: OwnedFd,
}

impl Inherited {
    fn take() -> io::Result<Inherited> {
        Ok(Inherited {
            listener: inherit::take(LISTENER)?,
            scoreboard: inherit::take(SCOREBOARD)?,
            channel: inherit::take(CHANNEL)?,
            life_pipe: inherit::take(LIFE_PIPE)?,
            crash_file: inherit::take(CRASH_FILE)?,
        })
    }
}

/// Serves until the process is to end, on Python's main thread, which is attached to the main interpreter; the
/// exit status. Python's own end comes after it.
pub fn main() -> u8 {
    log::report_panics();
    let started = Inherited::take()
        .map_err(|error| format!("this is no process of a supervisor: {error}"))
        .and_then(begin);
    match started {
        Ok(status) => status,
        Err(problem) => {
            log::line(Level::Error, Code::WORKER_FAILED, &problem);
            FAILED
        }
    }
}

/// Receives the plan and carries it out.
fn begin(inherited: Inherited) -> Result<u8, String> {
    let receiving = inherited
        .channel
        .try_clone()
        .map_err(|error| format!("the channel to the supervisor: {error}"))?;
    let receiving = Channel::from_descriptor(receiving);
    let reporter = Arc::new(Reporter::new(Channel::from_descriptor(inherited.channel)));
    reporter.tell(&FromWorker::Hello {
        version: VERSION.to_string(),
        python: app::python_version(),
        file: program_file::own_file(),
    });
    let Some(plan) = receive_plan(&receiving)? else {
        return Ok(FAILED);
    };
    log::set_level(plan.group.log_level);
    if !plan.httpd.core_dumps {
        own_process::forbid_inspection()
            .map_err(|error| format!("other processes could look into it: {error}"))?;
    }
    take_locale(&plan);
    let title = plan.group.options.display_name.clone();
    own_process::set_title(&title.unwrap_or_else(|| format!("rwsgi: {}", plan.group.name)));
    let words = SharedWords::map(inherited.scoreboard, plan.layout.words())
        .map_err(|error| format!("the scoreboard: {error}"))?;
    let server = Server::new(Parts {
        listener: inherited.listener,
        words,
        layout: plan.layout,
        position: plan.position,
        reporter: Arc::clone(&reporter),
        users: vec![
            0,
            plan.httpd.uid,
            plan.group.socket_uid,
            process::effective_user(),
        ],
        patience: patience(&plan),
        public: plan.group.public.clone(),
        group: plan.group.name.clone(),
    });
    let server = Arc::new(server.map_err(|error| format!("the listener: {error}"))?);
    let worker = Worker {
        server,
        reporter: Arc::clone(&reporter),
        life: Arc::new(Life::default()),
        crash_file: inherited.crash_file,
        plan,
    };
    let setup = setup(&worker.plan, Some(&worker.server));
    let served = app::worker_start(setup, || worker.serve(receiving, inherited.life_pipe))
        .map_err(|error| format!("Python could not be set up: {error}"))
        .and_then(|served| served);
    if let Err(reason) = &served {
        reporter.tell(&FromWorker::Failed {
            reason: reason.clone(),
        });
    }
    served
}

/// `locale=` is in the environment; code in C wants to be told besides.
fn take_locale(plan: &WorkerPlan) {
    let Some(locale) = &plan.group.options.locale else {
        return;
    };
    if !own_process::take_locale() {
        let text = format!(
            "locale={locale} of daemon group '{}' is not installed, so C code keeps another",
            plan.group.name
        );
        log::line(Level::Warning, Code::LOCALE_MISSING, &text);
    }
}

/// How long a read or write on a connection may take: `socket-timeout=`, else httpd's `Timeout`.
fn patience(plan: &WorkerPlan) -> Option<Duration> {
    let timeout = plan.group.options.socket_timeout.unwrap_or(plan.httpd.timeout);
    (!timeout.is_zero()).then_some(timeout)
}

/// The plan; `None` where it comes from a supervisor of another version, which tells of that itself.
fn receive_plan(channel: &Channel) -> Result<Option<WorkerPlan>, String> {
    let message = channel
        .receive()
        .map_err(|error| format!("the plan did not arrive: {error}"))?
        .ok_or("the supervisor went away before it sent the plan")?;
    if ToWorker::version_of_start(&message.bytes).is_some_and(|version| version != VERSION) {
        return Ok(None);
    }
    match serde_json::from_slice(&message.bytes) {
        Ok(ToWorker::Start(plan)) => Ok(Some(*plan)),
        Ok(_) => Err("the supervisor sent something else than the plan".into()),
        Err(error) => Err(format!("the plan cannot be understood: {error}")),
    }
}

/// Everything of a process that serves.
struct Worker {
    plan: WorkerPlan,
    server: Arc<Server>,
    reporter: Arc<Reporter>,
    life: Arc<Life>,
    crash_file: OwnedFd,
}

impl Worker {
    /// Serves and ends; the exit status.
    fn serve(&self, channel: Channel, life_pipe: OwnedFd) -> Result<u8, String> {
        let options = &self.plan.group.options;
        let is_service = options.threads == 0;
        app::catch_fatal_signals(self.crash_file.as_raw_fd(), signals::stack_dump_signal(), 2);
        let told = |error| format!("the control thread: {error}");
        let control = Control {
            channel,
            life_pipe,
            signals: self.watch_signals(is_service).map_err(told)?,
            server: Arc::clone(&self.server),
            reporter: Arc::clone(&self.reporter),
            life: Arc::clone(&self.life),
            instance: self.plan.instance,
            shutdown_timeout: options.shutdown_timeout,
            graceful_timeout: options.graceful_timeout,
            is_service,
        };
        control.start().map_err(told)?;
        if is_service {
            self.reporter.tell(&FromWorker::Ready { failures: Vec::new() });
            service::run(&self.plan, &self.server);
            self.life.note_ending();
            return Ok(0);
        }
        let failures = loads::load(&self.plan.group, &self.plan.loads);
        let stack = options
            .stack_size
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or_else(own_process::stack_bytes);
        self.server
            .start_threads(options.threads, stack)
            .map_err(|error| format!("the threads could not be started: {error}"))?;
        life::beat(&self.server);
        self.reporter.tell(&FromWorker::Ready { failures });
        let reason = self.life.live(&self.server);
        Ok(self.end(&reason))
    }

    fn watch_signals(&self, is_service: bool) -> io::Result<OwnedFd> {
        use signals::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
        if is_service {
            signals::watch(&[SIGUSR1, SIGXCPU])
        } else {
            signals::watch(&[SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU])
        }
    }

    /// Ends Python as far as it is ours to end; the exit status.
    fn end(&self, reason: &str) -> u8 {
        app::worker_announce_stop(reason);
        // Exit functions are to have a part of the time, too.
        let patience = self
            .plan
            .group
            .options
            .shutdown_timeout
            .map(|limit| limit * 3 / 4);
        let all_ended = self.server.end_threads(patience);
        if !self.plan.group.python.destroy_interpreter() {
            own_process::leave(0);
        }
        match app::worker_stop(all_ended) {
            Stopped::Abandoned(requests) => {
                let text = format!(
                    "Python was left without being finalised, with {requests} requests still running"
                );
                log::line(Level::Warning, Code::STOP_INCOMPLETE, &text);
                own_process::leave(0)
            }
            _ => 0,
        }
    }
}
