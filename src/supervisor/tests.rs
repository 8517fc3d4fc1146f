//! Plans for the tests of this room, and what they make.

use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::time::Duration;

use super::Supervisor;
use super::configure::Announced;
use super::group::{Board, Group};
use super::log::Log;
use super::public::Public;
use super::setting::Setting;
use crate::config::daemon_group::DaemonOptions;
use crate::config::interpreter::PythonSettings;
use crate::config::plan::{GroupPlan, HttpdFacts, Identity, LogLevel};
use crate::scoreboard::Layout;
use crate::sys::signal_file::SignalFile;

/// A group that runs as whoever runs the test.
pub(super) fn group_plan() -> GroupPlan {
    GroupPlan {
        name: "site".to_owned(),
        number: 0,
        options: DaemonOptions {
            graceful_timeout: Some(Duration::from_secs(15)),
            ..Default::default()
        },
        python: PythonSettings::default(),
        identity: Identity {
            change: false,
            uid: 0,
            gid: 0,
            groups: Vec::new(),
            user: None,
            home: None,
            working_directory: None,
        },
        socket_uid: 0,
        executable: "/usr/bin/python3".into(),
        choice: None,
        told: None,
        imports: Vec::new(),
        fold_case: false,
        log: 0,
        log_level: LogLevel(7),
        public: None,
    }
}

const NO_LOG: Log = Log {
    file: None,
    level: LogLevel(0),
};

/// A group of this name that has no process.
pub(super) fn silent_group(name: &str) -> Group {
    let plan = GroupPlan {
        name: name.to_owned(),
        ..group_plan()
    };
    let (life, _) = std::io::pipe().expect("a pipe");
    let setting = Setting {
        directory: "/nonexistent".into(),
        httpd: HttpdFacts {
            pid: std::process::id(),
            uid: 0,
            gid: 0,
            core_dumps: false,
            timeout: Duration::from_secs(60),
            version: [0; 3],
            description: String::new(),
            mpm_name: String::new(),
            build_date: String::new(),
            maximum_processes: 1,
            threads_per_process: 1,
            log_level: LogLevel(0),
        },
        worker_folders: Vec::new(),
        umask: 0o022,
        life: Rc::new(life.into()),
        listener: None,
    };
    let board = Board::new(Layout::for_group(1, 1, 1)).expect("memory");
    Group::new(Rc::new(plan), Rc::new(setting), NO_LOG, board)
}

/// A supervisor without a group that tells its state at `status`.
pub(super) fn public_supervisor(status: UnixListener) -> Supervisor {
    let (life, held) = std::io::pipe().expect("a pipe");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    Supervisor {
        control: None,
        public: Some(
            Public::new(
                listener.into(),
                Box::new(|| Err(String::new())),
                Some(status),
                held,
            )
            .expect("made"),
        ),
        life: Rc::new(life.into()),
        signals: SignalFile::new(&[]).expect("made"),
        log: NO_LOG,
        umask: 0o022,
        announced: Announced::default(),
        setting: None,
        outdated: Vec::new(),
        groups: Vec::new(),
        next_number: 0,
        generation: 0,
        generations: Vec::new(),
        stopping: None,
    }
}
