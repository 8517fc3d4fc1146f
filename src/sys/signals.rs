//! Signals as bytes in a pipe.
//!
//! Nothing is blocked, so that programs which an application starts get their signals as ever; and a copy of
//! the process that an application forks treats a signal as if we had never asked for it.

use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};

pub use libc::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGXCPU};

static PIPE: AtomicI32 = AtomicI32::new(-1);
static OWNER: AtomicI32 = AtomicI32::new(0);

extern "C" fn note(signal: libc::c_int) {
    // SAFETY: async-signal-safe calls only, with errno as it was.
    unsafe {
        let errno = libc::__errno_location();
        let kept = *errno;
        if libc::getpid() == OWNER.load(Ordering::Relaxed) {
            let byte = [signal.to_ne_bytes()[0]];
            libc::write(PIPE.load(Ordering::Relaxed), byte.as_ptr().cast(), 1);
        } else {
            // Comes again as soon as this handler returns, with its usual effect.
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        *errno = kept;
    }
}

/// From now on `signals` become bytes, each with a signal's number, at the end that comes back. Once in a
/// process.
pub fn watch(signals: &[i32]) -> io::Result<OwnedFd> {
    let (reading, writing) = UnixStream::pair()?;
    writing.set_nonblocking(true)?;
    // SAFETY: no arguments.
    OWNER.store(unsafe { libc::getpid() }, Ordering::Relaxed);
    let unset = PIPE.compare_exchange(-1, writing.as_raw_fd(), Ordering::SeqCst, Ordering::SeqCst);
    if unset.is_err() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // Handlers write there until the process ends.
    let _ = writing.into_raw_fd();
    for signal in signals {
        // SAFETY: plain numbers and pointers, for which zero is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = note as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: a complete action with a handler that is async-signal-safe.
        if unsafe { libc::sigaction(*signal, &raw const action, std::ptr::null_mut()) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(reading.into())
}

/// The signal that [`deliver_here`] can be used with: one that nobody else uses.
pub fn stack_dump_signal() -> i32 {
    libc::SIGRTMIN() + 9
}

/// Delivers a signal to the current thread; its handler has run when this returns.
pub fn deliver_here(signal: i32) {
    // SAFETY: the current thread; the signal's number is checked by the kernel.
    unsafe { libc::pthread_kill(libc::pthread_self(), signal) };
}

/// Sends this process a signal.
pub fn send_to_self(signal: i32) {
    // SAFETY: our own process; the signal's number is checked by the kernel.
    unsafe { libc::kill(libc::getpid(), signal) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_signal_becomes_a_byte_and_only_once_can_they_be_watched() {
        let reading = watch(&[SIGUSR2]).expect("watches");
        let mut reading = UnixStream::from(reading);
        deliver_here(SIGUSR2);
        let mut byte = [0];
        reading.read_exact(&mut byte).expect("arrives");
        assert_eq!(i32::from(byte[0]), SIGUSR2);
        assert!(watch(&[SIGUSR2]).is_err());
    }
}
