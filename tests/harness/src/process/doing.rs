//! What processes are doing, for the report of a server that does not do what it should.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Process;

/// Seconds that a debugger has for one process.
const DEBUGGER_LIMIT: &str = "20";

/// How loaded the machine is, and of each process its threads: state, what they wait for in the kernel, system call.
pub(crate) fn all(processes: &[Process]) -> String {
    let mut text = machine();
    for process in processes {
        text.push_str(&of_process(process));
    }
    text
}

/// Where each thread is in its program, where a debugger is installed.
pub(crate) fn backtraces(processes: &[Process]) -> String {
    let mut text = String::new();
    for process in processes {
        let traced = Command::new("timeout")
            .args(["-k", "1", DEBUGGER_LIMIT, "gdb", "-nx", "-batch", "-p"])
            .arg(process.pid.to_string())
            .args(["-ex", "thread apply all backtrace 30"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let trace = traced.map(|output| output.stdout).unwrap_or_default();
        text.push_str(&format!("--- backtraces of process {}\n", process.pid));
        if trace.is_empty() {
            text.push_str("none: gdb is not installed, or may not look\n");
        }
        let trace = String::from_utf8_lossy(&trace);
        let frames = trace
            .lines()
            .filter(|line| line.starts_with('#') || line.starts_with("Thread "));
        frames.for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text
}

/// Load, and how long tasks have waited for processor, disk and memory (`/proc/pressure`, proc(5)).
fn machine() -> String {
    let mut text = format!("load {}\n", read("/proc/loadavg"));
    for resource in ["cpu", "io", "memory"] {
        let pressure = read(format!("/proc/pressure/{resource}"));
        if let Some(some) = pressure.lines().next() {
            text.push_str(&format!("waiting for {resource}: {some}\n"));
        }
    }
    text
}

fn of_process(process: &Process) -> String {
    let Process {
        pid, parent, name, ..
    } = process;
    let command = read(format!("/proc/{pid}/cmdline")).replace('\0', " ");
    let mut text = format!("process {pid} ({name}) of {parent}: {}\n", command.trim_end());
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    for thread in threads {
        text.push_str(&of_thread(&thread.path()));
    }
    text
}

/// One line, and the kernel's own stack where that is shown, as it is to root.
fn of_thread(folder: &Path) -> String {
    let of = |name: &str| read(folder.join(name));
    let status = of("status");
    let row = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap_or("?").trim().to_owned()
    };
    let number = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut text = format!(
        "    thread {number} ({}): {}, in {}, system call {}, signals pending {} blocked {}\n",
        of("comm"),
        row("State:"),
        of("wchan"),
        of("syscall"),
        row("SigPnd:"),
        row("SigBlk:")
    );
    let stack = of("stack");
    let calls: Vec<&str> = stack
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1)?.split('+').next())
        .collect();
    if !calls.is_empty() {
        text.push_str(&format!("        {}\n", calls.join(" < ")));
    }
    text
}

/// Text of `/proc`, in one line unless it has several; nothing where it cannot be read.
fn read(file: impl AsRef<Path>) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process;
    use crate::wait::wait_until;
    use std::time::Duration;

    #[test]
    fn each_thread_is_told_with_its_name_and_its_state() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "kill -STOP $$; exit 3"])
            .spawn()
            .expect("sh runs");
        let pid = child.id();
        let this = || {
            process::all()
                .into_iter()
                .find(|one| one.pid == pid)
                .expect("there")
        };
        assert!(wait_until(Duration::from_secs(10), || this().state == 'T'));
        let told = all(&[this()]);
        process::signal(pid, libc::SIGCONT).expect("it runs");
        assert_eq!(child.wait().expect("ends").code(), Some(3));
        for part in [
            "load ",
            &format!(
                "process {pid} (sh) of {}: /bin/sh -c kill -STOP $$; exit 3\n",
                std::process::id()
            ),
            &format!("    thread {pid} (sh): T (stopped), in "),
        ] {
            assert!(told.contains(part), "no '{part}' in\n{told}");
        }
    }
}
