//! What can be told of daemon groups before their processes start, also by `httpd -t`.

use std::path::PathBuf;

use super::accounts;
use crate::config::daemon_group::{DaemonGroup, DaemonOptions};
use crate::config::finish::Finding;
use crate::config::plan::identity::{self, IdentityProblem, Resolved};
use crate::config::plan::{Identity, sockets_fit};
use crate::config::python_home::{PythonChoice, stale_path};
use crate::gateway::{Code, Level};
use crate::hooks::here;
use crate::httpd::Startup;
use crate::scoreboard::Layout;
use crate::sys::{self, accounts::System};

/// Largest scoreboard of a group, in bytes.
const LARGEST_BOARD: usize = 1 << 30;
/// As long as a process number gets.
const LONGEST_PID: u32 = 9_999_999;

/// Looks at each group.
pub(super) fn examine(startup: &Startup<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(finished) = &startup.settings().finished else {
        return findings;
    };
    if finished.groups.is_empty() {
        return findings;
    }
    let directory = directory(startup, LONGEST_PID);
    if !sockets_fit(&directory) {
        findings.push(Finding {
            level: Level::Error,
            code: Code::SOCKET_PATH_TOO_LONG,
            refuses: true,
            text: format!(
                "WSGISocketPrefix: {} is too long a path for sockets; name a shorter one, such as \
                 /run/wsgi",
                directory.display()
            ),
            place: None,
        });
    }
    for defined in &finished.groups {
        of_group(startup, &defined.group, &mut findings);
    }
    findings
}

fn of_group(startup: &Startup<'_>, group: &DaemonGroup, findings: &mut Vec<Finding>) {
    let mut tell = |level, code, refuses, text: String| {
        findings.push(Finding {
            level,
            code,
            refuses,
            text: format!("WSGIDaemonProcess {:?}: {text}", group.name),
            place: group.place.clone(),
        });
    };
    if let Some(text) = too_large(&group.options) {
        tell(Level::Error, Code::GROUP_TOO_LARGE, true, text);
    }
    match identity::resolve(&group.options, accounts::httpd(), &System) {
        Err(problem) => tell(Level::Error, code(&problem), true, problem.to_string()),
        Ok(resolved) => {
            if let Some(text) = ignored(&resolved) {
                tell(Level::Warning, Code::IDENTITY_IGNORED, false, text);
            }
            if group.options.chroot.is_some() {
                // Paths are others below another root.
                return;
            }
            let choice = choice(startup, &group.options, &resolved.identity);
            match choice.find(sys::program_file::is_mounted_noexec) {
                Ok(_) => {
                    let stale = choice.home.as_deref().and_then(stale_path);
                    if let Some(stale) = stale {
                        tell(Level::Warning, Code::STALE_PATH_FILE, false, stale.to_string());
                    }
                }
                Err(problem) => tell(problem.level(), problem.code(), false, problem.to_string()),
            }
        }
    }
}

fn code(problem: &IdentityProblem) -> Code {
    match problem {
        IdentityProblem::NoUser { .. } | IdentityProblem::NoGroup { .. } => Code::ACCOUNT_UNKNOWN,
        IdentityProblem::Root => Code::GROUP_AS_ROOT,
        IdentityProblem::TooManyGroups { .. } => Code::TOO_MANY_ACCOUNT_GROUPS,
        IdentityProblem::ChrootWithoutRoot => Code::CHROOT_WITHOUT_ROOT,
    }
}

fn ignored(resolved: &Resolved) -> Option<String> {
    let names: Vec<String> = resolved.ignored.iter().map(|name| format!("{name}=")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} has no effect, as httpd was not started by root: the processes run as httpd does",
            names.join(", ")
        )
    })
}

fn too_large(options: &DaemonOptions) -> Option<String> {
    let (processes, threads) = (options.processes(), options.threads);
    let layout = Layout::for_group(processes, threads, options.backlog());
    let fits = processes < Layout::MOST_POSITIONS / 2 && layout.words() * size_of::<u32>() <= LARGEST_BOARD;
    (!fits).then(|| {
        format!(
            "processes={processes} with threads={threads} are more than can be kept account of; a machine \
             runs a few processes for each of its processors"
        )
    })
}

/// Directory of the sockets, if `pid` is httpd's parent.
pub(super) fn directory(startup: &Startup<'_>, pid: u32) -> PathBuf {
    let prefix = match &startup.settings().sockets.prefix {
        Some(prefix) => startup.server_path(prefix),
        None => startup.runtime_path("wsgi"),
    };
    let mut directory = prefix.into_os_string();
    directory.push(format!(".{pid}"));
    PathBuf::from(directory)
}

/// The Python of a group that runs as `identity`.
pub(super) fn choice(startup: &Startup<'_>, options: &DaemonOptions, identity: &Identity) -> PythonChoice {
    let home = options
        .python_home
        .as_ref()
        .or(startup.settings().python.home.as_ref());
    PythonChoice {
        program: options.python.as_ref().map(PathBuf::from),
        home: home.map(PathBuf::from),
        usual_program: here::usual_program(),
        usual: here::usual_python(),
        user: identity.serving_user(&System),
    }
}
