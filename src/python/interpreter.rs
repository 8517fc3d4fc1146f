//! Interpreters: the main one and the sub-interpreters of application groups.
//!
//! An interpreter lives as long as the process uses Python, so it is leaked on purpose and referred to as
//! `&'static`. It keeps a register of the thread states that threads hold in it, because it can end only
//! when none but the ending thread's is left.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pyo3::ffi;

use super::runtime::is_stopping;
use super::{Attached, Lease, gil_wait};

/// One Python interpreter of this process.
pub struct Interpreter {
    /// The application group's name; empty for the main interpreter.
    name: String,
    /// Position in the process's list; names the interpreter in each thread's own table.
    index: usize,
    raw: AtomicPtr<ffi::PyInterpreterState>,
    register: Mutex<Register>,
    /// How many thread states wait in [`Register::abandoned`].
    abandoned: AtomicUsize,
    state: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// Thread states of one interpreter. Pointers only: they are used while attached.
#[derive(Default)]
struct Register {
    held: Vec<ThreadState>,
    /// Left behind by threads that have ended.
    abandoned: Vec<ThreadState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct ThreadState(*mut ffi::PyThreadState);

// SAFETY: only a handle here; it is used by its own thread, or under the GIL after that thread has ended.
unsafe impl Send for ThreadState {}

thread_local! {
    /// This thread's thread state in each interpreter, by the interpreter's index.
    static HELD: RefCell<Vec<Option<(&'static Interpreter, ThreadState)>>> = const { RefCell::new(Vec::new()) };
    /// How deep this thread is in [`Interpreter::attach`].
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Gives this thread's states back when the thread ends.
    static AT_THREAD_END: AtThreadEnd = const { AtThreadEnd };
}

struct AtThreadEnd;

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        // Gone already when the thread's other locals are: then its states stay registered as held, and
        // are taken care of when the interpreter ends.
        let _ = HELD.try_with(|held| {
            for (interpreter, state) in held.borrow_mut().drain(..).flatten() {
                interpreter.child_abandon(state);
            }
        });
    }
}

/// Whether the current thread is inside Python, even if it released the GIL for a while.
pub fn is_attached() -> bool {
    DEPTH.with(Cell::get) > 0
}

impl Interpreter {
    pub(super) fn new(name: String, index: usize, raw: *mut ffi::PyInterpreterState) -> Self {
        Interpreter {
            name,
            index,
            raw: AtomicPtr::new(raw),
            register: Mutex::default(),
            abandoned: AtomicUsize::new(0),
            state: OnceLock::new(),
        }
    }

    pub(super) fn is(&self, raw: *mut ffi::PyInterpreterState) -> bool {
        self.raw.load(Ordering::Acquire) == raw
    }

    /// The application group's name; empty for the main interpreter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets what the application rooms keep for this interpreter; once.
    pub fn set_state(&self, state: Box<dyn Any + Send + Sync>) {
        let _ = self.state.set(state);
    }

    /// What the application rooms keep for this interpreter.
    pub fn state<S: 'static>(&self) -> Option<&S> {
        self.state.get()?.downcast_ref()
    }

    /// Runs `f` attached to this interpreter, with the thread state that this thread keeps in it, so that
    /// `threading.local` values survive from request to request.
    ///
    /// `None` when Python is being stopped, or has no memory for a thread state. A thread that is attached
    /// already must not call this.
    pub fn attach<R>(&'static self, f: impl FnOnce(Attached<'_>) -> R) -> Option<R> {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                // SAFETY: attached by this function; `f` left the thread state as it was.
                unsafe { ffi::PyEval_SaveThread() };
                DEPTH.with(|depth| depth.set(depth.get() - 1));
            }
        }
        if is_stopping() {
            return None;
        }
        let state = self.child_thread_state()?;
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        // SAFETY: the thread's own state in this interpreter, and no other is current on this thread.
        gil_wait::entering(|| unsafe { ffi::PyEval_RestoreThread(state.0) });
        let _leave = Leave;
        // SAFETY: attached by the line above until `_leave` is dropped.
        let py = unsafe { Attached::assume(self) };
        if self.abandoned.load(Ordering::Relaxed) > 0 {
            self.replace_abandoned(py, state);
        }
        Some(f(py))
    }

    /// This thread's state in this interpreter, made at its first use.
    fn child_thread_state(&'static self) -> Option<ThreadState> {
        let held = HELD.with(|held| held.borrow().get(self.index).copied().flatten());
        if let Some((_, state)) = held {
            return Some(state);
        }
        AT_THREAD_END.with(|_| ());
        if self.index > 0 {
            // Rule 3: PyGILState_Ensure has to find the main interpreter's state.
            super::runtime::main_interpreter()?.child_thread_state()?;
        }
        // SAFETY: the interpreter is alive while the runtime is not stopping; needs no GIL.
        let state = unsafe { ffi::PyThreadState_New(self.raw.load(Ordering::Acquire)) };
        if state.is_null() {
            return None;
        }
        self.adopt(ThreadState(state));
        Some(ThreadState(state))
    }

    /// Notes that the current thread holds `state` in this interpreter.
    fn adopt(&'static self, state: ThreadState) {
        self.register().held.push(state);
        HELD.with(|held| {
            let mut held = held.borrow_mut();
            if held.len() <= self.index {
                held.resize(self.index + 1, None);
            }
            if let Some(slot) = held.get_mut(self.index) {
                *slot = Some((self, state));
            }
        });
    }

    /// For the thread that made the interpreter: keeps the state it was made with.
    ///
    /// # Safety
    ///
    /// `state` is the current thread's state in this interpreter.
    pub(super) unsafe fn adopt_current(&'static self, state: *mut ffi::PyThreadState) {
        AT_THREAD_END.with(|_| ());
        self.adopt(ThreadState(state));
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread that ends leaves its state behind; who attaches next deletes it.
    fn child_abandon(&self, state: ThreadState) {
        let mut register = self.register();
        register.held.retain(|held| *held != state);
        register.abandoned.push(state);
        self.abandoned.store(register.abandoned.len(), Ordering::Relaxed);
    }

    /// Deletes what is abandoned while `own`, this thread's state, is current.
    ///
    /// From Python 3.12 on, deleting the state of another thread makes this one forget which state
    /// `PyGILState_Ensure()` finds for it, as if it had deleted its own. So another is current meanwhile: `own`
    /// is noted anew when it takes over from that.
    fn replace_abandoned(&self, py: Attached<'_>, own: ThreadState) {
        let stand_in = if cfg!(Py_3_12) {
            // SAFETY: an interpreter that is alive.
            unsafe { ffi::PyThreadState_New(self.raw.load(Ordering::Acquire)) }
        } else {
            ptr::null_mut()
        };
        if stand_in.is_null() {
            return self.delete_abandoned(py);
        }
        // SAFETY: this thread holds the GIL by its own state, and has it by that again at the end; in between
        // by a new state of the same interpreter, which nobody else knows and which has gone then.
        unsafe {
            ffi::PyThreadState_Swap(stand_in);
            self.delete_abandoned(py);
            ffi::PyThreadState_Clear(stand_in);
            ffi::PyThreadState_DeleteCurrent();
            ffi::PyEval_RestoreThread(own.0);
        }
    }

    fn delete_abandoned(&self, _py: Attached<'_>) {
        let abandoned = {
            let mut register = self.register();
            self.abandoned.store(0, Ordering::Relaxed);
            std::mem::take(&mut register.abandoned)
        };
        for state in abandoned {
            // SAFETY: attached to its interpreter; its thread has ended, so nobody else uses it.
            unsafe {
                ffi::PyThreadState_Clear(state.0);
                ffi::PyThreadState_Delete(state.0);
            }
        }
    }

    /// Deletes every thread state in this interpreter but the current thread's (rule 4). Those of threads
    /// that Python started itself are left to Python's own shutdown.
    ///
    /// # Safety
    ///
    /// No other thread is in, or will come back to, this interpreter.
    pub(super) unsafe fn delete_other_threads(&self, py: Attached<'_>) {
        // SAFETY: attached; only reads which state is current.
        let current = ThreadState(unsafe { ffi::PyThreadState_Get() });
        let held = {
            let mut register = self.register();
            std::mem::take(&mut register.held)
        };
        for state in held {
            if state == current {
                self.register().held.push(state);
            } else {
                // SAFETY: attached to its interpreter; its thread does not come back (caller's promise).
                unsafe {
                    ffi::PyThreadState_Clear(state.0);
                    ffi::PyThreadState_Delete(state.0);
                }
            }
        }
        self.delete_abandoned(py);
    }

    /// Whether the interpreter has thread states besides the current one.
    pub(super) fn has_foreign_threads(&self, _py: Attached<'_>) -> bool {
        // SAFETY: attached; only the current state, which stays, is looked into: others may end at any time
        // where there is no GIL.
        unsafe {
            let current = ffi::PyThreadState_Get();
            let head = ffi::PyInterpreterState_ThreadHead(self.raw.load(Ordering::Acquire));
            head != current || !ffi::PyThreadState_Next(current).is_null()
        }
    }

    /// The current thread's state here, for the thread that stops Python; null when it has none.
    pub(super) fn stopping_state(&'static self) -> *mut ffi::PyThreadState {
        self.child_thread_state().map_or(ptr::null_mut(), |state| state.0)
    }

    /// Marks the interpreter as gone.
    pub(super) fn forget(&self) {
        self.raw.store(ptr::null_mut(), Ordering::Release);
        self.register().held.clear();
        HELD.with(|held| {
            if let Some(slot) = held.borrow_mut().get_mut(self.index) {
                *slot = None;
            }
        });
    }
}

const _: fn() = || {
    fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Interpreter>();
    shared_between_threads::<Lease>();
};
