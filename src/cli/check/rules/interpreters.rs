//! Which process and which interpreter an application runs in.

use std::path::PathBuf;

use super::super::model::{Model, Mount};
use super::super::report::{Finding, Severity};
use super::{finding, python};
use crate::config::python_home::version_of_home;

/// Packages that refuse to be imported in more than one interpreter of a process, or misbehave there.
const ONCE_A_PROCESS: [&str; 11] = [
    "numpy",
    "pandas",
    "scipy",
    "cryptography",
    "pydantic_core",
    "uvloop",
    "lxml",
    "torch",
    "tensorflow",
    "sklearn",
    "matplotlib",
];

/// Looks at where an alias's application runs.
pub(super) fn judge(model: &Model, mount: &Mount<'_>, findings: &mut Vec<Finding>) {
    let place = mount.alias.place.as_ref();
    if mount.is_embedded_by_default && !model.finished.groups.is_empty() {
        findings.push(finding(
            Severity::Warning,
            "not-in-daemon",
            place,
            format!(
                "{} {} runs in httpd's own processes, though there are daemon groups",
                mount.alias.source,
                mount.alias.source_text()
            ),
            "It runs as httpd's user, with httpd's Python and none of a group's options.",
            "Add process-group=NAME, or process-group=%{GLOBAL} if it is meant.".to_owned(),
        ));
    }
    if mount.application_group.as_deref() == Some("") {
        return;
    }
    let Some(home) = home(model, mount) else { return };
    let Some(version) = version_of_home(&home) else {
        return;
    };
    let packages = version.packages(&home);
    let found: Vec<&str> = ONCE_A_PROCESS
        .into_iter()
        .filter(|name| packages.join(name).is_dir())
        .collect();
    if !found.is_empty() {
        findings.push(finding(
            Severity::Warning,
            "sub-interpreter",
            place,
            format!(
                "{} is installed in {}, and the application runs in a sub-interpreter",
                found.join(", "),
                home.display()
            ),
            "Such extension modules refuse to be imported in more than one interpreter of a process.",
            "Add application-group=%{GLOBAL} to the alias.".to_owned(),
        ));
    }
}

/// The home of the Python that runs a mount.
fn home(model: &Model, mount: &Mount<'_>) -> Option<PathBuf> {
    match mount.process_group.as_deref()? {
        "" => model.main()?.settings.python.home.as_ref().map(PathBuf::from),
        name => python::home(model, &model.finished.group(name)?.group),
    }
}

/// `WSGIPythonPath`, which daemon groups do not heed.
pub(super) fn paths(model: &Model, findings: &mut Vec<Finding>) {
    let mounts = model.mounts();
    let in_groups = |mount: &Mount<'_>| {
        mount
            .process_group
            .as_deref()
            .is_some_and(|name| !name.is_empty())
    };
    let Some(main) = model.main() else { return };
    if main.settings.python.path().is_empty() || mounts.is_empty() || !mounts.iter().all(in_groups) {
        return;
    }
    findings.push(finding(
        Severity::Problem,
        "python-path-ignored",
        None,
        "WSGIPythonPath has no effect: all applications run in daemon groups".to_owned(),
        "It is for httpd's own processes; modules in these folders are not found.",
        "Write python-path= into WSGIDaemonProcess.".to_owned(),
    ));
}
