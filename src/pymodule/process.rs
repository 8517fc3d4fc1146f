//! What happens to the process, as one interpreter is told it.

use crate::gateway::Level;
use crate::python::{Attached, Code, PyResult};
use crate::wsgi::{self, Registry};

const STACKS_SOURCE: &[u8] = include_bytes!("stacks.py");

/// Tells the attached interpreter's callbacks that the process stops. `reason` is empty in httpd's own
/// processes.
pub fn announce_stop(py: Attached<'_>, state: &wsgi::State, reason: &str) {
    let event = py.dict().and_then(|event| {
        event.set_item(py, &py.text("shutdown_reason")?, &py.text(reason)?)?;
        Ok(event)
    });
    if let Ok(event) = event {
        state
            .events()
            .publish_process(py, Registry::Shutdown, "process_stopping", &event);
    }
}

/// Tells the attached interpreter's callbacks of a signal.
pub fn publish_signal(py: Attached<'_>, state: &wsgi::State, name: &str, number: i32) {
    let event = py.dict().and_then(|event| {
        event.set_item(py, &py.text("signame")?, &py.text(name)?)?;
        event.set_item(py, &py.text("signum")?, &py.int(number.into())?)?;
        Ok(event)
    });
    if let Ok(event) = event {
        state
            .events()
            .publish_process(py, Registry::Signals, "process_signal", &event);
    }
}

/// Writes the stacks of the attached interpreter's threads to the log of the process, or that of one thread
/// by its `threading.get_ident()`.
pub fn write_stacks(py: Attached<'_>, state: &wsgi::State, only: Option<u64>) {
    let write = || -> PyResult<'_, ()> {
        let globals = py.dict()?;
        let stream = state.process_stream(py, "<stacks>", Level::Info, state.events().process_log())?;
        let only = only.map(|thread| py.count(thread)).transpose()?;
        globals.set_item(py, &py.text("stream")?, &stream)?;
        globals.set_item(py, &py.text("only")?, &only.unwrap_or_else(|| py.none()))?;
        let group = py.text(py.interpreter().name())?;
        globals.set_item(py, &py.text("application_group")?, &group)?;
        Code::compile(py, STACKS_SOURCE, b"<mod_wsgi stacks>")?.execute_in(py, &globals)?;
        Ok(())
    };
    // An interpreter that cannot even tell its stacks has nothing to say.
    drop(write());
}
