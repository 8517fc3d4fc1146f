//! Plans for the tests of this room.

use std::time::Duration;

use crate::config::daemon_group::DaemonOptions;
use crate::config::interpreter::PythonSettings;
use crate::config::plan::{GroupPlan, Identity, LogLevel};

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
