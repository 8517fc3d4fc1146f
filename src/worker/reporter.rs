//! What the worker tells the supervisor.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::app::ScriptWatcher;
use crate::config::plan::{FromWorker, Import};
use crate::sys::channel::Channel;

/// The sending side of the channel to the supervisor, for all threads.
pub(super) struct Reporter {
    channel: Mutex<Channel>,
    /// Versions of scripts that the supervisor was told of already.
    told: Mutex<HashSet<(Import, i64)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn import(application_group: &str, script: &[u8]) -> Import {
    use std::os::unix::ffi::OsStrExt;
    Import {
        script: PathBuf::from(std::ffi::OsStr::from_bytes(script)),
        application_group: application_group.to_string(),
    }
}

impl Reporter {
    pub(super) fn new(channel: Channel) -> Reporter {
        Reporter {
            channel: Mutex::new(channel),
            told: Mutex::default(),
        }
    }

    /// Sends a message. Without a supervisor there is nobody to tell, and the process serves on.
    pub(super) fn tell(&self, message: &FromWorker) {
        if let Ok(bytes) = serde_json::to_vec(message) {
            let _ = lock(&self.channel).send(&bytes, &[]);
        }
    }
}

impl ScriptWatcher for Reporter {
    fn loading(&self, application_group: &str, script: &[u8]) {
        self.tell(&FromWorker::Loading {
            import: import(application_group, script),
        });
    }

    fn loaded(&self, application_group: &str, script: &[u8], success: bool) {
        self.tell(&FromWorker::Loaded {
            import: import(application_group, script),
            success,
        });
    }

    fn outdated(&self, application_group: &str, script: &[u8], stamp: i64) {
        let import = import(application_group, script);
        if lock(&self.told).insert((import.clone(), stamp)) {
            self.tell(&FromWorker::Outdated { import });
        }
    }
}
