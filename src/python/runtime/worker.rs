//! Python in a worker: the interpreter that runs already is taken over, and Python's own exit ends it.

use std::sync::atomic::Ordering;

use pyo3::ffi;

use super::stop::{end_interpreter, run_exit_callbacks, run_exit_functions};
use super::{Plan, RUNTIME, STOPPING, StartError, Stopped, set_up};

/// Takes over the main interpreter, which the current thread is attached to, sets it up by `plan`, and runs
/// `body` detached from it. Call it once in a process, on Python's main thread.
pub fn worker_start<R>(plan: Box<dyn Plan>, body: impl FnOnce() -> R) -> Result<R, StartError> {
    struct Reattach(*mut ffi::PyThreadState);
    impl Drop for Reattach {
        fn drop(&mut self) {
            // SAFETY: this thread's own state in the main interpreter; `body` ends detached, and only the
            // caller of this thread finalises Python.
            unsafe { ffi::PyEval_RestoreThread(self.0) };
        }
    }
    if RUNTIME.get().is_some() {
        return Err(StartError("Python is taken over already".into()));
    }
    // SAFETY: plain questions; the second is asked by an attached thread only.
    let is_attached = unsafe {
        ffi::PyGILState_Check() != 0 && ffi::PyInterpreterState_Get() == ffi::PyInterpreterState_Main()
    };
    if !is_attached {
        return Err(StartError(
            "the thread is not attached to the main interpreter".into(),
        ));
    }
    // SAFETY: attached.
    let reattach = Reattach(unsafe { ffi::PyThreadState_Get() });
    // SAFETY: attached to the main interpreter, and detached until `reattach` is dropped.
    unsafe { set_up(plan) }?;
    let result = body();
    drop(reattach);
    Ok(result)
}

/// Tells every interpreter that the process stops.
pub fn worker_announce_stop(reason: &str) {
    if let Some(runtime) = RUNTIME.get() {
        runtime.announce_stop(reason);
    }
}

/// Ends every sub-interpreter. After `Finalised` Python can be left to end itself; after `Abandoned` the exit
/// callbacks of all interpreters have run, and the process must end without finalising Python.
///
/// `all_ended` says whether all other threads that ever attached have ended; one that has not could wake up in a
/// Python that has. Call it on Python's main thread, detached, when no new request can come.
pub fn worker_stop(all_ended: bool) -> Stopped {
    let Some(runtime) = RUNTIME.get() else {
        return Stopped::NotRunning;
    };
    if !all_ended {
        // A thread that is stuck may be one that would be waited for.
        super::in_every_interpreter(run_exit_functions);
        STOPPING.store(true, Ordering::Release);
        return Stopped::Abandoned(runtime.active.load(Ordering::Acquire));
    }
    let groups: Vec<_> = runtime
        .all()
        .into_iter()
        .filter(|interpreter| !interpreter.name().is_empty())
        .collect();
    for group in &groups {
        let _ = group.attach(run_exit_callbacks);
    }
    if !groups.into_iter().all(end_interpreter) {
        let _ = runtime.main.attach(run_exit_callbacks);
        STOPPING.store(true, Ordering::Release);
        return Stopped::Abandoned(0);
    }
    let ready = runtime.main.attach(|py| {
        // SAFETY: all other threads have ended.
        unsafe { runtime.main.delete_other_threads(py) }
    });
    STOPPING.store(true, Ordering::Release);
    if ready.is_none() {
        return Stopped::Abandoned(0);
    }
    Stopped::Finalised
}
