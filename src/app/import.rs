//! Loading scripts before anybody asks for them.

use super::{InterpreterState, MAX_INTERPRETERS, no_interpreter};
use crate::gateway::{Code, Exchange, Level, source_stamp};
use crate::python::runtime::{self, NoInterpreter};
use crate::sys;

/// A script to load when a process starts.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The application group; empty for the main interpreter.
    pub application_group: &'a str,
    /// The script's file name.
    pub script: &'a [u8],
    /// Whether file names that differ in letter case are the same (`WSGICaseSensitivity`).
    pub fold_case: bool,
    /// Whether the script is what the process is for: then its `sys.exit()` is the end, and no failure.
    pub is_service: bool,
}

/// Loads a script on the current thread; whether that worked. A failure is told, and the request that wants
/// the script tries again.
pub fn import(import: &Import<'_>, exchange: &mut dyn Exchange) -> bool {
    let loaded = load(import, exchange).is_some();
    if !loaded {
        let file = String::from_utf8_lossy(import.script);
        let text = format!("WSGI script '{file}' could not be loaded when the process started.");
        exchange.log(Level::Error, Some(Code::IMPORT_FAILED), text.as_bytes());
    }
    loaded
}

fn load(import: &Import<'_>, exchange: &mut dyn Exchange) -> Option<()> {
    let group = import.application_group;
    let (interpreter, _active) = match runtime::interpreter(group, MAX_INTERPRETERS) {
        Ok(found) => found,
        Err(reason) => {
            no_interpreter(group, exchange, &reason);
            return None;
        }
    };
    let loaded = interpreter.attach(|py| {
        let state = interpreter.state::<InterpreterState>()?;
        let stamp = source_stamp(import.script);
        match state
            .scripts
            .load(py, import.script, stamp, true, import.fold_case)
        {
            Ok(_) => Some(()),
            Err(error) if import.is_service && error.code == Code::SCRIPT_EXIT => Some(()),
            Err(error) => {
                exchange.log_exception(error.code, &error.title, &error.traceback, group);
                None
            }
        }
    });
    if sys::process::is_forked_copy() {
        sys::process::end_forked_copy();
    }
    loaded.unwrap_or_else(|| {
        no_interpreter(group, exchange, &NoInterpreter::NotRunning);
        None
    })
}
