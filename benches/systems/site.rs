//! The files that every system serves: applications, a static file for each, the guestbook.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rwsgi_harness::process::{Account, serving_account};
use tempfile::TempDir;

use crate::Failure;
use crate::systems::build;
use crate::systems::case::{HELLO, LARGE, LONG};

/// A folder that every account can read; removed when dropped.
#[derive(Debug)]
pub(crate) struct Site {
    folder: TempDir,
    account: Option<Account>,
}

impl Site {
    /// Lays out everything but the guestbook.
    pub(crate) fn new(python: &Path) -> Result<Site, Failure> {
        let folder = tempfile::Builder::new().prefix("rwsgi-bench-").tempdir();
        let folder = folder.map_err(|error| format!("no temporary directory: {error}"))?;
        let site = Site {
            folder,
            account: serving_account(),
        };
        let laid_out = site.lay_out(python);
        laid_out.map_err(|error| format!("{}: {error}", site.folder.path().display()))?;
        Ok(site)
    }

    fn lay_out(&self, python: &Path) -> io::Result<()> {
        fs::set_permissions(self.folder.path(), Permissions::from_mode(0o755))?;
        for name in ["apps", "cgi", "guestbook", "static", "state", "run"] {
            readable_folder(&self.path(name))?;
        }
        for name in ["state", "run"] {
            self.give_to_account(&self.path(name))?;
        }
        for entry in fs::read_dir(build::root().join("benches/systems/apps"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(module) = name.strip_suffix(".py") else {
                continue;
            };
            readable_file(&self.path("apps").join(&name), &fs::read(entry.path())?, 0o644)?;
            readable_file(&self.cgi(module), &self.cgi_script(python, module), 0o755)?;
        }
        for (name, content) in [
            ("hello", HELLO.to_vec()),
            ("body", vec![b'x'; LONG]),
            ("file", vec![b'x'; LARGE]),
        ] {
            readable_file(&self.path("static").join(name), &content, 0o644)?;
        }
        Ok(())
    }

    fn cgi_script(&self, python: &Path, module: &str) -> Vec<u8> {
        let (python, apps) = (python.display(), self.path("apps"));
        format!(
            "#!{python}\nimport sys\nsys.path.insert(0, {apps:?})\nfrom wsgiref.handlers import CGIHandler\n\
             from {module} import application\nCGIHandler().run(application)\n"
        )
        .into_bytes()
    }

    /// Makes the guestbook and its database, with the Django of `example/requirements.txt`.
    pub(crate) fn prepare_guestbook(&self, python: &Path) -> Result<(), Failure> {
        let requirements = build::root().join("example/requirements.txt");
        let packages =
            build::venv(python, "django", &requirements).and_then(|venv| build::packages(&venv))?;
        let app = self.path("apps/django_page.py");
        let written = copy_folder(&build::root().join("example/guestbook"), &self.path("guestbook"))
            .and_then(|()| fs::read_to_string(&app))
            .and_then(|text| fs::write(&app, text.replace("@PACKAGES@", &packages.display().to_string())));
        written.map_err(|error| format!("the guestbook cannot be copied: {error}"))?;
        let mut sign = self.command(python);
        sign.arg("-B").arg(self.path("apps/sign.py"));
        build::output(&mut sign).map(drop)
    }

    /// A command that runs as the account of the servers, in a clean environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("run"))
            .current_dir(self.path("apps"));
        if let Some(account) = self.account {
            command.uid(account.user_id).gid(account.group_id);
        }
        command
    }

    /// A path in the site.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The CGI script that runs an application.
    pub(crate) fn cgi(&self, module: &str) -> PathBuf {
        self.path("cgi").join(format!("{module}.cgi"))
    }

    fn give_to_account(&self, path: &Path) -> io::Result<()> {
        match self.account {
            Some(account) => chown(path, Some(account.user_id), Some(account.group_id)),
            None => Ok(()),
        }
    }
}

fn readable_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn readable_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    readable_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            readable_file(&target, &fs::read(entry.path())?, 0o644)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_application_has_a_cgi_script_that_names_it() {
        let site = Site::new(Path::new("/usr/bin/python3")).expect("a site");
        let script = fs::read_to_string(site.cgi("hello")).expect("a script");
        assert!(script.starts_with("#!/usr/bin/python3\n"));
        assert!(script.contains("from hello import application"));
        let mode = fs::metadata(site.cgi("hello"))
            .expect("a script")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
        assert!(site.path("apps/hello.py").exists());
    }
}
