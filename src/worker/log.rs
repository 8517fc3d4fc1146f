//! Lines that belong to no request, in the form that httpd gives its own.

use std::fmt::Write as _;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

use crate::config::plan::LogLevel;
use crate::gateway::{Code, Level, Origin};
use crate::sys::{local_time, log_output, process};

/// Until the plan says otherwise: warnings and what is worse.
static LEVEL: AtomicU8 = AtomicU8::new(4);

/// Sets which lines are written from now on.
pub(super) fn set_level(level: LogLevel) {
    LEVEL.store(level.0, Ordering::Relaxed);
}

/// Whether lines of `level` are written.
pub(super) fn lets_through(level: Level) -> bool {
    LogLevel(LEVEL.load(Ordering::Relaxed)).lets_through(level)
}

/// Writes a line; `code` begins it.
pub(super) fn line(level: Level, code: Code, text: &str) {
    process(level, format!("{code}: {text}").as_bytes());
}

/// Writes one line of the process.
pub(super) fn process(level: Level, text: &[u8]) {
    if !lets_through(level) {
        return;
    }
    // One write, so that lines of several processes do not mix.
    let lost = append(&record(level, &printable(text)));
    if lost > 0 {
        let text = format!(
            "{}: {lost} records could not be written, and are lost",
            Code::LOG_LOST
        );
        append(&record(Level::Warning, &text));
    }
}

fn append(record: &str) -> u32 {
    log_output::append(std::io::stderr().as_fd(), record.as_bytes())
}

fn record(level: Level, text: &str) -> String {
    let name = match level {
        Level::Critical => "crit",
        Level::Error => "error",
        Level::Warning => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace1",
    };
    format!(
        "[{}] [wsgi:{name}] [pid {}:tid {}] {text}\n",
        local_time::stamp(SystemTime::now()),
        std::process::id(),
        process::thread_id()
    )
}

/// Writes lines of an application's own.
pub(super) fn process_from(level: Level, _origin: Origin<'_>, text: &[u8]) {
    for line in text.split(|byte| *byte == b'\n') {
        process(level, line);
    }
}

/// Control characters could forge lines, or move the cursor of whoever looks at the log.
fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if !text
        .chars()
        .any(|character| character.is_control() && character != '\t')
    {
        return text.into_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            let _ = write!(shown, "\\x{:02x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Has panics written as one line with their place, and nothing of what they say: that may be an
/// application's data.
pub(super) fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |location| {
            format!(" at {}:{}", location.file(), location.line())
        });
        line(
            Level::Error,
            Code::INTERNAL_ERROR,
            &format!("internal error{place}"),
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_forge_a_line() {
        assert_eq!(printable(b"a\tb"), "a\tb");
        assert_eq!(printable(b"a\n[error]\x1b"), "a\\x0a[error]\\x1b");
    }
}
