//! TCP sockets of the machine, as `/proc` shows them.

use std::collections::HashMap;
use std::fs;

/// Whether a target of [`descriptors`](super::descriptors) is a TCP socket.
pub fn is_tcp_socket(target: &str) -> bool {
    let inode = target
        .strip_prefix("socket:[")
        .and_then(|rest| rest.strip_suffix(']'));
    inode.is_some_and(|inode| tcp_sockets().contains_key(inode))
}

/// TCP state (`0A` is LISTEN) and local and remote address, by socket inode.
pub(crate) fn tcp_sockets() -> HashMap<String, TcpSocket> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    rows.filter_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let [_, local, remote, state] = fields.get(..4)? else {
            return None;
        };
        let described = format!("{local} -> {remote}");
        Some((
            (*fields.get(9)?).to_string(),
            TcpSocket {
                listening: *state == "0A",
                described,
            },
        ))
    })
    .collect()
}

/// One TCP socket of the machine.
#[derive(Debug)]
pub(crate) struct TcpSocket {
    pub(crate) listening: bool,
    pub(crate) described: String,
}

/// Makes closing this socket send a reset.
pub(crate) fn linger_zero(stream: &std::net::TcpStream) {
    use std::os::fd::AsRawFd;
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the pointer and the length describe one live `linger`, and the descriptor is open.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        );
    }
}
