//! Places for Python where something is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pythons::mode;
use super::{id, is_root};
use rwsgi_harness::{process, usual_python};

/// The option for a home.
pub(super) fn home(path: &Path) -> Option<String> {
    Some(format!("python-home={}", path.display()))
}

pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, content).expect("written");
}

pub(super) fn executable(path: &Path, content: impl AsRef<[u8]>) {
    write(path, content);
    mode(path, 0o755);
}

/// An environment of the default Python whose executable is what `make` puts there.
pub(super) fn with_executable(place: &Path, make: impl FnOnce(&Path)) -> Option<String> {
    let environment = place.join("venv");
    write(&environment.join("pyvenv.cfg"), "home = /usr/bin\n");
    fs::create_dir_all(environment.join("bin")).expect("folders");
    make(&environment.join("bin/python"));
    home(&environment)
}

/// Major and minor number of the default Python.
pub(super) fn default_version() -> String {
    python("import sys; print('%d.%d' % sys.version_info[:2])", &[])
}

/// What a script prints.
fn python(script: &str, arguments: &[&str]) -> String {
    let output = Command::new(usual_python())
        .args(["-c", script])
        .args(arguments)
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Closes a folder to all but an account that no server here runs as.
pub(super) fn owned_by_another(folder: &Path) -> bool {
    if !is_root() {
        return false;
    }
    let uid = id("/etc/passwd", "daemon");
    std::os::unix::fs::chown(folder, Some(uid), None).expect("root gives away");
    mode(folder, 0o700);
    true
}

/// Closes a folder to the serving account by an access list, which its mode does not show.
pub(super) fn denied(folder: &Path) -> bool {
    let Some(account) = process::serving_account() else {
        eprintln!("skipped: only root's servers run under another account");
        return false;
    };
    let script = "import os, struct, sys\n\
        entry = lambda tag, rights, who=0xffffffff: struct.pack('<HHI', tag, rights, who)\n\
        list = struct.pack('<I', 2) + entry(1, 7) + entry(2, 0, int(sys.argv[2])) + entry(4, 5) + entry(16, 5) + entry(32, 5)\n\
        try:\n    os.setxattr(sys.argv[1], 'system.posix_acl_access', list)\n\
        except OSError as error:\n    print(error)\n";
    let folder = folder.display().to_string();
    let refused = python(script, &[&folder, &account.user_id.to_string()]);
    if !refused.is_empty() {
        eprintln!("skipped: no access lists here: {refused}");
    }
    refused.is_empty()
}

/// A file system of its own on the folder `mounted`, for as long as [`Unmounts`] lives.
pub(super) fn mount_noexec(place: &Path) -> Option<PathBuf> {
    let folder = place.join("mounted");
    fs::create_dir(&folder).expect("a folder");
    let made = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "noexec,mode=755,size=32m", "tmpfs"])
        .arg(&folder)
        .output();
    match made {
        Ok(output) if output.status.success() => Some(folder),
        other => {
            eprintln!("skipped: a file system cannot be mounted here: {other:?}");
            None
        }
    }
}

/// Takes a file system off this folder, if one is there.
pub(super) struct Unmounts(pub(super) PathBuf);

impl Drop for Unmounts {
    fn drop(&mut self) {
        if self.0.exists() {
            let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        }
    }
}
