//! The Containerfile, as far as reading can judge it.

use serde_json::Value;

use super::{root, text};

pub(crate) const FILE: &str = "packaging/container/Containerfile";

/// Every instruction that engines know.
const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Instructions with their arguments; lines that continue are one.
pub(crate) fn instructions() -> Vec<(String, String)> {
    let mut joined = String::new();
    for line in text(FILE)
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        match line.strip_suffix('\\') {
            Some(begun) => joined.push_str(begun),
            None => {
                joined.push_str(line);
                joined.push('\n');
            }
        }
    }
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, arguments) = line.split_once(' ').expect("an instruction and its arguments");
            (name.to_owned(), arguments.trim().to_owned())
        })
        .collect()
}

/// The arguments of `name` in the image that comes out, which there are once.
pub(crate) fn only(name: &str) -> String {
    let all = instructions();
    let last = all
        .iter()
        .rposition(|(found, _)| found == "FROM")
        .expect("a base");
    let mut found = all[last..].iter().filter(|(found, _)| found == name);
    let arguments = found.next().unwrap_or_else(|| panic!("no {name}")).1.clone();
    assert!(found.next().is_none(), "{name} is there twice");
    arguments
}

/// The words of an instruction that runs a program without a shell.
pub(crate) fn words(arguments: &str) -> Vec<String> {
    let parsed: Value = serde_json::from_str(arguments).expect("a list of words");
    let words = parsed.as_array().expect("a list").iter();
    words
        .map(|word| word.as_str().expect("a word").to_owned())
        .collect()
}

#[test]
fn every_instruction_is_one() {
    let all = instructions();
    assert!(all.len() > 10);
    for (name, arguments) in &all {
        assert!(INSTRUCTIONS.contains(&name.as_str()), "{name} {arguments}");
        assert!(!arguments.is_empty(), "{name}");
    }
    assert_eq!(all[0].0, "FROM");
}

#[test]
fn what_is_copied_is_there() {
    let mut stages = Vec::new();
    let mut seen = 0;
    for (name, arguments) in instructions() {
        let mut words: Vec<&str> = arguments.split_whitespace().collect();
        if name == "FROM" {
            stages.extend(
                words
                    .iter()
                    .position(|word| *word == "AS")
                    .map(|at| words[at + 1].to_owned()),
            );
        }
        if name != "COPY" {
            continue;
        }
        if let Some(stage) = words[0].strip_prefix("--from=") {
            assert!(stages.iter().any(|known| known == stage), "{arguments}");
            continue;
        }
        words.pop();
        for source in words {
            seen += 1;
            assert!(root().join(source).exists(), "{source} is not there to be copied");
        }
    }
    assert!(seen > 0);
    // The build would take what is built here with it.
    assert!(text(".dockerignore").lines().any(|line| line == "target"));
}

#[test]
fn it_runs_as_an_account_without_privileges_and_stops_in_order() {
    let user = only("USER");
    let (uid, gid) = user.split_once(':').expect("a user and a group");
    // By number, so that platforms see that it is not root.
    assert!(uid.parse::<u32>().is_ok_and(|uid| uid > 0), "{user}");
    assert_eq!(gid, "0", "any account may have the group 0, and no other: {user}");
    assert_eq!(only("STOPSIGNAL"), "SIGTERM");
    let port = only("EXPOSE");
    let entry = words(&only("ENTRYPOINT"));
    assert_eq!(entry[..2], ["/usr/bin/rwsgi", "serve"]);
    assert!(
        entry.windows(2).any(|pair| pair == ["--port", &port]),
        "{entry:?}"
    );
    assert!(!words(&only("CMD")).is_empty());
}

#[test]
fn the_health_check_is_a_program_that_the_image_has() {
    let check = only("HEALTHCHECK");
    let (_, command) = check.split_once("CMD ").expect("a command");
    let words = words(command);
    let copies = instructions();
    let copied = copies
        .iter()
        .any(|(name, arguments)| name == "COPY" && arguments.ends_with(&format!(" {}", words[1])));
    assert!(copied, "{words:?}");
}
