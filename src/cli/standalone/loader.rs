//! The script that is loaded for an application: its own, or one that is made.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::application::{Application, USUAL_CALLABLE};
use crate::cli::private_root::PrivateRoot;
use crate::config::plan::{Import, Served};

/// The application, and the script to load for it.
#[derive(Debug)]
pub(in super::super) struct Loader {
    application: Application,
    script: PathBuf,
    callable: String,
    is_made: bool,
}

impl Loader {
    /// For the application that `argument` means to somebody in `directory`. A script that has to be made lies in
    /// `folder`.
    pub(in super::super) fn for_application(
        argument: &str,
        directory: &Path,
        folder: &PrivateRoot,
    ) -> Result<Loader, String> {
        let application =
            Application::recognise(argument, directory).map_err(|problem| problem.to_string())?;
        if let Some((script, callable)) = application.script() {
            return Ok(Loader {
                script: script.to_owned(),
                callable: callable.to_owned(),
                is_made: false,
                application,
            });
        }
        let script = folder.path().join("application.py");
        let written = folder
            .make()
            .and_then(|()| write_if_different(&script, &application.loader()));
        written.map_err(|error| format!("{} cannot be made: {error}", script.display()))?;
        Ok(Loader {
            script,
            callable: USUAL_CALLABLE.to_owned(),
            is_made: true,
            application,
        })
    }

    /// The application.
    pub(in super::super) fn application(&self) -> &Application {
        &self.application
    }

    /// What answers requests. `mount` is where, and `reload` whether a changed script is loaded anew.
    pub(in super::super) fn served(&self, mount: Option<&str>, reload: bool) -> Served {
        Served {
            import: Import {
                script: self.script.clone(),
                application_group: String::new(),
            },
            callable: self.callable.clone(),
            reload,
            mount: mount.map(|mount| match mount.trim_matches('/') {
                "" => String::new(),
                path => format!("/{path}"),
            }),
        }
    }

    /// Whether the script was made, and will go.
    pub(in super::super) fn is_made(&self) -> bool {
        self.is_made
    }
}

/// A file that is as it should be keeps its time of change, which would be a reason to load it anew.
fn write_if_different(file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if fs::read(file).is_ok_and(|present| present == text.as_bytes()) {
        return Ok(());
    }
    fs::write(file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_loaded_as_it_is_and_all_else_by_a_script_that_is_made() {
        let here = tempfile::tempdir().expect("a folder");
        fs::write(here.path().join("site.wsgi"), "application = 1\n").expect("written");
        let made_in = here.path().join("made");
        let folder = PrivateRoot::at(made_in.clone());
        let make =
            |argument: &str| Loader::for_application(argument, here.path(), &folder).expect("recognised");
        let plain = make("site.wsgi:other").served(Some("/app/"), true);
        assert!(plain.import.script.ends_with("site.wsgi"));
        assert_eq!(
            (plain.callable.as_str(), plain.mount.as_deref()),
            ("other", Some("/app"))
        );
        assert!(!made_in.exists());
        let factory = make("shop:create_app()");
        let served = factory.served(None, false);
        let text = fs::read_to_string(&served.import.script).expect("made");
        assert!(text.contains("_module.create_app()"), "{text}");
        assert_eq!(served.callable, "application");
        for (mount, path) in [("app", "/app"), ("/", ""), ("", ""), ("/a/b/", "/a/b")] {
            assert_eq!(
                factory.served(Some(mount), false).mount.as_deref(),
                Some(path),
                "{mount}"
            );
        }
        drop(folder);
        assert!(!made_in.exists());
    }
}
