//! The script that is loaded for an application: its own, or one that is made.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::application::Application;
use crate::config::plan::{Import, Served};
use crate::sys::private_directory;

/// The application, and the script to load for it.
#[derive(Debug, Clone)]
pub(in super::super) struct Loader {
    argument: String,
    application: Application,
    script: PathBuf,
    callable: String,
    /// The folder that the script was made in, if it was.
    made_in: Option<PathBuf>,
}

impl Loader {
    /// For the application that `argument` means to somebody in `directory`.
    pub(in super::super) fn for_application(argument: &str, directory: &Path) -> Result<Loader, String> {
        let folder = std::env::temp_dir().join(format!("rwsgi.{}", std::process::id()));
        Self::make(argument, directory, folder)
    }

    /// The same once more, as the files are by now.
    pub(super) fn again(&self, directory: &Path) -> Result<Loader, String> {
        let folder = std::env::temp_dir().join(format!("rwsgi.{}", std::process::id()));
        Self::make(&self.argument, directory, folder)
    }

    fn make(argument: &str, directory: &Path, folder: PathBuf) -> Result<Loader, String> {
        let application =
            Application::recognise(argument, directory).map_err(|problem| problem.to_string())?;
        if let Some((script, callable)) = application.script() {
            return Ok(Loader {
                argument: argument.to_owned(),
                script: script.to_owned(),
                callable: callable.to_owned(),
                made_in: None,
                application,
            });
        }
        let script = folder.join("application.py");
        let written = private_directory::make(&folder, 0o755, None)
            .and_then(|()| write_if_different(&script, &application.loader()));
        written.map_err(|error| format!("{} cannot be made: {error}", script.display()))?;
        Ok(Loader {
            argument: argument.to_owned(),
            script,
            callable: crate::cli::application::USUAL_CALLABLE.to_owned(),
            made_in: Some(folder),
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
            mount: mount.map(|mount| mount.trim_end_matches('/').to_owned()),
        }
    }

    /// Whether the script was made, and will go.
    pub(in super::super) fn is_made(&self) -> bool {
        self.made_in.is_some()
    }

    /// Removes what was made.
    pub(in super::super) fn remove(&self) {
        if let Some(folder) = &self.made_in {
            // Whoever removed it before wanted the same.
            let _ = private_directory::remove(folder);
        }
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
        let make = |argument: &str| Loader::make(argument, here.path(), made_in.clone()).expect("recognised");
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
        factory.remove();
        assert!(!made_in.exists());
    }
}
