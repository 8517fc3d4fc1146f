//! Connections to workers that wait for their next request.

use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

/// One connection that waits.
#[derive(Debug)]
struct Kept {
    instance: u32,
    stream: UnixStream,
}

/// The connections of one process of httpd to one group. The one used last is used first, so that few are
/// kept busy; there are never more than requests that ran at once.
#[derive(Debug)]
pub(super) struct KeptConnections {
    positions: Box<[Mutex<Vec<Kept>>]>,
}

impl KeptConnections {
    pub(super) fn new(positions: u32) -> Self {
        KeptConnections {
            positions: (0..positions).map(|_| Mutex::new(Vec::new())).collect(),
        }
    }

    /// A connection to this process at this position. Those to processes before it are closed.
    pub(super) fn take(&self, position: u32, instance: u32) -> Option<UnixStream> {
        let mut kept = self.at(position)?.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = kept.pop() {
            if last.instance == instance {
                return Some(last.stream);
            }
        }
        None
    }

    /// Keeps a connection that has nothing unread and no request.
    pub(super) fn put(&self, position: u32, instance: u32, stream: UnixStream) {
        let Some(kept) = self.at(position) else {
            return;
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.first().is_some_and(|first| first.instance != instance) {
            kept.clear();
        }
        kept.push(Kept { instance, stream });
    }

    fn at(&self, position: u32) -> Option<&Mutex<Vec<Kept>>> {
        self.positions.get(usize::try_from(position).ok()?)
    }
}
