//! Directories and sockets that nobody else can put something into.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::listener::listen_again;

/// Makes a directory of `mode`, and of `group` if given, or takes one that this process's user has already.
/// An error when it is a link, no directory or somebody else's.
pub fn make(path: &Path, mode: u32, group: Option<u32>) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let directory = match open_own(path) {
        // Its owner, unless root, has to let itself in first.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let closed = open_with(path, libc::O_PATH)?;
            let handle = format!("/proc/self/fd/{}", closed.as_raw_fd());
            std::fs::set_permissions(handle, Permissions::from_mode(0o700))?;
            open_own(path)?
        }
        opened => opened?,
    };
    if group.is_some() {
        fchown(&directory, None, group)?;
    }
    directory.set_permissions(Permissions::from_mode(mode))
}

/// Removes such a directory with all that is in it. An error when it is not this process's own.
pub fn remove(path: &Path) -> io::Result<()> {
    drop(open_own(path)?);
    std::fs::remove_dir_all(path)
}

fn open_own(path: &Path) -> io::Result<File> {
    open_with(path, 0)
}

fn open_with(path: &Path, flags: libc::c_int) -> io::Result<File> {
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW | flags)
        .open(path)?;
    let owner = directory.metadata()?.uid();
    // SAFETY: no arguments, cannot fail.
    let own = unsafe { libc::geteuid() };
    if owner != own {
        return Err(io::Error::other(format!(
            "it belongs to the user of number {owner}, not {own}"
        )));
    }
    Ok(directory)
}

/// Listens at `path`, in a directory that only this process's user can change. `owner`, this process's user
/// unless given, alone can connect; at most `backlog` connections wait.
pub fn listen(path: &Path, owner: Option<u32>, backlog: u32) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    if owner.is_some() {
        lchown(path, owner, None)?;
    }
    listen_again(&listener, backlog)?;
    Ok(listener)
}

/// What tells a file from another that took its name, and from itself with another owner or other permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    file: (u64, u64),
    owner: (u32, u32),
    mode: u32,
}

/// The mark of what is at `path`, which is not followed.
pub fn mark(path: &Path) -> io::Result<Mark> {
    let metadata = path.symlink_metadata()?;
    Ok(Mark {
        file: (metadata.dev(), metadata.ino()),
        owner: (metadata.uid(), metadata.gid()),
        mode: metadata.mode(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        path.symlink_metadata().expect("there").mode() & 0o7777
    }

    #[test]
    fn a_directory_is_made_and_taken_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("wsgi.1");
        make(&path, 0o711, None).expect("made");
        assert_eq!(mode(&path), 0o711);
        make(&path, 0o700, None).expect("taken");
        assert_eq!(mode(&path), 0o700);
        std::fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("changed");
        make(&path, 0o700, None).expect("taken though closed");
        assert_eq!(mode(&path), 0o700);
        listen(&path.join("1.sock"), None, 5).expect("listens");
        listen(&path.join("1.sock"), None, 5).expect("listens again over a socket left behind");
        assert_eq!(mode(&path.join("1.sock")), 0o600);
        remove(&path).expect("removed");
        assert!(!path.exists());
    }

    #[test]
    fn a_mark_tells_a_file_from_its_successor_and_from_its_changed_self() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("1.sock");
        let _first = listen(&path, None, 5).expect("listens");
        let made = mark(&path).expect("there");
        assert_eq!(mark(&path).ok(), Some(made));
        std::fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("changed");
        assert_ne!(mark(&path).ok(), Some(made));
        // The first is kept, so that its number is not used again.
        std::fs::rename(&path, folder.path().join("old")).expect("moved");
        let _second = listen(&path, None, 5).expect("listens");
        assert_ne!(mark(&path).ok(), Some(made));
    }

    #[test]
    fn a_link_and_a_file_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        symlink(folder.path(), &link).expect("made");
        File::create(&file).expect("made");
        for path in [&link, &file] {
            assert!(make(path, 0o700, None).is_err(), "{}", path.display());
            assert!(remove(path).is_err(), "{}", path.display());
        }
        assert!(file.exists());
    }

    #[test]
    fn a_foreign_directory_is_refused() {
        // SAFETY: no arguments, cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            eprintln!("skipped: only root can make a directory that belongs to another user");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::chown(folder.path(), Some(12345), None).expect("changed");
        let error = make(folder.path(), 0o700, None).expect_err("refused");
        assert!(error.to_string().contains("12345"), "{error}");
        assert!(remove(folder.path()).is_err());
    }
}
