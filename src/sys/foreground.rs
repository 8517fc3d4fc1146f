//! A server that a command runs in front of a terminal.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::child::Child;

/// Starts `command` away from the terminal's signals, which mean other things to a server: its Ctrl-C and its
/// resizing reach this process alone. When the calling thread ends, however it does, the server is asked to end
/// (prctl(2), PR_SET_PDEATHSIG).
///
/// # Errors
/// What the system says against starting it.
#[allow(clippy::zombie_processes, reason = "waited for by its handle")]
pub fn start(command: &mut Command) -> io::Result<Child> {
    // SAFETY: no arguments, cannot fail.
    let own = unsafe { libc::getpid() };
    // SAFETY: between fork and exec, only calls that are safe there.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() < 0 || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) < 0 {
                return Err(io::Error::last_os_error());
            }
            // Who ended before has no signal sent any more.
            if libc::getppid() != own {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok(())
        });
    }
    let started = command.spawn()?;
    Child::adopt(libc::pid_t::try_from(started.id()).map_err(io::Error::other)?)
}

/// Has processes whose parent ends become children of this one, if their parent was one below it.
///
/// # Errors
/// What the system says.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: plain numbers.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes note of the end of all [adopted](adopt_orphans) processes. That of `server` is left to its handle.
pub fn reap_orphans(server: &Child) {
    for found in children_of(std::process::id()) {
        if found.has_ended() && u32::try_from(found.pid) != Ok(server.pid()) {
            // SAFETY: our own child, which no handle of this process is for.
            unsafe { libc::waitpid(found.pid, std::ptr::null_mut(), libc::WNOHANG) };
        }
    }
}

/// Whether processes run that `server` has made of itself to handle requests.
#[must_use]
pub fn has_copies(server: &Child) -> bool {
    let own = libc::pid_t::try_from(server.pid()).ok().and_then(Entry::of);
    own.is_some_and(|own| {
        children_of(server.pid())
            .iter()
            .any(|child| child.name == own.name && !child.has_ended())
    })
}

/// Kills all children, and those that are [adopted](adopt_orphans) in turn, and waits for their end.
pub fn kill_children() {
    loop {
        let children = children_of(std::process::id());
        if children.is_empty() {
            return;
        }
        for child in children {
            // SAFETY: our own child, whose number is nobody else's until it has been waited for.
            unsafe {
                libc::kill(child.pid, libc::SIGKILL);
                libc::waitpid(child.pid, std::ptr::null_mut(), 0);
            }
        }
    }
}

/// A process as `/proc` tells of it.
struct Entry {
    pid: libc::pid_t,
    name: String,
    state: char,
    parent: u32,
}

impl Entry {
    fn of(pid: libc::pid_t) -> Option<Entry> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may contain anything; after it: state, parent.
        let (before, after) = stat.rsplit_once(") ")?;
        let mut fields = after.split(' ');
        Some(Entry {
            pid,
            name: before.split_once('(')?.1.to_owned(),
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
        })
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// The children of a process, those among them that have ended and were not waited for.
fn children_of(parent: u32) -> Vec<Entry> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Entry::of(entry.file_name().to_str()?.parse().ok()?))
        .filter(|entry| entry.parent == parent)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::child::Ending;
    use crate::sys::poll::Poll;
    use std::os::fd::AsFd;
    use std::time::Duration;

    #[test]
    fn it_has_a_session_of_its_own_and_ends_with_the_thread_that_started_it() {
        let starter = std::thread::spawn(|| {
            let child = start(Command::new("/bin/sleep").arg("60")).expect("starts");
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).expect("exists");
            // After the name in parentheses: state, parent, process group, session.
            let after = stat.rsplit_once(") ").expect("a name").1;
            let session = after.split(' ').nth(3).expect("a session").to_owned();
            assert_eq!(session, child.pid().to_string());
            child
        });
        let child = starter.join().expect("no panic");
        let mut poll = Poll::default();
        poll.add(child.as_fd(), false);
        assert_eq!(poll.wait(Some(Duration::from_secs(20))).expect("waits"), [true]);
        assert!(
            matches!(child.ending(), Some(Ending::Killed(15))),
            "{:?}",
            child.ending()
        );
    }
}
