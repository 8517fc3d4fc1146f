//! What module, command and workers must agree on, as a version that changes along with it.
//!
//! A number kept by hand would be forgotten. The sources of everything that goes from one part to another are taken
//! instead, tests and comments included: parts of one source tree agree, whatever Python they are built for, and a part
//! that is left over from another build of the same release does not.

use std::fmt;
use std::path::Path;

/// The version that all parts must share: that of the release, and what their sources come to.
pub const VERSION: &str = match std::str::from_utf8(&TEXT) {
    Ok(text) => text,
    Err(_) => RELEASE,
};

const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// Hexadecimal digits after the release.
const DIGITS: usize = 8;
const TEXT: [u8; RELEASE.len() + 1 + DIGITS] = text();

macro_rules! sources {
    ($($path:literal)*) => {
        &[$(($path, include_bytes!(concat!("../../", $path)))),*]
    };
}

/// Files below `src` with their text. A test sees to it that none is missing.
const SOURCES: &[(&str, &[u8])] = sources!(
    "config/daemon_group.rs"
    "config/interpreter.rs"
    "config/interpreter/layers.rs"
    "config/plan.rs"
    "config/plan/agreement.rs"
    "config/plan/messages.rs"
    "config/plan/public.rs"
    "config/python_home/choice.rs"
    "config/python_home/mod.rs"
    "fcgi/client.rs"
    "fcgi/fault.rs"
    "fcgi/management.rs"
    "fcgi/mod.rs"
    "fcgi/params.rs"
    "fcgi/record.rs"
    "fcgi/server.rs"
    "fcgi/stream.rs"
    "gateway/body.rs"
    "gateway/environ.rs"
    "gateway/wire/log.rs"
    "gateway/wire/mod.rs"
    "gateway/wire/plan.rs"
    "scoreboard/death.rs"
    "scoreboard/layout.rs"
    "scoreboard/mod.rs"
    "scoreboard/position.rs"
    "scoreboard/queue.rs"
    "scoreboard/slot.rs"
    "scoreboard/words.rs"
    "sys/channel.rs"
    "sys/mailbox.rs"
);

/// A number for all sources. It only has to differ, and to be the same on every machine.
const fn digest(mut files: &[(&str, &[u8])]) -> u64 {
    let mut state = 0;
    while let Some((file, others)) = files.split_first() {
        let mut text = file.1;
        while let Some((word, rest)) = text.split_first_chunk::<8>() {
            state = mix(state, u64::from_le_bytes(*word));
            text = rest;
        }
        while let Some((byte, rest)) = text.split_first() {
            state = mix(state, *byte as u64);
            text = rest;
        }
        // Where one file ends and the next begins counts, too.
        state = mix(state, u64::MAX);
        files = others;
    }
    state
}

/// Takes another word in. Both steps can be undone, so that no two words come to the same.
const fn mix(state: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let state = (state.rotate_left(23) ^ word).wrapping_mul(ODD);
    state ^ (state >> 32)
}

#[allow(
    clippy::indexing_slicing,
    reason = "the compiler carries it out and refuses what is out of bounds"
)]
const fn text() -> [u8; RELEASE.len() + 1 + DIGITS] {
    const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'+'; RELEASE.len() + 1 + DIGITS];
    let mut at = 0;
    while at < RELEASE.len() {
        text[at] = RELEASE.as_bytes()[at];
        at += 1;
    }
    let mut rest = digest(SOURCES);
    at += 1;
    while at < text.len() {
        text[at] = HEXADECIMAL[(rest % 16) as usize];
        rest /= 16;
        at += 1;
    }
    text
}

/// A part of rwsgi, as it is called where two do not agree.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What it is, such as `the module`.
    pub what: &'a str,
    /// Its file, where that is known.
    pub file: Option<&'a Path>,
    /// Its version.
    pub version: &'a str,
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Part { what, file, version } = self;
        match file {
            Some(file) => write!(f, "{what} ({}) is of version {version}", file.display()),
            None => write!(f, "{what} is of version {version}"),
        }
    }
}

/// How a disagreement is ended. What is named is the server that has to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix<'a> {
    /// One of the parts runs and is not the one on disk any more: it was replaced while it ran.
    StopAndStart(&'a str),
    /// The parts on disk are of different builds, and one of them runs.
    InstallAndStart(&'a str),
    /// The parts on disk are of different builds.
    Install,
}

impl Fix<'_> {
    /// What helps where `server` runs a file that `is_gone` by now, or is not.
    #[must_use]
    pub fn of_running(server: &str, is_gone: bool) -> Fix<'_> {
        if is_gone {
            Fix::StopAndStart(server)
        } else {
            Fix::InstallAndStart(server)
        }
    }
}

/// Says that `own`, which tells it, does not agree with `other`, and what to do.
#[must_use]
pub fn disagreement(other: Part<'_>, own: Part<'_>, fix: Fix<'_>) -> String {
    const INSTALL: &str = "install both from one package, or build both again (make build)";
    match fix {
        Fix::StopAndStart(server) => format!(
            "{other}; {own} and was replaced while it ran: stop and start {server}, as a restart is not enough"
        ),
        Fix::InstallAndStart(server) => format!("{other}; {own}: {INSTALL}, then stop and start {server}"),
        Fix::Install => format!("{other}; {own}: {INSTALL}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    /// Rooms of which everything counts.
    const ROOMS: [&str; 3] = ["fcgi", "gateway/wire", "scoreboard"];

    fn sources_below(folder: &str) -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut folders, mut found) = (vec![root.join(folder)], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("readable").flatten() {
                let path: PathBuf = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let name = path
                        .strip_prefix(&root)
                        .expect("below")
                        .to_string_lossy()
                        .into_owned();
                    found.push((name, fs::read_to_string(&path).expect("readable")));
                }
            }
        }
        found
    }

    fn is_listed(name: &str) -> bool {
        SOURCES.iter().any(|(listed, _)| *listed == name)
    }

    #[test]
    fn every_file_counts_that_says_what_the_parts_tell_each_other() {
        let is_for_tests = |name: &str| name.ends_with("/tests.rs") || name.ends_with("/fuzz.rs");
        for (name, _) in ROOMS.iter().flat_map(|room| sources_below(room)) {
            assert!(
                is_listed(&name) || is_for_tests(&name),
                "{name} is not in SOURCES"
            );
        }
        // What is sent as JSON.
        for (name, text) in sources_below("config") {
            assert!(
                is_listed(&name) || !text.contains("Deserialize"),
                "{name} is not in SOURCES"
            );
        }
    }

    #[test]
    fn any_other_text_is_another_version() {
        let with =
            |text: &'static [u8]| digest(&[("layout.rs", text), ("slot.rs", b"const SLOT: usize = 64;")]);
        let usual = with(b"const POSITION: usize = 16;");
        assert_eq!(usual, with(b"const POSITION: usize = 16;"));
        for other in [
            &b"const POSITION: usize = 32;"[..],
            b"const POSITION: usize = 16",
            b"",
        ] {
            assert_ne!(usual, with(other));
        }
        let moved = digest(&[("a", b"one two three"), ("b", b"")]);
        assert_ne!(moved, digest(&[("a", b"one two "), ("b", b"three")]));
    }

    #[test]
    fn the_version_is_that_of_the_release_with_eight_digits() {
        let (release, digits) = VERSION.split_once('+').expect("two parts");
        assert_eq!(release, env!("CARGO_PKG_VERSION"));
        assert_eq!(digits.len(), 8);
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digits}");
        assert_ne!(digits, "00000000");
    }

    #[test]
    fn a_disagreement_names_both_and_the_fix() {
        let part = |what, file: &'static str, version| Part {
            what,
            file: (!file.is_empty()).then(|| Path::new(file)),
            version,
        };
        let (other, own) = (
            part("its worker", "", "2"),
            part("the command", "/bin/rwsgi", "1"),
        );
        assert_eq!(
            disagreement(other, own, Fix::of_running("httpd", true)),
            "its worker is of version 2; the command (/bin/rwsgi) is of version 1 and was replaced while it ran: stop \
             and start httpd, as a restart is not enough"
        );
        for fix in [Fix::of_running("httpd", false), Fix::Install] {
            let text = disagreement(other, own, fix);
            assert!(text.contains("install both from one package"), "{text}");
            assert_eq!(
                text.contains("stop and start httpd"),
                fix != Fix::Install,
                "{text}"
            );
        }
    }
}
