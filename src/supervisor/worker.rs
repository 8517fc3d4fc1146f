//! One process of a group.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::stamp::Stamps;
use super::watch::Watched;
use crate::config::plan::{GroupPlan, Load, ToWorker};
use crate::gateway::codes::Code;
use crate::sys::child::Child;
use crate::sys::launch::{Report, Trouble};
use crate::sys::mailbox::Mailbox;
use crate::sys::private_directory::{self, Mark};

/// Bytes of what a process that died left to say: as many as a scoreboard takes.
const LAST_WORDS: usize = 4092;

/// How far a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not said that it is ready.
    Starting,
    /// It takes requests.
    Ready,
    /// It takes no further requests, and is asked to end when those it has are done, or then.
    Draining(Instant),
    /// It was asked to end, or ends by itself, and is killed then.
    Stopping(Option<Instant>),
}

/// Why a process is to be replaced by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Want {
    /// What `process_stopping` is to tell.
    pub(super) reason: String,
    /// How long its requests have once it is replaced; none when unset.
    pub(super) drain: Option<Duration>,
    /// When it has to go even though no other is ready.
    pub(super) by: Option<Instant>,
}

/// The socket that a process alone listens at.
#[derive(Debug)]
pub(super) struct OwnSocket {
    pub(super) path: PathBuf,
    /// The socket as it was made.
    made: Mark,
}

impl OwnSocket {
    /// The one that has just been made at `path`.
    pub(super) fn made_at(path: PathBuf) -> io::Result<OwnSocket> {
        let made = private_directory::mark(&path)?;
        Ok(OwnSocket { path, made })
    }

    fn is_as_made(&self) -> bool {
        private_directory::mark(&self.path).is_ok_and(|mark| mark == self.made)
    }
}

/// One process, from its start until it has been buried.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) instance: u32,
    pub(super) position: u32,
    pub(super) child: Child,
    /// What went wrong before it became Python; until that is known.
    pub(super) report: Option<Report>,
    /// What kept it from becoming Python, if anything did.
    pub(super) trouble: Option<(Trouble, String)>,
    pub(super) mailbox: Mailbox,
    /// Where a fatal signal leaves a traceback.
    pub(super) crash: OwnedFd,
    /// Its own socket, where it has one.
    pub(super) socket: Option<OwnSocket>,
    /// The plan that it was started with.
    pub(super) plan: Rc<GroupPlan>,
    /// Which of the group's plans that was.
    pub(super) edition: u64,
    pub(super) began: Instant,
    pub(super) ready_since: Option<Instant>,
    pub(super) stage: Stage,
    pub(super) want: Option<Want>,
    pub(super) loads: Vec<Load>,
    /// The scripts as they were before it loaded them.
    pub(super) scripts: Stamps,
    /// Why it cannot serve.
    pub(super) failure: Option<(Code, String)>,
    /// Why it ends, for the log.
    pub(super) reason: Option<String>,
    /// Whether it has said that it accepts no further connections.
    pub(super) closed: bool,
    /// Whether it was killed because it did not end.
    pub(super) killed: bool,
    pub(super) watched: Watched,
}

impl Worker {
    /// Sends a message. One that does not reach it needs no answer: its process has ended, or is killed when
    /// it does not end in time.
    pub(super) fn tell(&mut self, message: &ToWorker) {
        if let Ok(bytes) = serde_json::to_vec(message) {
            let _ = self.mailbox.send(&bytes);
        }
    }

    /// Whether it takes requests, or is about to.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Ready)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether its own socket, where it has one, is there as it was made.
    pub(super) fn has_its_socket(&self) -> bool {
        self.socket.as_ref().is_none_or(OwnSocket::is_as_made)
    }

    /// Asks it to end, unless that was done.
    pub(super) fn stop(&mut self, reason: &str, now: Instant) {
        if matches!(self.stage, Stage::Stopping(_)) {
            return;
        }
        // A process that still starts may not read messages yet.
        if self.stage == Stage::Starting {
            self.child.terminate();
        }
        self.tell(&ToWorker::Stop {
            reason: reason.to_owned(),
        });
        self.ends(reason, now);
    }

    /// It ends, by our word or its own.
    pub(super) fn ends(&mut self, reason: &str, now: Instant) {
        self.stage = Stage::Stopping(self.plan.options.shutdown_timeout.map(|limit| now + limit));
        self.reason.get_or_insert_with(|| reason.to_owned());
    }

    /// Notes that it is to be replaced; the first reason stands.
    pub(super) fn wants_replacement(&mut self, reason: &str, by: Option<Instant>) {
        let options = &self.plan.options;
        let drain = if reason == "eviction_signal" {
            options.eviction_timeout()
        } else {
            options.graceful_timeout
        };
        self.want.get_or_insert_with(|| Want {
            reason: reason.to_owned(),
            drain,
            by,
        });
    }

    /// What it left to say when a signal ended it.
    pub(super) fn last_words(&self) -> Vec<u8> {
        let mut text = vec![0; LAST_WORDS];
        let count = self
            .crash
            .try_clone()
            .and_then(|crash| File::from(crash).read_at(&mut text, 0))
            .unwrap_or(0);
        text.truncate(count);
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(count);
        text.truncate(end);
        text
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            // Whoever removed it before has been told of (SOCKET_LOST).
            let _ = std::fs::remove_file(&socket.path);
        }
    }
}
