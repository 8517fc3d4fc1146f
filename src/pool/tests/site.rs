//! A group with stub workers: a scoreboard, sockets, and threads that answer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::*;
use crate::config::daemon_group::DaemonOptions;
use crate::config::plan::socket_path;
use crate::fcgi::params::Pairs;
use crate::fcgi::record::{self, Kind, ProtocolStatus};
use crate::fcgi::server::{Event, MAX_PARAMS, RequestReader};
use crate::gateway::wire::RequestPlan;
use crate::gateway::{BodyLength, Environ, Key};
use crate::scoreboard::{Layout, PositionState, Scoreboard, SlotState};
use crate::sys::{futex, memory::SharedWords};

const NUMBER: u32 = 3;

/// A group with one position for each stub.
pub(super) struct Site {
    pub(super) groups: Groups,
    board: Arc<SharedWords>,
    layout: Layout,
    directory: PathBuf,
    next_instance: AtomicU32,
}

impl Site {
    pub(super) fn new(threads: u32, change: impl FnOnce(&mut DaemonOptions)) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("rwsgi-pool-{}-{number}", std::process::id()));
        std::fs::create_dir_all(directory.join(NUMBER.to_string())).expect("made");
        let mut options = DaemonOptions {
            threads,
            connect_timeout: LONG,
            socket_timeout: Some(LONG),
            ..DaemonOptions::default()
        };
        change(&mut options);
        let layout = Layout::for_group(4, threads, options.listen_backlog);
        let board = Arc::new(SharedWords::new(c"test", layout.words()).expect("mapped"));
        // Whoever runs the tests makes the sockets.
        let uid = std::fs::metadata(&directory)
            .map(|folder| std::os::unix::fs::MetadataExt::uid(&folder))
            .expect("there");
        let mut groups = Groups::new(directory.clone(), uid, LONG);
        groups
            .add(GroupFacts {
                name: "app".to_owned(),
                number: NUMBER,
                layout,
                board: board.clone(),
                options,
                script_owner: None,
            })
            .expect("large enough");
        Site {
            groups,
            board,
            layout,
            directory,
            next_instance: AtomicU32::new(1),
        }
    }

    /// From now on somebody else is expected to make the sockets.
    pub(super) fn distrust(&mut self) {
        let mut groups = Groups::new(self.directory.clone(), 4_000_000_000, LONG);
        groups
            .add(GroupFacts {
                name: "app".to_owned(),
                number: NUMBER,
                layout: self.layout,
                board: self.board.clone(),
                options: self.group().options().clone(),
                script_owner: None,
            })
            .expect("large enough");
        self.groups = groups;
    }

    pub(super) fn group(&self) -> &Group {
        self.groups.group("app").expect("added")
    }

    pub(super) fn board(&self) -> Scoreboard<'_> {
        Scoreboard::over(self.board.words(), self.layout).expect("large enough")
    }

    /// Makes the listener of a process at this position, and says that it takes requests.
    pub(super) fn open(&self, position: u32) -> (u32, UnixListener) {
        let instance = self.next_instance.fetch_add(1, Ordering::Relaxed);
        let path = socket_path(&self.directory, NUMBER, instance);
        let listener = UnixListener::bind(path).expect("bound");
        let place = self.board().position(position).expect("exists");
        place.begin(instance, 4000 + instance, self.group().options().threads, 0);
        place.set_state(PositionState::Ready);
        self.board().hand_over(1, 0, futex::wake);
        (instance, listener)
    }

    /// Starts a stub at this position, which handles each of its connections on a thread of its own.
    pub(super) fn stub<F>(&self, position: u32, serve: F) -> Arc<AtomicUsize>
    where
        F: Fn(&mut Stub) + Send + Sync + 'static,
    {
        let (_, listener) = self.open(position);
        let (serve, connections) = (Arc::new(serve), Arc::new(AtomicUsize::new(0)));
        let (count, board, layout) = (connections.clone(), self.board.clone(), self.layout);
        // It ends with the test's process; nothing waits for it.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                count.fetch_add(1, Ordering::SeqCst);
                let (serve, board) = (serve.clone(), board.clone());
                thread::spawn(move || {
                    let mut stub = Stub::new(stream, board, layout, position);
                    serve(&mut stub);
                });
            }
        });
        connections
    }

    /// Runs a request to its verdict.
    pub(super) fn run(&self, visitor: &mut Visitor, body: BodyLength) -> Verdict {
        self.run_with(visitor, body, &mut Workspace::default())
    }

    pub(super) fn run_with(
        &self,
        visitor: &mut Visitor,
        body: BodyLength,
        workspace: &mut Workspace,
    ) -> Verdict {
        let mut environ = Environ::default();
        environ.server(Key::PathInfo, b"/here");
        let call = Call {
            groups: &self.groups,
            group: self.group(),
            environ: &environ,
            plan: RequestPlan {
                script: b"/srv/a.wsgi",
                body,
                ..RequestPlan::default()
            },
            replaces_errors: false,
            request_line: b"GET /here HTTP/1.1",
            log_id: b"",
        };
        attempt::run(&call, visitor, workspace)
    }

    /// Runs a request without a body.
    pub(super) fn get(&self) -> (Verdict, Visitor) {
        let mut visitor = Visitor::default();
        let verdict = self.run(&mut visitor, BodyLength::None);
        (verdict, visitor)
    }

    /// How many slots are taken.
    pub(super) fn held(&self) -> u32 {
        (0..4).map(|position| self.board().held(position)).sum()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// One connection at a stub worker.
pub(super) struct Stub {
    pub(super) stream: UnixStream,
    board: Arc<SharedWords>,
    layout: Layout,
    position: u32,
    reader: RequestReader,
    input: Vec<u8>,
    pub(super) id: u16,
    pub(super) params: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Stub {
    fn new(stream: UnixStream, board: Arc<SharedWords>, layout: Layout, position: u32) -> Self {
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("set");
        Stub {
            stream,
            board,
            layout,
            position,
            reader: RequestReader::new(MAX_PARAMS),
            input: Vec::new(),
            id: 0,
            params: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Reads a request with its body; false at the end of the connection.
    pub(super) fn read(&mut self) -> bool {
        self.read_until(true)
    }

    /// Reads a request up to its body.
    pub(super) fn read_params(&mut self) -> bool {
        self.read_until(false)
    }

    fn read_until(&mut self, with_body: bool) -> bool {
        self.reader.reset();
        self.body.clear();
        let mut replies = Vec::new();
        loop {
            let before = self.input.len();
            let mut rest = self.input.as_slice();
            let mut is_done = false;
            while let Some(event) = self.reader.next(&mut rest, &mut replies).expect("well-formed") {
                match event {
                    Event::Begin { id, keep, .. } => {
                        assert!(keep);
                        self.id = id;
                    }
                    Event::Params if !with_body => is_done = true,
                    Event::Stdin(piece) => self.body.extend_from_slice(piece),
                    Event::StdinEnd => is_done = true,
                    _ => {}
                }
                if is_done {
                    break;
                }
            }
            let taken = before - rest.len();
            self.input.drain(..taken);
            if is_done {
                self.params = Pairs::new(self.reader.params())
                    .map(|pair| pair.expect("well-formed"))
                    .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
                    .collect();
                return true;
            }
            let mut piece = vec![0; 65536];
            match self.stream.read(&mut piece) {
                Ok(0) | Err(_) => return false,
                Ok(length) => self.input.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Reads what is left of the body.
    pub(super) fn read_body(&mut self) {
        let mut replies = Vec::new();
        loop {
            let before = self.input.len();
            let mut rest = self.input.as_slice();
            let mut is_done = false;
            while let Some(event) = self.reader.next(&mut rest, &mut replies).expect("well-formed") {
                match event {
                    Event::Stdin(piece) => self.body.extend_from_slice(piece),
                    Event::StdinEnd => is_done = true,
                    _ => {}
                }
            }
            let taken = before - rest.len();
            self.input.drain(..taken);
            if is_done {
                return;
            }
            let mut piece = vec![0; 65536];
            match self.stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(length) => self.input.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Notes that the application runs, as a worker does.
    pub(super) fn start(&self) {
        self.slot(|slot| slot.start(1, 0));
    }

    /// Whether nobody may give the request to another worker any more.
    pub(super) fn is_running(&self) -> bool {
        self.slot(|slot| slot.state() == SlotState::Running)
    }

    pub(super) fn finish(&self) {
        self.slot(|slot| slot.finish());
    }

    fn slot<T>(&self, f: impl FnOnce(crate::scoreboard::Slot<'_>) -> T) -> T {
        let board = Scoreboard::over(self.board.words(), self.layout).expect("large enough");
        f(board.slot(self.position, u32::from(self.id) - 1).expect("exists"))
    }

    pub(super) fn board(&self) -> Scoreboard<'_> {
        Scoreboard::over(self.board.words(), self.layout).expect("large enough")
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(super) fn stdout(&mut self, content: &[u8]) -> bool {
        let mut out = Vec::new();
        record::push(&mut out, Kind::Stdout, self.id, content);
        self.send(&out)
    }

    pub(super) fn end(&mut self, app_status: u32) -> bool {
        let mut out = Vec::new();
        record::push_end(&mut out, self.id, app_status, ProtocolStatus::RequestComplete);
        self.send(&out)
    }

    /// Answers with this body, in one piece.
    pub(super) fn answer(&mut self, body: &[u8]) -> bool {
        let mut out = Vec::new();
        record::push(&mut out, Kind::Stdout, self.id, &head_and(body));
        record::push_end(&mut out, self.id, 0, ProtocolStatus::RequestComplete);
        self.send(&out)
    }
}

/// A head, then this body.
pub(super) fn head_and(body: &[u8]) -> Vec<u8> {
    let mut all = b"Status: 200 OK\r\nX-Own: 1\r\n\r\n".to_vec();
    all.extend_from_slice(body);
    all
}

/// Answers every request of a connection with its own variables' PATH_INFO and body.
pub(super) fn echo(stub: &mut Stub) {
    while stub.read() {
        stub.start();
        let mut body = b"/here:".to_vec();
        body.extend_from_slice(&stub.body);
        stub.finish();
        if !stub.answer(&body) {
            return;
        }
    }
}
