//! A command that pip has installed serves by its own Python.

use std::path::Path;
use std::process::Command;

use crate::folder::{Folder, application};
use crate::running::{rwsgi, start};

const WHERE: &str = "__import__('sys').prefix + ' ' + __import__('sys').executable";

fn python_of(folder: &Path, own: &Path, arguments: &[&str]) -> String {
    let mut command = rwsgi(folder);
    command
        .args(["serve", "--port", "0"])
        .args(arguments)
        .env("RWSGI_PYTHON", own);
    let server = start(&mut command, folder);
    let text = server.text("/");
    server.finish();
    text
}

fn make_venv(at: &Path) {
    let made = Command::new(rwsgi_harness::usual_python())
        .args(["-m", "venv", "--without-pip"])
        .arg(at)
        .status();
    assert!(made.expect("python runs").success());
}

/// Neither an active environment nor one beside the application counts then, and what is named does.
#[test]
fn it_is_used_unless_another_is_named() {
    let folder = Folder::with(&[("app.py", &application("app", WHERE))]);
    let (own, beside, other) = (folder.path("own"), folder.path(".venv"), folder.path("other"));
    for venv in [&own, &beside, &other] {
        make_venv(venv);
    }
    let program = own.join("bin/python3");
    let found = python_of(folder.root(), &program, &["app.py"]);
    assert!(found.starts_with(&format!("{} ", own.display())), "{found}");
    let found = python_of(folder.root(), &program, &["app.py", "--venv", "other"]);
    assert!(found.starts_with(&format!("{} ", other.display())), "{found}");
}

#[test]
fn one_outside_of_environments_is_started_by_its_path() {
    let folder = Folder::with(&[("app.py", &application("app", WHERE))]);
    let usual = rwsgi_harness::usual_python();
    let python = folder.path("bin/python");
    std::fs::create_dir(folder.path("bin")).expect("made");
    std::os::unix::fs::symlink(&usual, &python).expect("linked");
    let found = python_of(folder.root(), &python, &["app.py"]);
    assert!(found.ends_with(&format!(" {}", python.display())), "{found}");
}
