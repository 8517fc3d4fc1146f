//! The plan of the group that the command line describes.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::arguments::{CommonArguments, GroupArguments};
use super::loader::Loader;
use crate::cli::installation::{OWN_PYTHON, absolute, own_python};
use crate::config::daemon_group::DaemonOptions;
use crate::config::interpreter::PythonSettings;
use crate::config::plan::identity::{self, HttpdAccount, IdentityProblem};
use crate::config::plan::{GroupPlan, HttpdFacts, Identity, LogLevel};
use crate::config::python_home::{self, EmbeddedPython};
use crate::config::workers;
use crate::scoreboard::Layout;
use crate::sys::accounts::System;
use crate::sys::user;

/// How long a read or write on a connection may take, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The Python that is looked for in an installation that does not tell its version.
const USUAL_PYTHON: EmbeddedPython = EmbeddedPython {
    version: (3, 11),
    free_threaded: false,
};

/// The group, without what it serves.
pub(in super::super) fn group_plan(
    common: &CommonArguments,
    group: &GroupArguments,
    loader: &Loader,
    directory: &Path,
) -> Result<GroupPlan, String> {
    let mut options = group.options()?;
    let own_folder = &loader.application().directory;
    if options.threads == 0 {
        return Err("--threads 0: a process needs a thread to answer requests".into());
    }
    if options.processes() >= Layout::MOST_POSITIONS / 2 {
        return Err("--processes: a machine runs a few processes for each of its processors".into());
    }
    for folder in options.python_path.iter_mut().chain(&mut options.python_home) {
        *folder = directory.join(&*folder).to_string_lossy().into_owned();
    }
    options
        .python_path
        .push(own_folder.to_string_lossy().into_owned());
    if options.home.is_none() {
        options.home = Some(own_folder.to_string_lossy().into_owned());
    }
    let resolved =
        identity::resolve(&options, starter(&options)?, &System).map_err(|problem| match problem {
            IdentityProblem::Root => {
                "applications do not run as root: name a user without privileges by --user".to_owned()
            }
            problem => format!("--{problem}"),
        })?;
    if let Some(option) = resolved.ignored.first() {
        return Err(format!(
            "--{option}: only root can start processes as somebody else"
        ));
    }
    let log_level = level(&common.log_level);
    Ok(GroupPlan {
        name: loader.application().to_string(),
        number: 0,
        executable: executable(&options, &resolved.identity)?,
        choice: None,
        told: None,
        python: PythonSettings::default(),
        identity: resolved.identity,
        socket_uid: resolved.socket_uid,
        imports: Vec::new(),
        fold_case: false,
        log: 0,
        log_level,
        public: None,
        options,
    })
}

/// Whom processes run as without further words: whoever starts this command; as root, the user who is named
/// and that user's group.
fn starter(options: &DaemonOptions) -> Result<HttpdAccount, String> {
    let root = user::own_uid() == 0;
    let named = options.user.as_deref().filter(|_| root);
    match (named.and_then(user::user_meant), named) {
        (Some(found), _) => Ok(HttpdAccount {
            root,
            uid: found.uid,
            gid: found.gid,
        }),
        (None, Some(name)) if options.group.is_none() => Err(format!(
            "--user {name}: there is no such user, or its group is not known: give --group too"
        )),
        (None, _) => Ok(HttpdAccount {
            root,
            uid: user::own_uid(),
            gid: user::own_gid(),
        }),
    }
}

/// The Python executable: the one that is named, the one that this command is installed for, that of the environment, or
/// the first on PATH that the processes may run.
fn executable(options: &DaemonOptions, identity: &Identity) -> Result<PathBuf, String> {
    let serving = identity.serving_user(&System);
    let is_named = options.python.is_some() || options.python_home.is_some();
    if let Some(own) = own_python().filter(|_| !is_named) {
        return python_home::check_program(&own, &serving)
            .map(|()| own)
            .map_err(|problem| format!("{OWN_PYTHON}: {problem}"));
    }
    let active = env::var("VIRTUAL_ENV").ok().filter(|home| !home.is_empty());
    let home = options.python_home.as_ref().or(active.as_ref());
    let usable = |program: PathBuf| python_home::check_program(&program, &serving).map(|()| program);
    let (option, found) = match (&options.python, home) {
        (Some(program), _) => ("--python", usable(PathBuf::from(program))),
        (None, Some(home)) => (
            "--python-home",
            python_home::program_of_home(Path::new(home), USUAL_PYTHON, &serving),
        ),
        (None, None) => {
            let path = env::var_os("PATH").unwrap_or_default();
            let first = env::split_paths(&path)
                .map(|folder| folder.join("python3"))
                .filter(|program| program.is_file())
                .find_map(|program| usable(program).ok());
            (
                "python3",
                first.map_or_else(|| usable(python_home::SYSTEM_PROGRAM.into()), Ok),
            )
        }
    };
    found.map_err(|problem| format!("{option}: {problem}"))
}

fn level(name: &str) -> LogLevel {
    LogLevel(match name {
        "error" => 3,
        "warn" => 4,
        "debug" => 7,
        _ => 6,
    })
}

/// What stands for httpd where there is none.
pub(in super::super) fn facts(description: &str, group: &GroupPlan) -> HttpdFacts {
    HttpdFacts {
        pid: std::process::id(),
        uid: group.identity.uid,
        gid: group.identity.gid,
        core_dumps: false,
        timeout: TIMEOUT,
        version: [0; 3],
        description: description.to_owned(),
        mpm_name: String::new(),
        build_date: String::new(),
        maximum_processes: group.options.processes().into(),
        threads_per_process: group.options.threads.into(),
        log_level: group.log_level,
    }
}

/// Folders of workers: those that are named, those beside this command, those that are installed.
pub(in super::super) fn worker_folders(named: &[PathBuf]) -> Vec<PathBuf> {
    let own = env::current_exe().ok();
    let named = named.iter().map(|folder| absolute(folder));
    named.chain(workers::worker_folders(own.as_deref())).collect()
}
