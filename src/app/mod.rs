//! The one door to applications and hook scripts: attach, load, run.

mod import;
mod question;
mod worker;

use std::sync::OnceLock;

use crate::config::target::DEFAULT_CALLABLE;
use crate::gateway::bytes::same;
use crate::gateway::{Code, Environ, Exchange, Level, Outcome, SourceStamp};
use crate::pymodule::{self, Setup};
use crate::python::runtime::{self, Isolation, NoInterpreter, Plan, StartError};
use crate::python::{Attached, Interpreter, Object, Stored};
use crate::script::{self, ScriptError, Scripts};
use crate::{sys, wsgi};

pub use crate::python::Interruptible;
pub use crate::python::runtime::{HAS_OWN_GIL, HashSeed, IS_FREE_THREADED, Settings};
pub use crate::script::{Access, Destination, Password, RealmHash};
pub use import::{Import, import};
pub use question::{
    Question, Unanswered, allow_access, check_password, dispatch, get_realm_hash, groups_for_user,
};

pub use worker::{
    ScriptWatcher, Watch, catch_fatal_signals, check_signals, exit_at_sigterm, import_module, interrupt,
    publish_signal, worker_start, write_stacks,
};

/// Most sub-interpreters of one process. Their names can depend on what clients send.
pub const MAX_INTERPRETERS: usize = 128;

/// Whether this is the script of the application that came first, to this process or to those that it replaces: the
/// one that `RWSGIApplicationGroup auto` gives the main interpreter.
///
/// The file decides, not the name of the application group, in which a client may have a say.
pub fn is_first_application(script: &[u8]) -> bool {
    static FIRST: OnceLock<Box<[u8]>> = OnceLock::new();
    same(FIRST.get_or_init(|| script.into()), script)
}

/// What the rooms above Python keep for each interpreter.
struct InterpreterState {
    wsgi: wsgi::State,
    scripts: Scripts,
    /// The name that nearly every callable has.
    default_callable: Stored,
}

/// What runs a request.
pub struct Job<'a, 'r> {
    /// The application group; empty for the main interpreter.
    pub application_group: &'a str,
    /// The script's file name.
    pub script: &'a [u8],
    /// The version of that file.
    pub stamp: SourceStamp,
    /// Whether another version of the file is loaded again (`WSGIScriptReloading`).
    pub reload: bool,
    /// Whether file names that differ in letter case are the same (`WSGICaseSensitivity`).
    pub fold_case: bool,
    /// The file that a handler script answers for; it may be a reason to load the script again.
    pub resource: Option<&'a [u8]>,
    /// The global name of the callable.
    pub callable: &'a str,
    /// The request's variables.
    pub environ: &'a Environ<'r>,
    /// When the request came.
    pub times: wsgi::Times,
    /// In a worker: who follows the request.
    pub watch: Option<Watch<'a>>,
}

/// Starts Python in a child of httpd.
pub fn child_start(settings: &Settings, setup: Setup) -> Result<(), StartError> {
    sys::process::watch_for_fork();
    runtime::child_start(settings, Box::new(Interpreters(setup)))
}

/// What every interpreter of the process gets: the modules, the restrictions, and our state.
struct Interpreters(Setup);

impl Plan for Interpreters {
    fn isolation(&self, name: &str) -> Isolation {
        if (self.0.interpreter)(name).own_gil {
            Isolation::OwnGil
        } else {
            Isolation::SharedGil
        }
    }

    fn prepare(&self, py: Attached<'_>) -> Result<(), String> {
        let wsgi = pymodule::prepare(py, &self.0)?;
        let default_callable = py
            .key(DEFAULT_CALLABLE.as_bytes(), true)
            .map_err(|_| "no memory")?
            .store();
        py.interpreter().set_state(Box::new(InterpreterState {
            wsgi,
            scripts: Scripts::default(),
            default_callable,
        }));
        Ok(())
    }

    fn announce_stop(&self, py: Attached<'_>, reason: &str) {
        if let Some(state) = py.interpreter().state::<InterpreterState>() {
            pymodule::announce_stop(py, &state.wsgi, reason);
        }
    }
}

/// Runs one request. What the response still has staged when this returns is the caller's to send.
pub fn run(job: &Job<'_, '_>, exchange: &mut dyn Exchange) -> Outcome {
    let (interpreter, _active) = match runtime::interpreter(job.application_group, MAX_INTERPRETERS) {
        Ok(found) => found,
        Err(reason) => return no_interpreter(job.application_group, exchange, &reason),
    };
    let outcome = interpreter.attach(|py| run_attached(py, interpreter, job, exchange));
    if sys::process::is_forked_copy() {
        // The application forked and its copy came back to us: the request is the original's to answer.
        sys::process::end_forked_copy();
    }
    outcome.unwrap_or_else(|| no_interpreter(job.application_group, exchange, &NoInterpreter::NotRunning))
}

fn run_attached(
    py: Attached<'_>,
    interpreter: &'static Interpreter,
    job: &Job<'_, '_>,
    exchange: &mut dyn Exchange,
) -> Outcome {
    let Some(state) = interpreter.state::<InterpreterState>() else {
        return no_interpreter(job.application_group, exchange, &NoInterpreter::NotRunning);
    };
    let place = job.watch.and_then(|watch| watch.interruptible);
    let _inside = place.map(|place| place.enter(py));
    if job.reload && job.resource.is_some() {
        forget_outdated(py, state, job, exchange);
    }
    let application = match find_application(py, state, job) {
        Ok(application) => application,
        Err(failure) => return failure.report(job, exchange),
    };
    wsgi::run(py, &state.wsgi, exchange, job.environ, job.times, &application)
}

/// Lets a loaded handler script say that it is to be loaded again.
fn forget_outdated<'py>(
    py: Attached<'py>,
    state: &InterpreterState,
    job: &Job<'_, '_>,
    exchange: &mut dyn Exchange,
) {
    let (Some(resource), Some(globals)) = (
        job.resource,
        state
            .scripts
            .find(py, job.script, job.stamp, job.reload && job.watch.is_none()),
    ) else {
        return;
    };
    let module = script::Module {
        py,
        path: job.script,
        globals,
    };
    match script::reload_required(&module, resource) {
        Ok(true) => match job.watch {
            None => state.scripts.forget(py, job.script, &module.globals),
            Some(watch) => py.detach(|| {
                watch
                    .scripts
                    .outdated(job.application_group, job.script, job.stamp);
            }),
        },
        Ok(false) => {}
        Err(error) => {
            exchange.log_exception(error.code, &error.title, &error.traceback, job.application_group);
        }
    }
}

/// Why there is nothing to call.
enum Missing {
    Script(Box<ScriptError>),
    Callable,
}

fn find_application<'py>(
    py: Attached<'py>,
    state: &InterpreterState,
    job: &Job<'_, '_>,
) -> Result<Object<'py>, Missing> {
    let globals = match &job.watch {
        None => state
            .scripts
            .load(py, job.script, job.stamp, job.reload, job.fold_case),
        Some(watch) => watch.load(py, &state.scripts, job),
    }
    .map_err(|error| Missing::Script(Box::new(error)))?;
    let found = if job.callable == DEFAULT_CALLABLE {
        globals.get_item(py, state.default_callable.get(py))
    } else {
        py.text(job.callable).and_then(|name| globals.get_item(py, &name))
    };
    found.ok().flatten().ok_or(Missing::Callable)
}

impl Missing {
    fn report(self, job: &Job<'_, '_>, exchange: &mut dyn Exchange) -> Outcome {
        let script = String::from_utf8_lossy(job.script);
        match self {
            Missing::Script(error) => {
                exchange.log_exception(error.code, &error.title, &error.traceback, job.application_group);
                Outcome::Failed(500)
            }
            Missing::Callable => {
                let text = format!(
                    "[script {script}] WSGI script '{script}' has no callable '{}'.",
                    job.callable
                );
                exchange.log(Level::Error, Some(Code::CALLABLE_MISSING), text.as_bytes());
                Outcome::Failed(404)
            }
        }
    }
}

fn no_interpreter(group: &str, exchange: &mut dyn Exchange, reason: &NoInterpreter) -> Outcome {
    let (status, code, text) = match reason {
        NoInterpreter::NotRunning => (
            500,
            Code::PYTHON_NOT_RUNNING,
            "Python is not running in this process".into(),
        ),
        NoInterpreter::TooMany(limit) => (
            503,
            Code::TOO_MANY_INTERPRETERS,
            format!("application group '{group}' is not made: this process has {limit} already"),
        ),
        NoInterpreter::Failed(error) => (
            500,
            Code::INTERPRETER_FAILED,
            format!("application group '{group}' could not be made: {error}"),
        ),
    };
    exchange.log(Level::Error, Some(code), text.as_bytes());
    Outcome::Failed(status)
}

pub use crate::python::runtime::{Stopped, child_leave, child_stop, worker_announce_stop, worker_stop};

/// The version of the running Python, `3.11.2` for example.
pub fn python_version() -> String {
    runtime::version()
}

/// Major and minor version of the Python that the module was built with.
pub fn built_with() -> (u8, u8) {
    let mut numbers = runtime::BUILT_WITH
        .split('.')
        .map(|number| number.parse().unwrap_or_default());
    (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    )
}

/// The executable of the Python that the module was built with, if it is still there: what Python finds
/// its library by when no WSGIPythonHome is given, instead of whatever `python3` comes first on httpd's
/// PATH.
pub fn default_program() -> Option<&'static str> {
    option_env!("RWSGI_PYTHON_PROGRAM").filter(|program| std::path::Path::new(program).exists())
}
