//! Daemon mode in httpd's parent: the plan is made, the supervisor started, watched and told.
//!
//! What is kept here belongs to the process and to no configuration: the supervisor outlives all of them.

mod accounts;
mod examine;
mod plan;
mod supervisor;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use crate::config::finish::Finding;
use crate::config::plan::identity;
use crate::gateway::{Code, Level};
use crate::httpd::{self, Startup, Told, Watch, log, process};
use crate::pool::{GroupFacts, Groups, ScriptOwner};
use crate::sys::{self, servant};
use plan::Prepared;
use supervisor::{Board, Fault, Supervisor};

/// How long a supervisor must have lived for its end not to count as one more of a row.
const SETTLED: Duration = Duration::from_secs(30);
/// Longest wait before a supervisor is started again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long the end of a process is waited for beyond what a group allows its own.
const END_MARGIN: Duration = Duration::from_secs(2);
/// The same where a group sets no limit.
const UNLIMITED_END: Duration = Duration::from_secs(300);

/// What httpd's parent keeps.
#[derive(Debug, Default)]
struct Parent {
    /// Number of the process; copies of it have another.
    pid: u32,
    /// How many configurations were served.
    generation: u32,
    /// The last configuration.
    served: Option<Served>,
    supervisor: Option<Supervisor>,
    /// Of all groups, from the last supervisor that told them.
    boards: Vec<Board>,
    /// A pipe whose one end is open as long as this process lives, however it ends: what to watch, what to
    /// hold.
    life: Option<(OwnedFd, OwnedFd)>,
    /// Ends when it is time to start a supervisor again.
    timer: Option<(u32, Watch)>,
    /// Supervisors that ended soon, in a row.
    deaths: u32,
    /// httpd stops, and the supervisor was asked to end.
    is_ending: bool,
}

/// A configuration that is served.
#[derive(Debug)]
struct Served {
    prepared: Prepared,
    /// Closed when the last child of httpd that serves the configuration has ended: ...
    watched: OwnedFd,
    /// ... children have this by being forked.
    _held: OwnedFd,
}

static PARENT: Mutex<Option<Parent>> = Mutex::new(None);

fn parent() -> MutexGuard<'static, Option<Parent>> {
    PARENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is wrong with the groups of a configuration.
pub(super) fn examine(startup: &Startup<'_>) -> Vec<Finding> {
    examine::examine(startup)
}

/// Has the supervisor carry out a configuration that is about to be served.
pub(super) fn parent_serves(startup: &Startup<'_>) {
    let mut guard = parent();
    let parent = guard.get_or_insert_with(|| Parent {
        pid: std::process::id(),
        ..Parent::default()
    });
    let grouped = startup
        .settings()
        .finished
        .as_ref()
        .is_some_and(|finished| !finished.groups.is_empty());
    if !grouped && parent.supervisor.is_none() && parent.boards.is_empty() {
        return;
    }
    static AT_STOP: Once = Once::new();
    AT_STOP.call_once(|| httpd::at_stop(stop));
    // Until the supervisor has said where the groups are, children reach none.
    Groups::parent_uninstall();
    parent.generation += 1;
    let prepared = plan::prepare(startup, parent.generation)
        .and_then(|prepared| servant::pipe().map(|(watched, held)| (prepared, watched, held)));
    match prepared {
        Ok((prepared, watched, held)) => {
            parent.served = Some(Served {
                prepared,
                watched,
                _held: held,
            });
            parent.deaths = 0;
            parent.carry_out();
        }
        Err(error) => tell(
            Code::SUPERVISOR_FAILED,
            &format!("no plan for daemon groups: {error}"),
        ),
    }
}

/// What is told of the supervisor goes to the main server's log.
fn tell(code: Code, text: &str) {
    log::server(Level::Error, Some(code), text.as_bytes());
}

impl Parent {
    /// Tells the supervisor what to do, after starting one where none runs.
    fn carry_out(&mut self) {
        self.timer = None;
        if self
            .supervisor
            .as_ref()
            .is_some_and(|running| !running.is_alive())
        {
            self.drop_supervisor();
        }
        if let Err(fault) = self.attempt() {
            tell(fault.code(), &fault.to_string());
            if !matches!(fault, Fault::Refused(_)) {
                self.end_supervisor(Duration::ZERO);
            }
        }
    }

    fn attempt(&mut self) -> Result<(), Fault> {
        let Some(served) = &self.served else {
            return Ok(());
        };
        let supervisor = match &mut self.supervisor {
            Some(running) => running,
            none => {
                let life = match &self.life {
                    Some(life) => life,
                    None => self.life.insert(servant::pipe().map_err(Fault::Life)?),
                };
                let started = none.insert(Supervisor::start(&served.prepared.commands, life, TOLD)?);
                started.greet()?;
                for board in &self.boards {
                    started.keep(board)?;
                }
                started
            }
        };
        let boards = supervisor.configure(&served.prepared, served.watched.as_fd())?;
        install(&served.prepared, &boards);
        self.boards = boards;
        Ok(())
    }

    /// Forgets a supervisor that has ended.
    fn drop_supervisor(&mut self) {
        servant::keep_from_copies(&[]);
        self.supervisor = None;
    }

    /// Has the supervisor end all processes and itself; kills it when `limit` is over.
    fn end_supervisor(&mut self, limit: Duration) {
        if let Some(running) = &self.supervisor
            && !running.end(limit)
            && !limit.is_zero()
        {
            let text = format!(
                "the supervisor had not ended after {} s and was killed",
                limit.as_secs()
            );
            tell(Code::SUPERVISOR_KILLED, &text);
        }
        self.drop_supervisor();
    }

    /// Starts another supervisor at once, or later where those before ended soon.
    fn replace(&mut self, lived: Duration) {
        if lived >= SETTLED {
            self.deaths = 0;
        }
        self.deaths += 1;
        if self.deaths > 1 || self.restart() {
            self.wait();
        }
    }

    /// Starts a supervisor for the configuration that is served; whether it must be tried again.
    fn restart(&mut self) -> bool {
        self.carry_out();
        self.supervisor.is_none()
    }

    fn wait(&mut self) {
        let seconds = 1_u64 << self.deaths.saturating_sub(2).min(8);
        let delay = Duration::from_secs(seconds).min(LONGEST_WAIT);
        self.timer = servant::start_timer(delay)
            .ok()
            .and_then(|pid| Watch::start(pid, TOLD).map(|watch| (pid, watch)));
    }

    /// How long the groups let their processes take to end.
    fn end_limit(&self) -> Duration {
        let groups = self.served.iter().flat_map(|served| &served.prepared.plan.groups);
        let longest = groups
            .map(|group| group.options.shutdown_timeout.unwrap_or(UNLIMITED_END))
            .max();
        longest.unwrap_or_default() + END_MARGIN
    }
}

/// Lets children that are forked from now on use the groups.
fn install(prepared: &Prepared, boards: &[Board]) {
    let plan = &prepared.plan;
    let mut groups = Groups::new(plan.directory.clone(), sys::user::own_uid(), plan.httpd.timeout);
    for (group, owner) in plan.groups.iter().zip(&prepared.script_owners) {
        let Some(board) = boards.iter().find(|board| board.group == group.name) else {
            continue;
        };
        let added = groups.add(GroupFacts {
            name: group.name.clone(),
            number: board.number,
            layout: board.layout,
            board: board.words.clone(),
            options: group.options.clone(),
            script_owner: owner.map(|owner| match owner {
                identity::ScriptOwner::User(uid) => ScriptOwner::User(uid),
                identity::ScriptOwner::Group(gid) => ScriptOwner::Group(gid),
            }),
        });
        if let Err(error) = added {
            let text = format!("process group '{}' cannot be used: {error}", group.name);
            tell(Code::SUPERVISOR_FAILED, &text);
        }
    }
    groups.parent_install();
}

const TOLD: Told = Told {
    ended,
    reclaiming: children_end,
};

/// httpd waits for the end of its children. At a stop their requests are cut off, so daemon processes can end at
/// the same time: a child may be waiting for one of them.
fn children_end() {
    if !process::is_shutting_down() {
        return;
    }
    if let Some(parent) = parent().as_mut()
        && let Some(running) = &parent.supervisor
        && !parent.is_ending
    {
        parent.is_ending = true;
        running.ask_to_end();
    }
}

/// A process that httpd's parent watches for us has ended.
fn ended(pid: u32) {
    let mut guard = parent();
    let Some(parent) = guard.as_mut() else { return };
    if parent.timer.as_ref().is_some_and(|(timer, _)| *timer == pid) {
        parent.timer = None;
        if !process::is_stopping() && parent.restart() {
            parent.deaths += 1;
            parent.wait();
        }
        return;
    }
    let Some(lived) = parent.supervisor.as_ref().and_then(|running| running.lived(pid)) else {
        return;
    };
    parent.drop_supervisor();
    // A restart of httpd starts another by itself.
    if !process::is_stopping() {
        let text = format!(
            "the supervisor (pid {pid}) has ended unasked, after {} s; daemon processes go on, and another \
             takes them over",
            lived.as_secs()
        );
        tell(Code::SUPERVISOR_DIED, &text);
        parent.replace(lived);
    }
}

/// Ends the supervisor with httpd.
fn stop() {
    let mut guard = parent();
    let Some(parent) = guard.as_mut() else { return };
    if parent.pid != std::process::id() {
        return;
    }
    if let Some((timer, watch)) = parent.timer.take() {
        drop(watch);
        servant::kill(timer);
        servant::see_off(timer, Duration::ZERO);
    }
    let limit = parent.end_limit();
    parent.end_supervisor(limit);
}
