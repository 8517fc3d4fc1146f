//! What must hold after every test.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{self, Process, TcpSocket};
use crate::wait::wait_until;

/// How long a child may take to let go of closed connections, and a process to end.
const GRACE: Duration = Duration::from_secs(4);

/// Descriptors that idle processes of httpd still hold though nobody is connected.
pub(crate) fn held_descriptors(parent: u32, root: &Path) -> Vec<String> {
    let mut held = Vec::new();
    wait_until(GRACE, || {
        // Once for all of them: the table is the machine's, and long while others are under load.
        let sockets = process::tcp_sockets();
        held = process::descendants_of(parent)
            .iter()
            .flat_map(|process| held_by(process.pid, root, &sockets))
            .collect();
        held.is_empty()
    });
    held
}

fn held_by(pid: u32, root: &Path, sockets: &HashMap<String, TcpSocket>) -> Vec<String> {
    let own = [root.join("logs"), root.join("run")];
    let held = process::descriptors(pid).into_iter().filter_map(|target| {
        if let Some(inode) = target
            .strip_prefix("socket:[")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let socket = sockets.get(inode)?;
            return (!socket.listening)
                .then(|| format!("process {pid} still holds the connection {}", socket.described));
        }
        let file = Path::new(&target);
        let leaked = file.starts_with(root) && !own.iter().any(|dir| file.starts_with(dir));
        leaked.then(|| format!("process {pid} still holds {target}"))
    });
    held.collect()
}

/// Processes that outlive their server; they are killed.
pub(crate) fn orphans(group: u32, marker: &str, started: &[Process]) -> Vec<String> {
    let left = || process::belonging(group, marker, started);
    if wait_until(GRACE, || left().is_empty()) {
        return Vec::new();
    }
    let left = left();
    left.iter().for_each(|process| {
        let _ = process::signal(process.pid, libc::SIGKILL);
    });
    let mut lines: Vec<String> = left
        .iter()
        .map(|Process { pid, name, .. }| format!("process {pid} ({name}) outlived the server"))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Socket and core files in the ServerRoot, and directories of sockets.
pub(crate) fn left_files(root: &Path) -> Vec<String> {
    use std::os::unix::fs::FileTypeExt;
    let cores = process::files_below(&root.join("cores"), &|_, _| true);
    let stray = process::files_below(root, &|kind, name| {
        kind.is_socket() || name == "core" || name.starts_with("core.")
    });
    let directories = socket_directories(&root.join("run"));
    let mut left: Vec<String> = cores
        .iter()
        .chain(&stray)
        .chain(&directories)
        .map(|file| format!("left behind: {}", file.display()))
        .collect();
    left.sort();
    left.dedup();
    left
}

fn socket_directories(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("wsgi."))
        .map(|entry| entry.path())
        .collect()
}
