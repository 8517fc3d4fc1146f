//! The loaded scripts of an interpreter, by path.

use rustc_hash::FxHashMap;

use super::load::SourceStamp;
use crate::gateway::bytes::same;
use crate::python::Stored;

/// A script that is loaded.
pub(super) struct Loaded {
    pub(super) globals: Stored,
    pub(super) stamp: SourceStamp,
}

/// All of them. Most interpreters have one, so the one used last is found without a hash.
#[derive(Default)]
pub(super) struct Table {
    last: Option<(Vec<u8>, Loaded)>,
    others: FxHashMap<Vec<u8>, Loaded>,
}

impl Table {
    pub(super) fn get(&mut self, path: &[u8]) -> Option<&mut Loaded> {
        if !self.last.as_ref().is_some_and(|(last, _)| same(last, path)) {
            self.change_over(path)?;
        }
        self.last.as_mut().map(|(_, loaded)| loaded)
    }

    /// Makes another script the last one.
    #[cold]
    fn change_over(&mut self, path: &[u8]) -> Option<()> {
        let found = self.others.remove_entry(path)?;
        self.set_last(found);
        Some(())
    }

    fn set_last(&mut self, entry: (Vec<u8>, Loaded)) {
        if let Some((path, loaded)) = self.last.replace(entry) {
            self.others.insert(path, loaded);
        }
    }

    /// Gives back what it replaces.
    pub(super) fn insert(&mut self, path: &[u8], loaded: Loaded) -> Option<Loaded> {
        if let Some(found) = self.get(path) {
            return Some(std::mem::replace(found, loaded));
        }
        self.set_last((path.to_vec(), loaded));
        None
    }

    pub(super) fn remove(&mut self, path: &[u8]) -> Option<Loaded> {
        self.get(path)?;
        self.last.take().map(|(_, loaded)| loaded)
    }
}
