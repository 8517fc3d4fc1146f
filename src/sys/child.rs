//! A process that this one has started.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(u8),
    /// By this signal.
    Killed(u8),
}

/// A child that has not been waited for, so that its number is nobody else's. Readable once it has ended.
#[derive(Debug)]
pub struct Child {
    pid: libc::pid_t,
    handle: OwnedFd,
}

impl Child {
    /// The child `pid`, just forked.
    pub(super) fn adopt(pid: libc::pid_t) -> io::Result<Child> {
        // SAFETY: plain numbers.
        let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let raw = i32::try_from(raw).map_err(io::Error::other)?;
        if raw < 0 {
            let error = io::Error::last_os_error();
            // SAFETY: our own child, not waited for yet. One that cannot be watched must not go on.
            unsafe {
                libc::kill(pid, libc::SIGKILL);
                libc::waitpid(pid, std::ptr::null_mut(), 0);
            }
            return Err(error);
        }
        // SAFETY: a new descriptor that nobody else knows; closed on exec as all of its kind.
        let handle = unsafe { OwnedFd::from_raw_fd(raw) };
        Ok(Child { pid, handle })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        u32::try_from(self.pid).unwrap_or_default()
    }

    /// How it has ended; `None` while it has not. To be asked until it tells, and not again.
    pub fn ending(&self) -> Option<Ending> {
        let mut status = 0;
        // SAFETY: our own child and a valid out-parameter.
        let done = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) };
        if done == 0 {
            return None;
        }
        if done < 0 {
            // Somebody else waited for it, which nobody in this process does.
            return Some(Ending::Exited(0));
        }
        let byte = |number: libc::c_int| u8::try_from(number & 0xff).unwrap_or_default();
        Some(if libc::WIFSIGNALED(status) {
            Ending::Killed(byte(libc::WTERMSIG(status)))
        } else {
            Ending::Exited(byte(libc::WEXITSTATUS(status)))
        })
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Ends it.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: our own handle and no information along with the signal. One that has ended is no error.
        unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.handle.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            );
        }
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// Whether a process of this number exists and has not ended. Any process: this one need not know it.
pub fn exists(pid: u32) -> bool {
    let Some(pid) = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0) else {
        return false;
    };
    // SAFETY: no signal is sent.
    let found =
        unsafe { libc::kill(pid, 0) } == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
    found && !has_ended(pid)
}

/// Whether nobody has waited for the process, though it has ended.
fn has_ended(pid: libc::pid_t) -> bool {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may contain anything.
    let after_name = stat.iter().rposition(|byte| *byte == b')');
    let state = after_name.and_then(|place| stat.get(place + 2));
    matches!(state, Some(b'Z' | b'X'))
}

/// Memory that a process has resident, in bytes; `None` where `/proc` does not tell.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: a plain query.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages.saturating_mul(u64::try_from(size).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::zombie_processes, reason = "the tests wait for it by its handle")]
    fn start(script: &str) -> Child {
        let child = std::process::Command::new("/bin/sh")
            .args(["-c", script])
            .spawn()
            .expect("starts");
        Child::adopt(libc::pid_t::try_from(child.id()).expect("a pid")).expect("adopted")
    }

    fn ending(child: &Child) -> Ending {
        let mut poll = super::super::poll::Poll::default();
        poll.add(child.as_fd(), false);
        assert_eq!(
            poll.wait(Some(std::time::Duration::from_secs(20)))
                .expect("waits"),
            [true]
        );
        child.ending().expect("has ended")
    }

    #[test]
    fn its_end_is_told_once_it_has_ended() {
        assert_eq!(ending(&start("exit 7")), Ending::Exited(7));
        let sleeper = start("exec sleep 60");
        assert_eq!(sleeper.ending(), None);
        assert!(exists(sleeper.pid()));
        sleeper.kill();
        assert_eq!(ending(&sleeper), Ending::Killed(9));
        assert!(!exists(sleeper.pid()));
    }

    #[test]
    fn the_memory_of_a_process_is_told_while_it_exists() {
        let own = resident_bytes(std::process::id()).expect("told");
        assert!(own > 100 << 10, "{own}");
        assert_eq!(resident_bytes(u32::MAX), None);
    }

    #[test]
    fn one_that_nobody_waited_for_does_not_exist() {
        let child = start("exit 0");
        let mut poll = super::super::poll::Poll::default();
        poll.add(child.as_fd(), false);
        poll.wait(None).expect("waits");
        assert!(!exists(child.pid()));
        assert_eq!(child.ending(), Some(Ending::Exited(0)));
        assert!(!exists(0) && !exists(u32::MAX));
    }
}
