//! CPU time of a system: all its processes, ended ones too.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::measure::processes;
use crate::systems::build;

/// What the kernel charged to these processes and their descendants since each started, in user and kernel
/// mode.
///
/// Processes that ended count through their parent, which has waited for them.
pub(crate) fn of(roots: &[u32], clock: Clock) -> Duration {
    // One that ends in between has not been waited for, or is in its parent's sum next time.
    let ticks = processes::with_descendants(roots)
        .into_iter()
        .filter_map(|process| Ticks::of(process).ok())
        .map(Ticks::with_ended_children)
        .sum();
    clock.duration(ticks)
}

/// Clock ticks a second of the figures in `/proc`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(u32);

impl Clock {
    /// What `getconf CLK_TCK` says.
    pub(crate) fn read() -> Result<Clock, Failure> {
        let text = build::output(Command::new("getconf").arg("CLK_TCK"))?;
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
