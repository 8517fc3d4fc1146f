//! What a server has logged, and what of that is expected.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use super::Server;
use crate::logs::{self, LogLine};
use crate::process;
use crate::wait::wait_for;

/// How long a test waits for a log line.
const LOG_LIMIT: Duration = Duration::from_secs(10);
/// How much of one log a failure prints.
const PRINTED: usize = 20_000;

impl Server {
    pub(super) fn error_log_path(&self, name: &str) -> PathBuf {
        self.path("logs").join(format!("{name}.log"))
    }

    /// The lines of `logs/NAME.log`; the main log is `error`.
    pub fn log(&self, name: &str) -> Vec<LogLine> {
        logs::read(&self.error_log_path(name))
    }

    /// The lines of all error logs.
    pub fn logs(&self) -> Vec<LogLine> {
        logs::read_all(&self.path("logs"))
    }

    /// The lines of all error logs whose message matches a regular expression.
    pub fn logs_matching(&self, pattern: &str) -> Vec<LogLine> {
        let pattern = logs::compile(pattern);
        self.logs()
            .into_iter()
            .filter(|line| pattern.is_match(&line.message))
            .collect()
    }

    /// Waits for an error log line whose message matches a regular expression.
    ///
    /// # Panics
    /// When none appears in time.
    pub fn wait_for_log(&self, pattern: &str) -> LogLine {
        let found = wait_for(LOG_LIMIT, || self.logs_matching(pattern).into_iter().next());
        found.unwrap_or_else(|| panic!("no log line matches {pattern}"))
    }

    /// The lines of the access log: host, user, request line, status, body bytes, connection state.
    pub fn access_log(&self) -> Vec<String> {
        let text = fs::read(self.error_log_path("access")).unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_string)
            .collect()
    }

    /// Waits for an access log line that contains `part`; httpd writes it after the response.
    ///
    /// # Panics
    /// When none appears in time.
    pub fn wait_for_access(&self, part: &str) -> String {
        let found = wait_for(LOG_LIMIT, || {
            self.access_log().into_iter().find(|line| line.contains(part))
        });
        found.unwrap_or_else(|| panic!("no access log line contains {part}"))
    }

    /// Like [`Builder::allow_log`](crate::Builder::allow_log), once the server runs.
    pub fn allow_log(&self, pattern: &str) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .allow(pattern);
    }

    /// Like [`Builder::expect_log`](crate::Builder::expect_log), once the server runs.
    pub fn expect_log(&self, pattern: &str) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .expect(pattern);
    }

    /// Like [`Builder::expect_exception`](crate::Builder::expect_exception), once the server runs.
    pub fn expect_exception(&self, pattern: &str) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .expect_exception(pattern);
    }

    /// Configuration and logs, for a failure message.
    pub fn report(&self) -> String {
        let mut text = format!("--- httpd.conf\n{}", self.config_text());
        let mut files = process::files_below(&self.path("logs"), &|_, _| true);
        files.sort();
        for file in files {
            text.push_str(&format!("--- {}\n{}", file.display(), tail(&file)));
        }
        text
    }
}

fn tail(file: &Path) -> String {
    let mut bytes = Vec::new();
    let _ = File::open(file).and_then(|mut open| open.read_to_end(&mut bytes));
    let from = bytes.len().saturating_sub(PRINTED);
    String::from_utf8_lossy(&bytes[from..]).into_owned()
}
