//! Lines in httpd's logs.

use std::fs::File;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::SystemTime;

use crate::config::plan::LogLevel;
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::sys::{local_time, log_output, process};

/// Where lines go, and which.
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// The file; standard error when there is none.
    pub(super) file: Option<Rc<File>>,
    /// Which lines are written.
    pub(super) level: LogLevel,
}

impl Log {
    /// Writes a line; what follows its first line break is written as lines of its own.
    pub(super) fn write(&self, level: Level, code: Option<Code>, text: &str) {
        if !self.level.lets_through(level) {
            return;
        }
        let mut lines = String::new();
        for (index, line) in text.lines().filter(|line| !line.is_empty()).enumerate() {
            let code = code.filter(|_| index == 0);
            lines.push_str(&httpd_line(level, code, line));
        }
        // One write, so that lines of other processes do not come in between.
        let lost = self.append(&lines);
        if lost > 0 {
            self.append(&httpd_line(
                Level::Warning,
                Some(Code::LOG_LOST),
                &format!("{lost} records of the supervisor could not be written, and are lost"),
            ));
        }
    }

    fn append(&self, lines: &str) -> u32 {
        match &self.file {
            Some(file) => log_output::append(file.as_fd(), lines.as_bytes()),
            None => log_output::append(std::io::stderr().as_fd(), lines.as_bytes()),
        }
    }
}

/// A line as httpd writes it: `[Wed Nov 25 09:51:19.123456 2026] [wsgi:error] [pid 12:tid 140] WSGI1103: text`.
fn httpd_line(level: Level, code: Option<Code>, text: &str) -> String {
    let name = match level {
        Level::Critical => "crit",
        Level::Error => "error",
        Level::Warning => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace1",
    };
    let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
    // Parts of the text may be a worker's, and a worker may not write what looks like another line.
    let text: String = text
        .chars()
        .map(|character| if character.is_control() { '?' } else { character })
        .collect();
    format!(
        "[{}] [wsgi:{name}] [pid {}:tid {}] {code}{text}\n",
        local_time::stamp(SystemTime::now()),
        std::process::id(),
        process::thread_id()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(level: u8, text: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let log = Log {
            file: Some(Rc::new(File::create(&path).expect("made"))),
            level: LogLevel(level),
        };
        log.write(Level::Warning, Some(Code::PROCESS_DIED), text);
        std::fs::read_to_string(&path).expect("read")
    }

    #[test]
    fn each_line_is_one_of_httpds_and_the_first_has_the_code() {
        let text = written(4, "dead\n  File \"a.py\x1b\"");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        let head = format!("] [wsgi:warn] [pid {}:tid ", std::process::id());
        assert!(lines.iter().all(|line| line.contains(&head)), "{text}");
        assert!(lines[0].ends_with("] WSGI1103: dead"), "{text}");
        assert!(lines[1].ends_with("]   File \"a.py?\""), "{text}");
    }

    #[test]
    fn lines_below_the_level_are_not_written() {
        assert_eq!(written(3, "x"), "");
    }
}
