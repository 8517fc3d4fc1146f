//! Connections to workers: one that is kept, or a new one.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::relay::FIRST_LOOK;
use super::{Group, Groups};
use crate::config::plan::socket_path;
use crate::scoreboard::Grant;
use crate::sys::stream::{self, BufferSizes};

/// Connects to the process that a slot was granted at, in at most `limit`.
pub(super) fn connect(
    groups: &Groups,
    group: &Group,
    grant: Grant,
    limit: Duration,
) -> io::Result<UnixStream> {
    let options = group.options();
    let path = socket_path(groups.directory(), group.number(), grant.instance);
    let sizes = BufferSizes {
        send: options.send_buffer_size,
        receive: options.receive_buffer_size,
    };
    let stream = stream::connect(&path, limit, sizes)?;
    // The group's processes must not be able to put a socket of their own in the way.
    let owner = stream::peer_uid(&stream)?;
    if owner != groups.supervisor_uid() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the socket is of user {owner}, not of the supervisor"),
        ));
    }
    let silence = groups.socket_timeout(group);
    let first = if silence.is_zero() {
        FIRST_LOOK
    } else {
        silence.min(FIRST_LOOK)
    };
    stream.set_read_timeout(Some(first))?;
    Ok(stream)
}

/// Whether a failed connection says no more than that the process is about to end, or too busy to accept.
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotFound
            | io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
    )
}
