//! Looks at `WSGIPythonHome` before Python does, whose own failure would end the process.

mod access;
mod choice;
mod executable;
mod layout;
mod problem;
mod pyvenv;
mod stale;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use access::Access;
pub use choice::{PythonChoice, SYSTEM_PROGRAM};
use executable::program_of_home;
pub use executable::{check_program, version_of_home, version_of_program};
use layout::{
    environment_below, first_of_pair, has_interpreter, is_pypy, normalise, other_version, versions_in,
};
pub use problem::{HomeProblem, Need};
use pyvenv::PyVenv;
use serde::{Deserialize, Serialize};
pub use stale::{StalePath, stale_path};

/// The user that will run Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingUser {
    /// Its number.
    pub uid: u32,
    /// Numbers of its groups: the primary one and all others.
    pub gids: Vec<u32>,
}

/// What tells builds of Python apart whose homes, programs and workers do not fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonBuild {
    /// Major and minor number.
    pub version: (u8, u8),
    /// Whether it is a free-threaded build, which has a library folder of its own (PEP 703).
    pub free_threaded: bool,
}

impl fmt::Display for PythonBuild {
    /// As folders and programs are named: `3.14`, `3.14t`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.version;
        write!(f, "{major}.{minor}{}", self.abi())
    }
}

impl PythonBuild {
    /// The folder of a home's packages.
    pub fn packages(self, home: &Path) -> PathBuf {
        home.join(format!("lib/python{self}/site-packages"))
    }

    fn abi(&self) -> &'static str {
        if self.free_threaded { "t" } else { "" }
    }
}

/// A home that Python can start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonHome {
    /// The directory of the environment or installation: what was given, or what it clearly meant.
    pub prefix: PathBuf,
    /// Which of the two it is.
    pub kind: HomeKind,
}

/// What kind of home it is, and so how Python must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HomeKind {
    /// A virtual environment: set the program name, and Python finds the rest.
    Venv {
        /// `bin/python` in the environment.
        program: PathBuf,
        /// Prefix of the installation that it was made from.
        base_home: PathBuf,
    },
    /// An installation: set the home.
    Prefix,
}

/// Judges `home` for the Python `embedded`, run by `user`.
///
/// Access is computed from owners and mode bits, so that a parent running as root can tell. Access
/// lists may grant more than these say: [`check_here`] in the user's own process has the last word.
///
/// # Errors
/// The first thing in the way.
pub fn check(home: &Path, embedded: PythonBuild, user: &ServingUser) -> Result<PythonHome, HomeProblem> {
    Preflight {
        access: Access::ByMode(user),
        embedded,
    }
    .check(home)
}

/// As [`check`], for the user that runs this process: access is tried instead of computed, and so
/// takes account of access lists, mounts and security modules.
///
/// # Errors
/// The first thing in the way.
pub fn check_here(home: &Path, embedded: PythonBuild) -> Result<PythonHome, HomeProblem> {
    Preflight {
        access: Access::Tried,
        embedded,
    }
    .check(home)
}

/// Whether `user` may read `file`, judged element by element of its path as [`check`] does.
///
/// # Errors
/// The first thing in the way.
pub fn check_readable(file: &Path, user: &ServingUser) -> Result<(), HomeProblem> {
    Access::ByMode(user).file(file)
}

/// Whether `user` may pass through the directory `path`, judged in the same way.
///
/// # Errors
/// The first thing in the way.
pub fn check_passable(path: &Path, user: &ServingUser) -> Result<(), HomeProblem> {
    Access::ByMode(user).directory(path)
}

struct Preflight<'a> {
    access: Access<'a>,
    embedded: PythonBuild,
}

impl Preflight<'_> {
    fn check(&self, given: &Path) -> Result<PythonHome, HomeProblem> {
        let written = first_of_pair(given);
        if !written.is_absolute() {
            return Err(HomeProblem::Relative(written));
        }
        let home = normalise(&written);
        self.access.directory(&home)?;
        if home.join("pyvenv.cfg").exists() {
            self.environment(home)
        } else {
            self.installation(&home, &home)?;
            Ok(PythonHome {
                prefix: home,
                kind: HomeKind::Prefix,
            })
        }
    }

    fn environment(&self, home: PathBuf) -> Result<PythonHome, HomeProblem> {
        let settings_file = home.join("pyvenv.cfg");
        self.access.file(&settings_file)?;
        let settings = PyVenv::parse(
            &fs::read(&settings_file).map_err(|error| HomeProblem::Unreadable {
                element: settings_file.clone(),
                reason: error.to_string(),
            })?,
        );
        if settings.is_pypy || is_pypy(&home) {
            return Err(HomeProblem::PyPy(home));
        }
        self.same_version(&home, settings.version)?;

        let program = self.program(&home)?;
        let base_missing = || HomeProblem::BaseMissing {
            home: home.clone(),
            base: settings.home.clone().unwrap_or_default(),
        };
        // `home` is the directory of the base interpreter; its prefix is some directory above.
        let base = settings
            .home
            .as_deref()
            .filter(|base| !base.as_os_str().is_empty());
        let base = base.ok_or_else(base_missing)?;
        self.access.directory(base).map_err(|problem| match problem {
            HomeProblem::Missing(_) | HomeProblem::DanglingLink { .. } => base_missing(),
            other => other,
        })?;
        let base_home = self.base_home(base, &program)?.ok_or_else(base_missing)?;
        self.installation(&base_home, &home)?;
        self.packages(&home)?;
        Ok(PythonHome {
            kind: HomeKind::Venv { program, base_home },
            prefix: home,
        })
    }

    /// The prefix above the directory `base` or above the real interpreter, whichever has a library.
    fn base_home(&self, base: &Path, program: &Path) -> Result<Option<PathBuf>, HomeProblem> {
        let real = |path: &Path| fs::canonicalize(path).ok();
        let starts = [Some(base.to_owned()), real(base), real(program)];
        let above = starts.iter().flatten().flat_map(|start| start.ancestors());
        // The root holds a library only by way of links into the real prefix.
        let candidates = above.filter(|prefix| prefix.parent().is_some());
        if let Some(found) = candidates
            .clone()
            .find(|prefix| self.standard_library(prefix).is_some())
        {
            return Ok(Some(found.to_owned()));
        }
        // A library that this process may not look at is not a missing one.
        for prefix in candidates {
            let library = prefix.join(format!("lib/python{}", self.embedded));
            if let Err(closed @ HomeProblem::NotAccessible { .. }) = self.access.directory(&library) {
                return Err(closed);
            }
        }
        Ok(None)
    }

    /// `bin/python` of an environment; the link must lead somewhere.
    fn program(&self, home: &Path) -> Result<PathBuf, HomeProblem> {
        let names = [
            "python".to_owned(),
            "python3".to_owned(),
            format!("python{}", self.embedded),
        ];
        let in_bin = names.map(|name| home.join("bin").join(name));
        let program = in_bin.iter().find(|path| path.symlink_metadata().is_ok());
        let Some(program) = program else {
            self.access.directory(&home.join("bin"))?;
            return Err(HomeProblem::Missing(in_bin[0].clone()));
        };
        self.access.reachable(program)?;
        Ok(program.clone())
    }

    /// `prefix` must hold the standard library; problems are told of `home`.
    fn installation(&self, prefix: &Path, home: &Path) -> Result<(), HomeProblem> {
        if let Some(library) = self.standard_library(prefix) {
            return self.access.file(&library);
        }
        if is_pypy(prefix) {
            return Err(HomeProblem::PyPy(home.to_owned()));
        }
        let library = prefix.join("lib").join(format!("python{}", self.embedded));
        // A directory that this process cannot look into is not the same as one that is not there.
        for directory in [prefix.join("lib"), library.clone()] {
            if directory.exists() {
                self.access.directory(&directory)?;
            }
        }
        if let Some(found) = other_version(prefix, self.embedded) {
            return Err(HomeProblem::OtherVersion {
                home: home.to_owned(),
                found,
                embedded: self.embedded,
            });
        }
        if library.exists() || has_interpreter(prefix) {
            return Err(HomeProblem::NoStandardLibrary {
                home: home.to_owned(),
                library,
            });
        }
        Err(HomeProblem::NoPython {
            home: home.to_owned(),
            suggestion: environment_below(home),
        })
    }

    /// A file that only a standard library of the right version has.
    fn standard_library(&self, prefix: &Path) -> Option<PathBuf> {
        let folders = ["lib", "lib64"].map(|lib| format!("{lib}/python{}", self.embedded));
        let landmarks = folders
            .iter()
            .flat_map(|lib| [format!("{lib}/os.py"), format!("{lib}/os.pyc")]);
        let (major, minor) = self.embedded.version;
        let zip = format!("lib/python{major}{minor}{}.zip", self.embedded.abi());
        landmarks
            .chain([zip])
            .map(|landmark| prefix.join(landmark))
            .find(|path| path.is_file())
    }

    fn same_version(&self, home: &Path, written: Option<(u8, u8)>) -> Result<(), HomeProblem> {
        let found = match written {
            Some((major, minor)) if (major, minor) != self.embedded.version => {
                Some(format!("{major}.{minor}"))
            }
            _ if home.join(format!("lib/python{}", self.embedded)).exists() => None,
            _ => versions_in(&home.join("lib")).into_iter().next(),
        };
        found.map_or(Ok(()), |found| {
            Err(HomeProblem::OtherVersion {
                home: home.to_owned(),
                found,
                embedded: self.embedded,
            })
        })
    }

    /// The packages of an environment, if it has any, must be readable.
    fn packages(&self, home: &Path) -> Result<(), HomeProblem> {
        let packages = self.embedded.packages(home);
        match self.access.listing(&packages) {
            Err(HomeProblem::Missing(_)) => Ok(()),
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests;
