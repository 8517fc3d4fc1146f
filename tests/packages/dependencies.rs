//! What comes from others: from where, under which licenses, once each, and named in docs/dependencies.md.
//!
//! Whether one is known to be vulnerable needs the RustSec database, which is no part of a registry: `cargo deny check`
//! asks it (docs/releasing.md).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::{root, text};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Licenses under which what is linked or used for a build may come, as SPDX calls them. deny.toml has the same.
const LICENSES: [&str; 7] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
];

/// Libraries that are there in more than one version, and may be. deny.toml has the same.
const DUPLICATES: [&str; 0] = [];

/// Packages of Cargo.lock, for all systems.
fn locked() -> Vec<toml::Table> {
    let lock: toml::Table = toml::from_str(&text("Cargo.lock")).expect("TOML");
    let packages = lock["package"].as_array().expect("a list");
    packages
        .iter()
        .map(|package| package.as_table().expect("a package").clone())
        .collect()
}

/// What cargo knows of the packages that are used on this system.
fn metadata() -> &'static Value {
    static FOUND: OnceLock<Value> = OnceLock::new();
    FOUND.get_or_init(|| {
        let told = Command::new("rustc").arg("-vV").output().expect("rustc runs");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let host = told.lines().find_map(|line| line.strip_prefix("host: "));
        let output = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--locked",
                "--format-version",
                "1",
                "--filter-platform",
            ])
            .arg(host.expect("a system"))
            .current_dir(root())
            .output()
            .expect("cargo runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata: {errors}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    })
}

fn packages() -> &'static Vec<Value> {
    metadata()["packages"].as_array().expect("a list")
}

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a name")
}

#[test]
fn every_library_comes_from_the_registry_with_a_checksum() {
    let mut seen = 0;
    for package in locked() {
        let told = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let name = told("name").expect("a name");
        match told("source") {
            // Of this repository.
            None => assert!(name.starts_with("rwsgi"), "{name} comes from a folder"),
            Some(source) => {
                seen += 1;
                assert_eq!(source, REGISTRY, "{name}");
                let sum = told("checksum").unwrap_or_default();
                assert_eq!(sum.len(), 64, "{name} has no checksum");
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

/// Whether a license expression can be fulfilled by allowed ones: `A OR B`, `A/B`, `(A OR B) AND C`.
fn allows(expression: &str) -> bool {
    let text = expression.replace(" / ", " OR ").replace('/', " OR ");
    let parts = text.split(" AND ").map(|part| part.trim_matches(['(', ')', ' ']));
    parts.into_iter().all(|part| {
        part.split(" OR ")
            .any(|license| LICENSES.contains(&license.trim_matches(['(', ')', ' '])))
    })
}

#[test]
fn license_expressions_are_judged() {
    for allowed in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "Apache-2.0 / MIT",
        "GPL-3.0 OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(allows(allowed), "{allowed}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND MPL-2.0"] {
        assert!(!allows(refused), "{refused}");
    }
}

#[test]
fn every_library_has_a_license_that_is_allowed() {
    let mut used: BTreeSet<&&str> = BTreeSet::new();
    for package in packages() {
        let license = package["license"].as_str().unwrap_or_default();
        assert!(allows(license), "{}: its license is '{license}'", name(package));
        used.extend(LICENSES.iter().filter(|known| license.contains(**known)));
    }
    let unused: Vec<_> = LICENSES
        .iter()
        .filter(|license| !used.contains(*license))
        .collect();
    assert!(unused.is_empty(), "allowed and never needed: {unused:?}");
}

#[test]
fn no_library_is_there_twice_but_those_that_may_be() {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages() {
        let version = package["version"].as_str().expect("a version");
        versions.entry(name(package)).or_default().insert(version);
    }
    let found: BTreeMap<_, _> = versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .collect();
    let names: Vec<&str> = found.keys().copied().collect();
    assert_eq!(names, DUPLICATES, "in more than one version: {found:?}");
}

/// Cargo asks for that where it makes what would be published.
#[test]
fn no_version_has_been_withdrawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO"))
        .args([
            "package",
            "--package",
            "rwsgi",
            "--no-verify",
            "--allow-dirty",
            "--target-dir",
        ])
        .arg(folder.path())
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success()
        && ["network", "download", "resolve host"]
            .iter()
            .any(|word| told.contains(word))
    {
        eprintln!("skipped: crates.io cannot be asked: {told}");
        return;
    }
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("is yanked"), "{told}");
}

/// Those that a member of the workspace names itself, members left out.
fn direct() -> BTreeSet<&'static str> {
    let members = metadata()["workspace_members"].as_array().expect("a list");
    let own = packages()
        .iter()
        .filter(|package| members.contains(&package["id"]));
    own.flat_map(|package| package["dependencies"].as_array().expect("a list"))
        .filter(|dependency| dependency.get("path").is_none_or(Value::is_null))
        .map(name)
        .collect()
}

#[test]
fn every_dependency_of_every_member_is_explained_and_nothing_else_is() {
    let used = direct();
    assert!(used.contains("pyo3") && used.contains("plotters"), "{used:?}");
    let page = text("docs/dependencies.md");
    let explained: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(used, explained);
}

/// A list of texts in a file for cargo-deny.
fn denied_list(table: &str, key: &str) -> Vec<String> {
    let deny: toml::Table = toml::from_str(&text("deny.toml")).expect("TOML");
    let list = deny[table][key].as_array().expect("a list");
    let text = |item: &toml::Value| {
        let plain = item.as_str().or_else(|| item.get("crate")?.as_str());
        plain.expect("a text").to_owned()
    };
    list.iter().map(text).collect()
}

#[test]
fn cargo_deny_is_told_the_same() {
    assert_eq!(denied_list("licenses", "allow"), LICENSES);
    assert_eq!(denied_list("bans", "skip"), DUPLICATES);
    assert_eq!(denied_list("sources", "allow-git"), Vec::<String>::new());
}
