//! CPU time of a server: all its processes, ended ones too.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rwsgi_harness::Server;

use crate::Failure;
use crate::setup;

/// What the kernel charged to the server's processes since it started, in user and kernel mode.
///
/// Processes that ended count through their parent, which has waited for them.
pub(crate) fn of_server(server: &Server, clock: Clock) -> Result<Duration, Failure> {
    let parent = server.parent_pid();
    let mut ticks = Ticks::of(parent)?.with_ended_children();
    let mut waiting = children(parent);
    while let Some(process) = waiting.pop() {
        // One that ends in between has not been waited for, or is in its parent's sum next time.
        if let Ok(of_process) = Ticks::of(process) {
            ticks += of_process.with_ended_children();
        }
        waiting.extend(children(process));
    }
    Ok(clock.duration(ticks))
}

/// Processes that this one has started, by whichever of its threads.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// Clock ticks a second of the figures in `/proc`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(u32);

impl Clock {
    /// What `getconf CLK_TCK` says.
    pub(crate) fn read() -> Result<Clock, Failure> {
        let text = setup::output(Command::new("getconf").arg("CLK_TCK"))?;
        match text.trim().parse() {
            Ok(ticks) if ticks > 0 => Ok(Clock(ticks)),
            _ => Err(format!("getconf CLK_TCK says {text:?}")),
        }
    }

    fn duration(self, ticks: u64) -> Duration {
        Duration::from_secs_f64(ticks as f64 / f64::from(self.0))
    }
}

#[derive(Debug, PartialEq)]
struct Ticks {
    own: u64,
    ended_children: u64,
}

impl Ticks {
    fn of(pid: u32) -> Result<Ticks, Failure> {
        let path = format!("/proc/{pid}/stat");
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        Ticks::parse(&text).ok_or_else(|| format!("{path}: {text:?}"))
    }

    /// `PID (NAME) STATE ...` with utime, stime, cutime and cstime as fields 14 to 17.
    fn parse(stat: &str) -> Option<Ticks> {
        let (_, after) = stat.rsplit_once(')')?;
        let mut times = after.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut next = || times.next()?.ok();
        Some(Ticks {
            own: next()? + next()?,
            ended_children: next()? + next()?,
        })
    }

    fn with_ended_children(self) -> u64 {
        self.own + self.ended_children
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_parentheses() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 5 6 7 8 100 20 3 4 20 0 1 0 99 1 2 3";
        let expected = Ticks {
            own: 120,
            ended_children: 7,
        };
        assert_eq!(Ticks::parse(stat), Some(expected));
        assert_eq!(Ticks::parse("42 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_times() {
        assert!(Ticks::of(std::process::id()).is_ok());
    }
}
