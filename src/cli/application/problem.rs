//! Why an argument means no application.

use std::fmt;
use std::path::PathBuf;

/// Why an argument means no application. Its `Display` is one line with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unrecognised {
    /// Neither a file nor a folder nor a module.
    Missing(PathBuf),
    /// What stands after the colon is no name.
    NotACallable(String),
    /// A file that cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file without any of the usual names.
    NoCallable(PathBuf),
    /// A file whose application is one for ASGI.
    Asgi {
        /// The file.
        file: PathBuf,
        /// Name of the application.
        name: String,
    },
    /// A folder without anything that is known.
    NoProject(PathBuf),
    /// A folder of Django's without the module that its settings name.
    NoDjangoModule {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        missing: String,
    },
}

impl fmt::Display for Unrecognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(
                f,
                "{} does not exist; give a script, module:callable, module:factory() or the folder of a project",
                path.display()
            ),
            Self::NotACallable(text) => write!(
                f,
                "{text:?} is no name of a callable; write module:callable or module:factory(), without arguments"
            ),
            Self::Unreadable { file, reason } => write!(f, "{} cannot be read: {reason}", file.display()),
            Self::NoCallable(file) => write!(
                f,
                "{file} defines none of application, app, create_app and make_app; write {file}:NAME, or \
                 {file}:NAME() for a function that makes the application",
                file = file.display()
            ),
            Self::Asgi { file, name } => write!(
                f,
                "{name} in {} is an ASGI application; only WSGI applications can be served",
                file.display()
            ),
            Self::NoProject(folder) => write!(
                f,
                "{} holds no project that is recognised (manage.py of Django; .flaskenv; wsgi.py, app.py, \
                 application.py, main.py or one package with an application); write module:callable",
                folder.display()
            ),
            Self::NoDjangoModule { folder, missing } => write!(
                f,
                "{} is a Django project, but {missing}; write module:callable",
                folder.display()
            ),
        }
    }
}

impl std::error::Error for Unrecognised {}
