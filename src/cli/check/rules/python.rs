//! The Python of a group has a worker. What is wrong with a Python itself, the module tells.

use std::path::{Path, PathBuf};

use super::super::model::Model;
use super::super::report::{Finding, Severity};
use super::{Surroundings, finding};
use crate::cli::installation::{environment_of, own_python};
use crate::config::daemon_group::DaemonGroup;
use crate::config::python_home::{SYSTEM_PROGRAM, version_of_home, version_of_program};

pub(super) fn judge(
    model: &Model,
    group: &DaemonGroup,
    surroundings: &Surroundings,
    findings: &mut Vec<Finding>,
) {
    let program = group.options.python.as_deref().map(Path::new);
    if program.is_some() && program == own_python().as_deref() {
        // This command has been found in its packages, and so is the worker.
        return;
    }
    let home = match program {
        Some(program) => environment_of(program),
        None => home(model, group),
    };
    let version = match (program, &home) {
        (Some(program), _) => version_of_program(program),
        (None, Some(home)) => version_of_home(home),
        (None, None) => version_of_program(Path::new(SYSTEM_PROGRAM)),
    };
    // What is not there or too old has been told.
    let Some(version) = version.filter(|python| python.version >= (3, 11)) else {
        return;
    };
    let mut folders = surroundings.workers.iter();
    let is_there = folders.any(|folder| folder.join(format!("python{version}/rwsgi")).is_dir());
    let in_home = home.is_some_and(|home| version.packages(&home).join("rwsgi").is_dir());
    if !is_there && !in_home {
        let places: Vec<String> = surroundings
            .workers
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        findings.push(finding(
            Severity::Problem,
            "worker-missing",
            group.place.as_ref(),
            format!(
                "there is no worker for Python {version}, which the daemon group {:?} uses",
                &*group.name
            ),
            "Its processes end as soon as they start, and every request gets 503.",
            format!(
                "Build one: make build install PYTHON=python{version}; it was looked for in {}.",
                places.join(", ")
            ),
        ));
    }
}

/// The virtual environment or installation of a group.
pub(super) fn home(model: &Model, group: &DaemonGroup) -> Option<PathBuf> {
    let common = model.main().and_then(|main| main.settings.python.home.as_ref());
    group.options.python_home.as_ref().or(common).map(PathBuf::from)
}
