//! The Python of a group: two at once by virtual environments alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{group, json};
use crate::server;
use rwsgi_harness::usual_python;
use tempfile::TempDir;

pub(super) fn open_directory() -> TempDir {
    let directory = tempfile::Builder::new()
        .prefix("rwsgi-python-")
        .tempdir()
        .expect("a directory");
    mode(directory.path(), 0o755);
    directory
}

pub(super) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

/// A virtual environment of a Python, without packages.
pub(super) fn venv(python: &Path, place: &Path) -> PathBuf {
    let venv = place.join("venv");
    let made = Command::new(python)
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .output();
    let made = made.expect("Python runs");
    assert!(made.status.success(), "{made:?}");
    venv
}

/// A Python of another version that the serving account can read, with a worker built for it.
fn other_python() -> Option<PathBuf> {
    let home = std::env::var_os("RWSGI_TEST_OWN_GIL_HOME").map(PathBuf::from);
    if home.is_none() {
        eprintln!("skipped: no second Python (RWSGI_TEST_OWN_GIL_HOME, see tools/other-python.sh)");
    }
    home.map(|home| home.join("bin/python3"))
}

fn version_of(python: &Path) -> String {
    let script = "import sys; print(sys.version.split()[0])";
    let output = Command::new(python)
        .args(["-c", script])
        .output()
        .expect("Python runs");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

#[test]
fn two_pythons_serve_at_once_by_their_virtual_environments_alone() {
    let Some(other) = other_python() else { return };
    let places = [open_directory(), open_directory()];
    let pythons = [usual_python(), other];
    let mut builder = server().allow_log("^stopping of");
    for (number, (python, place)) in pythons.iter().zip(&places).enumerate() {
        let home = venv(python, place.path());
        // A copied installation does not know where its library went.
        let library = python.with_file_name("../lib");
        builder = builder
            .config(&format!(
                "WSGIDaemonProcess group{number} threads=2 python-home={} env=LD_LIBRARY_PATH={}",
                home.display(),
                library.display()
            ))
            .config(&format!(
                "WSGIScriptAlias /{number} ${{APPS}}/daemon_cases.py process-group=group{number}"
            ));
    }
    let server = builder.start();
    for round in 0..2 {
        for (number, (python, place)) in pythons.iter().zip(&places).enumerate() {
            let facts = json(&server, &format!("/{number}/identity"));
            assert_eq!(facts["version"], version_of(python), "round {round}");
            assert_eq!(facts["prefix"], place.path().join("venv").display().to_string());
        }
        server.graceful();
    }
    server.finish();
}

#[test]
fn an_executable_may_be_named_directly() {
    let place = open_directory();
    let home = venv(&usual_python(), place.path());
    let server = group(&format!("threads=2 python={}/bin/python", home.display())).start();
    assert_eq!(json(&server, "/identity")["prefix"], home.display().to_string());
    server.finish();
}
