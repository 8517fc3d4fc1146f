//! The control thread: messages, signals, and the end of those that the process depends on.
//!
//! It never needs Python, so that a process whose Python is stuck still hears.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life::{Life, Task};
use super::log;
use super::reporter::Reporter;
use super::server::Server;
use crate::config::plan::{FromWorker, ToWorker};
use crate::gateway::{Code, Level};
use crate::scoreboard::PositionState;
use crate::sys::channel::Channel;
use crate::sys::epoll::{Epoll, Interest};
use crate::sys::{own_process, signals};

const CHANNEL: u64 = 0;
const LIFE_PIPE: u64 = 1;
const SIGNALS: u64 = 2;

/// How long an orphan of a group that no configuration has waits for the last requests of httpd's old children.
const LAST_REQUESTS: Duration = Duration::from_secs(2);
/// How often an orphan looks whether it is to end.
const TICK: Duration = Duration::from_secs(1);
/// How long web servers that keep connections open may send another request on them, which is answered, before the
/// process ends with them.
const LAST_USE: Duration = Duration::from_secs(1);
/// How often it is looked whether such connections are left.
const STEP: Duration = Duration::from_millis(20);
/// How long Python's main thread has for writing stacks before they are written without Python's lock.
const STACKS_PATIENCE: Duration = Duration::from_secs(1);

/// Everything the thread looks after.
pub(super) struct Control {
    pub(super) channel: Channel,
    pub(super) life_pipe: OwnedFd,
    pub(super) signals: OwnedFd,
    pub(super) server: Arc<Server>,
    pub(super) reporter: Arc<Reporter>,
    pub(super) life: Arc<Life>,
    /// Which process this is.
    pub(super) instance: u32,
    /// `shutdown-timeout=`: how long a process may take to end that nobody else would end.
    pub(super) shutdown_timeout: Option<Duration>,
    /// `graceful-timeout=`: how long requests have when the process drains without a supervisor.
    pub(super) graceful_timeout: Option<Duration>,
    /// Whether the process is a service, which is ended by a signal.
    pub(super) is_service: bool,
}

/// What has been noticed so far.
#[derive(Default)]
struct Noticed {
    /// The supervisor is gone, since then.
    orphaned: Option<Instant>,
    /// When an orphan that drains no longer waits for its requests.
    drain_by: Option<Instant>,
    /// When the process is ended by force.
    end_by: Option<Instant>,
    /// When stacks are written without Python's lock.
    stacks_by: Option<Instant>,
    /// Since when no connections are accepted, until the supervisor has been told.
    closed: Option<Instant>,
}

impl Control {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<()> {
        let epoll = Epoll::new()?;
        epoll.add(&self.channel, CHANNEL, Interest::Readable)?;
        epoll.add(&self.life_pipe, LIFE_PIPE, Interest::Readable)?;
        epoll.add(&self.signals, SIGNALS, Interest::Readable)?;
        std::thread::Builder::new()
            .name("wsgi:control".into())
            .spawn(move || self.run(&epoll))?;
        Ok(())
    }

    fn run(self, epoll: &Epoll) {
        let mut noticed = Noticed::default();
        loop {
            let step = if noticed.closed.is_some() { STEP } else { TICK };
            match epoll.wait_for(step) {
                Ok(Some(CHANNEL)) => self.message(epoll, &mut noticed),
                Ok(Some(LIFE_PIPE)) => self.httpd_ended(epoll, &mut noticed),
                Ok(Some(SIGNALS)) => self.signal(),
                Ok(_) => {}
                // Without it nobody could end the process in order.
                Err(_) => own_process::leave(70),
            }
            self.look_at_times(&mut noticed);
        }
    }

    fn message(&self, epoll: &Epoll, noticed: &mut Noticed) {
        let Ok(Some(message)) = self.channel.receive() else {
            let _ = epoll.remove(&self.channel);
            noticed.orphaned = Some(Instant::now());
            if self.life.is_ending() {
                self.force_end(noticed);
            } else {
                let text = "the supervisor is gone; this process serves on until it is replaced";
                log::line(Level::Warning, Code::SUPERVISOR_LOST, text);
            }
            return;
        };
        match serde_json::from_slice(&message.bytes) {
            Ok(ToWorker::Interrupt { slot }) => self.life.ask(Task::Interrupt(slot)),
            Ok(ToWorker::DumpStacks { reason }) => {
                let text = format!("the stacks of all threads follow: {reason}");
                log::line(Level::Error, Code::STACKS_WRITTEN, &text);
                noticed.stacks_by = Some(Instant::now() + STACKS_PATIENCE);
                self.life.ask(Task::WriteStacks);
            }
            Ok(ToWorker::Accept) => self.server.open_public(),
            Ok(ToWorker::Leave) => self.server.leave(),
            Ok(ToWorker::Close { is_last }) => {
                self.server.close_public(is_last);
                noticed.closed.get_or_insert_with(Instant::now);
            }
            Ok(ToWorker::Stop { reason }) => self.end(&reason),
            Ok(ToWorker::Start(_)) | Err(_) => {
                log::line(
                    Level::Warning,
                    Code::WIRE_BROKEN,
                    "a message of the supervisor is not understood",
                );
            }
        }
    }

    fn end(&self, reason: &str) {
        if self.is_service {
            self.life.note_ending();
            signals::send_to_self(signals::SIGTERM);
        } else {
            self.life.ask(Task::Stop(reason.to_string()));
        }
    }

    fn httpd_ended(&self, epoll: &Epoll, noticed: &mut Noticed) {
        let _ = epoll.remove(&self.life_pipe);
        self.end("shutdown_signal");
        self.force_end(noticed);
    }

    /// Sees to the end of a process that nobody else ends.
    fn force_end(&self, noticed: &mut Noticed) {
        if noticed.end_by.is_none() {
            noticed.end_by = self
                .shutdown_timeout
                .and_then(|limit| Instant::now().checked_add(limit));
        }
    }

    fn signal(&self) {
        let mut pipe = match self.signals.try_clone() {
            Ok(pipe) => UnixStream::from(pipe),
            Err(_) => return,
        };
        let mut byte = [0];
        if pipe.read(&mut byte).unwrap_or_default() == 0 {
            return;
        }
        let wants = |reason: &str| {
            self.reporter.tell(&FromWorker::WantsReplacement {
                reason: reason.to_string(),
            });
        };
        match i32::from(byte[0]) {
            signals::SIGTERM | signals::SIGINT => {
                let reason = "shutdown_signal".to_string();
                self.reporter.tell(&FromWorker::Stopping {
                    reason: reason.clone(),
                });
                self.end(&reason);
            }
            signals::SIGUSR1 => wants("eviction_signal"),
            signals::SIGXCPU => wants("cpu_time_limit"),
            signals::SIGHUP => self.life.ask(Task::Publish("SIGHUP", signals::SIGHUP)),
            signals::SIGUSR2 => self.life.ask(Task::Publish("SIGUSR2", signals::SIGUSR2)),
            _ => {}
        }
    }

    fn look_at_times(&self, noticed: &mut Noticed) {
        let now = Instant::now();
        self.server.retry_accept();
        self.server.drop_silent_peers();
        let is_deserted = |since| self.server.is_deserted() || now.duration_since(since) >= LAST_USE;
        if noticed.closed.is_some_and(is_deserted) {
            noticed.closed = None;
            self.reporter.tell(&FromWorker::Closed);
        }
        if noticed.end_by.is_some_and(|end_by| now >= end_by) {
            own_process::leave(1);
        }
        if noticed.stacks_by.is_some_and(|by| now >= by) {
            noticed.stacks_by = None;
            if !self.life.has_written_stacks() {
                signals::deliver_here(signals::stack_dump_signal());
            }
        }
        if !self.life.is_ending()
            && let Some(orphaned) = noticed.orphaned
            && self.is_superfluous(noticed, orphaned, now)
        {
            self.end("graceful_signal");
            self.force_end(noticed);
        }
    }

    /// Whether an orphan is needed no more, and has done what it had to do: a new supervisor has let it drain or
    /// given its place away, or its group has gone from the configuration, so that no supervisor knows it.
    fn is_superfluous(&self, noticed: &mut Noticed, orphaned: Instant, now: Instant) -> bool {
        let Some((board, position)) = self
            .server
            .board()
            .and_then(|board| Some((board, board.position(self.server.position_number())?)))
        else {
            return true;
        };
        if position.instance() != self.instance {
            return true;
        }
        let is_draining = position.state() == PositionState::Draining;
        if !is_draining && !board.is_retired() {
            return false;
        }
        let held = board.held(self.server.position_number());
        let drain_by = *noticed
            .drain_by
            .get_or_insert(now + self.graceful_timeout.unwrap_or_default());
        if now >= drain_by {
            if held > 0 {
                let text = format!("this process had to end with {held} requests running");
                log::line(Level::Warning, Code::DRAIN_CUT, &text);
            }
            return true;
        }
        // Children of httpd that know the group may be about to reserve a slot: they see that it drains, or it
        // sees their request the next time.
        if !is_draining && held == 0 && now.duration_since(orphaned) >= LAST_REQUESTS {
            position.set_state(PositionState::Draining);
            return false;
        }
        is_draining && held == 0
    }
}
