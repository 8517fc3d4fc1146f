//! The end of Python in a process.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pyo3::ffi;

use super::{RUNTIME, Runtime, STOPPING, main_interpreter};
use crate::python::{Attached, Interpreter};

/// How Python was stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It never ran.
    NotRunning,
    /// Every interpreter ended and Python was finalised.
    Finalised,
    /// So many requests were still in Python after the wait; only exit callbacks ran.
    Abandoned(usize),
    /// The stopping thread was itself inside Python (a signal arrived there): nothing could be done.
    InsidePython,
}

/// Stops Python at the end of a child: exit callbacks, then every sub-interpreter, then the main one.
///
/// Waits at most `patience` for requests that are still in Python. Call it on the thread that started
/// Python, when no new request can come.
pub fn child_stop(patience: Duration) -> Stopped {
    let Some(runtime) = RUNTIME.get() else {
        return Stopped::NotRunning;
    };
    if crate::python::is_attached() {
        return Stopped::InsidePython;
    }
    if STOPPING.load(Ordering::Acquire) {
        return Stopped::NotRunning;
    }
    runtime.announce_stop("");
    let still_active = runtime.wait_until_idle(patience);
    for interpreter in runtime.all() {
        let _ = interpreter.attach(run_exit_callbacks);
    }
    let mut groups = runtime
        .all()
        .into_iter()
        .filter(|interpreter| !interpreter.name().is_empty());
    if still_active > 0 || !groups.all(end_interpreter) {
        STOPPING.store(true, Ordering::Release);
        return Stopped::Abandoned(still_active);
    }
    finalize(runtime.main)
}

/// Ends the use of Python in a child that ends without finalising it: interpreters are told, then nobody gets
/// in any more. No exit callback runs and no thread is waited for.
///
/// Call it on the thread that started Python, when no new request can come.
pub fn child_leave() {
    let Some(runtime) = RUNTIME.get() else { return };
    if crate::python::is_attached() || STOPPING.load(Ordering::Acquire) {
        return;
    }
    runtime.announce_stop("");
    STOPPING.store(true, Ordering::Release);
}

impl Runtime {
    pub(super) fn all(&self) -> Vec<&'static Interpreter> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.values().copied().chain([self.main]).collect()
    }

    pub(super) fn announce_stop(&self, reason: &str) {
        for interpreter in self.all() {
            let _ = interpreter.attach(|py| self.plan.announce_stop(py, reason));
        }
    }

    pub(super) fn wait_until_idle(&self, patience: Duration) -> usize {
        let deadline = Instant::now().checked_add(patience);
        loop {
            let active = self.active.load(Ordering::Acquire);
            if active == 0 || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return active;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Runs what CPython itself would run first when the interpreter ends: joins its non-daemon threads and
/// calls the `atexit` callbacks. Errors are printed by Python to `sys.stderr`.
pub(super) fn run_exit_callbacks(py: Attached<'_>) {
    if let Ok(threading) = py.import(c"threading") {
        drop(threading.call_method(py, c"_shutdown", []));
    }
    run_exit_functions(py);
}

/// Calls the `atexit` callbacks and waits for no thread.
pub(super) fn run_exit_functions(py: Attached<'_>) {
    if let Ok(atexit) = py.import(c"atexit") {
        drop(atexit.call_method(py, c"_run_exitfuncs", []));
    }
}

/// Ends a sub-interpreter; false when threads of its own keep it alive.
pub(super) fn end_interpreter(group: &'static Interpreter) -> bool {
    let Some(main) = main_interpreter() else {
        return false;
    };
    group
        .attach(|py| {
            // SAFETY: no request is active and no new one can come.
            unsafe { group.delete_other_threads(py) };
            if group.has_foreign_threads(py) {
                return false;
            }
            // SAFETY: attached with the only thread state left in the interpreter. Ending it leaves none
            // current; this thread's main state is swapped in so that `attach` has one to save.
            unsafe {
                ffi::Py_EndInterpreter(ffi::PyThreadState_Get());
                group.forget();
                ffi::PyThreadState_Swap(main.stopping_state());
            }
            true
        })
        .unwrap_or(false)
}

fn finalize(main: &'static Interpreter) -> Stopped {
    // SAFETY: no request is active and no new one can come.
    let ready = main.attach(|py| unsafe { main.delete_other_threads(py) });
    if ready.is_none() {
        return Stopped::Abandoned(0);
    }
    STOPPING.store(true, Ordering::Release);
    // SAFETY: this thread's own state in the main interpreter; no sub-interpreter is left (rule 4).
    unsafe {
        ffi::PyEval_RestoreThread(main.stopping_state());
        ffi::Py_FinalizeEx();
    }
    main.forget();
    Stopped::Finalised
}
