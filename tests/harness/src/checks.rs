//! What must hold after every test.

use std::path::Path;
use std::time::Duration;

use crate::process::{self, Process};
use crate::wait::{wait_for, wait_until};

/// How long a child may take to let go of closed connections, and a process to end.
const GRACE: Duration = Duration::from_secs(4);

/// Descriptors idle children still hold though nobody is connected.
pub(crate) fn held_descriptors(parent: u32, root: &Path) -> Vec<String> {
    let mut held = Vec::new();
    wait_until(GRACE, || {
        held = process::children_of(parent)
            .iter()
            .flat_map(|pid| held_by(*pid, root))
            .collect();
        held.is_empty()
    });
    held
}

fn held_by(pid: u32, root: &Path) -> Vec<String> {
    let sockets = process::tcp_sockets();
    let own = [root.join("logs"), root.join("run")];
    let held = process::descriptors(pid).into_iter().filter_map(|target| {
        if let Some(inode) = target
            .strip_prefix("socket:[")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let socket = sockets.get(inode)?;
            return (!socket.listening)
                .then(|| format!("child {pid} still holds the connection {}", socket.described));
        }
        let file = Path::new(&target);
        let leaked = file.starts_with(root) && !own.iter().any(|dir| file.starts_with(dir));
        leaked.then(|| format!("child {pid} still holds {target}"))
    });
    held.collect()
}

/// Processes that outlive their server; they are killed.
pub(crate) fn orphans(group: u32, marker: &str) -> Vec<String> {
    let gone = wait_for(GRACE, || process::members(group, marker).is_empty().then_some(()));
    if gone.is_some() {
        return Vec::new();
    }
    let left = process::members(group, marker);
    left.iter().for_each(|process| {
        let _ = process::signal(process.pid, libc::SIGKILL);
    });
    left.iter()
        .map(|Process { pid, name, .. }| format!("process {pid} ({name}) outlived the server"))
        .collect()
}

/// Socket and core files in the ServerRoot.
pub(crate) fn left_files(root: &Path) -> Vec<String> {
    use std::os::unix::fs::FileTypeExt;
    let cores = process::files_below(&root.join("cores"), &|_, _| true);
    let stray = process::files_below(root, &|kind, name| {
        kind.is_socket() || name == "core" || name.starts_with("core.")
    });
    let mut left: Vec<String> = cores
        .iter()
        .chain(&stray)
        .map(|file| format!("left behind: {}", file.display()))
        .collect();
    left.sort();
    left.dedup();
    left
}
