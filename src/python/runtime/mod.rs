//! Starting and stopping Python in an httpd child, and taking it over in a worker.
//!
//! Nothing here runs in httpd's parent: a child starts Python after it was forked, so that every start of
//! a child is a clean start, and stops it on the thread that started it. A worker is a process of a Python
//! executable, which has started Python already and ends it.

mod start;
mod stop;
mod worker;

use std::cell::Cell;
use std::ffi::CStr;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use pyo3::ffi;
use rustc_hash::FxHashMap;

use super::{Attached, Interpreter};

pub use start::{HashSeed, Settings};
pub use stop::{Stopped, child_leave, child_stop};
pub use worker::{worker_announce_stop, worker_start, worker_stop};

/// Why Python, or an interpreter, could not start. One line.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a request got no interpreter.
#[derive(Debug)]
pub enum NoInterpreter {
    /// Python has not been started in this process, or is being stopped.
    NotRunning,
    /// As many interpreters exist as are allowed; the limit.
    TooMany(usize),
    /// The new interpreter failed.
    Failed(StartError),
}

/// What every interpreter of a process gets.
pub trait Plan: Send + Sync {
    /// How the sub-interpreter of application group `name` is separated from the others.
    fn isolation(&self, name: &str) -> Isolation;

    /// Sets up a new interpreter. Called once in each, attached to it, before anything else runs there.
    fn prepare(&self, py: Attached<'_>) -> Result<(), String>;

    /// Tells an interpreter that the process stops, and why if it is a worker. Called once in each, attached
    /// to it, while requests may still run.
    fn announce_stop(&self, _py: Attached<'_>, _reason: &str) {}
}

/// How a sub-interpreter is separated from the others of its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// It shares the main interpreter's GIL, and any extension module may be imported.
    #[default]
    SharedGil,
    /// It has a GIL of its own (PEP 684): it runs at the same time as others, and imports only extension
    /// modules that say they can. Python before 3.12 knows no such interpreters.
    OwnGil,
}

/// Whether this Python has interpreters with a GIL of their own.
pub const HAS_OWN_GIL: bool = cfg!(Py_3_12);

/// Whether this Python can run without a GIL (PEP 703).
pub const IS_FREE_THREADED: bool = cfg!(Py_GIL_DISABLED);

/// Whether Python was started without its GIL.
static WITHOUT_GIL: AtomicBool = AtomicBool::new(false);

/// Whether Python was started with a GIL, so that one thread at a time changes objects of an interpreter. An
/// extension module that needs a GIL may have brought it back since, but it never goes away later.
pub fn has_gil() -> bool {
    !IS_FREE_THREADED || !WITHOUT_GIL.load(Ordering::Relaxed)
}

/// Asks Python, as the configuration is not the only thing that decides.
fn runs_without_gil(py: Attached<'_>) -> bool {
    let enabled = py
        .import(c"sys")
        .and_then(|sys| sys.call_method(py, c"_is_gil_enabled", []))
        .and_then(|enabled| enabled.is_true(py));
    matches!(enabled, Ok(false))
}

struct Runtime {
    main: &'static Interpreter,
    groups: RwLock<FxHashMap<String, &'static Interpreter>>,
    /// Serialises the making of interpreters.
    making: Mutex<()>,
    plan: Box<dyn Plan>,
    /// Requests that are running Python now.
    active: AtomicUsize,
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static STOPPING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The sub-interpreter of this thread's last request, which mostly is that of the next one too. They live as
    /// long as the process.
    static LAST: Cell<Option<&'static Interpreter>> = const { Cell::new(None) };
}

/// The Python version that rwsgi was built with, `3.11` for example.
pub const BUILT_WITH: &str = env!("RWSGI_PYTHON_VERSION");

/// Whether [`child_stop`] has begun: nobody may attach any more.
pub fn is_stopping() -> bool {
    STOPPING.load(Ordering::Acquire)
}

/// The version of the Python library in use, `3.11.2` for example. Needs no started Python.
pub fn version() -> String {
    // SAFETY: a static C string, available before initialisation.
    let full = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy();
    full.split_whitespace().next().unwrap_or_default().to_string()
}

/// The main interpreter, once Python runs.
pub fn main_interpreter() -> Option<&'static Interpreter> {
    RUNTIME.get().map(|runtime| runtime.main)
}

/// How many requests are in Python now, or on their way into it.
pub fn active_requests() -> usize {
    RUNTIME
        .get()
        .map_or(0, |runtime| runtime.active.load(Ordering::Relaxed))
}

/// The interpreter that the current thread is attached to, from inside a call by CPython.
///
/// # Safety
///
/// The current thread is attached.
pub(super) unsafe fn current_interpreter() -> Option<&'static Interpreter> {
    // SAFETY: attached by the caller's promise.
    let raw = unsafe { ffi::PyInterpreterState_Get() };
    let runtime = RUNTIME.get()?;
    let groups = runtime.groups.read().unwrap_or_else(PoisonError::into_inner);
    std::iter::once(runtime.main)
        .chain(groups.values().copied())
        .find(|interpreter| interpreter.is(raw))
}

/// Starts Python on the current thread and sets up the main interpreter by `plan`.
///
/// Never aborts the process: what Python refuses comes back as an error. Call it once in a process, in a
/// child of httpd.
pub fn child_start(settings: &Settings, plan: Box<dyn Plan>) -> Result<(), StartError> {
    if RUNTIME.get().is_some() {
        return Ok(());
    }
    start::initialize(settings)?;
    // SAFETY: initialised by this thread, which is attached to the main interpreter.
    unsafe { set_up(plan) }
}

/// Sets up the main interpreter by `plan`, and detaches from it.
///
/// # Safety
///
/// The current thread is attached to the main interpreter, and no [`Attached`] is used after this.
unsafe fn set_up(plan: Box<dyn Plan>) -> Result<(), StartError> {
    // SAFETY: attached to the main interpreter by the caller's promise.
    let (raw, state) = unsafe { (ffi::PyInterpreterState_Main(), ffi::PyThreadState_Get()) };
    let main: &'static Interpreter = Box::leak(Box::new(Interpreter::new(String::new(), 0, raw)));
    // SAFETY: the thread state that is current.
    unsafe { main.adopt_current(state) };
    // SAFETY: this thread is attached until PyEval_SaveThread below.
    let py = unsafe { Attached::assume(main) };
    if IS_FREE_THREADED {
        WITHOUT_GIL.store(runs_without_gil(py), Ordering::Relaxed);
    }
    let prepared = plan.prepare(py);
    // SAFETY: attached.
    unsafe { ffi::PyEval_SaveThread() };
    let runtime = Runtime {
        main,
        groups: RwLock::default(),
        making: Mutex::default(),
        plan,
        active: AtomicUsize::new(0),
    };
    let _ = RUNTIME.set(runtime);
    prepared.map_err(StartError)
}

/// Runs `f` in every interpreter there is now, the main one last.
pub fn in_every_interpreter(mut f: impl FnMut(Attached<'_>)) {
    let Some(runtime) = RUNTIME.get() else { return };
    for interpreter in runtime.all() {
        let _ = interpreter.attach(&mut f);
    }
}

/// Counts a request as running Python; see [`child_stop`].
pub struct Active(&'static Runtime);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Release);
    }
}

/// The interpreter of application group `name` (empty: the main one), made at its first use, and a guard
/// to hold while the request uses it. At most `limit` sub-interpreters are made.
///
/// Blocks while another thread makes an interpreter; do not call it attached.
pub fn interpreter(name: &str, limit: usize) -> Result<(&'static Interpreter, Active), NoInterpreter> {
    let runtime = RUNTIME.get().ok_or(NoInterpreter::NotRunning)?;
    runtime.active.fetch_add(1, Ordering::Acquire);
    let active = Active(runtime);
    if is_stopping() {
        return Err(NoInterpreter::NotRunning);
    }
    if name.is_empty() {
        return Ok((runtime.main, active));
    }
    if let Some(last) = LAST.get().filter(|last| last.name() == name) {
        return Ok((last, active));
    }
    let found = match runtime.find(name) {
        Some(found) => found,
        None => runtime.make(name, limit)?,
    };
    LAST.set(Some(found));
    Ok((found, active))
}

impl Runtime {
    fn find(&self, name: &str) -> Option<&'static Interpreter> {
        self.groups
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied()
    }

    fn count(&self) -> usize {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn make(&'static self, name: &str, limit: usize) -> Result<&'static Interpreter, NoInterpreter> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = self.find(name) {
            return Ok(found);
        }
        let count = self.count();
        if count >= limit {
            return Err(NoInterpreter::TooMany(limit));
        }
        let made = self
            .main
            .attach(|py| self.new_interpreter(py, name, count + 1))
            .ok_or(NoInterpreter::NotRunning)?
            .map_err(NoInterpreter::Failed)?;
        self.groups
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_string(), made);
        Ok(made)
    }

    fn new_interpreter(
        &self,
        _main: Attached<'_>,
        name: &str,
        index: usize,
    ) -> Result<&'static Interpreter, StartError> {
        // SAFETY: attached to the main interpreter.
        let main_state = unsafe { ffi::PyThreadState_Get() };
        // SAFETY: attached to the main interpreter, whose thread state is made current again below.
        let state = unsafe { new_thread_state(self.plan.isolation(name)) };
        if state.is_null() {
            // SAFETY: a failed start leaves the caller's state current or none.
            unsafe { ffi::PyThreadState_Swap(main_state) };
            return Err(StartError(format!(
                "no new interpreter for application group '{name}'"
            )));
        }
        // SAFETY: the new interpreter's state is current.
        let raw = unsafe { ffi::PyThreadState_GetInterpreter(state) };
        let made: &'static Interpreter = Box::leak(Box::new(Interpreter::new(name.to_string(), index, raw)));
        // SAFETY: `state` belongs to this thread and is current.
        unsafe { made.adopt_current(state) };
        // SAFETY: attached to the new interpreter until the swap below.
        let prepared = self.plan.prepare(unsafe { Attached::assume(made) });
        // SAFETY: both states belong to this thread; the swap lets one GIL go and takes the other, where
        // they are two.
        unsafe { ffi::PyThreadState_Swap(main_state) };
        prepared.map_err(StartError)?;
        Ok(made)
    }
}

/// Makes a sub-interpreter and leaves its thread state current; null when it could not be made.
///
/// # Safety
///
/// The current thread is attached to the main interpreter.
unsafe fn new_thread_state(isolation: Isolation) -> *mut ffi::PyThreadState {
    #[cfg(Py_3_12)]
    if isolation == Isolation::OwnGil {
        // What a web application expects to work stays allowed.
        let config = ffi::PyInterpreterConfig {
            allow_fork: 1,
            allow_exec: 1,
            allow_daemon_threads: 1,
            ..ffi::_PyInterpreterConfig_INIT
        };
        let mut state = std::ptr::null_mut();
        // SAFETY: caller's promise; a complete configuration and a valid out-parameter.
        let status = unsafe { ffi::Py_NewInterpreterFromConfig(&raw mut state, &raw const config) };
        return if start::check(status).is_ok() {
            state
        } else {
            std::ptr::null_mut()
        };
    }
    let _ = isolation;
    // SAFETY: caller's promise.
    unsafe { ffi::Py_NewInterpreter() }
}
