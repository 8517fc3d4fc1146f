//! What Python code finds in every interpreter: the modules `mod_wsgi` and `apache`, the streams of `sys`,
//! the restrictions and the module path.

mod process;
mod report;
mod server;

use std::sync::Arc;

pub use process::{announce_stop, publish_signal, write_stacks};
use server::Server;
pub use server::ServerReporter;

use crate::gateway::Level;
use crate::python::native::Method;
use crate::python::{Attached, Code, Object, PyResult, format_exception, native};
use crate::wsgi::{self, Registry};

/// What the modules tell, and how an interpreter is set up; the same for all interpreters of a process.
pub struct Setup {
    /// Constants of every environ.
    pub constants: wsgi::Constants,
    /// `mod_wsgi.process_group`: empty in httpd's own processes.
    pub process_group: String,
    /// `mod_wsgi.maximum_processes`.
    pub maximum_processes: i64,
    /// `mod_wsgi.threads_per_process`.
    pub threads_per_process: i64,
    /// What the module `apache` tells.
    pub server: ServerText,
    /// The variables of the process as it began, before any application could change them.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// What is set for one interpreter, by the name of its application group.
    pub interpreter: Box<dyn Fn(&str) -> InterpreterSetup + Send + Sync>,
    /// Whether the process serves in the foreground for debugging (`httpd -X`): its streams stay usable.
    pub debugging: bool,
    /// Writes a line to the log of the process.
    pub log: wsgi::ProcessLog,
    /// Writes lines of `mod_wsgi.LogHandler` that belong to no request.
    pub origin_log: wsgi::OriginLog,
    /// Answers `mod_wsgi.server_metrics()`; absent unless `WSGIServerMetrics`, or the option
    /// `server-metrics=` of a daemon group, is on.
    pub server_reporter: Option<ServerReporter>,
}

/// What is set for one interpreter.
#[derive(Clone, Debug, Default)]
pub struct InterpreterSetup {
    /// Directories for the front of `sys.path`.
    pub python_path: Vec<String>,
    /// The very first of `sys.path`: the directory that a daemon group is at home in.
    pub home: Option<String>,
    /// Whether `sys.stdin` raises.
    pub restrict_stdin: bool,
    /// Whether `sys.stdout` raises.
    pub restrict_stdout: bool,
    /// Whether `signal.signal` is refused.
    pub restrict_signal: bool,
    /// `sys.setswitchinterval`, in seconds.
    pub switch_interval: Option<f64>,
    /// Whether it has a GIL of its own; never the main interpreter.
    pub own_gil: bool,
}

/// Words about the server.
#[derive(Clone, Debug, Default)]
pub struct ServerText {
    /// Its banner.
    pub description: String,
    /// The name of its multi-processing module.
    pub mpm_name: String,
    /// When it was built.
    pub build_date: String,
    /// Most processes of its multi-processing module.
    pub maximum_processes: i64,
    /// Threads in each.
    pub threads_per_process: i64,
}

const MODULE_SOURCE: &[u8] = include_bytes!("module.py");
const SETUP_SOURCE: &[u8] = include_bytes!("setup.py");

/// Sets up the attached interpreter and returns what WSGI needs there.
pub fn prepare(py: Attached<'_>, setup: &Setup) -> Result<wsgi::State, String> {
    build(py, setup).map_err(|raised| {
        let text = format_exception(py, &raised.take());
        String::from_utf8_lossy(&text).trim().replace('\n', " | ")
    })
}

fn build<'py>(py: Attached<'py>, setup: &Setup) -> PyResult<'py, wsgi::State> {
    let module = native::new_module(py, c"mod_wsgi", c"The WSGI server inside Apache httpd.")?;
    let state = wsgi::State::new(py, &module, &setup.constants, setup.log)?;
    let modules = py.modules();
    fill_mod_wsgi(py, &module, &state, setup)?;
    let graft_package = add_functions(py, &module, &state, setup)?;
    modules.set_item(py, &py.text("mod_wsgi")?, &module)?;
    let apache = native::new_module(py, c"apache", c"The Apache httpd that this Python runs in.")?;
    fill_apache(py, &apache, setup)?;
    let stream = |name, level| state.process_stream(py, name, level, setup.log);
    let told = [
        ("apache", apache),
        ("stderr", stream("<stderr>", Level::Error)?),
        ("stdout", stream("<stdout>", Level::Error)?),
        ("notices", stream("<notices>", Level::Info)?),
        ("graft_package", graft_package),
    ];
    run_setup(py, setup, &told)?;
    Ok(state)
}

fn fill_mod_wsgi<'py>(
    py: Attached<'py>,
    module: &Object<'py>,
    state: &wsgi::State,
    setup: &Setup,
) -> PyResult<'py, ()> {
    module.setattr_str(py, c"version", &version(py, setup.constants.version)?)?;
    module.setattr_str(py, c"process_group", &py.text(&setup.process_group)?)?;
    module.setattr_str(py, c"application_group", &py.text(py.interpreter().name())?)?;
    module.setattr_str(py, c"maximum_processes", &py.int(setup.maximum_processes)?)?;
    module.setattr_str(py, c"threads_per_process", &py.int(setup.threads_per_process)?)?;
    module.setattr_str(py, c"FileWrapper", state.file_wrapper_class(py))
}

/// Adds the registries, the native functions, and what `module.py` makes; what comes back lets an installed
/// package `mod_wsgi` be found, once the module path is complete.
fn add_functions<'py>(
    py: Attached<'py>,
    module: &Object<'py>,
    state: &wsgi::State,
    setup: &Setup,
) -> PyResult<'py, Object<'py>> {
    wsgi::metrics::process_start_micros();
    let events = state.events();
    for (name, registry) in [
        (c"event_callbacks", Registry::Events),
        (c"shutdown_callbacks", Registry::Shutdown),
        (c"signal_callbacks", Registry::Signals),
    ] {
        module.setattr_str(py, name, events.registry(py, registry))?;
    }
    let server = server::server_type(py, module)?.instance(
        py,
        Server {
            events: Arc::clone(events),
            log: setup.origin_log,
            reporter: setup.server_reporter.clone(),
            capacity: report::Capacity {
                threads: setup.threads_per_process,
                is_worker: !setup.process_group.is_empty(),
            },
        },
    )?;
    for name in server::FUNCTIONS {
        module.setattr_str(py, name, &server.getattr_str(py, name)?)?;
    }
    let globals = py.dict()?;
    let set = |name: &str, value: &Object<'py>| globals.set_item(py, &py.text(name)?, value);
    set("__name__", &py.text("mod_wsgi")?)?;
    set("module", module)?;
    set("log", &server.getattr_str(py, server::Log::NAME)?)?;
    set(
        "active_requests",
        &server.getattr_str(py, server::ActiveRequests::NAME)?,
    )?;
    Code::compile(py, MODULE_SOURCE, b"<mod_wsgi>")?.execute_in(py, &globals)?;
    state.set_request_timeout(module.getattr_str(py, c"RequestTimeout")?);
    let graft_package = globals.get_item(py, &py.text("graft_package")?)?;
    Ok(graft_package.unwrap_or_else(|| py.none()))
}

fn fill_apache<'py>(py: Attached<'py>, module: &Object<'py>, setup: &Setup) -> PyResult<'py, ()> {
    module.setattr_str(py, c"version", &version(py, setup.constants.server_version)?)?;
    module.setattr_str(py, c"maximum_processes", &py.int(setup.server.maximum_processes)?)?;
    module.setattr_str(
        py,
        c"threads_per_process",
        &py.int(setup.server.threads_per_process)?,
    )?;
    module.setattr_str(py, c"description", &py.text(&setup.server.description)?)?;
    module.setattr_str(py, c"mpm_name", &py.text(&setup.server.mpm_name)?)?;
    module.setattr_str(py, c"build_date", &py.text(&setup.server.build_date)?)
}

fn version(py: Attached<'_>, numbers: [i64; 3]) -> PyResult<'_, Object<'_>> {
    let [major, minor, patch] = numbers;
    py.tuple([py.int(major)?, py.int(minor)?, py.int(patch)?])
}

/// Runs `setup.py`, which is told everything by name.
fn run_setup<'py>(py: Attached<'py>, setup: &Setup, told: &[(&str, Object<'py>)]) -> PyResult<'py, ()> {
    let globals = py.dict()?;
    let set = |name: &str, value: &Object<'py>| globals.set_item(py, &py.text(name)?, value);
    let path = py.list()?;
    let own = (setup.interpreter)(py.interpreter().name());
    for entry in &own.python_path {
        path.append(py, &py.file_name(entry.as_bytes())?)?;
    }
    let environment = py.dict()?;
    for (name, value) in &setup.environment {
        environment.set_item(py, &py.bytes(name)?, &py.bytes(value)?)?;
    }
    set("environment", &environment)?;
    set("is_main", &py.bool(py.interpreter().name().is_empty()))?;
    for (name, value) in told {
        set(name, value)?;
    }
    set("python_path", &path)?;
    let home = own.home.map(|home| py.file_name(home.as_bytes())).transpose()?;
    set("home", &home.unwrap_or_else(|| py.none()))?;
    set("restrict_stdin", &py.bool(own.restrict_stdin))?;
    set("restrict_stdout", &py.bool(own.restrict_stdout))?;
    set("restrict_signal", &py.bool(own.restrict_signal))?;
    set("debugging", &py.bool(setup.debugging))?;
    let interval = own.switch_interval.map(|seconds| py.float(seconds)).transpose()?;
    set("switch_interval", &interval.unwrap_or_else(|| py.none()))?;
    Code::compile(py, SETUP_SOURCE, b"<mod_wsgi setup>")?.execute_in(py, &globals)?;
    Ok(())
}
