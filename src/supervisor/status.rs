//! What the processes do, for whoever asks: one JSON document for each connection.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Supervisor;
use super::group::Group;
use super::worker::{Stage, Worker};
use crate::config::plan::VERSION;
use crate::scoreboard::{SlotState, since};
use crate::sys::{child, clock};

/// Most that are answered at once; others wait to be accepted.
const MOST_READERS: usize = 16;
/// How long somebody may take to read an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the state can be asked for, and who has not read all of the answer yet.
#[derive(Debug)]
pub(super) struct StatusSocket {
    listener: UnixListener,
    readers: Vec<Reader>,
}

#[derive(Debug)]
struct Reader {
    peer: UnixStream,
    answer: Vec<u8>,
    sent: usize,
    until: Instant,
}

impl StatusSocket {
    pub(super) fn new(listener: UnixListener) -> io::Result<StatusSocket> {
        listener.set_nonblocking(true)?;
        Ok(StatusSocket {
            listener,
            readers: Vec::new(),
        })
    }

    /// What is readable when somebody asks who can be answered.
    pub(super) fn listener(&self) -> Option<BorrowedFd<'_>> {
        (self.readers.len() < MOST_READERS).then(|| self.listener.as_fd())
    }

    /// What is writable when somebody has read some of an answer.
    pub(super) fn readers(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.readers.iter().map(|reader| reader.peer.as_fd())
    }

    fn accept(&self) -> Option<UnixStream> {
        self.listener()?;
        let (peer, _) = self.listener.accept().ok()?;
        peer.set_nonblocking(true).ok()?;
        Some(peer)
    }

    fn answer(&mut self, peer: UnixStream, answer: Vec<u8>, now: Instant) {
        self.readers.push(Reader {
            peer,
            answer,
            sent: 0,
            until: now + PATIENCE,
        });
    }

    /// Sends as much as goes without waiting; ends with those who have all of it, or took too long.
    pub(super) fn send(&mut self, now: Instant) {
        self.readers
            .retain_mut(|reader| now < reader.until && reader.send());
    }
}

impl Reader {
    /// Whether there is more to send, to somebody who is still there.
    fn send(&mut self) -> bool {
        loop {
            let rest = self.answer.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                return false;
            }
            match self.peer.write(rest) {
                Ok(0) => return false,
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }
}

/// Everything.
#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    pid: u32,
    groups: Vec<GroupStatus<'a>>,
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
    pub(super) fn tell_status(&mut self, now: Instant) {
        while let Some(peer) = self.status().and_then(|status| status.accept()) {
            let answer = self.status_text();
            if let Some(status) = self.status() {
                status.answer(peer, answer, now);
            }
            self.send_status(now);
        }
    }

    /// Sends on what readers had no room for.
    pub(super) fn send_status(&mut self, now: Instant) {
        if let Some(status) = self.status() {
            status.send(now);
        }
    }

    fn status(&mut self) -> Option<&mut StatusSocket> {
        self.public.as_mut()?.status.as_mut()
    }

    fn status_text(&self) -> Vec<u8> {
        let status = Status {
            version: VERSION,
            pid: std::process::id(),
            groups: self.groups.iter().map(of_group).collect(),
        };
        let mut text = serde_json::to_vec_pretty(&status).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

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
            Stage::Ready => "ready",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::tests::{public_supervisor, silent_group};
    use std::io::Read;
    use std::thread;

    /// Larger than the buffers of a socket.
    const LARGE: usize = 8 << 20;

    fn wait(supervisor: &mut Supervisor) {
        for source in supervisor.wait().expect("waits") {
            supervisor.handle(source);
        }
        supervisor.send_status(Instant::now());
    }

    #[test]
    fn a_status_that_exceeds_the_buffers_of_a_socket_is_sent_as_it_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("status");
        let listener = UnixListener::bind(&path).expect("bound");
        let mut supervisor = public_supervisor(listener);
        for number in 0..8 {
            let name = format!("{number}{}", "x".repeat(LARGE / 8));
            supervisor.groups.push(silent_group(&name));
        }
        let mut silent = UnixStream::connect(&path).expect("connected");
        let reader = thread::spawn(move || {
            let mut socket = UnixStream::connect(path).expect("connected");
            // As `socat -` does, which has nothing to say.
            socket.shutdown(std::net::Shutdown::Write).expect("shut");
            let mut text = Vec::new();
            socket.read_to_end(&mut text).expect("read");
            text
        });
        while !reader.is_finished() {
            wait(&mut supervisor);
        }
        let text = reader.join().expect("read");
        let status: serde_json::Value = serde_json::from_slice(&text).expect("whole");
        assert_eq!(status["groups"].as_array().map(Vec::len), Some(8));
        assert_eq!(
            status["groups"][7]["name"].as_str().map(str::len),
            Some(LARGE / 8 + 1)
        );
        // The other has read nothing, has kept nobody waiting, and may come later.
        let rest = thread::spawn(move || {
            let mut rest = Vec::new();
            silent.read_to_end(&mut rest).map(|_| rest.len())
        });
        while !rest.is_finished() {
            wait(&mut supervisor);
        }
        assert_eq!(rest.join().expect("read").expect("whole"), text.len());
    }

    fn pair(socket: &mut StatusSocket, now: Instant) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("set");
        socket.answer(ours, vec![b'x'; LARGE], now);
        theirs
    }

    #[test]
    fn who_does_not_read_is_let_go_and_only_so_many_are_answered_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("status")).expect("bound");
        let mut socket = StatusSocket::new(listener).expect("made");
        let begin = Instant::now();
        let mut peers: Vec<UnixStream> = (0..MOST_READERS).map(|_| pair(&mut socket, begin)).collect();
        socket.send(begin);
        assert_eq!(socket.readers().count(), MOST_READERS);
        assert!(socket.listener().is_none() && socket.accept().is_none());
        drop(peers.pop());
        socket.send(begin + PATIENCE / 2);
        assert_eq!(socket.readers().count(), MOST_READERS - 1);
        assert!(socket.listener().is_some());
        socket.send(begin + PATIENCE);
        assert_eq!(socket.readers().count(), 0);
    }
}
