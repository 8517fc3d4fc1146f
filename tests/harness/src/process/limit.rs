//! Limits of running processes.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::is_root;

/// What the kernel can limit a process to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Numbers of descriptors, counted from 0.
    Descriptors,
    /// Processes and threads of its user.
    Processes,
    /// Bytes of address space.
    AddressSpace,
}

/// Sets the soft limit of a running process by `prlimit(1)` as that process's user, which needs no privilege; the
/// one before.
///
/// # Errors
/// When the process does not run, or what `prlimit` says.
pub fn set_limit(pid: u32, limit: Limit, soft: u64) -> io::Result<u64> {
    let (row, option) = match limit {
        Limit::Descriptors => ("Max open files", "nofile"),
        Limit::Processes => ("Max processes", "nproc"),
        Limit::AddressSpace => ("Max address space", "as"),
    };
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let before = limits
        .lines()
        .find_map(|line| line.strip_prefix(row)?.split_whitespace().next())
        .ok_or_else(|| io::Error::other("no such limit"))?;
    let before = match before {
        "unlimited" => libc::RLIM_INFINITY,
        number => number.parse().map_err(io::Error::other)?,
    };
    let value = match soft {
        libc::RLIM_INFINITY => "unlimited".to_owned(),
        number => number.to_string(),
    };
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--pid={pid}"))
        .arg(format!("--{option}={value}:"));
    if is_root() {
        let (user, group) = owner(pid).ok_or_else(|| io::Error::other("no such process"))?;
        command.uid(user).gid(group);
    }
    let done = command.output()?;
    if done.status.success() {
        Ok(before)
    } else {
        Err(io::Error::other(
            String::from_utf8_lossy(&done.stderr).into_owned(),
        ))
    }
}

/// The user and the group that a process runs as. (Its files in `/proc` may be root's.)
fn owner(pid: u32) -> Option<(u32, u32)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let id = |row: &str| -> Option<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(row))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some((id("Uid:")?, id("Gid:")?))
}
