//! A group with stub workers: a scoreboard, sockets, and threads that answer.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::stub::Stub;
use super::visitor::Visitor;
use super::{LONG, Verdict};
use crate::config::daemon_group::DaemonOptions;
use crate::config::plan::socket_path;
use crate::gateway::wire::RequestPlan;
use crate::gateway::{BodyLength, Environ, Key};
use crate::pool::attempt::{self, Workspace};
use crate::pool::{Call, Group, GroupFacts, Groups};
use crate::scoreboard::{Layout, PositionState, Scoreboard};
use crate::sys::futex;
use crate::sys::memory::SharedWords;

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
        let layout = Layout::for_group(4, threads, options.backlog());
        let board = Arc::new(SharedWords::new(c"test", layout.words()).expect("mapped"));
        let uid = own_uid(&directory);
        let groups = groups(&directory, uid, LONG, layout, board.clone(), options);
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
        self.set_groups(4_000_000_000, LONG);
    }

    /// The same with another `Timeout` of httpd's.
    pub(super) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.set_groups(own_uid(&self.directory), timeout);
        self
    }

    fn set_groups(&mut self, uid: u32, timeout: Duration) {
        let options = self.group().options().clone();
        self.groups = groups(
            &self.directory,
            uid,
            timeout,
            self.layout,
            self.board.clone(),
            options,
        );
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
        attempt::run(&call, visitor, &mut Workspace::default())
    }

    /// Runs a request without a body.
    pub(super) fn get(&self) -> (Verdict, Visitor) {
        let mut visitor = Visitor::default();
        let verdict = self.run(&mut visitor, BodyLength::None);
        (verdict, visitor)
    }

    /// Until the workers are done, also with what was given up.
    pub(super) fn wait_until_free(&self) {
        let begin = Instant::now();
        while self.held() > 0 {
            assert!(begin.elapsed() < LONG, "a slot is lost");
            thread::yield_now();
        }
    }

    /// How many slots are taken.
    pub(super) fn held(&self) -> u32 {
        (0..4).map(|position| self.board().held(position)).sum()
    }
}

/// Whoever runs the tests makes the sockets.
fn own_uid(directory: &Path) -> u32 {
    directory.metadata().expect("there").uid()
}

fn groups(
    directory: &Path,
    uid: u32,
    timeout: Duration,
    layout: Layout,
    board: Arc<SharedWords>,
    options: DaemonOptions,
) -> Groups {
    let mut groups = Groups::new(directory.to_owned(), uid, timeout);
    groups
        .add(GroupFacts {
            name: "app".to_owned(),
            number: NUMBER,
            layout,
            board,
            options,
            script_owner: None,
        })
        .expect("large enough");
    groups
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
