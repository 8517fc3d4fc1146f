//! What httpd's parent tells the supervisor, and the supervisor a worker: everything looked up and checked,
//! so that neither reads a configuration.
//!
//! Both travel as JSON over a channel of their own. The supervisor and the workers are of the same version
//! as the module, or say so and go no further.

pub mod agreement;
pub mod identity;
mod messages;
mod public;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::daemon_group::DaemonOptions;
use super::interpreter::PythonSettings;
use super::python_home::PythonChoice;
use crate::gateway::Level;

pub use agreement::VERSION;
pub use messages::{Control, ControlAnswer, FromWorker, Load, ToWorker};
pub use public::{CgiPlan, Protocol, Public, Served, Starter};

/// What a group's Python executable runs as `-c`, with the [folders of workers](Plan::worker_folders) as
/// arguments: it finds the worker and becomes one, or writes one line and exits with status 71.
pub const BOOTSTRAP: &str = include_str!("plan/bootstrap.py");

/// As [`BOOTSTRAP`], for a process that answers one request by CGI.
#[must_use]
pub fn cgi_bootstrap() -> String {
    BOOTSTRAP.replace("_native.main", "_native.cgi")
}

/// Everything the supervisor does for one reading of httpd's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of the reading: counts up with each restart of httpd.
    pub generation: u32,
    /// Directory of the sockets, which the supervisor makes for itself alone.
    pub directory: PathBuf,
    /// Who httpd's children are.
    pub httpd: HttpdFacts,
    /// Folders where the worker is installed, one folder `pythonX.Y` in each for a Python.
    pub worker_folders: Vec<PathBuf>,
    /// The groups.
    pub groups: Vec<GroupPlan>,
}

/// What is known of httpd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpdFacts {
    /// Number of the parent.
    pub pid: u32,
    /// User number of the children.
    pub uid: u32,
    /// Group number of the children.
    pub gid: u32,
    /// `CoreDumpDirectory`, if it is set: processes may leave cores.
    pub core_dumps: bool,
    /// `Timeout`.
    pub timeout: Duration,
    /// The version.
    pub version: [i64; 3],
    /// The banner.
    pub description: String,
    /// The multi-processing module.
    pub mpm_name: String,
    /// When it was built.
    pub build_date: String,
    /// Most processes of the multi-processing module.
    pub maximum_processes: i64,
    /// Threads in each.
    pub threads_per_process: i64,
    /// Level of the lines that the supervisor writes.
    pub log_level: LogLevel,
}

/// One group of processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPlan {
    /// Its name.
    pub name: String,
    /// Its number, which the supervisor gives it along with a scoreboard and keeps as long as that; 0 in
    /// what httpd's parent sends.
    #[serde(default)]
    pub number: u32,
    /// What `WSGIDaemonProcess` says, as written.
    pub options: DaemonOptions,
    /// What is set for Python.
    pub python: PythonSettings,
    /// Whom its processes run as.
    pub identity: Identity,
    /// Who owns its sockets: a user number.
    pub socket_uid: u32,
    /// The Python executable.
    pub executable: PathBuf,
    /// How the executable is found again; `None` where it cannot be looked for, as below another root.
    #[serde(default)]
    pub choice: Option<PythonChoice>,
    /// What httpd's parent has told of a mistake in that.
    #[serde(default)]
    pub told: Option<String>,
    /// Scripts that a process loads before it takes requests.
    pub imports: Vec<Import>,
    /// Whether file names that differ in letter case are the same (`WSGICaseSensitivity`).
    pub fold_case: bool,
    /// Which of the descriptors sent along is the group's log.
    pub log: usize,
    /// Level of the lines that its processes write.
    pub log_level: LogLevel,
    /// How it serves other web servers, when it serves those instead of httpd.
    #[serde(default)]
    pub public: Option<Public>,
}

/// Whom processes run as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Whether the supervisor is root, and changes to what follows. Otherwise they run as it does.
    pub change: bool,
    /// User number.
    pub uid: u32,
    /// Primary group number.
    pub gid: u32,
    /// All group numbers, the primary one among them.
    pub groups: Vec<u32>,
    /// The user's name, if it has one.
    pub user: Option<String>,
    /// The user's home directory, if it has one.
    pub home: Option<PathBuf>,
    /// The directory that processes start in; the supervisor's own unless set.
    pub working_directory: Option<PathBuf>,
}

/// A script to load.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Import {
    /// The file.
    pub script: PathBuf,
    /// The application group; empty for the main interpreter.
    pub application_group: String,
}

/// The socket of a worker. `number` is its group's, `instance` its own in the group.
#[must_use]
pub fn socket_path(directory: &Path, number: u32, instance: u32) -> PathBuf {
    directory.join(format!("{number}/{instance}.sock"))
}

/// Whether the sockets of all workers can be addressed in this directory (`sun_path` of unix(7)).
#[must_use]
pub fn sockets_fit(directory: &Path) -> bool {
    const LONGEST: usize = 107;
    let longest = socket_path(directory, u32::MAX, u32::MAX);
    longest.as_os_str().len() <= LONGEST
}

/// Which lines reach a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogLevel(
    /// As httpd counts: 3 is error, 4 warn, 6 info, 7 debug.
    pub u8,
);

impl LogLevel {
    /// Whether lines of `level` reach the log.
    #[must_use]
    pub fn lets_through(self, level: Level) -> bool {
        let number = match level {
            Level::Critical => 2,
            Level::Error => 3,
            Level::Warning => 4,
            Level::Info => 6,
            Level::Debug => 7,
            Level::Trace => 8,
        };
        number <= self.0
    }
}

/// Everything one worker does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerPlan {
    /// Version of the supervisor.
    pub version: String,
    /// Its group.
    pub group: GroupPlan,
    /// What is known of httpd.
    pub httpd: HttpdFacts,
    /// Its position in the scoreboard.
    pub position: u32,
    /// Its number among all processes that the group ever had.
    pub instance: u32,
    /// How the scoreboard is laid out.
    pub layout: crate::scoreboard::Layout,
    /// Scripts to load before it takes requests: the group's imports, then those that its predecessors had
    /// loaded.
    pub loads: Vec<Load>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bootstraps_have_an_entry_of_their_own() {
        assert_eq!(BOOTSTRAP.matches("return _native.main\n").count(), 1);
        assert_eq!(cgi_bootstrap().matches("return _native.cgi\n").count(), 1);
    }

    #[test]
    fn a_directory_fits_when_its_longest_socket_does() {
        let with = |length: usize| PathBuf::from(format!("/{}", "d".repeat(length - 1)));
        assert!(sockets_fit(&with(80)));
        assert!(!sockets_fit(&with(81)));
        let longest = socket_path(&with(80), u32::MAX, u32::MAX);
        assert_eq!(longest.as_os_str().len(), 107);
    }
}
