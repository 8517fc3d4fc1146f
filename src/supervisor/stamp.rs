//! Whether files have changed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What changes with a file's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// The present stamp of a file; `None` when there is none.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let facts = path.metadata().ok()?;
    Some(Stamp {
        device: facts.dev(),
        inode: facts.ino(),
        size: facts.size(),
        modified: (facts.mtime(), facts.mtime_nsec()),
    })
}

/// Most files of which stamps are kept: their names may come from an application.
const MOST: usize = 1000;

/// Files as they were at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

impl Stamps {
    /// Files as they are now.
    pub(super) fn of(paths: impl IntoIterator<Item = PathBuf>) -> Stamps {
        let mut stamps = Stamps::default();
        for path in paths {
            stamps.add(path);
        }
        stamps
    }

    /// One file more, as it is now; one that is known already as it is now.
    pub(super) fn add(&mut self, path: PathBuf) {
        let now = stamp(&path);
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == path) {
            *known = now;
        } else if self.0.len() < MOST {
            self.0.push((path, now));
        }
    }

    /// Whether a file is known and has changed.
    pub(super) fn has_changed(&self, path: &Path) -> bool {
        self.0
            .iter()
            .any(|(known, then)| known == path && stamp(path) != *then)
    }

    /// Whether any of them has changed.
    pub(super) fn have_changed(&self) -> bool {
        self.0.iter().any(|(path, then)| stamp(path) != *then)
    }

    /// Only these of them.
    pub(super) fn only(&self, paths: &[&Path]) -> Stamps {
        let kept = self.0.iter().filter(|(path, _)| paths.contains(&path.as_path()));
        Stamps(kept.cloned().collect())
    }
}

/// A new version that was refused, until there is a reason to try again.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The files that could not be loaded.
    pub(super) files: Stamps,
    /// When to try again though they are as they were.
    pub(super) again: Option<Instant>,
}

impl Refusal {
    /// How long a group goes on with fewer processes than it should have, before it tries again.
    pub(super) const PAUSE: Duration = Duration::from_secs(30);

    /// Whether to try again.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.again.is_some_and(|again| again <= now) || self.files.have_changed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_of_contents_name_or_existence() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "a").expect("written");
        let stamps = Stamps::of([one.clone(), two.clone()]);
        assert!(!stamps.have_changed() && !stamps.has_changed(&one));
        std::fs::write(&two, "b").expect("written");
        assert!(stamps.has_changed(&two) && !stamps.has_changed(&one));
        let only = stamps.only(&[&one]);
        assert!(!only.have_changed() && !only.has_changed(&two));
        std::fs::rename(&two, &one).expect("renamed over it");
        assert!(only.have_changed());
    }

    #[test]
    fn a_refusal_is_over_by_time_or_by_change() {
        let now = Instant::now();
        let mut refusal = Refusal {
            files: Stamps::default(),
            again: None,
        };
        assert!(!refusal.is_over(now));
        refusal.again = Some(now);
        assert!(refusal.is_over(now));
    }
}
