//! What all groups of one plan share.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::{fs, io};

use crate::config::plan::{self, HttpdFacts, Plan};
use crate::sys::{child, detach, private_directory};

/// What all groups of one plan share.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) directory: PathBuf,
    pub(super) httpd: HttpdFacts,
    pub(super) worker_folders: Vec<PathBuf>,
    /// What httpd's processes have.
    pub(super) umask: u32,
    /// Ends when httpd's parent does.
    pub(super) life: Rc<OwnedFd>,
    /// What web servers connect to; where it is set, no process has a socket of its own.
    pub(super) listener: Option<Rc<OwnedFd>>,
}

impl Setting {
    /// That of a plan, with its directory made.
    pub(super) fn prepare(
        plan: &Plan,
        umask: u32,
        life: Rc<OwnedFd>,
        listener: Option<Rc<OwnedFd>>,
    ) -> Result<Setting, String> {
        let directory = &plan.directory;
        if !plan::sockets_fit(directory) {
            return Err(format!(
                "the name of the directory {} is too long for the address of a socket",
                directory.display()
            ));
        }
        let setting = Setting {
            directory: directory.clone(),
            httpd: plan.httpd.clone(),
            worker_folders: plan.worker_folders.clone(),
            umask,
            life,
            listener,
        };
        setting
            .make_directory()
            .map_err(|error| format!("the directory {} cannot be used: {error}", directory.display()))?;
        Ok(setting)
    }

    /// Makes the directory of all groups, which others may pass through, each to the directory of a group.
    pub(super) fn make_directory(&self) -> io::Result<()> {
        if self.listener.is_some() {
            return Ok(());
        }
        private_directory::make(&self.directory, directory_mode(), None)
    }

    /// Whether httpd's children can pass through the directories to the sockets of a group, and nobody else; also
    /// where there are none.
    pub(super) fn has_directories(&self, number: u32) -> bool {
        let is_as_made = |path: &Path, mode: u32| {
            let metadata = path.symlink_metadata();
            metadata.is_ok_and(|metadata| metadata.is_dir() && metadata.mode() & 0o7777 == mode)
        };
        self.listener.is_some()
            || is_as_made(&self.directory, directory_mode())
                && is_as_made(&self.group_directory(number), group_directory_mode())
    }

    /// A number that no group has whose processes an earlier supervisor left.
    pub(super) fn first_free_number(&self) -> u32 {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        numbers.max().map_or(0, |highest| highest.saturating_add(1))
    }

    /// Makes the directory of a group, which only httpd's children may pass through.
    pub(super) fn make_group_directory(&self, number: u32) -> io::Result<()> {
        if self.listener.is_some() {
            return Ok(());
        }
        let group = detach::is_root().then_some(self.httpd.gid);
        private_directory::make(&self.group_directory(number), group_directory_mode(), group)
    }

    /// Removes the directory of a group.
    pub(super) fn remove_group_directory(&self, number: u32) {
        if self.listener.is_some() {
            return;
        }
        // It goes with the whole directory at the latest.
        let _ = private_directory::remove(&self.group_directory(number));
    }

    fn group_directory(&self, number: u32) -> PathBuf {
        self.directory.join(number.to_string())
    }
}

fn directory_mode() -> u32 {
    if detach::is_root() { 0o711 } else { 0o700 }
}

fn group_directory_mode() -> u32 {
    if detach::is_root() { 0o750 } else { 0o700 }
}

/// Removes the directories that servers left behind which did not end in order: those beside `directory`
/// whose name differs in the process number at its end, when there is no such process. How many there were.
pub(super) fn remove_stale(directory: &Path) -> usize {
    let Some((folder, (prefix, _))) = directory.parent().zip(
        directory
            .file_name()
            .and_then(|name| name.to_str()?.rsplit_once('.')),
    ) else {
        return 0;
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            let pid = name
                .to_str()
                .and_then(|name| name.rsplit_once('.'))
                .filter(|(before, _)| *before == prefix)
                .and_then(|(_, pid)| pid.parse().ok());
            pid.is_some_and(|pid| !child::exists(pid)) && entry.path() != directory
        })
        .filter(|entry| private_directory::remove(&entry.path()).is_ok())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_servers_that_are_gone_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut gone = std::process::Command::new("true").spawn().expect("starts");
        gone.wait().expect("ends");
        let at = |name: String| folder.path().join(name);
        let (own, stale) = (
            at(format!("wsgi.{}", std::process::id())),
            at(format!("wsgi.{}", gone.id())),
        );
        let others = [
            at("wsgi.x".to_owned()),
            at(format!("other.{}", gone.id())),
            at(format!("wsgi.{}", std::os::unix::process::parent_id())),
        ];
        for path in others.iter().chain([&own, &stale]) {
            fs::create_dir_all(path.join("0")).expect("made");
        }
        fs::write(stale.join("0/1.sock"), "").expect("written");
        assert_eq!(remove_stale(&own), 1);
        assert!(!stale.exists() && own.exists());
        assert!(others.iter().all(|path| path.exists()));
    }
}
