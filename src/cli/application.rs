//! Which application an argument means: a script, `module:callable`, `module:factory()`, or a folder with a
//! project that is laid out as Django or Flask have it.
//!
//! Everything is read from files; no Python runs.

mod folder;
mod problem;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

pub use problem::Unrecognised;
use source::Definitions;

/// The name that WSGI servers look for first.
pub const USUAL_CALLABLE: &str = "application";

/// An application that can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Where its own modules are imported from, and where it works: an absolute path.
    pub directory: PathBuf,
    /// What to load.
    pub entry: Entry,
    /// What is called.
    pub callable: Callable,
}

/// What to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file, by its absolute path.
    Script(PathBuf),
    /// A module, by its dotted name.
    Module(String),
}

/// The object of a script or module that answers requests, or makes what does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callable {
    /// A name, or several joined by dots.
    pub name: String,
    /// Whether it is a factory: it is called once, without arguments, and what it returns answers.
    pub is_factory: bool,
}

impl Callable {
    fn plain(name: &str) -> Callable {
        Callable {
            name: name.to_owned(),
            is_factory: false,
        }
    }

    /// Reads `name` or `name()`.
    fn parse(text: &str) -> Option<Callable> {
        let name = text.strip_suffix("()");
        let callable = Callable {
            name: name.unwrap_or(text).to_owned(),
            is_factory: name.is_some(),
        };
        is_dotted_name(&callable.name).then_some(callable)
    }
}

impl Application {
    /// The application that `text` means for somebody who is in `working_directory`, an absolute path.
    ///
    /// # Errors
    /// What was not found, with what to write instead.
    pub fn recognise(text: &str, working_directory: &Path) -> Result<Application, Unrecognised> {
        let path = working_directory.join(text);
        if path.is_dir() {
            return folder::recognise(&resolved(path));
        }
        if path.is_file() {
            return Self::of_script(&resolved(path), None);
        }
        match text.split_once(':') {
            Some((place, callable)) => Self::named(place, callable, working_directory),
            None if is_dotted_name(text) => {
                let Some(file) = module_file(working_directory, text) else {
                    return Err(Unrecognised::Missing(path));
                };
                Self::of_module(text, &file, working_directory)
            }
            None => Err(Unrecognised::Missing(path)),
        }
    }

    /// Whether a file or module that `text` names lies in `folder`.
    #[must_use]
    pub fn is_in(text: &str, folder: &Path) -> bool {
        let place = text.split_once(':').map_or(text, |(place, _)| place);
        folder.join(text).exists()
            || folder.join(place).exists()
            || (is_dotted_name(place) && module_file(folder, place).is_some())
    }

    fn named(place: &str, callable: &str, working_directory: &Path) -> Result<Application, Unrecognised> {
        let Some(callable) = Callable::parse(callable) else {
            return Err(Unrecognised::NotACallable(callable.to_owned()));
        };
        let path = working_directory.join(place);
        if path.is_file() {
            return Self::of_script(&resolved(path), Some(callable));
        }
        // Django's `mysite.wsgi` is a module although it looks like a file.
        let looks_like_a_file = is_file_name(place) && module_file(working_directory, place).is_none();
        if !is_dotted_name(place) || looks_like_a_file {
            return Err(Unrecognised::Missing(path));
        }
        Ok(Application {
            directory: resolved(working_directory.to_owned()),
            entry: Entry::Module(place.to_owned()),
            callable,
        })
    }

    fn of_script(file: &Path, callable: Option<Callable>) -> Result<Application, Unrecognised> {
        let callable = match callable {
            Some(named) => named,
            None => Definitions::read(file)?.callable(file)?,
        };
        Ok(Application {
            directory: file.parent().unwrap_or(file).to_owned(),
            entry: Entry::Script(file.to_owned()),
            callable,
        })
    }

    fn of_module(name: &str, file: &Path, directory: &Path) -> Result<Application, Unrecognised> {
        Ok(Application {
            directory: resolved(directory.to_owned()),
            entry: Entry::Module(name.to_owned()),
            callable: Definitions::read(file)?.callable(file)?,
        })
    }

    /// The script that can be served as it is, with the name of its callable; where there is none, the
    /// [loader](Self::loader) is one to write.
    #[must_use]
    pub fn script(&self) -> Option<(&Path, &str)> {
        let is_plain = !self.callable.is_factory && !self.callable.name.contains('.');
        match &self.entry {
            Entry::Script(file) if is_plain => Some((file, &self.callable.name)),
            _ => None,
        }
    }

    /// A script that defines the application as `application`. It needs [`directory`](Self::directory) in
    /// `sys.path`.
    #[must_use]
    pub fn loader(&self) -> String {
        let call = if self.callable.is_factory { "()" } else { "" };
        let name = &self.callable.name;
        let module = match &self.entry {
            Entry::Module(module) => {
                format!("import importlib\n\n_module = importlib.import_module({module:?})\n")
            }
            Entry::Script(file) => format!(
                "import importlib.util\nimport sys\nfrom importlib.machinery import SourceFileLoader\n\n\
                 _loader = SourceFileLoader({name}, {file})\n\
                 _module = importlib.util.module_from_spec(importlib.util.spec_from_loader({name}, _loader))\n\
                 sys.modules[{name}] = _module\n_loader.exec_module(_module)\n",
                name = python_string(&script_module(file)),
                file = python_string(&file.to_string_lossy()),
            ),
        };
        format!("# Made by rwsgi: loads {self}.\n{module}{USUAL_CALLABLE} = _module.{name}{call}\n")
    }
}

impl std::fmt::Display for Application {
    /// As it can be written on a command line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.entry {
            Entry::Script(file) => write!(f, "{}", file.display())?,
            Entry::Module(name) => write!(f, "{name}")?,
        }
        let call = if self.callable.is_factory { "()" } else { "" };
        write!(f, ":{}{call}", self.callable.name)
    }
}

/// The name a script's module gets when a loader imports it.
fn script_module(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    if is_dotted_name(&stem) && !stem.contains('.') {
        stem.into_owned()
    } else {
        "_rwsgi_script".to_owned()
    }
}

/// A literal of Python that means `text`.
#[must_use]
pub fn python_string(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            control if control.is_control() => literal.push_str(&format!("\\U{:08x}", u32::from(control))),
            other => literal.push(other),
        }
    }
    literal.push('"');
    literal
}

/// The path without links and dots, where that can be told.
fn resolved(path: PathBuf) -> PathBuf {
    fs::canonicalize(&path).unwrap_or(path)
}

/// The file that Python would import as `module` from `directory`.
fn module_file(directory: &Path, module: &str) -> Option<PathBuf> {
    let base = directory.join(module.replace('.', "/"));
    let candidates = [base.join("__init__.py"), base.with_extension("py")];
    candidates.into_iter().find(|file| file.is_file())
}

/// Whether a name of nothing that is here was rather meant as a file; `django.core.wsgi` is a module.
fn is_file_name(text: &str) -> bool {
    text.ends_with(".py") || text.split_once('.').is_some_and(|(_, ending)| ending == "wsgi")
}

fn is_dotted_name(text: &str) -> bool {
    let is_name = |part: &str| {
        let mut characters = part.chars();
        characters
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_')
            && characters.all(|rest| rest.is_alphanumeric() || rest == '_')
    };
    text.split('.').all(is_name)
}

#[cfg(test)]
mod tests;
