//! Files and folders that options name. What is not there is told by the option before anything is started: later,
//! processes would fail again and again, or an import for no visible reason.

use std::fs::File;
use std::path::Path;

use super::{Account, Options, Served};
use crate::cli::installation::absolute;
use crate::config::python_home::{self, HomeProblem, ServingUser};
use crate::sys::user;

/// Who is to use what is named.
struct Judge {
    user: ServingUser,
    /// Whether that is another than whoever starts this: then owners and mode bits are all that tells.
    is_another: bool,
}

impl Judge {
    fn of(another: Option<ServingUser>) -> Judge {
        Judge {
            is_another: another.is_some(),
            user: another.unwrap_or_else(own_user),
        }
    }

    /// The outcome of a check, as a line about `option`.
    fn told(&self, option: &str, outcome: Result<(), HomeProblem>) -> Result<(), String> {
        match outcome {
            Err(problem) if self.is_another || problem.is_certain() => Err(format!("{option}: {problem}")),
            _ => Ok(()),
        }
    }

    fn folder(&self, option: &str, folder: &Path) -> Result<(), String> {
        let folder = absolute(folder);
        self.told(option, python_home::check_passable(&folder, &self.user))
    }

    /// A folder, or a file that stands for one.
    fn folder_or_file(&self, option: &str, path: &Path) -> Result<(), String> {
        if path.is_file() {
            let file = absolute(path);
            return self.told(option, python_home::check_readable(&file, &self.user));
        }
        self.folder(option, path)
    }
}

fn own_user() -> ServingUser {
    let (uid, gid) = (user::own_uid(), user::own_gid());
    let gids = user::user_numbered(uid).map(|own| user::groups_of(own.name.as_bytes(), gid));
    ServingUser {
        uid,
        gids: gids.unwrap_or_else(|| vec![gid]),
    }
}

impl Served {
    /// Looks at what the application's options name.
    ///
    /// # Errors
    /// The first that its user cannot use.
    pub(super) fn check_named(&self, account: Option<&Account>) -> Result<(), String> {
        let options = &self.options;
        let judge = Judge::of(account.map(|account| self.user(account)));
        if let Some(program) = &options.python {
            let program = absolute(program);
            judge.told("--python", python_home::check_program(&program, &judge.user))?;
        }
        for folder in &options.python_path {
            judge.folder_or_file("--python-path", folder)?;
        }
        if let Some(folder) = &options.working_directory {
            judge.folder("--working-directory", folder)?;
        }
        // Whoever starts the server reads it.
        if let Some(file) = &options.env_file {
            let opened = File::open(file).and_then(|open| open.metadata());
            match opened {
                Ok(found) if found.is_dir() => {
                    return Err(format!("--env-file: {} is a folder", file.display()));
                }
                Ok(_) => {}
                Err(error) => {
                    return Err(format!("--env-file: {} cannot be read: {error}", file.display()));
                }
            }
        }
        Ok(())
    }
}

/// Looks at what the server's options name, with paths from the root.
///
/// # Errors
/// The first that httpd's processes cannot use.
pub(super) fn check_server(server: &Options, account: Option<&Account>) -> Result<(), String> {
    let judge = Judge::of(account.map(|account| account.serving.clone()));
    if let Some(folder) = &server.document_root {
        judge.folder("--document-root", folder)?;
    }
    for pair in &server.static_files {
        judge.folder_or_file("--static", Path::new(&pair.value))?;
    }
    Ok(())
}
