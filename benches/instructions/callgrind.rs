//! Runs a system below callgrind and reads what it counted.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::Failure;
use crate::systems::Ready;
use crate::systems::build;
use crate::systems::case::Case;
use crate::systems::httpd::limits;
use crate::systems::site::Site;

/// How long one server may live below callgrind.
const LIMIT: Duration = Duration::from_secs(900);

/// What the names of callgrind's files begin with.
const PROFILE: &str = "callgrind.out";

/// What callgrind counted in one life of a server.
#[derive(Debug)]
pub(crate) struct Count {
    /// Instructions of one process.
    pub(crate) total: u64,
    profile: PathBuf,
    _directory: TempDir,
}

/// Instructions of one function, and of all it calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The library or program it is in.
    pub(crate) object: String,
    pub(crate) exclusive: u64,
    pub(crate) inclusive: u64,
}

/// Fails with what to install.
fn check_installed() -> Result<(), Failure> {
    for program in ["valgrind", "callgrind_annotate"] {
        // callgrind_annotate ends with an error after its version.
        let found = Command::new(program).arg("--version").output();
        if found.is_err() {
            return Err(format!("{program} is missing: install the package valgrind"));
        }
    }
    Ok(())
}

/// The request that is counted.
const CASE: Case = Case::Headers;

/// What callgrind calls its version.
pub(crate) fn version() -> Result<String, Failure> {
    check_installed()?;
    build::output(Command::new("valgrind").arg("--version")).map(|text| text.trim().to_string())
}

/// Starts a server, sends it `requests` over one connection, stops it, and reads the count: of httpd, or in
/// daemon mode of the process that runs Python.
pub(crate) fn count(ready: &Ready, site: &Site, python: &Path, requests: u32) -> Result<Count, Failure> {
    let directory = folder_for_any_account()?;
    let builder = match ready.system.threads() {
        None => {
            // callgrind opens the file as root and writes it as httpd's account.
            let profile = directory.path().join(PROFILE);
            file_for_any_account(&profile, 0o666, "")?;
            let httpd = ready.httpd(CASE, site, None)?;
            httpd.single_process().under(valgrind(&profile))
        }
        Some(_) => {
            let worker = worker_under_valgrind(directory.path(), python)?;
            let options = format!(
                "processes=1 threads=1 shutdown-timeout=60 env=PYTHONHASHSEED=0 python={}",
                worker.display()
            );
            ready
                .with_daemon_options(options)
                .httpd(CASE, site, None)?
                .mpm_limits(&limits(1))
        }
    };
    let server = builder
        // The same objects at the same places in every run.
        .env("PYTHONHASHSEED", "0")
        .limit(LIMIT)
        .try_start()
        .map_err(|error| error.to_string())?;
    let request = CASE.request(server.port());
    let mut connection = server.connect();
    for number in 0..requests {
        let sent = connection.send(&request).map_err(|error| error.to_string());
        let response = sent.and_then(|()| connection.try_response().map_err(|error| error.to_string()));
        match response {
            Ok(response) if response.status == 200 && CASE.is_answered_by(&response.body) => {}
            Ok(response) => {
                return Err(format!(
                    "request {number} was answered with {}\n{}",
                    response.status,
                    server.report()
                ));
            }
            Err(error) => return Err(format!("request {number}: {error}\n{}", server.report())),
        }
    }
    drop(connection);
    server.try_finish()?;
    largest(directory)
}

/// The count of the process that did most; helpers that a server asks before it serves count too.
fn largest(directory: TempDir) -> Result<Count, Failure> {
    let entries = fs::read_dir(directory.path()).map_err(|error| error.to_string())?;
    let counted = entries.flatten().map(|entry| entry.path()).filter_map(|profile| {
        let name = profile.file_name()?.to_string_lossy().into_owned();
        let text = fs::read_to_string(&profile).ok()?;
        name.starts_with(PROFILE).then_some(())?;
        Some((total(&text)?, profile))
    });
    let (total, profile) = counted
        .max()
        .ok_or_else(|| format!("callgrind left no count in {}", directory.path().display()))?;
    Ok(Count {
        total,
        profile,
        _directory: directory,
    })
}

/// callgrind, before the command that it runs.
fn valgrind(profile: &Path) -> [String; 5] {
    [
        "valgrind".to_string(),
        "--tool=callgrind".to_string(),
        "--vgdb=no".to_string(),
        format!("--callgrind-out-file={}", profile.display()),
        format!("--log-file={}.log.%p", profile.display()),
    ]
}

/// A Python executable for `python=` that is Python below callgrind, one profile for each process.
fn worker_under_valgrind(directory: &Path, python: &Path) -> Result<PathBuf, Failure> {
    let command = valgrind(&directory.join(format!("{PROFILE}.%p"))).join(" ");
    let script = format!("#!/bin/sh\nexec {command} {} \"$@\"\n", python.display());
    let file = directory.join("python3");
    file_for_any_account(&file, 0o755, &script)?;
    Ok(file)
}

fn folder_for_any_account() -> Result<TempDir, Failure> {
    let directory = tempfile::Builder::new().prefix("rwsgi-bench-").tempdir();
    let directory = directory.map_err(|error| format!("no temporary directory: {error}"))?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777))
        .map_err(|error| format!("{}: {error}", directory.path().display()))?;
    Ok(directory)
}

fn file_for_any_account(file: &Path, mode: u32, content: &str) -> Result<(), Failure> {
    fs::write(file, content)
        .and_then(|()| fs::set_permissions(file, Permissions::from_mode(mode)))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// The line `totals: COUNT` (`summary:` in older versions).
fn total(profile: &str) -> Option<u64> {
    let line = profile.lines().rev().find_map(|line| {
        line.strip_prefix("totals:")
            .or_else(|| line.strip_prefix("summary:"))
    })?;
    line.split_whitespace().next()?.parse().ok()
}

impl Count {
    /// What `requests` requests more cost, function by function, for one of them; by name.
    pub(crate) fn functions_since(
        &self,
        before: &Count,
        requests: u32,
    ) -> Result<HashMap<String, Function>, Failure> {
        let early = before.functions()?;
        let share = |late: u64, early: u64| late.saturating_sub(early) / u64::from(requests.max(1));
        let mut functions = self.functions()?;
        for (name, function) in &mut functions {
            let early = early.get(name).cloned().unwrap_or_default();
            function.exclusive = share(function.exclusive, early.exclusive);
            function.inclusive = share(function.inclusive, early.inclusive);
        }
        Ok(functions)
    }

    /// Copies the raw profile, for callgrind_annotate or kcachegrind.
    pub(crate) fn keep(&self, name: &str) -> Result<PathBuf, Failure> {
        let directory = build::directory();
        let target = directory.join(name);
        fs::create_dir_all(&directory)
            .and_then(|()| fs::copy(&self.profile, &target))
            .map_err(|error| format!("{}: {error}", target.display()))?;
        Ok(target)
    }

    fn functions(&self) -> Result<HashMap<String, Function>, Failure> {
        let mut functions: HashMap<String, Function> = HashMap::new();
        for inclusive in [false, true] {
            for line in annotate(&self.profile, inclusive)? {
                let function = functions.entry(line.name.clone()).or_default();
                function.name = line.name;
                function.exclusive += line.exclusive;
                // One of its lines has it all, the others have what was inlined from their files once more.
                function.inclusive = function.inclusive.max(line.inclusive);
                if function.object.is_empty() {
                    function.object = line.object;
                }
            }
        }
        Ok(functions)
    }
}

fn annotate(profile: &Path, inclusive: bool) -> Result<Vec<Function>, Failure> {
    let text = build::output(
        Command::new("callgrind_annotate")
            .arg("--threshold=100")
            .arg("--auto=no")
            .arg(format!("--inclusive={}", if inclusive { "yes" } else { "no" }))
            .arg(profile),
    )?;
    Ok(text
        .lines()
        .filter_map(|line| function_line(line, inclusive))
        .collect())
}

/// `1,234 (5.67%)  file.c:function [/lib/object.so]`; a function that others are inlined into has a
/// line for each file they come from, some of them without the object.
fn function_line(line: &str, inclusive: bool) -> Option<Function> {
    let (count, rest) = line.trim_start().split_once(" (")?;
    let count = count.replace(',', "").parse().ok()?;
    let (_, place) = rest.split_once("%)")?;
    let (place, object) = match place.trim().rsplit_once(" [") {
        Some((place, object)) => (place, object.trim_end_matches(']')),
        None => (place.trim(), ""),
    };
    let (_, name) = place.split_once(':')?;
    let object = object.rsplit('/').next().unwrap_or_default();
    // An address names a function of its own object alone.
    let name = match name.strip_prefix("0x") {
        Some(address) => format!("0x{} of {object}", address.trim_start_matches('0')),
        None => without_hash(name).to_string(),
    };
    let (exclusive, inclusive) = if inclusive { (0, count) } else { (count, 0) };
    Some(Function {
        name,
        object: object.to_string(),
        exclusive,
        inclusive,
    })
}

/// A Rust name without what the compiler appends to it, `::h` and 16 digits that change with every build.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_last_one() {
        assert_eq!(
            total("events: Ir\nsummary: 7\nfn=(1)\n3 4\ntotals: 1234\n"),
            Some(1234)
        );
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn a_line_of_callgrind_annotate_names_function_and_object() {
        let read = function_line(" 1,234 (12.34%)  src/a.rs:rwsgi::run [/x/libmod_rwsgi.so]", false);
        let expected = Function {
            name: "rwsgi::run".to_string(),
            object: "libmod_rwsgi.so".to_string(),
            exclusive: 1234,
            inclusive: 0,
        };
        assert_eq!(read, Some(expected));
        let read = function_line("56 ( 0.01%)  ???:0x000000000001b8 [/lib/libc.so.6]", true);
        let expected = Function {
            name: "0x1b8 of libc.so.6".to_string(),
            object: "libc.so.6".to_string(),
            exclusive: 0,
            inclusive: 56,
        };
        assert_eq!(read, Some(expected));
        let read = function_line("7 (1%)  src/a.rs:rwsgi::run::h0123456789abcdef [/x/a.so]", false);
        assert_eq!(read.map(|function| function.name), Some("rwsgi::run".to_string()));
        assert_eq!(function_line("Ir  file:function", false), None);
        assert_eq!(function_line("9,000 (100.0%)  PROGRAM TOTALS", false), None);
    }
}
