//! Waiting for many descriptors at once (epoll(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// What is to be told of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing but its failure.
    None,
    /// Each arrival of something to read, once, to one of those who wait.
    Arrival,
    /// That there is something to read, as long as there is.
    Readable,
}

impl Interest {
    fn bits(self) -> u32 {
        let bits = match self {
            Interest::None => libc::EPOLLET,
            Interest::Arrival => libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET,
            Interest::Readable => libc::EPOLLIN,
        };
        bits.cast_unsigned()
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What was given with the descriptor.
    pub token: u64,
    /// Whether the other side has ended the connection, or its sending half. What it sent before may still be
    /// there to be read, and arrivals are not told of again.
    pub is_end: bool,
}

/// A set of descriptors.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// An empty one, closed on exec.
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: a known flag.
        let raw = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new descriptor that nobody else knows.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(raw) }))
    }

    /// Adds a descriptor; `token` comes back with what happens to it. Closing it takes it out.
    pub fn add(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, descriptor, token, interest)
    }

    /// Changes what is told of a descriptor. What is there to be told already is told again.
    pub fn change(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, descriptor, token, interest)
    }

    /// Takes a descriptor out: one that has ended would be told of again after each change.
    pub fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, descriptor, 0, Interest::None)
    }

    fn control(
        &self,
        operation: libc::c_int,
        descriptor: impl AsFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest.bits(),
            u64: token,
        };
        let descriptor = descriptor.as_fd().as_raw_fd();
        // SAFETY: two open descriptors and a valid event, which the kernel copies.
        let done = unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, descriptor, &raw mut event) };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Waits until something happens, and takes one event. `None` when a signal came instead.
    pub fn wait(&self) -> io::Result<Option<Event>> {
        self.wait_until(-1)
    }

    /// As [`wait`](Self::wait), for the event's token, and `None` when `limit` is over.
    pub fn wait_for(&self, limit: Duration) -> io::Result<Option<u64>> {
        let limit = libc::c_int::try_from(limit.as_millis()).unwrap_or(libc::c_int::MAX);
        Ok(self.wait_until(limit)?.map(|event| event.token))
    }

    fn wait_until(&self, millis: libc::c_int) -> io::Result<Option<Event>> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), &raw mut event, 1, millis) };
        match count {
            1 => {
                let ended = libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR;
                Ok(Some(Event {
                    token: event.u64,
                    is_end: event.events & ended.cast_unsigned() != 0,
                }))
            }
            0 => Ok(None),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => Ok(None),
                error => Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn next(epoll: &Epoll) -> Option<(u64, bool)> {
        let event = epoll.wait().expect("waits");
        event.map(|event| (event.token, event.is_end))
    }

    #[test]
    fn an_end_is_told_with_the_arrival_before_it() {
        let epoll = Epoll::new().expect("made");
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        epoll.add(&ours, 7, Interest::Arrival).expect("added");
        theirs.write_all(b"x").expect("written");
        theirs.shutdown(std::net::Shutdown::Write).expect("ended");
        assert_eq!(next(&epoll), Some((7, true)));
    }

    #[test]
    fn an_arrival_is_told_once_and_again_after_a_change() {
        let epoll = Epoll::new().expect("made");
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let (other, mut its_peer) = UnixStream::pair().expect("a pair");
        epoll.add(&ours, 7, Interest::Arrival).expect("added");
        epoll.add(&other, 8, Interest::Readable).expect("added");
        theirs.write_all(b"x").expect("written");
        assert_eq!(next(&epoll), Some((7, false)));
        its_peer.write_all(b"x").expect("written");
        assert_eq!(next(&epoll), Some((8, false)));
        assert_eq!(next(&epoll), Some((8, false)));
        epoll.change(&other, 8, Interest::None).expect("changed");
        epoll.change(&ours, 7, Interest::Arrival).expect("changed");
        assert_eq!(next(&epoll), Some((7, false)));
        assert_eq!(epoll.wait_for(Duration::from_millis(10)).expect("waits"), None);
    }

    #[test]
    fn what_was_taken_out_is_told_of_no_more_though_it_has_ended() {
        let epoll = Epoll::new().expect("made");
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        epoll.add(&ours, 7, Interest::Readable).expect("added");
        drop(theirs);
        let soon = Duration::from_millis(50);
        assert_eq!(epoll.wait_for(soon).expect("waits"), Some(7));
        epoll.remove(&ours).expect("removed");
        assert_eq!(epoll.wait_for(soon).expect("waits"), None);
    }
}
