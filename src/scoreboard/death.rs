//! How processes end.

use std::fmt;

/// How a process ended, as the supervisor was told by the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// By itself, with this status.
    Exited(u8),
    /// By this signal; `ours` when the supervisor sent it.
    Killed {
        /// Number of the signal.
        signal: u8,
        /// Whether the supervisor sent it.
        ours: bool,
    },
}

impl Death {
    pub(super) fn word(self) -> u32 {
        match self {
            Death::Exited(status) => 0x100 | u32::from(status),
            Death::Killed { signal, ours } => 0x200 | u32::from(signal) | (u32::from(ours) << 16),
        }
    }

    pub(super) fn from_word(word: u32) -> Option<Death> {
        let [low, kind, ours, _] = word.to_le_bytes();
        match kind {
            1 => Some(Death::Exited(low)),
            2 => Some(Death::Killed {
                signal: low,
                ours: ours != 0,
            }),
            _ => None,
        }
    }
}

/// Says it for a log: `exited with status 3`, `was killed by SIGSEGV (signal 11)`.
impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Exited(status) => write!(f, "exited with status {status}"),
            Death::Killed { signal, ours } => {
                match NAMES.iter().find(|(number, _)| number == signal) {
                    Some((_, name)) => write!(f, "was killed by {name} (signal {signal})")?,
                    None => write!(f, "was killed by signal {signal}")?,
                }
                if *signal == KILL && !ours {
                    f.write_str(", which rwsgi did not send: was the system out of memory?")?;
                }
                Ok(())
            }
        }
    }
}

const KILL: u8 = 9;

/// Signals that end processes and have the same number on all machines that Linux runs on, or on all but few.
const NAMES: [(u8, &str); 16] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (KILL, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
    (24, "SIGXCPU"),
    (25, "SIGXFSZ"),
    (31, "SIGSYS"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_with_the_signals_name() {
        let killed = |signal, ours| Death::Killed { signal, ours }.to_string();
        assert_eq!(killed(11, false), "was killed by SIGSEGV (signal 11)");
        assert_eq!(killed(9, true), "was killed by SIGKILL (signal 9)");
        assert!(killed(9, false).ends_with("out of memory?"));
        assert_eq!(killed(40, false), "was killed by signal 40");
        assert_eq!(Death::Exited(3).to_string(), "exited with status 3");
    }
}
