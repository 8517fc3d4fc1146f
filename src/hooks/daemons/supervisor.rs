//! A supervisor that runs: started, told what to do, ended.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::plan::Prepared;
use crate::config::plan::agreement::{Fix, Part, disagreement};
use crate::config::plan::{Control, ControlAnswer, Plan, VERSION};
use crate::gateway::Code;
use crate::httpd::{Told, Watch};
use crate::scoreboard::Layout;
use crate::sys::channel::{Channel, Message};
use crate::sys::memory::SharedWords;
use crate::sys::{program_file, servant};

/// How long the supervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A supervisor.
#[derive(Debug)]
pub(super) struct Supervisor {
    pid: u32,
    /// Its program.
    command: PathBuf,
    started: Instant,
    channel: Channel,
    _watch: Option<Watch>,
}

/// A group's scoreboard.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) group: String,
    pub(super) number: u32,
    pub(super) layout: Layout,
    pub(super) words: Arc<SharedWords>,
}

/// Why there is no supervisor that does what it is to do.
#[derive(Debug)]
pub(super) enum Fault {
    /// Our command is nowhere.
    Missing(Vec<PathBuf>),
    /// It could not be told of httpd's end.
    Life(std::io::Error),
    /// It cannot be started.
    Start(PathBuf, std::io::Error),
    /// It is of another version.
    Version {
        /// Its file.
        command: PathBuf,
        /// That version.
        version: String,
    },
    /// It cannot do what it was told to.
    Refused(String),
    /// It does not do what was agreed on.
    Protocol(String),
}

impl Fault {
    /// The number of the line.
    pub(super) fn code(&self) -> Code {
        match self {
            Fault::Missing(_) | Fault::Life(_) | Fault::Start(..) => Code::SUPERVISOR_MISSING,
            Fault::Version { .. } => Code::SUPERVISOR_VERSION,
            Fault::Refused(_) | Fault::Protocol(_) => Code::SUPERVISOR_FAILED,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing(places) => {
                let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
                write!(
                    f,
                    "the command rwsgi, which starts daemon processes, is not there; looked for {}; install it, \
                     or name it by RWSGICommand",
                    places.join(", ")
                )
            }
            Fault::Life(error) => write!(f, "no pipe can be opened: {error}"),
            Fault::Start(command, error) => {
                write!(
                    f,
                    "{} cannot be started: {error}; install it anew",
                    command.display()
                )
            }
            Fault::Version { command, version } => f.write_str(&disagrees(command, version)),
            Fault::Refused(reason) => write!(f, "daemon processes cannot be started: {reason}"),
            Fault::Protocol(what) => write!(f, "the supervisor of daemon processes {what}"),
        }
    }
}

/// How a command of another build disagrees with this module, which an upgrade may have replaced meanwhile.
fn disagrees(command: &Path, version: &str) -> String {
    let own = program_file::loaded();
    let command = Part {
        what: "the command rwsgi",
        file: Some(command),
        version,
    };
    let module = Part {
        what: "the module",
        file: own.as_ref().map(|own| &*own.path),
        version: VERSION,
    };
    let is_gone = own.as_ref().is_some_and(|own| own.is_gone);
    disagreement(command, module, Fix::of_running("httpd", is_gone))
}

fn lost(error: std::io::Error) -> Fault {
    Fault::Protocol(format!("does not answer: {error}"))
}

impl Supervisor {
    /// Starts the first of `commands` that exists; `told` hears of it. It watches the first end of the
    /// pipe `life`, of which nobody but this process has the second.
    pub(super) fn start(
        commands: &[PathBuf],
        (watched, held): &(OwnedFd, OwnedFd),
        told: Told,
    ) -> Result<Supervisor, Fault> {
        let command = commands
            .iter()
            .find(|command| command.exists())
            .ok_or_else(|| Fault::Missing(commands.to_vec()))?;
        let failed = |error| Fault::Start(command.clone(), error);
        let (channel, theirs) = Channel::pair().map_err(failed)?;
        channel.set_patience(Some(PATIENCE)).map_err(failed)?;
        servant::keep_from_copies(&[channel.as_fd(), held.as_fd()]);
        let started = servant::start(
            command,
            &["supervisor".as_ref()],
            &[theirs.as_fd(), watched.as_fd()],
        );
        let pid = started.map_err(|error| {
            servant::keep_from_copies(&[]);
            failed(error)
        })?;
        Ok(Supervisor {
            pid,
            command: command.clone(),
            started: Instant::now(),
            channel,
            _watch: Watch::start(pid, told),
        })
    }

    /// Waits for its first words.
    pub(super) fn greet(&self) -> Result<(), Fault> {
        match self.answer()?.0 {
            ControlAnswer::Hello { version } if version == VERSION => Ok(()),
            ControlAnswer::Hello { version } => Err(Fault::Version {
                command: self.command.clone(),
                version,
            }),
            _ => Err(Fault::Protocol("does not say its version".to_owned())),
        }
    }

    /// Hands it a scoreboard that another made.
    pub(super) fn keep(&self, board: &Board) -> Result<(), Fault> {
        let message = Control::Keep {
            group: board.group.clone(),
            number: board.number,
            layout: board.layout,
        };
        self.send(&message, Some(board.words.as_fd()))
    }

    /// Has it carry out a plan. `generation` ends with the last child of httpd that serves it. The
    /// scoreboards of all groups.
    pub(super) fn configure(
        &self,
        prepared: &Prepared,
        generation: BorrowedFd<'_>,
    ) -> Result<Vec<Board>, Fault> {
        for log in &prepared.logs {
            self.send(&Control::Log, Some(log.as_fd()))?;
        }
        self.send(&Control::Generation, Some(generation))?;
        let plan = Plan::clone(&prepared.plan);
        self.send(&Control::Configure(Box::new(plan)), None)?;
        let mut boards = Vec::new();
        loop {
            let (answer, mut message) = self.answer()?;
            match answer {
                ControlAnswer::Scoreboard {
                    group,
                    number,
                    layout,
                } => {
                    let memory = message.descriptors.pop().ok_or_else(|| {
                        Fault::Protocol("tells of a scoreboard and does not send it".to_owned())
                    })?;
                    let words = SharedWords::map(memory, layout.words()).map_err(lost)?;
                    boards.push(Board {
                        group,
                        number,
                        layout,
                        words: Arc::new(words),
                    });
                }
                ControlAnswer::Configured => return Ok(boards),
                ControlAnswer::Refused { reason } => return Err(Fault::Refused(reason)),
                ControlAnswer::Hello { .. } => {
                    return Err(Fault::Protocol("says its version again".to_owned()));
                }
            }
        }
    }

    /// How long it has lived, if `pid` is its number.
    pub(super) fn lived(&self, pid: u32) -> Option<Duration> {
        (self.pid == pid).then(|| self.started.elapsed())
    }

    /// Whether it has not ended; one that has is reaped.
    pub(super) fn is_alive(&self) -> bool {
        matches!(servant::reap(self.pid), Ok(None))
    }

    /// Asks it to end. Again is no harm.
    pub(super) fn ask_to_end(&self) {
        // One that does not listen is killed in the end.
        let _ = self.send(&Control::Stop, None);
    }

    /// Has it end, and kills it when `limit` is over. Whether it ended by itself.
    pub(super) fn end(&self, limit: Duration) -> bool {
        self.ask_to_end();
        servant::see_off(self.pid, limit)
    }

    fn send(&self, message: &impl Serialize, descriptor: Option<BorrowedFd<'_>>) -> Result<(), Fault> {
        let bytes = serde_json::to_vec(message).map_err(|error| Fault::Protocol(error.to_string()))?;
        let descriptors: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
        self.channel.send(&bytes, &descriptors).map_err(lost)
    }

    fn answer(&self) -> Result<(ControlAnswer, Message), Fault> {
        let message = self
            .channel
            .receive()
            .map_err(lost)?
            .ok_or_else(|| Fault::Protocol("has ended; its own lines before say why".to_owned()))?;
        let answer = serde_json::from_slice(&message.bytes)
            .map_err(|error| Fault::Protocol(format!("says what nobody understands: {error}")))?;
        Ok((answer, message))
    }
}
