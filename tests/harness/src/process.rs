//! Processes and their descriptors, as `/proc` shows them, and signals.
#![allow(unsafe_code)]

mod account;
pub(crate) mod doing;
mod limit;
mod sockets;

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub use account::{Account, serving_account};
pub use limit::{Limit, set_limit};
pub use sockets::is_tcp_socket;
pub(crate) use sockets::{TcpSocket, linger_zero, tcp_sockets};

/// One line of the process table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Its parent's process id.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// State letter of `/proc/PID/stat`; `Z` is a zombie.
    pub state: char,
    /// Its short name.
    pub name: String,
    /// When it started, in clock ticks since the system did: with `pid` it names one process for good.
    pub started: u64,
}

/// Every process that can be seen now.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(read_process)
        .collect()
}

/// `PID (NAME) STATE PPID PGRP ...`, where NAME may hold spaces and parentheses.
fn read_process(pid: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (before, after) = text.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_string();
    let mut fields = after.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let started = fields.nth(16)?.parse().ok()?;
    Some(Process {
        pid,
        parent,
        group,
        state,
        name,
        started,
    })
}

/// The live children of `parent`, oldest first.
pub fn children_of(parent: u32) -> Vec<u32> {
    let mut pids: Vec<u32> = all()
        .into_iter()
        .filter(|process| process.parent == parent && process.state != 'Z')
        .map(|p| p.pid)
        .collect();
    pids.sort_unstable();
    pids
}

/// Whether there is a live process of this number.
pub fn exists(pid: u32) -> bool {
    read_process(pid).is_some_and(|process| process.state != 'Z')
}

/// Every live process that `ancestor` started, or that one of those started.
pub fn descendants_of(ancestor: u32) -> Vec<Process> {
    let table = all();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        let children = table
            .iter()
            .filter(|process| process.parent == parent && process.state != 'Z');
        for child in children {
            parents.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

/// The live processes of a process group, or that carry `marker` in their first environment.
pub fn members(group: u32, marker: &str) -> Vec<Process> {
    all()
        .into_iter()
        .filter(|process| process.state != 'Z')
        .filter(|process| process.group == group || environment_holds(process.pid, marker))
        .collect()
}

/// What belongs to a server: the live processes of its process group, those that carry its marker, and those of
/// `started` that still live, as what changed its user hides its environment.
pub(crate) fn belonging(group: u32, marker: &str, started: &[Process]) -> Vec<Process> {
    let mut found = members(group, marker);
    let known = |one: &Process| {
        started
            .iter()
            .any(|old| (old.pid, old.started) == (one.pid, one.started))
    };
    let others = all().into_iter().filter(|one| one.state != 'Z' && known(one));
    found.extend(others);
    found.sort_by_key(|one| one.pid);
    found.dedup_by_key(|one| one.pid);
    found
}

fn environment_holds(pid: u32, marker: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|text| {
        text.split(|byte| *byte == 0)
            .any(|entry| entry == marker.as_bytes())
    })
}

/// What the descriptors of a process point at, such as `/var/log/x` or `socket:[1234]`.
pub fn descriptors(pid: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect()
}

/// Resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Processor time that a process has used, in user mode and in the kernel.
pub fn processor_time(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // USER_HZ is 100 on every architecture that httpd is packaged for.
    Some(Duration::from_millis(ticks * 10))
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() == 0 }
}

/// A signal to one process.
///
/// # Errors
/// What `kill(2)` reports, such as no such process.
pub fn signal(pid: u32, number: i32) -> io::Result<()> {
    // SAFETY: kill takes two plain numbers and reads no memory.
    let result = unsafe { libc::kill(pid.cast_signed(), number) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A signal to every process of a group.
///
/// # Errors
/// What `kill(2)` reports.
pub fn signal_group(group: u32, number: i32) -> io::Result<()> {
    // SAFETY: kill takes two plain numbers and reads no memory.
    let result = unsafe { libc::kill(-group.cast_signed(), number) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Makes the command end when the thread that starts it ends, so that an interrupted test run
/// leaves no server behind.
pub fn end_with_starter(command: &mut Command) {
    // SAFETY: the closure runs between fork and exec and only makes the async-signal-safe prctl call.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

/// A copy of a descriptor that programs which are started inherit.
///
/// # Panics
/// When there is no room for it.
pub fn inheritable(descriptor: &impl std::os::fd::AsFd) -> std::os::fd::OwnedFd {
    use std::os::fd::{AsRawFd, FromRawFd};
    // SAFETY: dup takes a plain number; what it gives is a new descriptor that nobody else knows.
    unsafe {
        let copy = libc::dup(descriptor.as_fd().as_raw_fd());
        assert!(copy >= 0, "no descriptor is left");
        std::os::fd::OwnedFd::from_raw_fd(copy)
    }
}

/// The files below `directory` for which `keep` holds.
pub(crate) fn files_below(
    directory: &std::path::Path,
    keep: &dyn Fn(&fs::FileType, &str) -> bool,
) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            found.extend(files_below(&entry.path(), keep));
        } else if keep(&kind, &entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found
}
