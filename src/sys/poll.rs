//! Waiting for descriptors (poll(2)).

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Descriptors to wait for, none closed before the wait is over.
#[derive(Debug, Default)]
pub struct Poll<'d> {
    entries: Vec<libc::pollfd>,
    alive: PhantomData<BorrowedFd<'d>>,
}

impl<'d> Poll<'d> {
    /// Waits for `descriptor` to be readable or to have ended, and for it to be writable if `write`.
    pub fn add(&mut self, descriptor: BorrowedFd<'d>, write: bool) {
        self.add_events(descriptor, libc::POLLIN | if write { libc::POLLOUT } else { 0 });
    }

    /// Waits for `descriptor` to have ended, whatever can be read before.
    pub fn add_end(&mut self, descriptor: BorrowedFd<'d>) {
        self.add_events(descriptor, 0);
    }

    /// Waits for `descriptor` to be writable or to have ended.
    pub fn add_writable(&mut self, descriptor: BorrowedFd<'d>) {
        self.add_events(descriptor, libc::POLLOUT);
    }

    fn add_events(&mut self, descriptor: BorrowedFd<'d>, events: libc::c_short) {
        self.entries.push(libc::pollfd {
            fd: descriptor.as_raw_fd(),
            events,
            revents: 0,
        });
    }

    /// Waits until one of them is ready or `limit` is over, and tells which are, in the order added. A signal
    /// ends the wait early, with none.
    pub fn wait(mut self, limit: Option<Duration>) -> io::Result<Vec<bool>> {
        // Rounded up, so that a deadline is over when the wait for it is.
        let millis = limit.map_or(-1, |limit| {
            libc::c_int::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX)
        });
        let count = libc::nfds_t::try_from(self.entries.len()).map_err(io::Error::other)?;
        // SAFETY: as many valid entries as told.
        let ready = unsafe { libc::poll(self.entries.as_mut_ptr(), count, millis) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
            return Ok(vec![false; self.entries.len()]);
        }
        Ok(self.entries.iter().map(|entry| entry.revents != 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_is_ready_is_told_in_order() {
        let (one, mut other) = UnixStream::pair().expect("a pair");
        let (silent, _other) = UnixStream::pair().expect("a pair");
        other.write_all(b"x").expect("written");
        let mut poll = Poll::default();
        poll.add(silent.as_fd(), false);
        poll.add(one.as_fd(), false);
        assert_eq!(poll.wait(None).expect("waited"), [false, true]);
        let mut poll = Poll::default();
        poll.add(silent.as_fd(), true);
        assert_eq!(poll.wait(None).expect("waited"), [true]);
    }

    #[test]
    fn an_end_is_ready_and_a_limit_ends_the_wait() {
        let (one, other) = UnixStream::pair().expect("a pair");
        let mut poll = Poll::default();
        poll.add(one.as_fd(), false);
        assert_eq!(
            poll.wait(Some(Duration::from_millis(5))).expect("waited"),
            [false]
        );
        drop(other);
        let mut poll = Poll::default();
        poll.add(one.as_fd(), false);
        assert_eq!(poll.wait(None).expect("waited"), [true]);
    }
}
