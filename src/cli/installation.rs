//! Where httpd, its modules and the parts of rwsgi are on this machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Programs of httpd: Debian's name before that of Fedora, RHEL, Homebrew and its own builds.
const PROGRAMS: [&str; 2] = ["apache2", "httpd"];
/// Where it is besides the folders of PATH.
const PROGRAM_FOLDERS: [&str; 7] = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/local/apache2/bin",
    "/opt/homebrew/opt/httpd/bin",
    "/usr/local/opt/httpd/bin",
    "/home/linuxbrew/.linuxbrew/opt/httpd/bin",
    "/usr/bin",
];
/// Where its modules are, besides a folder that lies in the same place to the program.
const MODULE_FOLDERS: [&str; 8] = [
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/usr/lib/httpd/modules",
    "/usr/libexec/apache2",
    "/usr/local/apache2/modules",
    "/opt/homebrew/opt/httpd/lib/httpd/modules",
    "/usr/local/opt/httpd/lib/httpd/modules",
    "/home/linuxbrew/.linuxbrew/opt/httpd/lib/httpd/modules",
];
/// Names of our module: as installed, as built.
const OWN_MODULES: [&str; 2] = ["mod_rwsgi.so", "libmod_rwsgi.so"];

/// An httpd.
#[derive(Debug, Clone)]
pub struct Httpd {
    /// Its program.
    pub program: PathBuf,
    /// The folder of its modules.
    pub modules: PathBuf,
    /// Modules that are linked into it, without `mod_`.
    built_in: Vec<String>,
}

impl Httpd {
    /// The httpd that `program` and `modules` name, or the one that is found.
    ///
    /// # Errors
    /// What is missing, and which package or option helps.
    pub fn find(program: Option<&Path>, modules: Option<&Path>) -> Result<Httpd, String> {
        let program = match program {
            Some(named) if named.is_file() => named.to_owned(),
            Some(named) => return Err(format!("--httpd: {} is no file", named.display())),
            None => find_program().ok_or(
                "httpd was not found: install apache2-bin (Debian, Ubuntu) or httpd (Fedora, RHEL, Homebrew), or \
                 name its program with --httpd",
            )?,
        };
        let modules = match modules {
            Some(named) if named.is_dir() => named.to_owned(),
            Some(named) => return Err(format!("--modules-directory: {} is no folder", named.display())),
            None => find_modules(&program).ok_or_else(|| {
                format!(
                    "the modules of {} were not found: name their folder with --modules-directory",
                    program.display()
                )
            })?,
        };
        let built_in = built_in(&program)?;
        Ok(Httpd {
            program,
            modules,
            built_in,
        })
    }

    /// The line that loads `mod_NAME`, empty where it is linked in; `None` where httpd has none.
    #[must_use]
    pub fn load_line(&self, name: &str) -> Option<String> {
        if self.built_in.iter().any(|known| known == name) {
            return Some(String::new());
        }
        let file = self.modules.join(format!("mod_{name}.so"));
        file.is_file()
            .then(|| format!("LoadModule {name}_module \"{}\"\n", file.display()))
    }
}

/// The parts of rwsgi.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The module.
    pub module: PathBuf,
    /// This command.
    pub command: PathBuf,
    /// The folder of workers, if it was named.
    pub worker: Option<PathBuf>,
}

impl Parts {
    /// The module that was named, or the one that lies beside this command or among httpd's modules.
    ///
    /// # Errors
    /// What is missing, and which option helps.
    pub fn find(module: Option<&Path>, worker: Option<&Path>, httpd: &Httpd) -> Result<Parts, String> {
        let command =
            env::current_exe().map_err(|error| format!("this command cannot find itself: {error}"))?;
        let module = match module {
            Some(named) => Some(named.to_owned()),
            None => beside(&command)
                .chain([httpd.modules.clone()])
                .flat_map(|folder| OWN_MODULES.map(|name| folder.join(name)))
                .find(|file| file.is_file()),
        };
        let module = module.filter(|file| file.is_file()).ok_or_else(|| {
            format!(
                "the module mod_rwsgi.so is neither beside {} nor in {}: install it there, or name it with --module",
                command.display(),
                httpd.modules.display()
            )
        })?;
        if let Some(folder) = worker.filter(|folder| !folder.is_dir()) {
            return Err(format!("--worker: {} is no folder", folder.display()));
        }
        Ok(Parts {
            module: absolute(&module),
            command,
            worker: worker.map(absolute),
        })
    }
}

/// Names the Python that the package with this command is installed for; set by the package.
pub const OWN_PYTHON: &str = "RWSGI_PYTHON";

/// The Python that the package with this command is installed for, if pip has installed it.
#[must_use]
pub fn own_python() -> Option<PathBuf> {
    let named = env::var_os(OWN_PYTHON).filter(|named| !named.is_empty());
    named.map(PathBuf::from)
}

/// The virtual environment that a Python executable belongs to.
#[must_use]
pub fn environment_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?.parent()?;
    folder.join("pyvenv.cfg").is_file().then(|| folder.to_owned())
}

/// The path from the root, with links as they are.
#[must_use]
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The folders of a program: its own, and where cargo leaves libraries.
fn beside(program: &Path) -> impl Iterator<Item = PathBuf> {
    let own = program.parent().map(Path::to_owned);
    let deps = own.as_deref().map(|folder| folder.join("deps"));
    own.into_iter().chain(deps)
}

fn find_program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path)
        .chain(PROGRAM_FOLDERS.map(PathBuf::from))
        .collect();
    PROGRAMS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

fn find_modules(program: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(program).ok()?;
    let prefix = real.parent().and_then(Path::parent);
    let own = ["modules", "lib/httpd/modules", "lib/apache2/modules"];
    prefix
        .into_iter()
        .flat_map(|prefix| own.map(|folder| prefix.join(folder)))
        .chain(MODULE_FOLDERS.map(PathBuf::from))
        .find(|folder| folder.is_dir())
}

/// `httpd -l` prints one source file a line, such as `  mod_so.c`.
fn built_in(program: &Path) -> Result<Vec<String>, String> {
    let output = Command::new(program)
        .arg("-l")
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text.lines().filter_map(|line| {
        let name = Path::new(line.trim());
        let stem = name.file_stem().and_then(OsStr::to_str)?;
        (name.extension() == Some(OsStr::new("c")))
            .then(|| stem.strip_prefix("mod_").unwrap_or(stem).to_owned())
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return Err(format!(
            "{} is no httpd: asked by -l, it names no modules; name the program of httpd with --httpd",
            program.display()
        ));
    }
    Ok(names)
}
