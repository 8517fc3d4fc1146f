//! A worker process with everything that a supervisor would leave it, and this process in the supervisor's place.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use mod_rwsgi::config::daemon_group::DaemonOptions;
use mod_rwsgi::config::interpreter::PythonSettings;
use mod_rwsgi::config::plan::{
    BOOTSTRAP, FromWorker, GroupPlan, HttpdFacts, Identity, LogLevel, ToWorker, VERSION, WorkerPlan,
};
use mod_rwsgi::scoreboard::{Layout, Scoreboard};
use mod_rwsgi::sys::channel::Channel;
use mod_rwsgi::sys::clock;
use mod_rwsgi::sys::memory::{SharedWords, anonymous};
use rwsgi_harness::{usual_python, wait_for, wait_until};
use tempfile::TempDir;

use super::client::Client;

/// The number of the process in its group.
pub(crate) const INSTANCE: u32 = 7;

/// Where the worker is, if `make` or the caller has said so.
pub(crate) fn worker_folder() -> Option<PathBuf> {
    std::env::var_os("RWSGI_TEST_WORKER").map(PathBuf::from)
}

/// A Python that there is a worker for: the usual one, or another of 3.12 or later.
pub(crate) fn python(other: bool) -> Option<PathBuf> {
    if worker_folder().is_none() {
        eprintln!("skipped: RWSGI_TEST_WORKER does not name the folder of the workers (tools/worker.sh)");
        return None;
    }
    if !other {
        return Some(usual_python());
    }
    let named = std::env::var_os("RWSGI_TEST_OTHER_PYTHON");
    if named.is_none() {
        eprintln!("skipped: RWSGI_TEST_OTHER_PYTHON names no Python of 3.12 or later that has a worker");
    }
    named.map(PathBuf::from)
}

/// A running worker.
pub(crate) struct Rig {
    child: Child,
    pub(crate) channel: Channel,
    words: SharedWords,
    layout: Layout,
    pub(crate) life_pipe: Option<OwnedFd>,
    crash_file: File,
    folder: TempDir,
}

impl Rig {
    /// Starts a worker with `app.wsgi` as it is given, and waits until it is ready.
    pub(crate) fn start(app: &str, adjust: impl FnOnce(&mut WorkerPlan)) -> Option<Rig> {
        let mut rig = Rig::spawn(&python(false)?, app, adjust);
        rig.expect_ready();
        Some(rig)
    }

    /// Starts a worker of `python`.
    pub(crate) fn spawn(python: &Path, app: &str, adjust: impl FnOnce(&mut WorkerPlan)) -> Rig {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("app.wsgi"), app).expect("written");
        let plan = {
            let mut plan = plan(python);
            adjust(&mut plan);
            plan
        };
        let layout = plan.layout;
        let words = SharedWords::new(c"scoreboard", layout.words()).expect("mapped");
        let board = Scoreboard::over(words.words(), layout).expect("large enough");
        let position = board.position(plan.position).expect("there");
        position.begin(INSTANCE, 0, plan.group.options.threads, clock::millis());
        let (channel, theirs) = Channel::pair().expect("a pair");
        let (life_reader, life_writer) = std::io::pipe().expect("a pipe");
        let crash_file = anonymous(c"crash", 16 << 10).expect("made");
        let listener = UnixListener::bind(folder.path().join("sock")).expect("bound");
        let log = File::create(folder.path().join("log")).expect("made");
        let inherited: Vec<OwnedFd> = vec![
            listener.into(),
            words.as_fd().try_clone_to_owned().expect("copied"),
            theirs.as_fd().try_clone_to_owned().expect("copied"),
            life_reader.into(),
            crash_file.try_clone().expect("copied"),
        ];
        let child = spawn(python, BOOTSTRAP, &inherited, &log);
        drop(theirs);
        let start = serde_json::to_vec(&ToWorker::Start(Box::new(plan))).expect("told");
        channel.send(&start, &[]).expect("sent");
        channel.set_patience(Some(Duration::from_secs(30))).expect("set");
        Rig {
            child,
            channel,
            words,
            layout,
            life_pipe: Some(life_writer.into()),
            crash_file: crash_file.into(),
            folder,
        }
    }

    pub(crate) fn expect_ready(&mut self) {
        match self.next_message() {
            FromWorker::Hello { version, .. } => assert_eq!(version, VERSION),
            other => panic!("{other:?}\n{}", self.log()),
        }
        match self.next_message() {
            FromWorker::Ready { failures } => assert!(failures.is_empty(), "{}", self.log()),
            other => panic!("{other:?}\n{}", self.log()),
        }
    }

    pub(crate) fn board(&self) -> Scoreboard<'_> {
        Scoreboard::over(self.words.words(), self.layout).expect("large enough")
    }

    pub(crate) fn script(&self) -> PathBuf {
        self.folder.path().join("app.wsgi")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("sock")
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.socket(), &self.script())
    }

    pub(crate) fn tell(&self, message: &ToWorker) {
        let bytes = serde_json::to_vec(message).expect("told");
        self.channel.send(&bytes, &[]).expect("sent");
    }

    pub(crate) fn next_message(&mut self) -> FromWorker {
        let received = self.channel.receive();
        let Ok(Some(message)) = received else {
            panic!("no message: {received:?}\n{}", self.log());
        };
        serde_json::from_slice(&message.bytes).expect("understood")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a number");
        // SAFETY: our own child, which has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    pub(crate) fn stop(&mut self, reason: &str) -> ExitStatus {
        self.tell(&ToWorker::Stop {
            reason: reason.into(),
        });
        self.wait()
    }

    /// Waits for the end of the process.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended = wait_for(Duration::from_secs(30), || self.child.try_wait().expect("waits"));
        ended.unwrap_or_else(|| panic!("it does not end:\n{}", self.log()))
    }

    /// What stands in the file for stacks.
    pub(crate) fn crash_text(&mut self) -> String {
        let mut text = Vec::new();
        self.crash_file.seek(SeekFrom::Start(0)).expect("seeks");
        self.crash_file.read_to_end(&mut text).expect("reads");
        text.retain(|byte| *byte != 0);
        String::from_utf8(text).expect("text")
    }

    /// Waits until the log has `text`.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let found = wait_until(Duration::from_secs(20), || self.log().contains(text));
        assert!(found, "no '{text}' in:\n{}", self.log());
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn plan(executable: &Path) -> WorkerPlan {
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("there"));
    WorkerPlan {
        version: VERSION.to_owned(),
        group: GroupPlan {
            name: "tests".into(),
            number: 0,
            options: DaemonOptions {
                threads: 3,
                ..DaemonOptions::default()
            },
            python: PythonSettings::default(),
            identity: Identity {
                change: false,
                uid: own,
                gid: own,
                groups: Vec::new(),
                user: None,
                home: None,
                working_directory: None,
            },
            socket_uid: own,
            executable: executable.into(),
            choice: None,
            told: None,
            imports: Vec::new(),
            fold_case: false,
            log: 0,
            log_level: LogLevel(6),
            public: None,
        },
        httpd: HttpdFacts {
            pid: std::process::id(),
            uid: own,
            gid: own,
            core_dumps: false,
            timeout: Duration::from_secs(10),
            version: [2, 4, 0],
            description: "tests".into(),
            mpm_name: "event".into(),
            build_date: String::new(),
            maximum_processes: 1,
            threads_per_process: 1,
            log_level: LogLevel(6),
        },
        position: 0,
        instance: INSTANCE,
        layout: Layout::for_group(1, 3, 16),
        loads: Vec::new(),
    }
}

/// Starts Python with `inherited` as descriptors from 3 on.
pub(crate) fn spawn(python: &Path, bootstrap: &str, inherited: &[OwnedFd], log: &File) -> Child {
    let arguments: Vec<OsString> = ["-I", "-c", bootstrap].map(OsString::from).into();
    let numbers: Vec<RawFd> = inherited.iter().map(AsRawFd::as_raw_fd).collect();
    let mut command = Command::new(python);
    command
        .args(arguments)
        .arg(worker_folder().expect("asked before"))
        .env("RWSGI_TEST", "yes")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("copied"))
        .stderr(log.try_clone().expect("copied"));
    // SAFETY: only duplicates descriptors of its own process, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            let mut moved = [0; 8];
            for (to, number) in moved.iter_mut().zip(&numbers) {
                *to = libc::fcntl(*number, libc::F_DUPFD_CLOEXEC, 64);
            }
            for (number, from) in (3..).zip(moved.iter().take(numbers.len())) {
                if libc::dup2(*from, number) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    command.spawn().expect("started")
}
