//! What can be wrong beyond what httpd and the module refuse by themselves.

mod groups;
mod interpreters;
mod python;
mod scripts;
mod sizing;

use std::path::PathBuf;

use super::model::{Model, Mount};
use super::report::{Finding, Severity};
use crate::config::daemon_group::DaemonGroup;
use crate::config::place::Place;
use crate::config::plan::identity;
use crate::config::python_home::{HomeProblem, ServingUser};
use crate::sys::accounts::System;

/// What is known besides the configuration.
pub(super) struct Surroundings {
    /// Folders where a worker may be.
    pub(super) workers: Vec<PathBuf>,
}

/// Everything that the rules find.
pub(super) fn all(model: &Model, surroundings: &Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mount in model.mounts() {
        scripts::judge(model, &mount, &mut findings);
        interpreters::judge(model, &mount, &mut findings);
    }
    scripts::shadows(model, &mut findings);
    for defined in &model.finished.groups {
        groups::judge(model, &defined.group, &mut findings);
        python::judge(model, &defined.group, surroundings, &mut findings);
    }
    groups::sockets(model, &mut findings);
    interpreters::paths(model, &mut findings);
    sizing::judge(model, &mut findings);
    findings
}

/// A finding of a rule.
fn finding(
    severity: Severity,
    id: &str,
    place: Option<&Place>,
    what: String,
    why: &str,
    fix: String,
) -> Finding {
    Finding {
        severity,
        id: id.to_owned(),
        what,
        place: place.cloned(),
        why: why.to_owned(),
        fix,
    }
}

/// Whom the processes of a group run as; `None` where the accounts do not exist.
fn user_of(model: &Model, group: &DaemonGroup) -> Option<ServingUser> {
    let resolved = identity::resolve(&group.options, model.account(), &System).ok()?;
    Some(resolved.identity.serving_user(&System))
}

/// Whom the processes of a mount run as.
fn user_of_mount(model: &Model, mount: &Mount<'_>) -> Option<ServingUser> {
    match mount.process_group.as_deref()? {
        "" => Some(httpd_user(model)),
        name => user_of(model, &model.finished.group(name)?.group),
    }
}

/// Whom httpd's children run as.
fn httpd_user(model: &Model) -> ServingUser {
    model.account().serving_user(&System)
}

/// The element of a path that stops a user, and the fix.
fn obstacle(problem: &HomeProblem) -> (String, String) {
    match problem {
        HomeProblem::NotAccessible { element, need, uid } => {
            let (verb, bit) = need.words();
            let user = uid.map_or("this user".to_owned(), |uid| format!("user {uid}"));
            let path = element.display();
            (
                format!("{user} may not {verb} {path}"),
                format!("Move it to where that user may read, or grant it: chmod o+{bit} {path}"),
            )
        }
        HomeProblem::Missing(path) => (
            format!("{} does not exist", path.display()),
            "Correct the path, or create what is missing.".to_owned(),
        ),
        other => (other.to_string(), "Correct the path.".to_owned()),
    }
}
