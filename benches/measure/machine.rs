//! The machine and the versions that figures belong to.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::systems::build;

/// What a reader has to know to compare.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Machine {
    /// UTC, as `2026-11-25`.
    pub(crate) date: String,
    /// Model and number of processors.
    pub(crate) processors: String,
    pub(crate) memory_mib: u64,
    pub(crate) system: String,
    pub(crate) kernel: String,
    pub(crate) httpd: String,
    pub(crate) python: String,
    pub(crate) rustc: String,
    /// Of the repository.
    pub(crate) commit: String,
    /// Processes that wanted a processor before anything was measured, over the last minute.
    pub(crate) load: f64,
}

impl Machine {
    /// Looks at this one.
    pub(crate) fn here(python: &Path) -> Machine {
        let said = |program: &str, arguments: &[&str]| {
            let text = build::output(Command::new(program).args(arguments).current_dir(build::root()));
            text.map_or_else(|_| "unknown".to_string(), |text| text.trim().to_string())
        };
        let cores = thread::available_parallelism().map_or(0, usize::from);
        Machine {
            date: said("date", &["-u", "+%F"]),
            processors: format!("{cores} x {}", value("/proc/cpuinfo", "model name")),
            memory_mib: kibibytes(&value("/proc/meminfo", "MemTotal")) / 1024,
            system: release(),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            httpd: rwsgi_harness::httpd_version(),
            python: said(&python.display().to_string(), &["--version"]),
            rustc: said("rustc", &["--version"]),
            commit: said("git", &["describe", "--always", "--dirty"]),
            load: first_line("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
        }
    }
}

fn first_line(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_string()
}

/// The value of the first `NAME : VALUE` line.
fn value(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let found = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name);
    found.map_or_else(|| "unknown".to_string(), |(_, value)| value.trim().to_string())
}

fn kibibytes(text: &str) -> u64 {
    text.trim_end_matches("kB").trim().parse().unwrap_or(0)
}

/// `PRETTY_NAME="..."` of os-release.
fn release() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("unknown").trim_matches('"').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_processor_and_memory() {
        let machine = Machine::here(Path::new("/usr/bin/python3"));
        assert!(machine.memory_mib > 0);
        assert!(!machine.processors.starts_with('0'), "{}", machine.processors);
        assert!(machine.httpd.starts_with("Apache"), "{}", machine.httpd);
    }
}
