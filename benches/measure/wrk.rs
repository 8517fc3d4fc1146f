//! Runs wrk and reads what it measured.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::systems::build;
use crate::systems::case::Case;

/// The client's own threads; it needs little beside the server.
const THREADS: u32 = 1;

/// What the client does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
}

/// What the client saw.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Responses of any status.
    pub(crate) requests: u64,
    pub(crate) duration: Duration,
    /// Responses with a status of 400 or more.
    pub(crate) bad_status: u64,
    /// Connections that failed, reads, writes and requests without a response in time.
    pub(crate) socket_errors: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
}

/// Its version; fails with what to install.
pub(crate) fn version() -> Result<String, Failure> {
    // It ends with an error after its version: `wrk debian/4.1.0-3 [epoll] Copyright ...`.
    match Command::new("wrk").arg("--version").output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Ok(text.split_whitespace().nth(1).unwrap_or("unknown").to_string())
        }
        Err(_) => Err("wrk is missing: install the package wrk".to_string()),
    }
}

/// Asks for `case` at a loopback port.
pub(crate) fn run(port: u16, case: Case, load: Load) -> Result<Seen, Failure> {
    let directory = build::directory();
    let script = directory.join("wrk.lua");
    fs::create_dir_all(&directory)
        .and_then(|()| fs::write(&script, include_str!("wrk.lua")))
        .map_err(|error| format!("{}: {error}", script.display()))?;
    let mut command = Command::new("wrk");
    command
        .arg("--connections")
        .arg(load.connections.to_string())
        .arg("--threads")
        .arg(THREADS.to_string())
        .arg("--duration")
        .arg(format!("{}s", load.seconds))
        .arg("--timeout")
        .arg("10s")
        .arg("--script")
        .arg(&script);
    for (name, value) in case.headers() {
        command.arg("--header").arg(format!("{name}: {value}"));
    }
    command.arg(format!("http://127.0.0.1:{port}{}", case.target()));
    if let Some(length) = case.upload() {
        command.args(["--", &length.to_string()]);
    }
    let text = build::output(&mut command)?;
    seen(&text).ok_or_else(|| format!("wrk said what is not understood:\n{text}"))
}

fn seen(text: &str) -> Option<Seen> {
    let line = text.lines().find_map(|line| line.strip_prefix("measured "))?;
    let values: HashMap<&str, u64> = line
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect();
    let value = |name: &str| values.get(name).copied();
    let time = |name: &str| value(name).map(Duration::from_micros);
    Some(Seen {
        requests: value("requests")?,
        duration: time("duration")?,
        bad_status: value("status")?,
        socket_errors: value("connect")? + value("read")? + value("write")? + value("timeout")?,
        p50: time("p50")?,
        p99: time("p99")?,
        p999: time("p999")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read() {
        let text = "Running 10s test\nmeasured requests=1000 duration=2000000 status=1 connect=2 read=3 \
                    write=4 timeout=5 p50=600 p99=7000 p999=8000\n";
        let expected = Seen {
            requests: 1000,
            duration: Duration::from_secs(2),
            bad_status: 1,
            socket_errors: 14,
            p50: Duration::from_micros(600),
            p99: Duration::from_millis(7),
            p999: Duration::from_millis(8),
        };
        assert_eq!(seen(text), Some(expected));
        assert_eq!(seen("Requests/sec: 12"), None);
    }
}
