//! The start and the end of Python in httpd's processes.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use super::{limits, usual_python};
use crate::app::{self, HashSeed, Import, Settings, Stopped};
use crate::config::interpreter::{self, PythonSettings, Utf8Mode};
use crate::config::python_home::{self, HomeKind, HomeProblem, ServingUser};
use crate::config::settings::ServerSettings;
use crate::embedded::Bystander;
use crate::gateway::{COMPATIBLE_WITH, Code, Level};
use crate::httpd::{Child, Startup, log, process, scoreboard};
use crate::pymodule::{InterpreterSetup, ServerReporter, ServerText, Setup};
use crate::sys;
use crate::wsgi::Constants;

/// How long a stopping process waits for requests that are still in Python.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether this process ends without ending Python (`WSGIDestroyInterpreter Off`).
static LEAVES_PYTHON: AtomicBool = AtomicBool::new(false);

/// Names Python in the server's banner and looks at what the children will need.
pub(in super::super) fn parent_configured(startup: &Startup<'_>) {
    startup.add_component("Python", &app::python_version());
    let settings = startup.settings();
    limits::parent_warn(&settings.python);
    if settings.restrict_embedded() && !settings.needs_embedded_python() {
        return;
    }
    notice_embedded();
    if let Some(home) = &settings.python.home {
        let (uid, gid) = process::serving_user();
        let gids = sys::user::groups_of(&process::serving_user_name(), gid);
        let user = ServingUser { uid, gids };
        match python_home::check(Path::new(home), usual_python(), &user) {
            // The children look again.
            Ok(_) | Err(HomeProblem::Hidden(_)) => {}
            Err(problem) => report_home(&problem),
        }
    }
}

/// Tells root, once, what it means to run applications in httpd's own processes.
fn notice_embedded() {
    static TOLD: Once = Once::new();
    if !sys::detach::is_root() {
        return;
    }
    TOLD.call_once(|| {
        let text = "applications may run in httpd's own processes, with their account, TLS keys and scoreboard; \
                    daemon groups with accounts of their own and 'WSGIRestrictEmbedded On' keep them apart";
        log::notice(Code::EMBEDDED_BY_ROOT, text.as_bytes());
    });
}

fn report_home(problem: &HomeProblem) {
    let text = format!("WSGIPythonHome: {problem}");
    log::server(Level::Error, Some(problem.code()), text.as_bytes());
}

/// Starts Python, unless the configuration keeps it out of httpd's processes; whether it runs.
pub(in super::super) fn child_start(child: &Child<'_>) -> bool {
    let settings = child.settings();
    if settings.restrict_embedded() && !settings.needs_embedded_python() {
        return false;
    }
    let python = match python_settings(&settings.python) {
        Ok(python) => python,
        // The parent has told; here it is told again only if it looked different there.
        Err(problem) => {
            report_home(&problem);
            return false;
        }
    };
    if let Some(eggs) = settings.python.eggs.as_deref()
        && let Ok(eggs) = CString::new(eggs)
    {
        // Python, and what is shown of the environment, begin with what stands here now.
        sys::process::child_set_variable(c"PYTHON_EGG_CACHE", &eggs);
    }
    LEAVES_PYTHON.store(!settings.python.destroy_interpreter(), Ordering::Release);
    match app::child_start(&python, setup(settings)) {
        Ok(()) => {
            import_scripts(settings);
            true
        }
        Err(error) => {
            let text = format!("Python could not be started: {error}");
            log::server(Level::Error, Some(Code::PYTHON_START_FAILED), text.as_bytes());
            false
        }
    }
}

/// Loads what httpd's own processes are to load before they serve.
fn import_scripts(settings: &ServerSettings) {
    let Some(finished) = &settings.finished else {
        return;
    };
    for script in finished.imports_of("") {
        // An alias may lead to a directory of scripts, of which none is named.
        if script.source != "WSGIImportScript" && Path::new(&*script.path).is_dir() {
            continue;
        }
        let path = script.path.as_bytes();
        let import = Import {
            application_group: &script.application_group,
            script: path,
            fold_case: !settings.case_sensitivity(),
            is_service: false,
        };
        let _ = app::import(&import, &mut Bystander::without_request(path));
    }
}

fn python_settings(settings: &PythonSettings) -> Result<Settings, HomeProblem> {
    let mut python = Settings {
        home: None,
        program_name: app::default_program().map(|program| program.as_bytes().to_vec()),
        optimize: settings.optimize,
        dont_write_bytecode: settings.dont_write_bytecode(),
        warnings: settings.warnings.clone(),
        hash_seed: settings.hash_seed.map(|seed| match seed {
            interpreter::HashSeed::Random => HashSeed::Random,
            interpreter::HashSeed::Fixed(seed) => HashSeed::Fixed(seed),
        }),
        utf8_mode: match settings.utf8_mode() {
            Utf8Mode::Auto => None,
            Utf8Mode::On => Some(true),
            Utf8Mode::Off => Some(false),
        },
        free_threading: settings.interpreter_options("", "").free_threading,
    };
    if let Some(home) = &settings.home {
        let home = python_home::check_here(Path::new(home), usual_python())?;
        match home.kind {
            HomeKind::Venv { program, .. } => python.program_name = Some(path_bytes(&program)),
            HomeKind::Prefix => {
                python.home = Some(path_bytes(&home.prefix));
                // Also what sys.executable says, which some libraries start.
                let program = home.prefix.join("bin/python3");
                python.program_name = program.exists().then(|| path_bytes(&program));
            }
        }
    }
    Ok(python)
}

fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

fn setup(settings: &ServerSettings) -> Setup {
    let capacity = process::capacity();
    Setup {
        constants: Constants {
            multithread: capacity.threads != 1,
            multiprocess: capacity.processes != 1,
            run_once: false,
            version: COMPATIBLE_WITH,
            server_version: process::server_version(),
        },
        process_group: String::new(),
        maximum_processes: capacity.processes,
        threads_per_process: capacity.threads,
        server: ServerText {
            description: process::server_description(),
            mpm_name: process::mpm_name(),
            build_date: process::build_date(),
            maximum_processes: capacity.processes,
            threads_per_process: capacity.threads,
        },
        environment: std::env::vars_os()
            .map(|(name, value)| (name.into_encoded_bytes(), value.into_encoded_bytes()))
            .collect(),
        interpreter: interpreter_setups(settings),
        debugging: process::is_debugging(),
        log: log::process,
        origin_log: log::process_from,
        server_reporter: settings
            .server_metrics()
            .then(|| Arc::new(scoreboard::report) as ServerReporter),
    }
}

/// Settings of each interpreter by name.
fn interpreter_setups(settings: &ServerSettings) -> Box<dyn Fn(&str) -> InterpreterSetup + Send + Sync> {
    let python = settings.python.clone();
    Box::new(move |name| {
        let options = python.interpreter_options("", name);
        let without_gil = app::IS_FREE_THREADED && options.free_threading;
        let own_gil = options.per_interpreter_gil && !name.is_empty() && !without_gil;
        // Interpreters that share a GIL share its interval.
        let fitting = (own_gil || !options.switch_interval_of_application) && !without_gil;
        InterpreterSetup {
            python_path: options.path,
            home: None,
            restrict_stdin: options.restrict_stdin,
            restrict_stdout: options.restrict_stdout,
            restrict_signal: options.restrict_signal,
            switch_interval: options
                .switch_interval
                .filter(|_| fitting)
                .map(|interval| interval.as_secs_f64()),
            own_gil,
        }
    })
}

/// Stops Python.
pub(in super::super) fn child_exit() {
    if LEAVES_PYTHON.load(Ordering::Acquire) {
        app::child_leave();
        return;
    }
    if let Stopped::Abandoned(requests) = app::child_stop(PATIENCE) {
        let text = format!("Python was left without being finalised, with {requests} requests still running");
        log::server(Level::Warning, Some(Code::STOP_INCOMPLETE), text.as_bytes());
    }
}
