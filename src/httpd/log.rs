//! httpd's error log.
//!
//! Text may come from anywhere, so it is cut into records that httpd takes whole and has no NUL.

use std::cell::Cell;
use std::ffi::{CString, c_int};
use std::panic;
use std::sync::Once;

use super::module::module_index;
use super::request::Request;
use crate::ffi;
use crate::gateway::{Code, Level, Origin};

/// Longest record, in bytes: httpd cuts at 8 KiB, prefix included.
const LONGEST_RECORD: usize = 7 * 1024;

thread_local! {
    /// Where the last panic of this thread happened: file and line, never its message, which may hold
    /// application data.
    static PANIC_PLACE: Cell<Option<(&'static str, u32)>> = const { Cell::new(None) };
}

/// Keeps Rust's own report of a panic off stderr: the boundary reports it, in the server's log.
pub(super) fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        panic::set_hook(Box::new(|info| {
            // The file name outlives the process; Location only lends it.
            let place = info
                .location()
                .map(|location| (leak_once(location.file()), location.line()));
            let _ = PANIC_PLACE.try_with(|cell| cell.set(place));
        }));
    });
}

/// A copy that lives for ever, of the few file names that panics can name.
fn leak_once(name: &str) -> &'static str {
    use std::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match names.get(name) {
        Some(known) => known,
        None => {
            let copy: &'static str = Box::leak(name.to_string().into_boxed_str());
            names.insert(copy);
            copy
        }
    }
}

/// ` at file:line` of the last panic of this thread.
pub(super) fn take_panic_place() -> String {
    PANIC_PLACE
        .with(Cell::take)
        .map_or_else(String::new, |(file, line)| format!(" at {file}:{line}"))
}

fn level_number(level: Level) -> c_int {
    match level {
        Level::Critical => ffi::APLOG_CRIT,
        Level::Error => ffi::APLOG_ERR,
        Level::Warning => ffi::APLOG_WARNING,
        Level::Info => ffi::APLOG_INFO,
        Level::Debug => ffi::APLOG_DEBUG,
        Level::Trace => ffi::APLOG_TRACE1,
    }
}

/// Writes to the log of a request's virtual host, one record a line; `code` begins the first.
pub fn request(request: &Request<'_>, level: Level, code: Option<Code>, text: &[u8]) {
    let (module, number) = (module_index(), level_number(level));
    // SAFETY: a live request.
    if unsafe { ffi::rwsgi_request_logs_at(request.as_ptr(), module, number) } == 0 {
        return;
    }
    records(code, text, |record| {
        // SAFETY: a live request and a C string.
        unsafe { ffi::rwsgi_log_request(request.as_ptr(), module, number, record.as_ptr()) }
    });
}

/// Writes to the log of a request's virtual host, with a place in an application's source (`%F`).
pub fn request_from(request: &Request<'_>, level: Level, origin: Origin<'_>, text: &[u8]) {
    let (module, number) = (module_index(), level_number(level));
    // SAFETY: a live request.
    if unsafe { ffi::rwsgi_request_logs_at(request.as_ptr(), module, number) } == 0 {
        return;
    }
    let file = file_name(origin);
    records(None, text, |record| {
        // SAFETY: a live request and C strings.
        unsafe {
            ffi::rwsgi_log_request_from(
                request.as_ptr(),
                module,
                number,
                file.as_ptr(),
                origin.line,
                record.as_ptr(),
            )
        }
    });
}

/// Writes to the main server's log, with a place in an application's source (`%F`).
pub fn process_from(level: Level, origin: Origin<'_>, text: &[u8]) {
    // SAFETY: as for `server`.
    let server = unsafe { ffi::ap_server_conf };
    let (module, number) = (module_index(), level_number(level));
    // SAFETY: the server is not null here.
    if !server.is_null() && unsafe { ffi::rwsgi_server_logs_at(server, module, number) } == 0 {
        return;
    }
    let file = file_name(origin);
    records(None, text, |record| {
        // SAFETY: null or the main server, and C strings.
        unsafe {
            ffi::rwsgi_log_server_from(
                server,
                module,
                number,
                file.as_ptr(),
                origin.line,
                record.as_ptr(),
            )
        }
    });
}

fn file_name(origin: Origin<'_>) -> CString {
    CString::new(origin.file).unwrap_or_default()
}

/// Writes to the main server's log.
pub fn process(level: Level, text: &[u8]) {
    server(level, None, text);
}

/// Writes to the main server's log, with a code.
pub fn server(level: Level, code: Option<Code>, text: &[u8]) {
    // SAFETY: set by httpd before any module runs; a null server means standard error, to httpd.
    let server = unsafe { ffi::ap_server_conf };
    records(code, text, |record| {
        // SAFETY: null or the main server, and a C string.
        unsafe { ffi::rwsgi_log_server(server, module_index(), level_number(level), record.as_ptr()) }
    });
}

/// Writes a line to the main server's log that is kept whatever its level: for what is told once at the start.
pub fn notice(code: Code, text: &[u8]) {
    // SAFETY: as for `server`.
    let server = unsafe { ffi::ap_server_conf };
    records(Some(code), text, |record| {
        // SAFETY: null or the main server, and a C string.
        unsafe { ffi::rwsgi_log_server(server, module_index(), ffi::APLOG_NOTICE, record.as_ptr()) }
    });
}

/// Reports a defect of this module.
pub(super) fn internal_error(text: &str) {
    server(Level::Error, Some(Code::INTERNAL_ERROR), text.as_bytes());
}

fn records(code: Option<Code>, text: &[u8], mut write: impl FnMut(&CString)) {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut prefix = code.map_or_else(Vec::new, |code| format!("{code}: ").into_bytes());
    for line in text.split(|byte| *byte == b'\n') {
        for piece in pieces(line) {
            let mut record = std::mem::take(&mut prefix);
            for byte in piece {
                if *byte == 0 {
                    record.extend_from_slice(b"\\x00")
                } else {
                    record.push(*byte)
                }
            }
            if let Ok(record) = CString::new(record) {
                write(&record);
            }
        }
    }
}

/// Cuts a long line, not inside a UTF-8 character.
fn pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        if line.len() <= LONGEST_RECORD {
            rest = None;
            return Some(line);
        }
        let is_continuation = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xc0 == 0x80);
        let mut end = LONGEST_RECORD;
        while end > LONGEST_RECORD - 4 && is_continuation(line.get(end)) {
            end -= 1;
        }
        let (piece, tail) = line.split_at(end);
        rest = Some(tail);
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(code: Option<Code>, text: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        records(code, text, |record| {
            lines.push(record.to_string_lossy().into_owned())
        });
        lines
    }

    #[test]
    fn one_record_a_line_and_the_code_on_the_first() {
        assert_eq!(
            written(Some(Code::APPLICATION_RAISED), b"a\nb\n"),
            ["WSGI0174: a", "b"]
        );
        assert_eq!(written(None, b"a\n\nb"), ["a", "", "b"]);
    }

    #[test]
    fn a_nul_is_shown_and_does_not_cut() {
        assert_eq!(written(None, b"a\0b"), ["a\\x00b"]);
    }

    #[test]
    fn a_long_line_becomes_several_records_of_whole_characters() {
        let line = "é".repeat(10_000);
        let lines = written(None, line.as_bytes());
        assert_eq!(lines.concat(), line);
        assert!(lines.len() > 2 && lines.iter().all(|line| line.len() <= LONGEST_RECORD));
    }
}
