//! What a client's socket tells without being read.

use std::os::fd::RawFd;

/// Whether the peer has closed its connection, or its sending half.
///
/// The number may be anything; one that is no open socket counts as closed.
pub fn is_closed_by_peer(descriptor: RawFd) -> bool {
    let mut poll = libc::pollfd {
        fd: descriptor,
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: one valid pollfd, no waiting.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready > 0 && poll.revents & (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_closed_peer_is_noticed() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        assert!(!is_closed_by_peer(ours.as_raw_fd()));
        drop(theirs);
        assert!(is_closed_by_peer(ours.as_raw_fd()));
    }
}
