//! Signals: received as something to read, and given back to a process that starts.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// The signal that asks a process to end.
pub const TERMINATE: i32 = libc::SIGTERM;
/// What a terminal sends when its user has had enough.
pub const INTERRUPT: i32 = libc::SIGINT;
/// The signal that asks a server to begin anew.
pub const HANG_UP: i32 = libc::SIGHUP;
/// What asks httpd to begin anew when its requests are done.
pub const GRACEFUL: i32 = libc::SIGUSR1;

/// Signals that this thread, and threads and processes that it starts, no longer get but read.
#[derive(Debug)]
pub struct SignalFile(File);

impl SignalFile {
    /// Reads `signals` from now on.
    pub fn new(signals: &[i32]) -> io::Result<SignalFile> {
        // SAFETY: a set of plain bits, made by sigemptyset.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: a valid set; a number that is no signal is refused by sigaddset.
        unsafe {
            libc::sigemptyset(&raw mut set);
            for signal in signals {
                libc::sigaddset(&raw mut set, *signal);
            }
        }
        // SAFETY: a valid set, and nothing to be told.
        let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed));
        }
        // SAFETY: a valid set and known flags.
        let raw = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new descriptor that nobody else knows.
        Ok(SignalFile(File::from(unsafe { OwnedFd::from_raw_fd(raw) })))
    }

    /// The signals that have come since the last call, each once.
    pub fn take(&mut self) -> Vec<i32> {
        let mut piece = [0; size_of::<libc::signalfd_siginfo>()];
        let mut came = Vec::new();
        while self.0.read(&mut piece).is_ok_and(|count| count > 0) {
            // Its number comes first (signalfd(2)).
            let number = piece.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
            came.extend(number.filter(|number| !came.contains(number)));
        }
        came
    }
}

impl AsFd for SignalFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Ignores what a terminal or httpd's administrator sends to all processes of the server: the one who started
/// this process tells it what to do.
pub fn ignore_signals_of_the_server() {
    for signal in [
        libc::SIGINT,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGWINCH,
        libc::SIGPIPE,
    ] {
        // SAFETY: no handler is installed.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// In a process that is about to become another program: all signals as that expects them.
pub(super) fn reset() {
    for signal in 1..=64 {
        // SAFETY: no handler is installed; a number that cannot be set is refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: a set of plain bits, made by sigemptyset.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}
