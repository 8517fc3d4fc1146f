//! Stopping a server, and what must hold of what it leaves.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::Server;
use super::watchdog::Watchdog;
use crate::builder::MARKER;
use crate::checks;
use crate::process::{self, doing};
use crate::wait::wait_for;

/// After how long it is noted what the processes of a server are doing that is to stop.
const SLOW_STOP: Duration = Duration::from_secs(15);
/// How much longer httpd may take before it is killed.
const STOP_REST: Duration = Duration::from_secs(5);

impl Server {
    /// Kills httpd's parent and its serving children at once; what daemon processes there are has to end by
    /// itself, which [`Server::finish`] checks.
    ///
    /// # Panics
    /// When httpd's parent does not run.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        let children = self.children();
        process::signal(self.parent_pid(), libc::SIGKILL).expect("httpd's parent runs");
        for child in children {
            let _ = process::signal(child, libc::SIGKILL);
        }
    }

    /// Stops the server and fails the test when something is wrong with what it left.
    ///
    /// # Panics
    /// With every problem found, the configuration and the logs.
    pub fn finish(self) {
        if let Err(problems) = self.try_finish() {
            panic!("{problems}");
        }
    }

    /// Stops the server.
    ///
    /// # Errors
    /// Every problem found with what it left, the configuration and the logs.
    pub fn try_finish(mut self) -> Result<(), String> {
        self.conclude()
    }

    fn conclude(&mut self) -> Result<(), String> {
        self.finished = true;
        self.hang_up();
        let mut problems = match self.keeps_connections {
            true => Vec::new(),
            false => checks::held_descriptors(self.parent_pid(), self.root()),
        };
        problems.extend(self.stop());
        problems.extend(checks::left_files(self.root()));
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
        problems.extend(rules.violations(&self.logs()));
        if problems.is_empty() {
            return Ok(());
        }
        Err(format!("{}\n{}", problems.join("\n"), self.report()))
    }

    /// Ends the connections a test still holds, so that children become idle.
    fn hang_up(&self) {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// TERM, wait, KILL; what went wrong on the way.
    pub(super) fn stop(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.watchdog.take().is_some_and(Watchdog::end) {
            problems.push("the server outlived its limit and was killed".to_string());
        }
        let group = self.parent_pid();
        let started = process::descendants_of(group);
        let marker = format!("{MARKER}={}", self.root().display());
        let _ = process::signal(group, libc::SIGTERM);
        let mut seen = String::new();
        let ended = wait_for(SLOW_STOP, || self.try_wait().transpose()).or_else(|| {
            seen = doing::all(&process::belonging(group, &marker, &started));
            wait_for(STOP_REST, || self.try_wait().transpose())
        });
        match ended {
            Some(Ok(status)) if status.success() || self.killed.load(Ordering::Acquire) => {}
            Some(Ok(status)) => problems.push(format!("httpd ended with {status}")),
            Some(Err(error)) => problems.push(format!("waiting for httpd: {error}")),
            None => {
                let now = process::belonging(group, &marker, &started);
                problems.push(format!(
                    "httpd did not stop on TERM\n--- its processes {} s after it\n{seen}--- and {} s later\n{}{}",
                    SLOW_STOP.as_secs(),
                    STOP_REST.as_secs(),
                    doing::all(&now),
                    doing::backtraces(&now)
                ));
                let _ = process::signal_group(group, libc::SIGKILL);
                let _ = self.child.wait();
            }
        }
        problems.extend(checks::orphans(group, &marker, &started));
        problems
    }

    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match self.child.try_wait() {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            result => result,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if thread::panicking() {
            self.hang_up();
            let problems = self.stop();
            eprintln!("{}\n{}", problems.join("\n"), self.report());
        } else if let Err(problems) = self.conclude() {
            panic!("{problems}");
        }
    }
}
