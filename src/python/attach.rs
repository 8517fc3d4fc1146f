//! The proof of being attached to an interpreter.

use std::marker::PhantomData;

use pyo3::ffi;

use super::{Interpreter, PyResult, Raised, gil_wait};

/// Proof that the current thread is attached to `interpreter` (holds its GIL).
///
/// Only [`Interpreter::attach`] and the entry of a native method make one. It is not `Send`: being attached
/// is a property of the thread.
#[derive(Clone, Copy)]
pub struct Attached<'py> {
    interpreter: &'static Interpreter,
    _thread: PhantomData<(&'py (), *mut ())>,
}

impl<'py> Attached<'py> {
    /// # Safety
    ///
    /// The current thread is attached to `interpreter` for all of `'py`.
    pub(super) unsafe fn assume(interpreter: &'static Interpreter) -> Self {
        Attached {
            interpreter,
            _thread: PhantomData,
        }
    }

    /// The interpreter this thread is attached to.
    pub fn interpreter(self) -> &'static Interpreter {
        self.interpreter
    }

    /// Runs what waits for the main thread: handlers of signals, and calls that extension modules have queued.
    pub fn run_pending_calls(self) -> PyResult<'py, ()> {
        // SAFETY: attached.
        Raised::check(self, unsafe { ffi::Py_MakePendingCalls() })
    }

    /// Runs `f` without the GIL, so that other threads can run Python meanwhile.
    ///
    /// What `f` captures must be `Send`: that keeps objects and the proof itself out of it.
    pub fn detach<R>(self, f: impl FnOnce() -> R + Send) -> R {
        struct Reattach(*mut ffi::PyThreadState);
        impl Drop for Reattach {
            fn drop(&mut self) {
                // SAFETY: the thread state was saved by this thread, and is still its own.
                gil_wait::returning(|| unsafe { ffi::PyEval_RestoreThread(self.0) });
            }
        }
        // SAFETY: `self` proves that this thread is attached.
        let _reattach = Reattach(unsafe { ffi::PyEval_SaveThread() });
        f()
    }
}
