//! Starting and stopping Python in an httpd child.
//!
//! Nothing here runs in httpd's parent: a child starts Python after it was forked, so that every start of
//! a child is a clean start, and stops it on the thread that started it.

use std::ffi::CStr;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use pyo3::ffi;
use rustc_hash::FxHashMap;

use super::compile::c_string;
use super::{Attached, Interpreter};

/// What Python is started with; contract: the `WSGIPython*` directives.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `PyConfig.home`, from a prefix named by `WSGIPythonHome`.
    pub home: Option<Vec<u8>>,
    /// `PyConfig.program_name`, from a virtual environment named by `WSGIPythonHome`.
    pub program_name: Option<Vec<u8>>,
    /// `-O` level.
    pub optimize: Option<u8>,
    /// `-B`.
    pub dont_write_bytecode: bool,
    /// `-W` options, in order.
    pub warnings: Vec<String>,
    /// `PYTHONHASHSEED`.
    pub hash_seed: Option<HashSeed>,
    /// `-X utf8`; unset, Python decides by the locale and by `PYTHONUTF8`.
    pub utf8_mode: Option<bool>,
}

/// `PYTHONHASHSEED`'s two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashSeed {
    /// A different seed in every process.
    Random,
    /// The same seed in every process.
    Fixed(u32),
}

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

    /// Tells an interpreter that the process stops. Called once in each, attached to it, while requests may
    /// still run.
    fn announce_stop(&self, _py: Attached<'_>) {}
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
    initialize(settings)?;
    // SAFETY: initialised by this thread, which is attached to the main interpreter.
    let (raw, state) = unsafe { (ffi::PyInterpreterState_Main(), ffi::PyThreadState_Get()) };
    let main: &'static Interpreter = Box::leak(Box::new(Interpreter::new(String::new(), 0, raw)));
    // SAFETY: the thread state that initialisation left current.
    unsafe { main.adopt_current(state) };
    // SAFETY: this thread is attached until PyEval_SaveThread below.
    let prepared = plan.prepare(unsafe { Attached::assume(main) });
    // SAFETY: attached since initialisation.
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

/// Owns a `PyConfig` until it is cleared.
struct Config(ffi::PyConfig);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: initialised by `initialize`.
        unsafe { ffi::PyConfig_Clear(&raw mut self.0) }
    }
}

/// Settles how Python decodes text, before it decodes the first.
///
/// Under the C and POSIX locales, which is where init scripts start httpd, Python's own choice is UTF-8
/// mode (PEP 540), unless `PYTHONUTF8=0` says otherwise.
fn preinitialize(settings: &Settings) -> Result<(), StartError> {
    // SAFETY: an all-zero PyPreConfig is what PyPreConfig_InitPythonConfig expects to fill.
    let mut config: ffi::PyPreConfig = unsafe { std::mem::zeroed() };
    // SAFETY: exclusive.
    unsafe { ffi::PyPreConfig_InitPythonConfig(&raw mut config) };
    config.parse_argv = 0;
    if let Some(on) = settings.utf8_mode {
        config.utf8_mode = on.into();
        // Python would otherwise put C.UTF-8 in place of the C locale (PEP 538).
        if !on {
            config.coerce_c_locale = 0;
        }
    }
    // SAFETY: a complete PyPreConfig; Python is not initialised in this process.
    check(unsafe { ffi::Py_PreInitialize(&raw const config) })
}

fn initialize(settings: &Settings) -> Result<(), StartError> {
    preinitialize(settings)?;
    // SAFETY: an all-zero PyConfig is what PyConfig_InitPythonConfig expects to fill.
    let mut config = Config(unsafe { std::mem::zeroed() });
    // SAFETY: a valid, exclusive PyConfig for all calls below; strings are C strings.
    unsafe {
        ffi::PyConfig_InitPythonConfig(&raw mut config.0);
        config.0.parse_argv = 0;
        // httpd owns the process's signals.
        config.0.install_signal_handlers = 0;
        if settings.dont_write_bytecode {
            config.0.write_bytecode = 0;
        }
        if let Some(level) = settings.optimize {
            config.0.optimization_level = level.into();
        }
        match settings.hash_seed {
            Some(HashSeed::Random) => config.0.use_hash_seed = 0,
            Some(HashSeed::Fixed(seed)) => {
                config.0.use_hash_seed = 1;
                config.0.hash_seed = seed.into();
            }
            None => {}
        }
    }
    if let Some(home) = &settings.home {
        set_string(&mut config, |config| &raw mut config.home, home)?;
    }
    if let Some(program) = &settings.program_name {
        set_string(&mut config, |config| &raw mut config.program_name, program)?;
    }
    for warning in &settings.warnings {
        append_warning(&mut config, warning)?;
    }
    // SAFETY: a complete PyConfig; Python is not initialised in this process.
    check(unsafe { ffi::Py_InitializeFromConfig(&raw const config.0) })
}

fn set_string(
    config: &mut Config,
    field: impl FnOnce(&mut ffi::PyConfig) -> *mut *mut libc::wchar_t,
    value: &[u8],
) -> Result<(), StartError> {
    let value = c_string(value);
    let field = field(&mut config.0);
    // SAFETY: `field` lies inside the config that is passed with it.
    check(unsafe { ffi::PyConfig_SetBytesString(&raw mut config.0, field, value.as_ptr()) })
}

fn append_warning(config: &mut Config, warning: &str) -> Result<(), StartError> {
    let wide: Vec<libc::wchar_t> = warning
        .chars()
        .filter(|c| *c != '\0')
        .map(|c| u32::from(c).cast_signed())
        .chain([0])
        .collect();
    // SAFETY: the list is part of the config; the string ends with a zero and is copied.
    check(unsafe { ffi::PyWideStringList_Append(&raw mut config.0.warnoptions, wide.as_ptr()) })
}

fn check(status: ffi::PyStatus) -> Result<(), StartError> {
    // SAFETY: plain inspection of a status returned by CPython.
    if unsafe { ffi::PyStatus_Exception(status) } == 0 {
        return Ok(());
    }
    let text = if status.err_msg.is_null() {
        format!("Python asked to exit with status {}", status.exitcode)
    } else {
        // SAFETY: a static C string of CPython.
        unsafe { CStr::from_ptr(status.err_msg) }
            .to_string_lossy()
            .into_owned()
    };
    Err(StartError(text))
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
    if let Some(found) = runtime.find(name) {
        return Ok((found, active));
    }
    Ok((runtime.make(name, limit)?, active))
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
        return if check(status).is_ok() {
            state
        } else {
            std::ptr::null_mut()
        };
    }
    let _ = isolation;
    // SAFETY: caller's promise.
    unsafe { ffi::Py_NewInterpreter() }
}

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
    if super::is_attached() {
        return Stopped::InsidePython;
    }
    if STOPPING.load(Ordering::Acquire) {
        return Stopped::NotRunning;
    }
    let groups: Vec<&'static Interpreter> = runtime
        .groups
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .values()
        .copied()
        .collect();
    for interpreter in groups.iter().copied().chain([runtime.main]) {
        let _ = interpreter.attach(|py| runtime.plan.announce_stop(py));
    }
    let still_active = runtime.wait_until_idle(patience);
    for interpreter in groups.iter().copied().chain([runtime.main]) {
        let _ = interpreter.attach(run_exit_callbacks);
    }
    if still_active > 0 || !groups.into_iter().all(end_interpreter) {
        STOPPING.store(true, Ordering::Release);
        return Stopped::Abandoned(still_active);
    }
    finalize(runtime.main)
}

impl Runtime {
    fn wait_until_idle(&self, patience: Duration) -> usize {
        let deadline = Instant::now() + patience;
        loop {
            let active = self.active.load(Ordering::Acquire);
            if active == 0 || Instant::now() >= deadline {
                return active;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Runs what CPython itself would run first when the interpreter ends: joins its non-daemon threads and
/// calls the `atexit` callbacks. Errors are printed by Python to `sys.stderr`.
fn run_exit_callbacks(py: Attached<'_>) {
    if let Ok(threading) = py.import(c"threading") {
        drop(threading.call_method(py, c"_shutdown", []));
    }
    if let Ok(atexit) = py.import(c"atexit") {
        drop(atexit.call_method(py, c"_run_exitfuncs", []));
    }
}

/// Ends a sub-interpreter; false when threads of its own keep it alive.
fn end_interpreter(group: &'static Interpreter) -> bool {
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
