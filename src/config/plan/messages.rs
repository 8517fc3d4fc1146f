//! The messages between httpd's parent, the supervisor and the workers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Import, Plan, WorkerPlan};
use crate::scoreboard::Layout;

/// From httpd's parent to the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// A scoreboard that an earlier supervisor made, one descriptor along with it. Comes before the plan.
    Keep {
        /// Name of the group.
        group: String,
        /// Number of the group.
        number: u32,
        /// How it is laid out.
        layout: Layout,
    },
    /// A log, one descriptor along with it: the next index that the plan's groups refer to. The first is the
    /// main log, to which the supervisor writes from then on.
    Log,
    /// The end of a pipe that stays open as long as httpd's children of this generation live, one
    /// descriptor along with it.
    Generation,
    /// Do this from now on.
    Configure(Box<Plan>),
    /// End all processes, then yourself.
    Stop,
}

/// From the supervisor to httpd's parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlAnswer {
    /// First of all: the version.
    Hello {
        /// Version of the supervisor.
        version: String,
    },
    /// A group's scoreboard, its descriptor along with it.
    Scoreboard {
        /// Name of the group.
        group: String,
        /// Number of the group, for [`socket_path`](super::socket_path).
        number: u32,
        /// How it is laid out.
        layout: Layout,
    },
    /// The plan is being carried out.
    Configured,
    /// The plan cannot be carried out at all, and why.
    Refused {
        /// One line.
        reason: String,
    },
}

/// A script to load before a worker takes requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The script.
    pub import: Import,
    /// Whether a process that cannot load it must not replace one that could.
    pub required: bool,
}

/// From the supervisor to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// First of all.
    Start(Box<WorkerPlan>),
    /// The request in this slot has taken too long: raise `mod_wsgi.RequestTimeout` in its thread.
    Interrupt {
        /// Number of the slot.
        slot: u32,
    },
    /// Write the Python stacks of all threads to the log.
    DumpStacks {
        /// Why, for the log.
        reason: String,
    },
    /// Accept connections from now on, for a group that serves other web servers.
    Accept,
    /// Accept no further connections, and say so.
    Close,
    /// No request will come any more: end.
    Stop {
        /// What `process_stopping` tells (section 2.6 of the contract), such as `maximum_requests`.
        reason: String,
    },
}

impl ToWorker {
    /// The version of the supervisor that sends this start, which can be told where nothing else of it can.
    #[must_use]
    pub fn version_of_start(message: &[u8]) -> Option<String> {
        #[derive(Deserialize)]
        enum First {
            Start { version: String },
        }
        let First::Start { version } = serde_json::from_slice(message).ok()?;
        Some(version)
    }
}

/// From a worker to the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// First of all.
    Hello {
        /// Version of the worker.
        version: String,
        /// Version of its Python.
        python: String,
        /// Its file, as the process sees it.
        #[serde(default)]
        file: Option<PathBuf>,
    },
    /// Its Python has no worker, so that it ends: sent by [`BOOTSTRAP`](super::BOOTSTRAP).
    NoWorker {
        /// One line.
        reason: String,
    },
    /// Its Python runs without the module `site`: sent by [`BOOTSTRAP`](super::BOOTSTRAP).
    SiteDisabled,
    /// It takes requests; these scripts it could not load.
    Ready {
        /// What failed, if anything did; why, the worker has logged.
        failures: Vec<Load>,
    },
    /// It cannot serve at all, and why.
    Failed {
        /// One line.
        reason: String,
    },
    /// A request made it load a script.
    Loading {
        /// The script.
        import: Import,
    },
    /// It has loaded a script for a request.
    Loaded {
        /// The script.
        import: Import,
        /// Whether that worked.
        success: bool,
    },
    /// A request saw another version of a script than the one loaded: the process wants to be replaced.
    Outdated {
        /// The script.
        import: Import,
    },
    /// It accepts no further connections; those that it has are counted in the scoreboard.
    Closed,
    /// It got SIGUSR1 (`eviction_signal`) or SIGXCPU (`cpu_time_limit`) and wants to be replaced.
    WantsReplacement {
        /// What `process_stopping` is to tell.
        reason: String,
    },
    /// It got SIGTERM or SIGINT and ends now.
    Stopping {
        /// What `process_stopping` tells.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_start_is_readable_whatever_else_it_has() {
        let version = |text: &str| ToWorker::version_of_start(text.as_bytes());
        let strange = r#"{"Start": {"groups": [1], "version": "7.0.0+1", "layout": "round"}}"#;
        assert_eq!(version(strange).as_deref(), Some("7.0.0+1"));
        assert_eq!(version(r#"{"Start": {"group": {}}}"#), None);
        assert_eq!(version(r#"{"Stop": {"version": "1"}}"#), None);
    }
}
