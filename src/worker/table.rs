//! The connections of the process, by the numbers that epoll gives back.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::connection::Connection;

/// All open connections.
#[derive(Default)]
pub(super) struct Table {
    entries: RwLock<Vec<Option<Arc<Connection>>>>,
}

impl Table {
    fn read(&self) -> RwLockReadGuard<'_, Vec<Option<Arc<Connection>>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Option<Arc<Connection>>>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection of this number. It may be another than the one that an event was about, if that has
    /// just been closed; then nothing has arrived there.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Connection>> {
        self.read().get(usize::try_from(number).ok()?)?.clone()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.read().iter().all(Option::is_none)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        self.read().iter().flatten().cloned().collect()
    }

    /// Adds what `make` makes of a free number.
    pub(super) fn insert(&self, make: impl FnOnce(u64) -> Connection) -> Arc<Connection> {
        let mut entries = self.write();
        let free = entries.iter().position(Option::is_none).unwrap_or(entries.len());
        let connection = Arc::new(make(u64::try_from(free).unwrap_or(u64::MAX)));
        match entries.get_mut(free) {
            Some(entry) => *entry = Some(Arc::clone(&connection)),
            None => entries.push(Some(Arc::clone(&connection))),
        }
        connection
    }

    /// Takes a connection out; it is closed when its last user lets it go.
    pub(super) fn remove(&self, connection: &Connection) {
        let mut entries = self.write();
        let entry = usize::try_from(connection.number())
            .ok()
            .and_then(|number| entries.get_mut(number));
        if let Some(entry) = entry
            && entry
                .as_ref()
                .is_some_and(|present| std::ptr::eq(&raw const **present, connection))
        {
            *entry = None;
        }
    }
}
