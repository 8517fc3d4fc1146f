//! Daemon groups: used, and with everything they name.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::model::Model;
use super::super::report::{Finding, Severity};
use super::{finding, httpd_user, obstacle, user_of};
use crate::config::daemon_group::DaemonGroup;
use crate::config::python_home::{check_passable, check_readable};

/// Looks at one group.
pub(super) fn judge(model: &Model, group: &DaemonGroup, findings: &mut Vec<Finding>) {
    unused(model, group, findings);
    folders(model, group, findings);
    variables(model, group, findings);
}

fn unused(model: &Model, group: &DaemonGroup, findings: &mut Vec<Finding>) {
    let mounts = model.mounts();
    let is_settled = mounts.iter().all(|mount| mount.process_group.is_some());
    let by_mount = mounts
        .iter()
        .any(|mount| mount.process_group.as_deref() == Some(&*group.name));
    let by_section = model
        .sections
        .iter()
        .filter_map(|section| section.dir.process_group.as_deref())
        .any(|name| name == &*group.name || name.contains("%{"));
    let by_import = model.finished.imports_of(&group.name).next().is_some();
    if is_settled && !by_mount && !by_section && !by_import {
        findings.push(finding(
            Severity::Warning,
            "group-unused",
            group.place.as_ref(),
            format!("nothing runs in the daemon group {:?}", &*group.name),
            "Its processes start and take memory for nothing; the application they are meant for runs elsewhere.",
            format!("Add process-group={} to the WSGIScriptAlias, or remove the group.", group.name),
        ));
    }
}

fn folders(model: &Model, group: &DaemonGroup, findings: &mut Vec<Finding>) {
    let options = &group.options;
    // Paths are others below another root.
    let Some(user) = user_of(model, group).filter(|_| options.chroot.is_none()) else {
        return;
    };
    let home = options
        .home
        .iter()
        .map(|folder| ("home", "home-unusable", folder));
    let paths = options
        .python_path
        .iter()
        .map(|folder| ("python-path", "python-path-unusable", folder));
    for (option, id, folder) in home.chain(paths) {
        let Err(problem) = check_passable(Path::new(folder), &user) else {
            continue;
        };
        let (what, fix) = obstacle(&problem);
        let why = if option == "home" {
            "The processes work in / instead, and what is imported from there is not found."
        } else {
            "Modules in it cannot be imported."
        };
        let what = format!("{option}={folder} of the daemon group {:?}: {what}", &*group.name);
        findings.push(finding(
            Severity::Problem,
            id,
            group.place.as_ref(),
            what,
            why,
            fix,
        ));
    }
}

fn variables(model: &Model, group: &DaemonGroup, findings: &mut Vec<Finding>) {
    let Some(file) = &group.options.env_file else {
        return;
    };
    let path = Path::new(file);
    // The supervisor reads it, as whoever starts httpd.
    let mut starter = httpd_user(model);
    if model.account().root {
        starter.uid = 0;
    }
    if let Err(problem) = check_readable(path, &starter) {
        let (what, fix) = obstacle(&problem);
        findings.push(finding(
            Severity::Problem,
            "env-file-unreadable",
            group.place.as_ref(),
            format!("env-file={file} of the daemon group {:?}: {what}", &*group.name),
            "The processes start without these variables.",
            fix,
        ));
    } else if fs::metadata(path).is_ok_and(|found| found.mode() & 0o004 != 0) {
        findings.push(finding(
            Severity::Warning,
            "env-file-exposed",
            group.place.as_ref(),
            format!("everybody on this machine may read {file}"),
            "Such files hold passwords and keys; only whoever starts httpd has to read it.",
            format!("chmod o-rwx {file}"),
        ));
    }
}

/// Looks at where the sockets are.
pub(super) fn sockets(model: &Model, findings: &mut Vec<Finding>) {
    let Some(main) = model.main().filter(|_| !model.finished.groups.is_empty()) else {
        return;
    };
    let Some(folder) = main
        .settings
        .sockets
        .prefix
        .as_deref()
        .map(Path::new)
        .filter(|prefix| prefix.is_absolute())
        .and_then(Path::parent)
    else {
        return;
    };
    if let Err(problem) = check_passable(folder, &httpd_user(model)) {
        let (what, fix) = obstacle(&problem);
        findings.push(finding(
            Severity::Problem,
            "socket-folder-unusable",
            None,
            format!("WSGISocketPrefix lies in {}: {what}", folder.display()),
            "httpd's processes cannot reach those of the applications; every request gets 503.",
            fix,
        ));
    }
}
