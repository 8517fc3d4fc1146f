//! One application, looked up.

use std::env;
use std::path::{Path, PathBuf};

use super::{Account, Options};
use crate::cli::application::Application;
use crate::cli::installation::{absolute, environment_of, own_python};
use crate::config::python_home::{self, HomeProblem, ServingUser};
use crate::sys::user;

/// Where the virtual environment of a project usually is.
const ENVIRONMENTS: [&str; 3] = [".venv", "venv", "env"];

/// An application at its place.
#[derive(Debug)]
pub(in super::super) struct Served {
    /// URL path: `/`, or one that does not end with a slash.
    pub mount: String,
    /// Name of its daemon group.
    pub group: String,
    /// The application.
    pub application: Application,
    /// Where it works.
    pub directory: PathBuf,
    /// Its virtual environment.
    pub venv: Option<PathBuf>,
    /// What was said of it.
    pub options: Options,
}

impl Served {
    pub(super) fn find(mut options: Options, here: &Path, others: &[Served]) -> Result<Served, String> {
        let text = options.app.as_deref().unwrap_or(".");
        let base = options.working_directory.as_deref().map(absolute);
        let elsewhere = base.as_deref().filter(|_| !Application::is_in(text, here));
        let application = Application::recognise(text, elsewhere.unwrap_or(here))
            .or_else(|problem| match &base {
                Some(base) => Application::recognise(text, base),
                None => Err(problem),
            })
            .map_err(|problem| problem.to_string())?;
        let mount = mount(options.mount_point.as_deref().unwrap_or("/"))?;
        if let Some(other) = others.iter().find(|other| other.mount == mount) {
            return Err(format!(
                "{} and {application} are both at {mount}: give one of them another path",
                other.application
            ));
        }
        let venv = environment(&mut options, &application.directory, here)?;
        let mut group = group_name(&mount);
        while others.iter().any(|other| other.group == group) {
            group.push('_');
        }
        Ok(Served {
            directory: base.unwrap_or_else(|| application.directory.clone()),
            mount,
            group,
            application,
            venv,
            options,
        })
    }

    /// Whether the account can read what it is to serve.
    pub(super) fn check_access(&self, account: &Account) -> Result<(), String> {
        let own = self.options.user.as_deref().unwrap_or(&account.user);
        let serving = match user::user_meant(own) {
            Some(found) => ServingUser {
                uid: found.uid,
                gids: user::groups_of(found.name.as_bytes(), found.gid),
            },
            None => account.serving.clone(),
        };
        let readable = match self.application.script() {
            Some((script, _)) => python_home::check_readable(script, &serving),
            None => python_home::check_passable(&self.application.directory, &serving),
        };
        readable.map_err(|problem| match problem {
            HomeProblem::NotAccessible { element, need, .. } => {
                let (verb, bit) = need.words();
                let path = element.display();
                format!(
                    "{} is to be served as the user {own}, who may not {verb} {path}: run this as an ordinary user, \
                     name another with --user, or grant it with chmod o+{bit} {path}",
                    self.application
                )
            }
            other => other.to_string(),
        })
    }
}

/// `api/` means `/api`.
fn mount(text: &str) -> Result<String, String> {
    let inner = text.trim_matches('/');
    if inner.contains(['"', '\\', '%', '?', '#', ' ']) {
        return Err(format!("{text:?} is no URL path for an application"));
    }
    Ok(format!("/{inner}"))
}

fn group_name(mount: &str) -> String {
    let name: String = mount
        .trim_matches('/')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    if name.is_empty() { "app".to_owned() } else { name }
}

/// The virtual environment to use. Where the Python that this command is installed for has none, that is the Python.
fn environment(options: &mut Options, beside: &Path, here: &Path) -> Result<Option<PathBuf>, String> {
    if let Some(named) = &options.venv {
        let named = absolute(named);
        if !named.is_dir() {
            return Err(format!(
                "--venv: {} is no folder; create it with python3 -m venv {0}",
                named.display()
            ));
        }
        return Ok(Some(named));
    }
    if options.python.is_some() {
        return Ok(None);
    }
    if let Some(own) = own_python() {
        let venv = environment_of(&own);
        if venv.is_none() {
            options.python = Some(own);
        }
        return Ok(venv);
    }
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let usual = [beside, here]
        .into_iter()
        .flat_map(|folder| ENVIRONMENTS.map(|name| folder.join(name)));
    Ok(active
        .into_iter()
        .chain(usual)
        .find(|folder| folder.join("pyvenv.cfg").is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_become_paths_and_groups() {
        for (text, path, group) in [
            ("/", "/", "app"),
            ("", "/", "app"),
            ("api/", "/api", "api"),
            ("/a/b", "/a/b", "a-b"),
        ] {
            let found = mount(text).expect(text);
            assert_eq!((found.as_str(), group_name(&found).as_str()), (path, group));
        }
        assert!(mount("/a b").is_err());
    }
}
