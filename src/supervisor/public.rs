//! Processes for web servers that are not httpd with our module: nobody says what to do but the command line and
//! signals.

use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::rc::Rc;

use super::configure::Announced;
use super::group::Group;
use super::status::StatusSocket;
use super::{Supervisor, notify};
use crate::config::plan::Plan;
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::sys::listener;
use crate::sys::signal_file::{self, SignalFile};

/// What is started.
pub struct Start {
    /// The plan, of groups that all serve on `listener`.
    pub plan: Plan,
    /// What web servers connect to.
    pub listener: OwnedFd,
    /// Makes the plan again when a signal asks for it; the error is one line.
    pub again: Box<dyn Fn() -> Result<Plan, String>>,
    /// Where the state of the processes can be asked for.
    pub status: Option<UnixListener>,
}

/// What stands in for httpd's parent.
pub(super) struct Public {
    listener: Rc<OwnedFd>,
    again: Box<dyn Fn() -> Result<Plan, String>>,
    pub(super) status: Option<StatusSocket>,
    /// Whether the init system has been told that requests are taken.
    has_notified: bool,
    /// Held open as long as this process lives.
    _life: std::io::PipeWriter,
}

impl Public {
    /// What is started, with the end of a pipe that stays open as long as this process lives.
    pub(super) fn new(
        listener: OwnedFd,
        again: Box<dyn Fn() -> Result<Plan, String>>,
        status: Option<UnixListener>,
        life: std::io::PipeWriter,
    ) -> Result<Public, String> {
        let status = status.map(StatusSocket::new).transpose();
        Ok(Public {
            listener: Rc::new(listener),
            again,
            status: status.map_err(|error| format!("the socket for the status: {error}"))?,
            has_notified: false,
            _life: life,
        })
    }
}

impl fmt::Debug for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Public").finish_non_exhaustive()
    }
}

/// Runs the processes until SIGTERM or SIGINT; for a process of one thread. SIGHUP and SIGUSR1 replace all
/// processes one by one, by a plan that is made again.
///
/// # Errors
/// One line that says why it cannot run.
pub fn serve(start: Start) -> Result<(), String> {
    let signals = [
        signal_file::TERMINATE,
        signal_file::INTERRUPT,
        signal_file::HANG_UP,
        signal_file::GRACEFUL,
    ];
    let signals = SignalFile::new(&signals).map_err(|error| error.to_string())?;
    let (life, held) = std::io::pipe().map_err(|error| format!("no pipe can be opened: {error}"))?;
    let set = listener::set_nonblocking(&start.listener);
    set.map_err(|error| format!("the socket for web servers: {error}"))?;
    let mut supervisor = Supervisor {
        public: Some(Public::new(start.listener, start.again, start.status, held)?),
        ..Supervisor::new(life.into(), signals)
    };
    supervisor.carry_out(start.plan)?;
    supervisor.serve()
}

impl Supervisor {
    fn carry_out(&mut self, plan: Plan) -> Result<(), String> {
        let listener = self.public.as_ref().map(|public| Rc::clone(&public.listener));
        let announced = Announced {
            listener,
            ..Announced::default()
        };
        self.configure(plan, announced)
    }

    /// Tells the init system when requests are taken, and turns web servers away whose requests would wait in
    /// vain.
    pub(super) fn look_at_public(&mut self) {
        let Some(public) = &mut self.public else { return };
        let serves = self.groups.iter().any(Group::serves);
        if serves && !public.has_notified {
            public.has_notified = true;
            notify::tell("READY=1");
        }
        let is_shut = self
            .groups
            .iter()
            .any(|group| group.board.view().shut_for().is_some());
        if is_shut && !serves {
            while listener::accept(&public.listener).is_ok() {}
        }
    }

    /// Does what a signal asks for.
    pub(super) fn signalled(&mut self, signal: i32) {
        let begins_anew = [signal_file::HANG_UP, signal_file::GRACEFUL].contains(&signal);
        if !begins_anew {
            notify::tell("STOPPING=1");
            return self.stop();
        }
        if self.stopping.is_some() {
            return;
        }
        let Some(public) = &self.public else { return };
        let carried_out = (public.again)().and_then(|plan| self.carry_out(plan));
        match carried_out {
            Ok(()) => self.log.write(
                Level::Info,
                None,
                "a signal asks for new processes: they replace the present ones one by one",
            ),
            Err(problem) => {
                let text = format!("the processes go on as they are: {problem}");
                self.log.write(Level::Error, Some(Code::PLAN_KEPT), &text);
            }
        }
    }
}
