//! What the repository says of itself is true: links lead somewhere, commands exist, lists are whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Markdown file at the top and in `docs/`.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in [root().to_path_buf(), root().join("docs")] {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            if entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "md")
            {
                found.push(entry.path());
            }
        }
    }
    assert!(found.len() >= 6, "{found:?}");
    found
}

/// Targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// Contents of fenced code blocks in this language.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let opening = format!("```{language}\n");
    text.split(opening.as_str())
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

/// The anchor that Markdown viewers give to a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn relative_links_lead_to_files_and_headings_that_exist() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for link in links(&text).filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            seen += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().expect("a directory").join(file),
            };
            let heading_exists = || {
                heading.is_empty()
                    || fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(heading))
            };
            if !target.exists() || !heading_exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(seen > 10, "{seen} links were found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_make_target_that_a_document_names_exists() {
    let makefile = text("Makefile");
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', '.']) && !line.contains(":="))
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target)
        .collect();
    let mut named = BTreeSet::new();
    for document in documents() {
        let text = fs::read_to_string(document).expect("a document");
        // In code, `make` stands after a backquote, `sudo` or at the start of a line.
        for (place, _) in text.match_indices("make ") {
            let before = &text[..place];
            let is_command = before.ends_with(['`', '\n']) || before.ends_with("sudo ");
            let word = text[place + 5..]
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .next();
            if let Some(word) = word.filter(|word| is_command && !word.is_empty()) {
                named.insert(word.to_string());
            }
        }
    }
    assert!(named.contains("serve") && named.contains("test"), "{named:?}");
    let unknown: Vec<_> = named
        .iter()
        .filter(|name| !targets.contains(name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "no target for: {unknown:?}");
}

#[test]
fn the_continuous_check_runs_the_same_command_as_the_readme() {
    assert!(text(".ci/run").contains("make test"));
    assert!(blocks(&text("README.md"), "sh")[0].contains("make test"));
}

#[test]
fn the_readme_shows_the_published_virtual_host() {
    let lines = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
            .map(str::to_string)
            .collect()
    };
    let readme = text("README.md");
    let [shown] = blocks(&readme, "apache")[..] else {
        panic!("one virtual host in the README")
    };
    assert_eq!(lines(shown), lines(&text("apache-conf/embedded.conf")));
}

#[test]
fn the_architecture_names_every_room_and_no_other() {
    let architecture = text("docs/architecture.md");
    let named: BTreeSet<String> = architecture
        .split("`src/")
        .skip(1)
        .filter_map(|rest| rest.split_once("/`").map(|(room, _)| room.to_string()))
        .collect();
    let rooms: BTreeSet<String> = fs::read_dir(root().join("src"))
        .expect("src")
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "bin")
        .collect();
    assert_eq!(named, rooms);
}

/// Names in the dependency tables of a Cargo.toml, those of this repository left out.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && !value.contains("path =")
        {
            found.insert(name.trim().trim_end_matches(".workspace").to_string());
        }
    }
    found
}

#[test]
fn every_dependency_is_explained_and_nothing_else_is() {
    let mut used = BTreeSet::new();
    for manifest in ["Cargo.toml", "tests/harness/Cargo.toml", "benches/Cargo.toml"] {
        used.extend(dependencies(&text(manifest)));
    }
    assert!(used.contains("pyo3"), "{used:?}");
    let explained: BTreeSet<String> = text("docs/dependencies.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split_once('`'))
        .map(|(name, _)| name.to_string())
        .collect();
    assert_eq!(used, explained);
}

/// The text of every Rust file below a directory.
fn rust_below(directory: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.push_str(&rust_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(&path).expect("a source file"));
        }
    }
    all
}

/// Each difference says which tests hold it, and those tests exist.
#[test]
fn every_difference_from_mod_wsgi_is_held_by_tests_that_exist() {
    let page = text("docs/differences.md");
    let code = rust_below(&root().join("tests")) + &rust_below(&root().join("src"));
    let mut named = 0;
    for entry in page.split("\n### ").skip(1) {
        let heading = entry.lines().next().unwrap_or_default();
        let (_, tests) = entry
            .split_once("Held")
            .unwrap_or_else(|| panic!("{heading}: held by no test"));
        let tests: Vec<&str> = tests
            .split("\n## ")
            .next()
            .unwrap_or_default()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(
            !tests.is_empty() || entry.contains("comparison"),
            "{heading}: held by no test"
        );
        for test in tests {
            named += 1;
            let exists = code.contains(&format!("fn {test}(")) || code.contains(&format!("{test}: \""));
            assert!(exists, "{heading}: there is no test {test}");
        }
    }
    assert!(named > 20, "{named}");
}

/// The version of the wheel is the worker's, and that is everybody's.
#[test]
fn pip_gets_the_version_of_the_workspace() {
    let pyproject = text("pyproject.toml");
    assert!(pyproject.contains("\ndynamic = [\"version\"]\n") && !pyproject.contains("\nversion = "));
    assert!(pyproject.contains("\nmanifest-path = \"worker/Cargo.toml\"\n"));
    assert!(text("worker/Cargo.toml").contains("\nversion.workspace = true\n"));
    assert!(text("Cargo.toml").contains("\nversion.workspace = true\n"));
}
