//! A folder with the files of a project, which the account that serves can read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that is gone at the end.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// With these files: name, contents.
    pub(crate) fn with(files: &[(&str, &str)]) -> Folder {
        let folder = tempfile::Builder::new()
            .prefix("rwsgi-cli-")
            .tempdir()
            .expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
        let folder = Folder(folder);
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// Puts a file there in one step, as editors do.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        let new = file.with_extension("new");
        fs::write(&new, text).expect("written");
        fs::rename(new, file).expect("renamed");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }
}

/// A WSGI application that answers with `expression`, which may use `environ` and `os`.
pub(crate) fn application(name: &str, expression: &str) -> String {
    format!(
        "import os\n\ndef {name}(environ, start_response):\n    body = str({expression}).encode()\n    \
         start_response('200 OK', [('Content-Length', str(len(body)))])\n    return [body]\n"
    )
}
