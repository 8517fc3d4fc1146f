//! A folder for what a command makes and removes.

use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use crate::sys::private_directory;

/// A private folder of this process, removed with all that is in it when dropped.
#[derive(Debug)]
pub(super) struct PrivateRoot(PathBuf);

impl PrivateRoot {
    /// The one for `purpose`, which is not there before it is [made](Self::make).
    #[must_use]
    pub(super) fn for_purpose(purpose: &str) -> PrivateRoot {
        let folder = fs::canonicalize(env::temp_dir()).unwrap_or_else(|_| "/tmp".into());
        PrivateRoot(folder.join(format!("rwsgi-{purpose}-{}", process::id())))
    }

    /// Makes it, unless it is there. Others may pass through, as whoever serves has to.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn make(&self) -> io::Result<()> {
        private_directory::make(&self.0, 0o755, None)
    }

    /// Makes it empty. What is there was left by a killed process that had the same number, as the first ones of
    /// containers have.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn make_anew(&self) -> io::Result<()> {
        match private_directory::remove(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.make(),
        }
    }

    /// Its path.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
impl PrivateRoot {
    /// One at this path.
    pub(super) fn at(path: PathBuf) -> PrivateRoot {
        PrivateRoot(path)
    }
}

impl Drop for PrivateRoot {
    fn drop(&mut self) {
        match private_directory::remove(&self.0) {
            // It was never needed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => eprintln!("rwsgi: {} is left behind: {error}", self.0.display()),
            Ok(()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_not_there_any_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = PrivateRoot::at(folder.path().join("rwsgi-serve-1"));
        root.make_anew().expect("made");
        let left = root.path().join("httpd.pid");
        fs::write(&left, "7").expect("written");
        root.make().expect("taken");
        assert!(left.exists());
        root.make_anew().expect("made anew");
        assert!(root.path().is_dir() && !left.exists());
    }
}
