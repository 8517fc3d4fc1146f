//! What a directory looks like: an environment, an installation, something inside of one.

use std::fs;
use std::path::{Path, PathBuf};

use super::{PythonBuild, pyvenv};

/// `prefix` of `prefix:exec_prefix`, a form that older configurations have.
pub(super) fn first_of_pair(given: &Path) -> PathBuf {
    match given.to_str().and_then(|text| text.split_once(':')) {
        Some((prefix, _)) if !given.exists() && !prefix.is_empty() => PathBuf::from(prefix),
        _ => given.to_owned(),
    }
}

/// The directory that `path` clearly means when it names something inside of it: an interpreter,
/// `pyvenv.cfg`, `bin`, `lib`, `lib/pythonX.Y` or its `site-packages`.
pub(super) fn normalise(path: &Path) -> PathBuf {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let is_home =
        |path: &Path| path.join("pyvenv.cfg").is_file() || !versions_in(&path.join("lib")).is_empty();
    if is_home(path) {
        return path.to_owned();
    }
    let mut home = path;
    let mut depth = 0;
    while let (Some(last), Some(parent)) = (name(home), home.parent()) {
        let inside = last == "site-packages"
            || last == "lib"
            || last == "lib64"
            || last == "bin"
            || last == "pyvenv.cfg"
            || last.starts_with("python");
        if !inside || depth == 3 {
            break;
        }
        home = parent;
        depth += 1;
        if is_home(home) {
            return home.to_owned();
        }
    }
    path.to_owned()
}

/// Versions for which `lib` has a directory `pythonX.Y` or `pythonX.Yt`, in order.
pub(super) fn versions_in(lib: &Path) -> Vec<String> {
    let entries = fs::read_dir(lib).into_iter().flatten().flatten();
    let mut versions: Vec<String> = entries
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix("python")
                .map(str::to_owned)
        })
        .filter(|version| pyvenv::minor_version(version.strip_suffix('t').unwrap_or(version)).is_some())
        .collect();
    versions.sort();
    versions
}

/// A version other than `embedded` whose standard library `prefix` holds.
pub(super) fn other_version(prefix: &Path, embedded: PythonBuild) -> Option<String> {
    let embedded = embedded.to_string();
    let complete = |version: &String| prefix.join(format!("lib/python{version}/os.py")).exists();
    versions_in(&prefix.join("lib"))
        .into_iter()
        .find(|version| *version != embedded && complete(version))
}

pub(super) fn is_pypy(prefix: &Path) -> bool {
    let has = |name: &str| prefix.join("bin").join(name).symlink_metadata().is_ok();
    (has("pypy") || has("pypy3")) && versions_in(&prefix.join("lib")).is_empty()
}

pub(super) fn has_interpreter(prefix: &Path) -> bool {
    ["bin/python", "bin/python3"]
        .iter()
        .any(|name| prefix.join(name).symlink_metadata().is_ok())
}

/// A virtual environment that a project's directory contains under one of its usual names.
pub(super) fn environment_below(directory: &Path) -> Option<PathBuf> {
    let usual = ["venv", ".venv", "env", ".env", "virtualenv"];
    usual
        .iter()
        .map(|name| directory.join(name))
        .find(|path| path.join("pyvenv.cfg").is_file())
}
