//! What can be wrong with a Python home.

use std::fmt;
use std::path::PathBuf;

use super::PythonBuild;
use crate::gateway::{Code, Level};

/// What the serving user would do with an element of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Pass through a directory.
    Traverse,
    /// List a directory.
    List,
    /// Read a file.
    Read,
    /// Run a program.
    Run,
}

impl Need {
    /// A verb for it, and the mode bits that grant it.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Traverse => ("pass through", "x"),
            Self::List => ("list", "rx"),
            Self::Read => ("read", "r"),
            Self::Run => ("run", "rx"),
        }
    }
}

/// Why Python would not start from a directory. Its `Display` is one line that names the element
/// of the path to look at, and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HomeProblem {
    /// The path does not begin at the root.
    Relative(PathBuf),
    /// An element of the path does not exist.
    Missing(PathBuf),
    /// A file stands where a directory must be.
    NotADirectory(PathBuf),
    /// The serving user may not use an element of the path.
    NotAccessible {
        /// The element that stops the user.
        element: PathBuf,
        /// What for.
        need: Need,
        /// The user's number, unless it is the one that runs this process.
        uid: Option<u32>,
    },
    /// An element of the path that this process may not look into, though the serving user may: root is nobody in
    /// particular on a file system of another machine.
    Hidden(PathBuf),
    /// A symbolic link leads nowhere.
    DanglingLink {
        /// The link.
        link: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// Python of another minor version.
    OtherVersion {
        /// The virtual environment or prefix.
        home: PathBuf,
        /// Its version, such as `3.9`.
        found: String,
        /// The version that the module contains.
        embedded: PythonBuild,
    },
    /// A virtual environment without the installation that it was made from.
    BaseMissing {
        /// The virtual environment.
        home: PathBuf,
        /// The `home` in its `pyvenv.cfg`; empty if there is none.
        base: PathBuf,
    },
    /// A prefix without the standard library of the version that the module contains.
    NoStandardLibrary {
        /// The prefix.
        home: PathBuf,
        /// The directory that is not there, or is incomplete.
        library: PathBuf,
    },
    /// Nothing of Python at all.
    NoPython {
        /// The directory.
        home: PathBuf,
        /// A virtual environment right below it.
        suggestion: Option<PathBuf>,
    },
    /// An environment of PyPy.
    PyPy(PathBuf),
    /// Python of a version that workers do not support.
    TooOld {
        /// The virtual environment or prefix.
        home: PathBuf,
        /// Its version, such as `3.9`.
        found: String,
    },
    /// A file that is no program.
    NoProgram(PathBuf),
    /// A program for another kind of machine.
    OtherMachine(PathBuf),
    /// A program on a file system that runs none.
    MountedNoexec(PathBuf),
    /// The system refuses for another reason.
    Unreadable {
        /// The element of the path.
        element: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl HomeProblem {
    /// The number of a line about it.
    pub fn code(&self) -> Code {
        match self {
            Self::NotAccessible { .. } | Self::Hidden(_) | Self::Unreadable { .. } => {
                Code::PYTHON_HOME_NOT_ACCESSIBLE
            }
            _ => Code::PYTHON_HOME_MISSING,
        }
    }

    /// How much a line about it matters before a process has failed by it: what hides is no mistake yet.
    pub fn level(&self) -> Level {
        match self {
            Self::Hidden(_) => Level::Info,
            _ => Level::Error,
        }
    }

    /// Whether a start is in vain whoever tries. What owners and mode bits forbid, an access list may allow.
    pub fn is_certain(&self) -> bool {
        self.code() != Code::PYTHON_HOME_NOT_ACCESSIBLE
    }
}

impl fmt::Display for HomeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative(path) => {
                write!(f, "{} is a relative path; write the full path", path.display())
            }
            Self::Missing(path) => {
                write!(
                    f,
                    "{} does not exist; correct the path or create it",
                    path.display()
                )
            }
            Self::NotADirectory(path) => write!(
                f,
                "{} is not a directory; give the directory of the virtual environment, or the prefix of the \
                 installation (what sys.prefix says)",
                path.display()
            ),
            Self::NotAccessible { element, need, uid } => {
                let user = uid.map_or("this user".to_owned(), |uid| {
                    format!("the serving user (uid {uid})")
                });
                let (verb, bits) = need.words();
                write!(
                    f,
                    "{user} may not {verb} {path}; move the environment to where that user may read, or \
                     grant it with chmod o+{bits} {path}",
                    path = element.display()
                )
            }
            Self::Hidden(element) => write!(
                f,
                "this user may not look into {}, so that only a start shows whether the serving user finds a \
                 Python there",
                element.display()
            ),
            Self::DanglingLink { link, target } => write!(
                f,
                "{} links to {}, which does not exist; reinstall that Python or create the environment anew",
                link.display(),
                target.display()
            ),
            Self::OtherVersion {
                home,
                found,
                embedded,
            } => write!(
                f,
                "{} belongs to Python {found}, but this module contains Python {embedded}; create it anew \
                 with python{embedded} -m venv, or use a module built for {found}",
                home.display()
            ),
            Self::BaseMissing { home, base } if base.as_os_str().is_empty() => write!(
                f,
                "{}/pyvenv.cfg names no base installation (home = ...); create the environment anew",
                home.display()
            ),
            Self::BaseMissing { home, base } => write!(
                f,
                "{} was made from the Python in {}, which is not there any more; reinstall it or create the \
                 environment anew",
                home.display(),
                base.display()
            ),
            Self::NoStandardLibrary { home, library } => write!(
                f,
                "{} has no standard library in {}; give the prefix of a complete installation (what \
                 sys.base_prefix says)",
                home.display(),
                library.display()
            ),
            Self::NoPython {
                home,
                suggestion: Some(suggestion),
            } => write!(
                f,
                "{} holds no Python; the virtual environment below it is meant, perhaps: {}",
                home.display(),
                suggestion.display()
            ),
            Self::NoPython {
                home,
                suggestion: None,
            } => write!(
                f,
                "{} holds neither a virtual environment (no pyvenv.cfg) nor a Python installation (no \
                 lib/python*); give what sys.prefix says in the Python that is meant",
                home.display()
            ),
            Self::PyPy(home) => write!(
                f,
                "{} belongs to PyPy; this module contains CPython, so create the environment with CPython",
                home.display()
            ),
            Self::TooOld { home, found } => write!(
                f,
                "{} belongs to Python {found}; 3.11 is the oldest that works, so create it anew with a later one",
                home.display()
            ),
            Self::NoProgram(program) => write!(
                f,
                "{} is no program; give the python of a virtual environment or of an installation",
                program.display()
            ),
            Self::OtherMachine(program) => write!(
                f,
                "{} is a program for another kind of machine; create the environment on this one",
                program.display()
            ),
            Self::MountedNoexec(program) => write!(
                f,
                "{} is on a file system mounted noexec; move the environment, or mount it without noexec",
                program.display()
            ),
            Self::Unreadable { element, reason } => write!(f, "{}: {reason}", element.display()),
        }
    }
}

impl std::error::Error for HomeProblem {}
