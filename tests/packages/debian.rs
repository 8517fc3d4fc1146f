//! The packages of Debian: what can be seen without building them. `make test-packages` installs them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rwsgi_harness::module_under_test;
use tempfile::TempDir;

use super::{root, text};

const FOLDER: &str = "packaging/debian";

/// Names in the folder that end so.
fn files_ending(end: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(FOLDER)).expect("packaging/debian");
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(end)).collect()
}

#[test]
fn the_maintainer_scripts_can_be_read_and_leave_room_for_debhelper() {
    let mut seen = 0;
    for kind in [".preinst", ".postinst", ".prerm", ".postrm"] {
        for name in files_ending(kind) {
            let path = format!("{FOLDER}/{name}");
            let script = text(&path);
            assert!(script.starts_with("#!/bin/sh\n"), "{path}");
            assert!(script.contains("\nset -e\n"), "{path} goes on after a failure");
            assert!(script.ends_with("\n#DEBHELPER#\n"), "{path}");
            let checked = Command::new("/bin/sh")
                .arg("-n")
                .arg(root().join(&path))
                .output()
                .expect("sh");
            assert!(checked.status.success(), "{path}: {checked:?}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} scripts");
}

#[test]
fn the_build_asks_for_the_rust_that_the_workspace_needs() {
    let manifest = text("Cargo.toml");
    let needed = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .expect("a rust-version")
        .trim_matches('"');
    let control = text("packaging/debian/control");
    for tool in ["cargo", "rustc"] {
        assert!(
            control.contains(&format!(" {tool}:native (>= {needed}) ")),
            "{tool} {needed}"
        );
    }
}

#[test]
fn a_reason_stands_above_every_lint_that_is_overridden() {
    for name in files_ending(".lintian-overrides") {
        let file = text(&format!("{FOLDER}/{name}"));
        let mut before = "";
        for line in file.lines() {
            assert!(line.starts_with('#') || before.starts_with('#'), "{name}: {line}");
            before = line;
        }
    }
}

/// Paths in what `tools/install.sh` installs that a list of debhelper names, without the folder it installs into.
fn packaged() -> Vec<String> {
    let lists = [files_ending(".install"), files_ending(".manpages")].concat();
    let names = lists.iter().flat_map(|name| {
        let list = text(&format!("{FOLDER}/{name}"));
        list.lines()
            .map(|line| line.trim_start_matches("debian/tmp/").to_string())
            .collect::<Vec<_>>()
    });
    names.collect()
}

#[test]
fn the_packages_hold_what_make_install_installs() {
    if !Path::new("/etc/debian_version").exists() {
        eprintln!("skipped: only on Debian does tools/install.sh install what Debian's packages hold");
        return;
    }
    let destdir = TempDir::new().expect("a temporary directory");
    let installed = Command::new(root().join("tools/install.sh"))
        .arg(module_under_test())
        .arg(destdir.path())
        .output()
        .expect("bash runs");
    assert!(installed.status.success(), "{installed:?}");
    let printed = String::from_utf8(installed.stdout).expect("text");
    let start = format!("installed {}/", destdir.path().display());
    let files: BTreeSet<&str> = printed
        .lines()
        .filter_map(|line| line.strip_prefix(start.as_str()))
        .collect();
    assert!(files.contains("usr/bin/rwsgi"), "{printed}");

    let packaged = packaged();
    let is_in = |file: &str, list: &str| file == list || file.starts_with(&format!("{list}/"));
    let forgotten: Vec<_> = files
        .iter()
        .filter(|file| !packaged.iter().any(|list| is_in(file, list)))
        .collect();
    assert!(forgotten.is_empty(), "in no package: {forgotten:?}");
    // A module by itself has no workers beside it.
    let missing: Vec<_> = packaged
        .iter()
        .filter(|list| *list != "usr/lib/rwsgi" && !files.iter().any(|file| is_in(file, list)))
        .collect();
    assert!(missing.is_empty(), "packaged and not installed: {missing:?}");
}
