//! Scripts: there, readable, and nobody else's business.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::model::{Model, Mount, is_below};
use super::super::report::{Finding, Severity};
use super::{finding, obstacle, user_of_mount};
use crate::config::python_home::check_readable;

/// Looks at the script of an alias.
pub(super) fn judge(model: &Model, mount: &Mount<'_>, findings: &mut Vec<Finding>) {
    let target = mount.alias.target.as_str();
    // One with groups of an expression is another for each request.
    if target.contains('$') || !target.starts_with('/') {
        return;
    }
    let path = Path::new(target);
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.push(finding(
                Severity::Problem,
                "script-missing",
                mount.alias.place.as_ref(),
                format!("{target} does not exist"),
                "Every request to the application gets 404.",
                "Correct the path, or deploy the script.".to_owned(),
            ));
            return;
        }
        Ok(found) if found.is_file() => {
            readable(model, mount, path, findings);
            writable(mount, path, findings);
        }
        _ => {}
    }
    exposed(model, mount, findings);
    denied(model, mount, findings);
}

fn readable(model: &Model, mount: &Mount<'_>, path: &Path, findings: &mut Vec<Finding>) {
    let Some(user) = user_of_mount(model, mount) else {
        return;
    };
    if let Err(problem) = check_readable(path, &user) {
        let (what, fix) = obstacle(&problem);
        findings.push(finding(
            Severity::Problem,
            "script-unreadable",
            mount.alias.place.as_ref(),
            format!("{}: {what}", path.display()),
            "The processes cannot load the application; every request gets 500.",
            fix,
        ));
    }
}

fn writable(mount: &Mount<'_>, path: &Path, findings: &mut Vec<Finding>) {
    let is_open = |path: &Path| {
        const OTHERS_WRITE: u32 = 0o002;
        const STICKY: u32 = 0o1000;
        fs::metadata(path).is_ok_and(|found| found.mode() & OTHERS_WRITE != 0 && found.mode() & STICKY == 0)
    };
    let open = [Some(path), path.parent()]
        .into_iter()
        .flatten()
        .find(|path| is_open(path));
    if let Some(open) = open {
        findings.push(finding(
            Severity::Problem,
            "script-writable",
            mount.alias.place.as_ref(),
            format!("everybody on this machine may write to {}", open.display()),
            "Whoever has an account here can put code into the application, and run as its user.",
            format!("chmod o-w {}", open.display()),
        ));
    }
}

/// Source that httpd hands out as a file.
fn exposed(model: &Model, mount: &Mount<'_>, findings: &mut Vec<Finding>) {
    let target = &mount.alias.target;
    let own = model.servers.get(mount.server);
    let servers = [own, model.main().filter(|_| mount.server > 0)];
    let shown = servers
        .iter()
        .flatten()
        .flat_map(|server| &server.shown)
        .find(|(folder, _)| !folder.is_empty() && is_below(target, folder))
        .map(|(folder, _)| ("an Alias", folder.as_str()));
    // What is mounted at / takes all paths that no Alias has.
    let takes_all = own.is_some_and(|server| {
        let aliases = &server.settings.aliases;
        aliases.iter().any(|alias| alias.source_text() == "/")
    });
    let root = servers
        .iter()
        .flatten()
        .find_map(|server| server.document_root.as_deref())
        .filter(|root| !takes_all && is_below(target, root))
        .map(|root| ("DocumentRoot", root));
    if let Some((by, folder)) = shown.or(root) {
        findings.push(finding(
            Severity::Problem,
            "script-exposed",
            mount.alias.place.as_ref(),
            format!("{target} lies in {folder}, which {by} shows to clients"),
            "Clients can download the source of the application, and the settings beside it.",
            format!("Move the application out of {folder}."),
        ));
    }
}

/// Scripts that httpd refuses to let clients have.
fn denied(model: &Model, mount: &Mount<'_>, findings: &mut Vec<Finding>) {
    if is_denied(model, mount) == Some(true) {
        let target = Path::new(&mount.alias.target);
        let folder = if target.is_dir() {
            Some(target)
        } else {
            target.parent()
        };
        findings.push(finding(
            Severity::Problem,
            "access-denied",
            mount.alias.place.as_ref(),
            format!("no section grants access to {}", target.display()),
            "Every request to the application gets 403.",
            format!(
                "Add <Directory {}> with Require all granted.",
                folder.unwrap_or(target).display()
            ),
        ));
    }
}

/// What the sections decide, the innermost last; `None` where they cannot be told or do not say.
fn is_denied(model: &Model, mount: &Mount<'_>) -> Option<bool> {
    let name = Path::new(&mount.alias.target)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let says = |requires: &[String]| {
        (!requires.is_empty()).then(|| {
            requires
                .iter()
                .all(|text| text.eq_ignore_ascii_case("all denied"))
        })
    };
    let ours =
        |section: &&super::super::model::Section| section.server == 0 || section.server == mount.server;
    let patterns = ["directorymatch", "filesmatch", "locationmatch", "if"];
    if model
        .sections
        .iter()
        .filter(ours)
        .any(|section| patterns.contains(&section.kind.as_str()) && !section.requires.is_empty())
    {
        return None;
    }
    let mut folders: Vec<usize> = Vec::new();
    for (index, section) in model.sections.iter().enumerate() {
        if section.kind == "directory" && section.applies_to(mount.server, mount.alias) {
            folders.push(index);
        }
    }
    let length = |index: &usize| {
        model
            .sections
            .get(*index)
            .map_or(0, |section| section.argument.len())
    };
    folders.sort_by_key(length);
    let mut decided = None;
    for index in folders {
        let own = model
            .sections
            .get(index)
            .and_then(|section| says(&section.requires));
        let files = model.sections.iter().filter(|section| {
            section.within == Some(index) && section.kind == "files" && section.argument == name
        });
        let inner = files.filter_map(|section| says(&section.requires)).next_back();
        decided = inner.or(own).or(decided);
    }
    let places = model
        .sections
        .iter()
        .filter(ours)
        .filter(|section| section.kind == "location" && section.applies_to(mount.server, mount.alias));
    places
        .filter_map(|section| says(&section.requires))
        .next_back()
        .or(decided)
}

/// Aliases that no request gets to.
pub(super) fn shadows(model: &Model, findings: &mut Vec<Finding>) {
    for server in &model.servers {
        let aliases = &server.settings.aliases;
        for (index, late) in aliases.iter().enumerate() {
            let path = late.source_text();
            let earlier = aliases.iter().take(index).find(|early| {
                let over = early.source_text();
                over.starts_with('/') && path.starts_with('/') && is_below(&path, &over)
            });
            if let Some(early) = earlier {
                let place = early
                    .place
                    .as_ref()
                    .map_or_else(String::new, |place| format!(" ({place})"));
                findings.push(finding(
                    Severity::Problem,
                    "alias-shadowed",
                    late.place.as_ref(),
                    format!(
                        "{} {path} is never reached: {} comes first{place}",
                        late.source,
                        early.source_text()
                    ),
                    "Aliases are tried in their order, and the earlier one takes all of these requests.",
                    "Write the alias with the longer path first.".to_owned(),
                ));
            }
        }
    }
}
