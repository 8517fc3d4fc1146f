//! What only a worker asks of Python: taking it over, following its requests, signals, stacks.

use std::ffi::CString;
use std::os::fd::RawFd;

use super::{InterpreterState, Interpreters, Job};
use crate::gateway;
use crate::gateway::{Exchange, SourceStamp};
use crate::pymodule::{self, Setup};
use crate::python::runtime::{self, StartError};
use crate::python::{Attached, Code, Interruptible, Object, PyResult, format_exception};
use crate::script::{ScriptError, Scripts};
use crate::sys;

/// How a worker follows a request.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Who hears of scripts.
    pub scripts: &'a dyn ScriptWatcher,
    /// Where the request can be interrupted.
    pub interruptible: Option<&'a Interruptible>,
}

/// Hears what becomes of the scripts that requests ask for. A worker never loads another version of a script:
/// it is replaced by a process that does.
///
/// Called without the GIL.
pub trait ScriptWatcher: Sync {
    /// A request makes the process load a script.
    fn loading(&self, application_group: &str, script: &[u8]);
    /// The script is loaded, or could not be.
    fn loaded(&self, application_group: &str, script: &[u8], success: bool);
    /// A request saw the version `stamp` of a script's file, which is not the one that is loaded.
    fn outdated(&self, application_group: &str, script: &[u8], stamp: SourceStamp);
}

impl Watch<'_> {
    /// The globals of a request's script, of whatever version was loaded first.
    pub(super) fn load<'py>(
        &self,
        py: Attached<'py>,
        scripts: &Scripts,
        job: &Job<'_, '_>,
    ) -> Result<Object<'py>, ScriptError> {
        let (group, script) = (job.application_group, job.script);
        if let Some((globals, stamp)) = scripts.find_version(py, script) {
            if job.reload && stamp != job.stamp {
                py.detach(|| self.scripts.outdated(group, script, job.stamp));
            }
            return Ok(globals);
        }
        py.detach(|| self.scripts.loading(group, script));
        let loaded = scripts.load(py, script, job.stamp, false, job.fold_case);
        let success = loaded.is_ok();
        py.detach(|| self.scripts.loaded(group, script, success));
        loaded
    }
}

/// Takes over the Python that runs this process, sets it up, and runs `body` detached from it. Call it once,
/// on Python's main thread, which is attached.
pub fn worker_start<R>(setup: Setup, body: impl FnOnce() -> R) -> Result<R, StartError> {
    sys::process::watch_for_fork();
    runtime::worker_start(Box::new(Interpreters(setup)), body)
}

/// Imports a module into the main interpreter, for `preload=`; a failure is told.
pub fn import_module(name: &str, exchange: &mut dyn Exchange) {
    let Some(main) = runtime::main_interpreter() else {
        return;
    };
    let _ = main.attach(|py| {
        let c_name = CString::new(name).unwrap_or_default();
        if let Err(raised) = py.import(&c_name) {
            let traceback = format_exception(py, &raised.take());
            let title = format!("module '{name}' could not be imported (preload=)");
            exchange.log_exception(gateway::Code::PRELOAD_FAILED, &title, &traceback, "");
        }
    });
}

/// Has Python write the stacks of all threads to the descriptor `file` when a signal kills the process, and to
/// `log` when the signal `dump_signal` comes. Neither needs the GIL.
pub fn catch_fatal_signals(file: RawFd, dump_signal: i32, log: RawFd) {
    let Some(main) = runtime::main_interpreter() else {
        return;
    };
    let _ = main.attach(|py| {
        let set = || -> PyResult<'_, ()> {
            let faulthandler = py.import(c"faulthandler")?;
            let (file, log) = (py.int(file.into())?, py.int(log.into())?);
            faulthandler.call_method(py, c"enable", [&file, &py.bool(true)])?;
            let arguments = [
                &py.int(dump_signal.into())?,
                &log,
                &py.bool(true),
                &py.bool(false),
            ];
            faulthandler.call_method(py, c"register", arguments)?;
            Ok(())
        };
        // A Python built without it: stacks are missing then, and nothing else.
        drop(set());
    });
}

/// Has SIGTERM raise `SystemExit` on Python's main thread, which this is called on.
pub fn exit_at_sigterm() {
    const SOURCE: &[u8] =
        b"import signal, sys\nsignal.signal(signal.SIGTERM, lambda number, frame: sys.exit())\n";
    let Some(main) = runtime::main_interpreter() else {
        return;
    };
    let _ = main.attach(|py| {
        let set = || -> PyResult<'_, ()> {
            let globals = py.dict()?;
            Code::compile(py, SOURCE, b"<mod_wsgi service>")?.execute_in(py, &globals)?;
            Ok(())
        };
        // Then the signal ends the process without asking.
        drop(set());
    });
}

/// Lets Python's main thread handle signals that an application has asked for. For that thread; waits for the
/// GIL.
pub fn check_signals() {
    if let Some(main) = runtime::main_interpreter() {
        let _ = main.attach(|py| drop(py.run_pending_calls()));
    }
}

/// Raises `mod_wsgi.RequestTimeout` in the request that runs at `place`, after its stack was logged. Whether
/// there was one. Waits for the GIL.
pub fn interrupt(place: &Interruptible) -> bool {
    place.interrupt(|py, thread| {
        let state = py.interpreter().state::<InterpreterState>()?;
        pymodule::write_stacks(py, &state.wsgi, Some(thread));
        state.wsgi.request_timeout(py)
    })
}

/// Writes the Python stacks of all threads in all interpreters to the log of the process. Waits for the GIL.
pub fn write_stacks() {
    runtime::in_every_interpreter(|py| {
        if let Some(state) = py.interpreter().state::<InterpreterState>() {
            pymodule::write_stacks(py, &state.wsgi, None);
        }
    });
}

/// Tells the callbacks of `mod_wsgi.subscribe_signals()` in all interpreters of a signal.
pub fn publish_signal(name: &str, number: i32) {
    runtime::in_every_interpreter(|py| {
        if let Some(state) = py.interpreter().state::<InterpreterState>() {
            pymodule::publish_signal(py, &state.wsgi, name, number);
        }
    });
}
