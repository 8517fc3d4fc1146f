//! A stand-in for httpd's parent: starts `rwsgi supervisor` and speaks with it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mod_rwsgi::config::daemon_group::DaemonOptions;
use mod_rwsgi::config::interpreter::PythonSettings;
use mod_rwsgi::config::plan::{
    Control, ControlAnswer, GroupPlan, HttpdFacts, Identity, Import, LogLevel, Plan, VERSION,
};
use mod_rwsgi::scoreboard::{Layout, PositionState, Scoreboard};
use mod_rwsgi::sys::channel::{Channel, Message};
use mod_rwsgi::sys::memory::SharedWords;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// The user of workers when the test is root's.
pub(crate) const OTHER_USER: u32 = 65534;

pub(crate) struct Board {
    pub(crate) number: u32,
    pub(crate) layout: Layout,
    pub(crate) words: SharedWords,
}

impl Board {
    pub(crate) fn view(&self) -> Scoreboard<'_> {
        Scoreboard::over(self.words.words(), self.layout).expect("large enough")
    }

    /// Position, instance and process number of those in this state.
    pub(crate) fn in_state(&self, state: PositionState) -> Vec<(u32, u32, u32)> {
        self.view()
            .positions()
            .filter(|(_, position)| position.state() == state)
            .map(|(index, position)| (index, position.instance(), position.pid()))
            .collect()
    }
}

pub(crate) struct Httpd {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) supervisor: Child,
    channel: Channel,
    /// Ends with httpd.
    life: Option<File>,
    life_end: OwnedFd,
    /// The ends that httpd's children hold, of all generations.
    pub(crate) children: Vec<File>,
    pub(crate) boards: HashMap<String, Board>,
    wrapper: Vec<&'static str>,
}

pub(crate) fn is_root() -> bool {
    mod_rwsgi::sys::detach::is_root()
}

pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(
        rwsgi_harness::wait_until(PATIENCE, is_so),
        "waited in vain: {what}"
    );
}

pub(crate) fn exists(pid: u32) -> bool {
    mod_rwsgi::sys::child::exists(pid)
}

pub(crate) fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(sent.expect("kill runs").success(), "{signal} {pid}");
}

/// A pipe: the end to read, the end to write.
fn pipe() -> (OwnedFd, File) {
    let (read, write) = std::io::pipe().expect("a pipe");
    (read.into(), File::from(OwnedFd::from(write)))
}

impl Httpd {
    /// Starts a supervisor.
    pub(crate) fn start() -> Httpd {
        Self::start_as(&[])
    }

    /// Starts a supervisor by way of another program.
    pub(crate) fn start_as(wrapper: &[&'static str]) -> Httpd {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("set");
        let stub = folder.path().join("python");
        fs::copy(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/supervisor/stub_worker.py"),
            &stub,
        )
        .expect("copied");
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("set");
        for name in ["trace", "log", "main.log"] {
            let path = folder.path().join(name);
            File::create(&path).expect("made");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("set");
        }
        let (life_end, life) = pipe();
        let (supervisor, channel) = launch(&folder.path().join("main.log"), &life_end, wrapper);
        Httpd {
            folder,
            supervisor,
            channel,
            life: Some(life),
            life_end,
            children: Vec::new(),
            boards: HashMap::new(),
            wrapper: wrapper.to_vec(),
        }
    }

    /// Starts another supervisor when the first has died, and hands it what there is.
    pub(crate) fn start_again(&mut self) {
        self.supervisor.wait().expect("has died");
        let main = self.path("main.log");
        (self.supervisor, self.channel) = launch(&main, &self.life_end, &self.wrapper);
        for (group, board) in &self.boards {
            let keep = Control::Keep {
                group: group.clone(),
                number: board.number,
                layout: board.layout,
            };
            self.say(&keep, Some(board.words.as_fd()));
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        // A new file, so that it differs whatever the clock says.
        let new = self.path("new");
        fs::write(&new, text).expect("written");
        fs::rename(new, self.path(name)).expect("renamed");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("readable")
    }

    /// Waits for a line with all these words in the group's log.
    pub(crate) fn wait_for_line(&self, words: &[&str]) -> String {
        let find = || {
            let log = self.read("log");
            let found = log
                .lines()
                .find(|line| words.iter().all(|word| line.contains(word)));
            found.map(str::to_owned)
        };
        wait_until(&format!("{words:?} in:\n{}", self.read("log")), || {
            find().is_some()
        });
        find().expect("found")
    }

    /// A group of one process, under another user where that is possible, with the script `app.py`.
    pub(crate) fn group(&self) -> GroupPlan {
        if !self.path("app.py").exists() {
            self.write("app.py", "ok");
        }
        let uid = if is_root() { OTHER_USER } else { own_uid() };
        GroupPlan {
            name: "site".to_owned(),
            number: 0,
            options: DaemonOptions {
                threads: 2,
                shutdown_timeout: Some(Duration::from_secs(3)),
                graceful_timeout: Some(Duration::from_secs(10)),
                env: vec![
                    ("STUB_VERSION".to_owned(), VERSION.to_owned()),
                    ("STUB_TRACE".to_owned(), self.path("trace").display().to_string()),
                ],
                ..Default::default()
            },
            python: PythonSettings::default(),
            identity: Identity {
                change: is_root() && !self.wrapper.contains(&"--reuid=65534"),
                uid,
                gid: uid,
                groups: vec![uid],
                user: None,
                home: None,
                working_directory: None,
            },
            socket_uid: uid,
            executable: self.path("python"),
            choice: None,
            told: None,
            imports: vec![Import {
                script: self.path("app.py"),
                application_group: String::new(),
            }],
            fold_case: false,
            log: 1,
            log_level: LogLevel(7),
            public: None,
        }
    }

    pub(crate) fn plan(&self, groups: Vec<GroupPlan>) -> Plan {
        let uid = if is_root() { OTHER_USER } else { own_uid() };
        Plan {
            generation: 1,
            directory: self.path(&format!("wsgi.{}", std::process::id())),
            httpd: HttpdFacts {
                pid: std::process::id(),
                uid,
                gid: uid,
                core_dumps: false,
                timeout: Duration::from_secs(60),
                version: [2, 4, 0],
                description: String::new(),
                mpm_name: String::new(),
                build_date: String::new(),
                maximum_processes: 1,
                threads_per_process: 1,
                log_level: LogLevel(7),
            },
            worker_folders: Vec::new(),
            groups,
        }
    }

    fn say(&self, control: &Control, along: Option<std::os::fd::BorrowedFd<'_>>) {
        let bytes = serde_json::to_vec(control).expect("written");
        self.channel.send(&bytes, along.as_slice()).expect("sent");
    }

    /// Announces and sends a plan; the error is the supervisor's refusal.
    pub(crate) fn configure(&mut self, plan: Plan) -> Result<(), String> {
        for name in ["main.log", "log"] {
            let log = File::options()
                .append(true)
                .open(self.path(name))
                .expect("opened");
            self.say(&Control::Log, Some(log.as_fd()));
        }
        let (generation, end) = pipe();
        self.say(&Control::Generation, Some(generation.as_fd()));
        self.children.push(end);
        self.say(&Control::Configure(Box::new(plan)), None);
        loop {
            let Message { bytes, descriptors } = self.channel.receive().expect("arrives").expect("open");
            match serde_json::from_slice(&bytes).expect("an answer") {
                ControlAnswer::Hello { version } => assert_eq!(version, VERSION),
                ControlAnswer::Scoreboard {
                    group,
                    number,
                    layout,
                } => {
                    let file = descriptors.into_iter().next().expect("its memory");
                    let words = SharedWords::map(file, layout.words()).expect("mapped");
                    let board = Board {
                        number,
                        layout,
                        words,
                    };
                    self.boards.insert(group, board);
                }
                ControlAnswer::Configured => return Ok(()),
                ControlAnswer::Refused { reason } => return Err(reason),
            }
        }
    }

    /// Sends a plan of these groups and waits until each process that should take requests does.
    pub(crate) fn serve(&mut self, groups: Vec<GroupPlan>) {
        let plan = self.plan(groups.clone());
        self.configure(plan).expect("accepted");
        for group in groups {
            let processes = usize::try_from(group.options.processes()).expect("few");
            wait_until(&format!("{} is ready:\n{}", group.name, self.read("log")), || {
                self.boards[&group.name].in_state(PositionState::Ready).len() >= processes
            });
        }
    }

    pub(crate) fn board(&self) -> &Board {
        &self.boards["site"]
    }

    /// Process numbers of the group's processes that take requests.
    pub(crate) fn ready(&self) -> Vec<u32> {
        let ready = self.board().in_state(PositionState::Ready);
        ready.into_iter().map(|(_, _, pid)| pid).collect()
    }

    /// Waits until the only process that takes requests is another than `old`, and `old` has ended.
    pub(crate) fn wait_for_successor(&self, old: u32) -> u32 {
        wait_until(&format!("a successor:\n{}", self.read("log")), || {
            let ready = self.ready();
            ready.len() == 1 && ready != [old] && !exists(old)
        });
        self.ready()[0]
    }

    pub(crate) fn stop(&mut self) {
        self.say(&Control::Stop, None);
        assert!(self.wait_for_end());
    }

    /// Ends as httpd does when it is killed.
    pub(crate) fn die(&mut self) {
        self.life = None;
    }

    pub(crate) fn wait_for_end(&mut self) -> bool {
        wait_until("the supervisor ends", || {
            self.supervisor.try_wait().expect("known").is_some()
        });
        self.supervisor.wait().expect("ended").success()
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut all = String::new();
            for name in ["main.log", "log", "trace"] {
                all.push_str(&format!("--- {name}\n{}", self.read(name)));
            }
            let _ = std::io::stderr().write_all(all.as_bytes());
        }
        self.life = None;
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
        // Workers without supervisor see that httpd is gone.
        for board in self.boards.values() {
            for (_, _, pid) in board.in_state(PositionState::Ready) {
                rwsgi_harness::wait_until(PATIENCE, || !exists(pid));
            }
        }
    }
}

fn launch(log: &Path, life: &OwnedFd, wrapper: &[&str]) -> (Child, Channel) {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let log = File::options().append(true).open(log).expect("opened");
    let child = Command::new("/bin/sh")
        .args(["-c", "exec 3<&0 4<&1 0</dev/null 1>&2; exec \"$@\"", "sh"])
        .args(wrapper)
        .args([env!("CARGO_BIN_EXE_rwsgi"), "supervisor"])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(life.try_clone().expect("copied")))
        .stderr(log)
        .spawn()
        .expect("starts");
    let channel = Channel::from_descriptor(ours.into());
    channel.set_patience(Some(PATIENCE)).expect("set");
    (child, channel)
}

pub(crate) fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").expect("readable").uid()
}
