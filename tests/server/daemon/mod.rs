//! Daemon mode: what holds of the processes of a group, beyond what every request is promised.
//!
//! With `RWSGI_SOAK=1` the tests under load run as long as `make soak` wants.

mod bodies;
mod clock;
mod crashes;
mod environment;
mod exhaustion;
mod files;
mod generations;
mod hostile;
mod imports;
mod kills;
mod load;
mod log_faults;
mod logging;
mod many;
mod memory;
mod mistakes;
mod outcomes;
mod overload;
mod parent;
mod parent_configuration;
mod parent_supervisor;
mod privileges;
mod pythons;
mod restarts;
mod roles;
mod rolling;
mod scripts;
mod service;
mod signals;
mod sockets;
mod starting;
mod timeouts;
mod truncation;
mod upgrades;
mod wrong_pythons;

use std::fs;
use std::time::Duration;

use rwsgi_harness::{Builder, LogLine, Mpm, Response, Server, process, wait_until};
use serde_json::Value;

use crate::server;

/// How soon a process that ended has a successor that answers.
const RESPAWN: Duration = Duration::from_secs(1);

/// `daemon_cases.py` at the root, in the main interpreter of a group `cases` with these options.
fn group(options: &str) -> Builder {
    server()
        .mpm(Mpm::Event)
        .config(&format!("WSGIDaemonProcess cases {options}"))
        .config("WSGIScriptAlias / ${APPS}/daemon_cases.py process-group=cases")
        .config("WSGIApplicationGroup %{GLOBAL}")
        .allow_log(r"^stopping of \d+|\] (asleep|holding|computing|never ending|first piece) ")
}

/// The one number, or the longer one where `make soak` runs.
fn quick_or_soak<T>(quick: T, soak: T) -> T {
    if std::env::var_os("RWSGI_SOAK").is_some() {
        soak
    } else {
        quick
    }
}

/// The process that answers.
#[track_caller]
fn pid(server: &Server) -> u32 {
    number(&server.get("/pid"))
}

#[track_caller]
fn number(response: &Response) -> u32 {
    let text = response.text();
    text.parse().unwrap_or_else(|_| panic!("no number: {response:?}"))
}

/// The JSON of a successful answer.
#[track_caller]
fn json(server: &Server, target: &str) -> Value {
    let response = server.get(target);
    assert_eq!(response.status, 200, "{response:?}");
    serde_json::from_str(&response.text()).expect("JSON")
}

/// Waits until another process than `old` answers.
#[track_caller]
fn replaced(server: &Server, old: u32, limit: Duration) -> u32 {
    let mut new = old;
    let done = wait_until(limit, || {
        new = pid(server);
        new != old
    });
    assert!(done, "process {old} still answers after {limit:?}");
    new
}

/// Waits for the line of a process that tells why it stops.
#[track_caller]
fn stopped_for(server: &Server, process: u32, reason: &str) {
    server.wait_for_log(&format!("^stopping of {process}: {reason}$"));
}

/// The one line with this code; there must not be two.
#[track_caller]
fn one_line(server: &Server, code: &str) -> LogLine {
    let line = server.wait_for_log(&format!("^{code}"));
    let lines = server.logs_matching(&format!("^{code}"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    line
}

/// Whether servers can have groups of other accounts; says so when not.
fn is_root() -> bool {
    let root = process::is_root();
    if !root {
        eprintln!("skipped: only root can serve under other accounts");
    }
    root
}

/// A number of `/etc/passwd` or `/etc/group`.
fn id(file: &str, name: &str) -> u32 {
    let text = fs::read_to_string(file).expect("the system's accounts");
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    let number = line.and_then(|line| line.split(':').nth(2)?.parse().ok());
    number.unwrap_or_else(|| panic!("no {name} in {file}"))
}
