//! Workers and what starts them, of different builds.

use std::fs::{self, File};
use std::io::Write;

use mod_rwsgi::config::plan::{FromWorker, VERSION, cgi_bootstrap};
use mod_rwsgi::sys::memory::anonymous;

use super::rig::{Rig, python, spawn, worker_folder};

const FAILED: i32 = 70;

#[test]
fn a_worker_says_its_file_and_leaves_it_to_a_supervisor_of_another_build_to_tell() {
    let Some(python) = python(false) else { return };
    let mut rig = Rig::spawn(&python, "", |plan| plan.version = "0.0.9+12345678".into());
    match rig.next_message() {
        FromWorker::Hello { version, file, .. } => {
            assert_eq!(version, VERSION);
            let file = file.expect("told");
            let folder = worker_folder().expect("asked before");
            assert!(file.is_file() && file.starts_with(folder), "{}", file.display());
        }
        other => panic!("{other:?}"),
    }
    let status = rig.wait();
    assert_eq!(status.code(), Some(FAILED), "{}", rig.log());
    assert_eq!(rig.log(), "");
}

#[test]
fn a_cgi_process_tells_of_a_command_of_another_build() {
    let Some(python) = python(false) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let plan =
        br#"{"starter": {"version": "0.0.9+12345678", "file": "/opt/other/rwsgi"}, "worker": "unknown"}"#;
    let memory = anonymous(c"plan", plan.len()).expect("made");
    File::from(memory.try_clone().expect("copied"))
        .write_all(plan)
        .expect("written");
    let mut child = spawn(
        &python,
        &cgi_bootstrap(),
        &[memory],
        &File::create(&log).expect("made"),
    );
    let status = child.wait().expect("waits");
    let said = fs::read_to_string(log).expect("written");
    assert_eq!(status.code(), Some(FAILED), "{said}");
    let worker = format!("/rwsgi/_native.so) is of version {VERSION}: install both from one package");
    for part in [
        "WSGI1193: the command rwsgi (/opt/other/rwsgi) is of version 0.0.9+12345678; the worker (",
        &worker,
    ] {
        assert!(said.contains(part), "no '{part}' in {said}");
    }
}
