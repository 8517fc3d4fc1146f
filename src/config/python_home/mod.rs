//! Looks at `WSGIPythonHome` before Python does, whose own failure would end the process.

mod access;
mod problem;
mod pyvenv;

use std::fs;
use std::path::{Path, PathBuf};

use access::Access;
pub use problem::{HomeProblem, Need};
use pyvenv::PyVenv;

/// The user that will run Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServingUser {
    /// Its number.
    pub uid: u32,
    /// Numbers of its groups: the primary one and all others.
    pub gids: Vec<u32>,
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

/// Judges `home` for the Python of version `embedded`, run by `user`.
///
/// Access is computed from owners and mode bits, so that a parent running as root can tell.
///
/// # Errors
/// The first thing in the way.
pub fn check(home: &Path, embedded: (u8, u8), user: &ServingUser) -> Result<PythonHome, HomeProblem> {
    Preflight { access: Access::ByMode(user), embedded }.check(home)
}

/// As [`check`], for the user that runs this process: access is tried instead of computed, and so
/// takes account of access lists, mounts and security modules.
///
/// # Errors
/// The first thing in the way.
pub fn check_here(home: &Path, embedded: (u8, u8)) -> Result<PythonHome, HomeProblem> {
    Preflight { access: Access::Tried, embedded }.check(home)
}

struct Preflight<'a> {
    access: Access<'a>,
    embedded: (u8, u8),
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
            Ok(PythonHome { prefix: home, kind: HomeKind::Prefix })
        }
    }

    fn environment(&self, home: PathBuf) -> Result<PythonHome, HomeProblem> {
        let settings_file = home.join("pyvenv.cfg");
        self.access.file(&settings_file)?;
        let settings = PyVenv::parse(&fs::read(&settings_file).map_err(|error| {
            HomeProblem::Unreadable { element: settings_file.clone(), reason: error.to_string() }
        })?);
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
        let base = settings.home.as_deref().filter(|base| !base.as_os_str().is_empty());
        let base = base.ok_or_else(base_missing)?;
        self.access.directory(base).map_err(|problem| match problem {
            HomeProblem::Missing(_) | HomeProblem::DanglingLink { .. } => base_missing(),
            other => other,
        })?;
        let interpreter = fs::canonicalize(&program).ok();
        let candidates = base
            .ancestors()
            .chain(interpreter.iter().flat_map(|path| path.ancestors()))
            .find(|candidate| self.standard_library(candidate).is_some());
        let base_home = candidates.ok_or_else(base_missing)?.to_owned();
        self.installation(&base_home, &home)?;
        self.packages(&home)?;
        Ok(PythonHome { kind: HomeKind::Venv { program, base_home }, prefix: home })
    }

    /// `bin/python` of an environment; the link must lead somewhere.
    fn program(&self, home: &Path) -> Result<PathBuf, HomeProblem> {
        let (major, minor) = self.embedded;
        let names = ["python".to_owned(), "python3".to_owned(), format!("python{major}.{minor}")];
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
        let (major, minor) = self.embedded;
        let library = prefix.join("lib").join(format!("python{major}.{minor}"));
        // A directory that this process cannot look into is not the same as one that is not there.
        for directory in [prefix.join("lib"), library.clone()] {
            if directory.exists() {
                self.access.directory(&directory)?;
            }
        }
        if let Some(found) = other_version(prefix, self.embedded) {
            return Err(HomeProblem::OtherVersion { home: home.to_owned(), found, embedded: self.embedded });
        }
        if library.exists() || has_interpreter(prefix) {
            return Err(HomeProblem::NoStandardLibrary { home: home.to_owned(), library });
        }
        Err(HomeProblem::NoPython { home: home.to_owned(), suggestion: environment_below(home) })
    }

    /// A file that only a standard library of the right version has.
    fn standard_library(&self, prefix: &Path) -> Option<PathBuf> {
        let (major, minor) = self.embedded;
        let folders = [format!("lib/python{major}.{minor}"), format!("lib64/python{major}.{minor}")];
        let landmarks = folders.iter().flat_map(|lib| [format!("{lib}/os.py"), format!("{lib}/os.pyc")]);
        let zip = format!("lib/python{major}{minor}.zip");
        landmarks.chain([zip]).map(|landmark| prefix.join(landmark)).find(|path| path.is_file())
    }

    fn same_version(&self, home: &Path, written: Option<(u8, u8)>) -> Result<(), HomeProblem> {
        let (major, minor) = self.embedded;
        let found = match written {
            Some(version) if version == self.embedded => return Ok(()),
            Some((major, minor)) => Some(format!("{major}.{minor}")),
            None if home.join(format!("lib/python{major}.{minor}")).exists() => None,
            None => versions_in(&home.join("lib")).into_iter().next(),
        };
        found.map_or(Ok(()), |found| {
            Err(HomeProblem::OtherVersion { home: home.to_owned(), found, embedded: self.embedded })
        })
    }

    /// The packages of an environment, if it has any, must be readable.
    fn packages(&self, home: &Path) -> Result<(), HomeProblem> {
        let (major, minor) = self.embedded;
        let packages = home.join(format!("lib/python{major}.{minor}/site-packages"));
        match self.access.listing(&packages) {
            Err(HomeProblem::Missing(_)) => Ok(()),
            outcome => outcome,
        }
    }
}

/// `prefix` of `prefix:exec_prefix`, a form that older configurations have.
fn first_of_pair(given: &Path) -> PathBuf {
    match given.to_str().and_then(|text| text.split_once(':')) {
        Some((prefix, _)) if !given.exists() && !prefix.is_empty() => PathBuf::from(prefix),
        _ => given.to_owned(),
    }
}

/// The directory that `path` clearly means when it names something inside of it: an interpreter,
/// `pyvenv.cfg`, `bin`, `lib`, `lib/pythonX.Y` or its `site-packages`.
fn normalise(path: &Path) -> PathBuf {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let is_home = |path: &Path| {
        path.join("pyvenv.cfg").is_file() || !versions_in(&path.join("lib")).is_empty()
    };
    if is_home(path) {
        return path.to_owned();
    }
    let mut home = path;
    let mut depth = 0;
    while let (Some(last), Some(parent)) = (name(home), home.parent()) {
        let inside = last == "site-packages"
            || last == "lib"
            || last == "lib64"
            || last == "bin"
            || last == "pyvenv.cfg"
            || last.starts_with("python");
        if !inside || depth == 3 {
            break;
        }
        home = parent;
        depth += 1;
        if is_home(home) {
            return home.to_owned();
        }
    }
    path.to_owned()
}

/// Versions for which `lib` has a directory `pythonX.Y`, in order.
fn versions_in(lib: &Path) -> Vec<String> {
    let entries = fs::read_dir(lib).into_iter().flatten().flatten();
    let mut versions: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("python").map(str::to_owned))
        .filter(|version| pyvenv::minor_version(version).is_some())
        .collect();
    versions.sort();
    versions
}

/// A version other than `embedded` whose standard library `prefix` holds.
fn other_version(prefix: &Path, (major, minor): (u8, u8)) -> Option<String> {
    let embedded = format!("{major}.{minor}");
    let complete = |version: &String| prefix.join(format!("lib/python{version}/os.py")).exists();
    versions_in(&prefix.join("lib")).into_iter().find(|version| *version != embedded && complete(version))
}

fn is_pypy(prefix: &Path) -> bool {
    let has = |name: &str| prefix.join("bin").join(name).symlink_metadata().is_ok();
    (has("pypy") || has("pypy3")) && versions_in(&prefix.join("lib")).is_empty()
}

fn has_interpreter(prefix: &Path) -> bool {
    ["bin/python", "bin/python3"].iter().any(|name| prefix.join(name).symlink_metadata().is_ok())
}

/// A virtual environment that a project's directory contains under one of its usual names.
fn environment_below(directory: &Path) -> Option<PathBuf> {
    let usual = ["venv", ".venv", "env", ".env", "virtualenv"];
    usual.iter().map(|name| directory.join(name)).find(|path| path.join("pyvenv.cfg").is_file())
}

