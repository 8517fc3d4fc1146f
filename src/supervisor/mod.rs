//! The supervisor of daemon mode's processes: a program of its own, started by httpd's parent, that starts
//! the workers of all groups, watches them, replaces them and says why they died.
//!
//! One thread waits for everything that can happen: the channel to httpd's parent, the workers' channels and
//! ends, and the time. Nothing it does waits for a worker. It outlives restarts of httpd; it ends when httpd
//! does, whichever way that ends.
//!
//! | file | what |
//! |---|---|
//! | `events` | waiting for what can happen |
//! | `configure` | from one plan to the next: which groups go on, which are new, which retire |
//! | `spawn`, `environment` | starting a worker |
//! | `messages` | what workers tell |
//! | `roll` | how many there are, and how one replaces another |
//! | `watch`, `enforce` | limits in time, number and memory, and what is done about who exceeds them |
//! | `crash`, `failure`, `backoff` | what is said of the dead, how often, and when their successors start |
//! | `orphan` | workers of a supervisor that died |
//! | `public` | the same for web servers that are not httpd with our module: without a parent that says what to do |
//! | `notify` | what an init system is told |
//! | `status` | what the processes do, for whoever asks |

mod backoff;
mod configure;
mod crash;
mod enforce;
mod environment;
mod events;
mod failure;
mod group;
mod log;
mod messages;
mod notify;
mod orphan;
mod public;
mod roll;
mod setting;
mod spawn;
mod stamp;
mod status;
mod watch;
mod worker;

#[cfg(test)]
mod tests;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use configure::Announced;
use group::Group;
use log::Log;
use setting::Setting;

pub use environment::arguments as python_arguments;
pub use public::{Start, serve};

use crate::config::plan::{ControlAnswer, LogLevel, VERSION};
use crate::sys::channel::Channel;
use crate::sys::signal_file::{self, SignalFile};
use crate::sys::{detach, inherit};

/// The descriptor of the channel to httpd's parent.
const CONTROL: i32 = 3;
/// The descriptor of the pipe that ends with httpd's parent.
const LIFE: i32 = 4;
/// How long the supervisor waits at its own end for processes that are not its children.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// Everything the supervisor knows.
#[derive(Debug)]
struct Supervisor {
    /// The channel to httpd's parent; `None` where there is none.
    control: Option<Channel>,
    /// What stands in for it there.
    public: Option<public::Public>,
    life: Rc<OwnedFd>,
    signals: SignalFile,
    log: Log,
    /// What httpd's processes have.
    umask: u32,
    announced: Announced,
    setting: Option<Rc<Setting>>,
    /// Settings with other directories, of groups that may still have processes.
    outdated: Vec<Rc<Setting>>,
    groups: Vec<Group>,
    next_number: u32,
    /// Counts the plans.
    generation: u64,
    /// The pipes of the generations of httpd's children that live.
    generations: Vec<(u64, OwnedFd)>,
    stopping: Option<Instant>,
}

/// Runs the supervisor until httpd ends it or ends. The error says why it cannot run.
pub fn run() -> Result<(), String> {
    detach::close_from(LIFE + 1);
    let by_hand = |_| "httpd starts its supervisor itself; there is nothing to be started by hand".to_owned();
    let control = inherit::take(CONTROL).map_err(by_hand)?;
    let life = inherit::take(LIFE).map_err(by_hand)?;
    detach::leave_session();
    signal_file::ignore_signals_of_the_server();
    let signals = SignalFile::new(&[signal_file::TERMINATE]).map_err(|error| error.to_string())?;
    let mut supervisor = Supervisor {
        control: Some(Channel::from_descriptor(control)),
        ..Supervisor::new(life, signals)
    };
    let hello = ControlAnswer::Hello {
        version: VERSION.to_owned(),
    };
    supervisor.answer(&hello, None)?;
    let outcome = supervisor.serve();
    supervisor.remove_directories();
    outcome
}

impl Supervisor {
    fn new(life: OwnedFd, signals: SignalFile) -> Supervisor {
        Supervisor {
            control: None,
            public: None,
            life: Rc::new(life),
            signals,
            log: Log {
                file: None,
                level: LogLevel(4),
            },
            umask: detach::set_umask(0o077),
            announced: Announced::default(),
            setting: None,
            outdated: Vec::new(),
            groups: Vec::new(),
            next_number: 0,
            generation: 0,
            generations: Vec::new(),
            stopping: None,
        }
    }

    fn serve(&mut self) -> Result<(), String> {
        while !self.is_done() {
            for source in self.wait().map_err(|error| error.to_string())? {
                self.handle(source);
            }
            self.tick();
        }
        Ok(())
    }

    /// Sends httpd's parent an answer.
    fn answer(&self, answer: &ControlAnswer, along: Option<BorrowedFd<'_>>) -> Result<(), String> {
        let Some(control) = &self.control else {
            return Ok(());
        };
        let bytes = serde_json::to_vec(answer).map_err(|error| error.to_string())?;
        control
            .send(&bytes, along.as_slice())
            .map_err(|error| format!("httpd cannot be answered: {error}"))
    }

    /// Looks at everything that may be due.
    fn tick(&mut self) {
        let now = Instant::now();
        let oldest = self.generations.iter().map(|(number, _)| *number).min();
        for group in &mut self.groups {
            let is_unknown = |last: u64| oldest.is_none_or(|oldest| oldest > last);
            if group.retired.is_some_and(is_unknown) && !group.ending {
                group.end();
            }
            group.enforce(now);
            group.look_around(now);
            group.roll(now);
        }
        self.look_at_public();
        self.send_status(now);
        let (over, rest) = std::mem::take(&mut self.groups)
            .into_iter()
            .partition(Group::is_over);
        self.groups = rest;
        let over: Vec<Group> = over;
        for group in over {
            group.setting.remove_group_directory(group.plan.number);
        }
        self.remove_outdated();
    }

    /// Ends everything.
    fn stop(&mut self) {
        let now = Instant::now();
        self.stopping.get_or_insert(now);
        for group in &mut self.groups {
            group.end_now(now);
        }
    }

    fn is_done(&self) -> bool {
        let Some(since) = self.stopping else {
            return false;
        };
        let only_orphans = self.groups.iter().all(|group| group.workers.is_empty());
        self.groups.is_empty() || (only_orphans && since.elapsed() >= LAST_WAIT)
    }

    /// Removes directories of earlier plans that no group uses any more.
    fn remove_outdated(&mut self) {
        let groups = &self.groups;
        self.outdated.retain(|setting| {
            let is_used = groups
                .iter()
                .any(|group| group.setting.directory == setting.directory);
            if !is_used {
                // What cannot be removed is stale at the next start.
                let _ = crate::sys::private_directory::remove(&setting.directory);
            }
            is_used
        });
    }

    fn remove_directories(&self) {
        for setting in self.outdated.iter().chain(&self.setting) {
            // What cannot be removed is stale at the next start.
            let _ = crate::sys::private_directory::remove(&setting.directory);
        }
    }
}
