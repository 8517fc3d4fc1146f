//! Limits of a process that is about to become another program.

use std::io;
use std::time::Duration;

/// What limits it; unset is as inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Its priority, as nice(2) counts; 0 is as inherited.
    pub priority: i32,
    /// CPU time: it is told by SIGXCPU at the first and killed at the second.
    pub cpu_time: Option<(Duration, Duration)>,
    /// Bytes of data.
    pub data: Option<u64>,
    /// Bytes of address space.
    pub address_space: Option<u64>,
    /// Whether it may leave a core file.
    pub core_files: bool,
}

/// A limit that could not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// The priority.
    Priority,
    /// CPU time or core files.
    Other,
    /// Bytes of data.
    Data,
    /// Bytes of address space.
    AddressSpace,
}

/// Sets all limits; tells what failed.
pub(super) fn set(limits: &Limits) -> Vec<(LimitKind, String)> {
    let mut failures = Vec::new();
    let mut note = |kind, what: &str, done: io::Result<()>| {
        if let Err(error) = done {
            failures.push((kind, format!("{what}: {error}")));
        }
    };
    if limits.priority != 0 {
        // SAFETY: plain numbers; 0 is this process.
        let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, limits.priority) };
        note(LimitKind::Priority, "cpu-priority cannot be set", result(done));
    }
    if let Some((soft, hard)) = limits.cpu_time {
        let done = set_limit(libc::RLIMIT_CPU, soft.as_secs(), hard.as_secs());
        note(LimitKind::Other, "cpu-time-limit cannot be set", done);
    }
    if let Some(bytes) = limits.data {
        let done = set_limit(libc::RLIMIT_DATA, bytes, bytes);
        note(LimitKind::Data, "memory-limit cannot be set", done);
    }
    if let Some(bytes) = limits.address_space {
        let done = set_limit(libc::RLIMIT_AS, bytes, bytes);
        note(
            LimitKind::AddressSpace,
            "virtual-memory-limit cannot be set",
            done,
        );
    }
    if !limits.core_files {
        let done = set_limit(libc::RLIMIT_CORE, 0, 0);
        note(LimitKind::Other, "core files cannot be switched off", done);
    }
    failures
}

fn result(done: libc::c_int) -> io::Result<()> {
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn set_limit(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: a valid limit, which is only read.
    result(unsafe { libc::setrlimit(resource, &raw const limit) })
}
