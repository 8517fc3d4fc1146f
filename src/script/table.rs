//! What is loaded of an interpreter's scripts, by path.

use rustc_hash::FxHashMap;

use crate::gateway::bytes::same;

/// All of them. Most interpreters have one, so the one used last is found without a hash.
pub(super) struct Table<L> {
    last: Option<(Vec<u8>, L)>,
    others: FxHashMap<Vec<u8>, L>,
}

impl<L> Default for Table<L> {
    fn default() -> Self {
        Table {
            last: None,
            others: FxHashMap::default(),
        }
    }
}

impl<L> Table<L> {
    pub(super) fn get(&mut self, path: &[u8]) -> Option<&mut L> {
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

    fn set_last(&mut self, entry: (Vec<u8>, L)) {
        if let Some((path, loaded)) = self.last.replace(entry) {
            self.others.insert(path, loaded);
        }
    }

    /// Gives back what it replaces.
    pub(super) fn insert(&mut self, path: &[u8], loaded: L) -> Option<L> {
        if let Some(found) = self.get(path) {
            return Some(std::mem::replace(found, loaded));
        }
        self.set_last((path.to_vec(), loaded));
        None
    }

    pub(super) fn remove(&mut self, path: &[u8]) -> Option<L> {
        self.get(path)?;
        self.last.take().map(|(_, loaded)| loaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_whichever_was_used_last() {
        let mut table = Table::default();
        assert_eq!(table.insert(b"/a.py", 1), None);
        assert_eq!(table.insert(b"/b.py", 2), None);
        for _ in 0..2 {
            assert_eq!(table.get(b"/a.py"), Some(&mut 1));
            assert_eq!(table.get(b"/b.py"), Some(&mut 2));
            assert_eq!(table.get(b"/c.py"), None);
        }
    }

    #[test]
    fn a_script_that_is_loaded_again_gives_the_old_one_back() {
        let mut table = Table::default();
        table.insert(b"/a.py", 1);
        table.insert(b"/b.py", 2);
        assert_eq!(table.insert(b"/a.py", 3), Some(1));
        assert_eq!(table.insert(b"/a.py", 4), Some(3));
        assert_eq!(table.get(b"/b.py"), Some(&mut 2));
    }

    #[test]
    fn a_script_that_is_removed_is_gone() {
        let mut table = Table::default();
        table.insert(b"/a.py", 1);
        table.insert(b"/b.py", 2);
        assert_eq!(table.remove(b"/a.py"), Some(1));
        assert_eq!(table.remove(b"/a.py"), None);
        assert_eq!(table.remove(b"/b.py"), Some(2));
        assert_eq!(table.get(b"/b.py"), None);
    }
}
