//! Rooms and arrows: which folder of `src` may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms it may use. A room that is not here may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    // Pure rooms use each other only.
    ("fcgi", &[]),
    ("scgi", &[]),
    ("cgi", &["gateway"]),
    ("gateway", &["config", "fcgi"]),
    ("config", &["gateway", "scoreboard"]),
    ("fault", &[]),
    ("scoreboard", &[]),
    // Fences.
    ("ffi", &[]),
    ("httpd", &["ffi", "fault", "gateway", "config"]),
    ("python", &["fault", "gateway"]),
    ("sys", &["config"]),
    // Applications.
    ("script", &["python", "gateway"]),
    ("wsgi", &["python", "sys", "gateway"]),
    ("pymodule", &["python", "wsgi", "sys", "gateway"]),
    (
        "app",
        &["script", "wsgi", "pymodule", "python", "sys", "gateway", "config"],
    ),
    // Transport.
    ("embedded", &["app", "httpd", "sys", "gateway", "config"]),
    ("supervisor", &["sys", "scoreboard", "config", "gateway"]),
    (
        "worker",
        &[
            "app",
            "pymodule",
            "wsgi",
            "fcgi",
            "scgi",
            "cgi",
            "scoreboard",
            "sys",
            "config",
            "gateway",
        ],
    ),
    (
        "pool",
        &["httpd", "sys", "fcgi", "scoreboard", "gateway", "config"],
    ),
    // Entries.
    (
        "hooks",
        &[
            "embedded",
            "pool",
            "app",
            "pymodule",
            "wsgi",
            "httpd",
            "sys",
            "scoreboard",
            "config",
            "gateway",
            "module",
        ],
    ),
    ("module", &["hooks", "httpd"]),
    ("cli", &["config", "gateway", "supervisor", "scoreboard", "sys"]),
    ("lib", &[]),
    ("bin", &["cli"]),
];

/// Which crate each fence alone may name.
const FENCED_CRATES: &[(&str, &[&str])] = &[("pyo3", &["python"]), ("libc", &["sys", "python"])];

fn source_files() -> Vec<(String, PathBuf)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let first = path
                .strip_prefix(&root)
                .expect("below src")
                .components()
                .next()
                .expect("a room");
            let room = first
                .as_os_str()
                .to_string_lossy()
                .trim_end_matches(".rs")
                .to_string();
            (room, path)
        })
        .collect()
}

fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The names right after each `marker`, those of a `{...}` list included.
fn names_after(text: &str, marker: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (position, _) in text.match_indices(marker) {
        let before = text[..position].chars().next_back();
        if before.is_some_and(|character| character.is_alphanumeric() || character == '_') {
            continue;
        }
        let rest = &text[position + marker.len()..];
        let list = match rest.strip_prefix('{') {
            Some(list) => top_level_items(list),
            None => vec![rest],
        };
        for item in list {
            let end = item.find(|character: char| !character.is_alphanumeric() && character != '_');
            names.insert(item[..end.unwrap_or(item.len())].to_string());
        }
    }
    names
}

fn top_level_items(list: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0, 0);
    for (position, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(list[start..position].trim());
                return items;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(list[start..position].trim());
                start = position + 1;
            }
            _ => {}
        }
    }
    items
}

#[test]
fn rooms_use_only_what_their_arrows_allow() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (room, path) in source_files() {
        let Some(allowed) = arrows.get(room.as_str()) else {
            wrong.push(format!("{}: the room {room} has no arrows", path.display()));
            continue;
        };
        let text = without_comments(&fs::read_to_string(&path).expect("readable"));
        for used in names_after(&text, "crate::") {
            let known = arrows.contains_key(used.as_str());
            if known && used != room && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {room} must not use {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_fences_name_foreign_interfaces() {
    let mut wrong = Vec::new();
    for (room, path) in source_files() {
        let text = without_comments(&fs::read_to_string(&path).expect("readable"));
        for (library, rooms) in FENCED_CRATES {
            if text.contains(&format!("{library}::")) && !rooms.contains(&room.as_str()) {
                wrong.push(format!("{}: {library} belongs behind {rooms:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_fences_say_unsafe() {
    const FENCES: [&str; 5] = ["ffi", "httpd", "python", "sys", "module"];
    for (room, path) in source_files() {
        let text = without_comments(&fs::read_to_string(&path).expect("readable"));
        let has_unsafe = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == "unsafe");
        assert!(
            !has_unsafe || FENCES.contains(&room.as_str()),
            "{} is not behind a fence",
            path.display()
        );
    }
}

#[test]
fn the_reader_of_arrows_sees_lists_and_paths() {
    let text = "use crate::{sys, wsgi::{run, State}, app};\nlet x = crate::python::Y; mycrate::no";
    let names: Vec<String> = names_after(text, "crate::").into_iter().collect();
    assert_eq!(names, ["app", "python", "sys", "wsgi"]);
}
