//! What the processes do, for whoever asks: one JSON document for each connection.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde::Serialize;

use super::Supervisor;
use super::group::Group;
use super::worker::{Stage, Worker};
use crate::config::plan::VERSION;
use crate::scoreboard::{SlotState, since};
use crate::sys::{child, clock};

/// Everything.
#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    pid: u32,
    state: State,
    /// Threads of the processes that are ready.
    threads: usize,
    /// How many of those run a request.
    busy: usize,
    groups: Vec<GroupStatus<'a>>,
}

/// What may be expected of the processes together.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// None is ready yet.
    Starting,
    /// At least one takes requests.
    Ready,
    /// None is ready, and the last one that was started failed.
    Failing,
    /// SIGTERM has come.
    Draining,
}

#[derive(Serialize)]
struct GroupStatus<'a> {
    name: &'a str,
    processes: Vec<ProcessStatus<'a>>,
}

#[derive(Serialize)]
struct ProcessStatus<'a> {
    pid: u32,
    /// `starting`, `ready`, `draining` or `stopping`.
    state: &'static str,
    /// Why it is to be replaced, or ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    age_seconds: u64,
    threads: u32,
    /// Requests that it has answered.
    requests: u32,
    resident_bytes: Option<u64>,
    running: Vec<Running>,
}

#[derive(Serialize)]
struct Running {
    request: String,
    milliseconds: u32,
}

impl Supervisor {
    /// Answers all that have asked.
    pub(super) fn tell_status(&self) {
        while let Some(Ok(peer)) = self.public.as_ref().and_then(|public| public.accept_status()) {
            self.tell_one(peer);
        }
    }

    fn state(&self) -> State {
        if self.is_leaving() {
            State::Draining
        } else if self.groups.iter().any(Group::serves) {
            State::Ready
        } else if self.groups.iter().any(|group| group.backoff.is_failing()) {
            State::Failing
        } else {
            State::Starting
        }
    }

    fn tell_one(&self, mut peer: UnixStream) {
        let groups: Vec<GroupStatus<'_>> = self.groups.iter().map(of_group).collect();
        let ready = groups
            .iter()
            .flat_map(|group| &group.processes)
            .filter(|process| process.state == READY);
        let status = Status {
            version: VERSION,
            pid: std::process::id(),
            state: self.state(),
            threads: ready
                .clone()
                .map(|process| usize::try_from(process.threads).unwrap_or_default())
                .sum(),
            busy: ready.map(|process| process.running.len()).sum(),
            groups,
        };
        let Ok(mut text) = serde_json::to_vec_pretty(&status) else {
            return;
        };
        text.push(b'\n');
        // Nobody is waited for: what does not fit into the socket is cut.
        if peer.set_nonblocking(true).is_ok() {
            let _ = peer.write_all(&text);
        }
    }
}

/// The state of a process that takes requests.
const READY: &str = "ready";

fn of_group(group: &Group) -> GroupStatus<'_> {
    let now = Instant::now();
    GroupStatus {
        name: &group.plan.name,
        processes: group
            .workers
            .iter()
            .map(|worker| of_process(group, worker, now))
            .collect(),
    }
}

fn of_process<'a>(group: &'a Group, worker: &'a Worker, now: Instant) -> ProcessStatus<'a> {
    let board = group.board.view();
    let position = board.position(worker.position);
    let millis = clock::millis();
    let wanted = worker.want.as_ref().map(|want| want.reason.as_str());
    ProcessStatus {
        pid: worker.child.pid(),
        state: match worker.stage {
            Stage::Starting => "starting",
            Stage::Ready => READY,
            Stage::Draining(_) => "draining",
            Stage::Stopping(_) => "stopping",
        },
        reason: worker.reason.as_deref().or(wanted),
        age_seconds: now.duration_since(worker.began).as_secs(),
        threads: worker.plan.options.threads,
        requests: position.map_or(0, |position| position.served()),
        resident_bytes: child::resident_bytes(worker.child.pid()),
        running: board
            .slots(worker.position)
            .filter(|(_, slot)| slot.state() == SlotState::Running)
            .map(|(_, slot)| Running {
                request: String::from_utf8_lossy(&slot.description()).into_owned(),
                milliseconds: since(millis, slot.since()),
            })
            .collect(),
    }
}
