//! The end of a server that a test has forgotten, or that hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::process;

/// Kills a server that lives too long.
#[derive(Debug)]
pub(super) struct Watchdog {
    cancel: Sender<()>,
    fired: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    pub(super) fn start(group: u32, limit: Duration) -> Watchdog {
        let (cancel, cancelled) = mpsc::channel();
        let fired = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&fired);
        let thread = thread::spawn(move || {
            if cancelled.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                flag.store(true, Ordering::Release);
                let _ = process::signal_group(group, libc::SIGKILL);
            }
        });
        Watchdog {
            cancel,
            fired,
            thread,
        }
    }

    /// Whether it had to kill.
    pub(super) fn end(self) -> bool {
        let _ = self.cancel.send(());
        let _ = self.thread.join();
        self.fired.load(Ordering::Acquire)
    }
}
