//! Where httpd, its modules and the module under test are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::worker;

/// A multi-processing module of httpd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mpm {
    /// Threads, with listener-held idle connections.
    Event,
    /// Threads, one per connection.
    Worker,
    /// One process per connection.
    Prefork,
}

impl Mpm {
    /// The MPM named by `RWSGI_TEST_MPM`, or event.
    ///
    /// # Panics
    /// When the variable names no MPM.
    pub fn from_env() -> Mpm {
        match env::var("RWSGI_TEST_MPM").as_deref() {
            Err(_) | Ok("" | "event") => Mpm::Event,
            Ok("worker") => Mpm::Worker,
            Ok("prefork") => Mpm::Prefork,
            Ok(other) => panic!("RWSGI_TEST_MPM={other}: event, worker and prefork are known"),
        }
    }

    /// The name without `mpm_`.
    pub fn name(self) -> &'static str {
        match self {
            Mpm::Event => "event",
            Mpm::Worker => "worker",
            Mpm::Prefork => "prefork",
        }
    }
}

/// The installed httpd.
#[derive(Debug)]
pub(crate) struct Httpd {
    pub(crate) program: PathBuf,
    pub(crate) modules: PathBuf,
    built_in: Vec<String>,
}

impl Httpd {
    /// The httpd that apxs describes, else one on the usual paths.
    pub(crate) fn installed() -> &'static Httpd {
        static INSTALLED: OnceLock<Httpd> = OnceLock::new();
        INSTALLED.get_or_init(|| {
            let program =
                find_program().expect("no httpd found: install apache2-bin and apache2-dev, or set APXS");
            let modules = find_modules().expect("no directory of httpd modules found: set APXS");
            let built_in = list_built_in(&program);
            Httpd {
                program,
                modules,
                built_in,
            }
        })
    }

    /// Whether `mod_NAME` is linked into httpd.
    pub(crate) fn has_built_in(&self, name: &str) -> bool {
        self.built_in.iter().any(|module| module == name)
    }

    /// The file of `mod_NAME`.
    pub(crate) fn module_file(&self, name: &str) -> PathBuf {
        self.modules.join(format!("mod_{name}.so"))
    }
}

/// Whether the installed httpd has `mod_NAME`, built in or loadable.
pub fn httpd_module_exists(name: &str) -> bool {
    let httpd = Httpd::installed();
    httpd.has_built_in(name) || httpd.module_file(name).exists()
}

/// What the installed httpd calls its version, such as `Apache/2.4.71 (Debian)`.
pub fn httpd_version() -> String {
    let output = Command::new(&Httpd::installed().program).arg("-v").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    let version = text.lines().find_map(|line| line.strip_prefix("Server version:"));
    version.map_or_else(|| "unknown".to_string(), |version| version.trim().to_string())
}

/// The module under test: `RWSGI_TEST_MODULE`, else `libmod_rwsgi.so` of the build that made the
/// running program.
///
/// # Panics
/// When neither exists.
pub fn module_under_test() -> PathBuf {
    if let Some(named) = env::var_os("RWSGI_TEST_MODULE").filter(|named| !named.is_empty()) {
        return PathBuf::from(named);
    }
    let program = env::current_exe().expect("the running program has a path");
    newest_built(&program).unwrap_or_else(|| {
        panic!(
            "libmod_rwsgi.so is not beside {}: build the root package, or set RWSGI_TEST_MODULE",
            program.display()
        )
    })
}

/// The `rwsgi` command that belongs to [`module_under_test`], with its workers beside it.
///
/// # Panics
/// When the module is missing, or the worker of a debug build cannot be built.
pub fn command_under_test() -> PathBuf {
    command_of(&module_under_test())
}

/// The `rwsgi` command that belongs to a module, with its workers beside it.
///
/// # Panics
/// When the worker of a debug build cannot be built.
pub fn command_of(module: &Path) -> PathBuf {
    worker::build_once(module);
    command_above(module).unwrap_or_else(|| module.with_file_name("rwsgi"))
}

/// Cargo leaves the module in `deps/` and the command that belongs to it above.
pub(crate) fn command_above(module: &Path) -> Option<PathBuf> {
    let folder = module.parent()?;
    let above = folder.parent()?.join("rwsgi");
    (folder.ends_with("deps") && above.is_file()).then_some(above)
}

/// Cargo leaves the library in `deps/` and, for some commands only, a copy above it.
fn newest_built(program: &Path) -> Option<PathBuf> {
    let own = program.parent()?;
    let mut candidates = vec![own.join("libmod_rwsgi.so"), own.join("deps/libmod_rwsgi.so")];
    candidates.extend(own.parent().map(|above| above.join("libmod_rwsgi.so")));
    candidates
        .into_iter()
        .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file)))
        .max()
        .map(|(_, file)| file)
}

fn apxs(name: &str) -> Option<String> {
    let named = env::var("APXS").ok();
    let candidates = named.map_or_else(|| vec!["apxs".to_string(), "apxs2".to_string()], |one| vec![one]);
    candidates.iter().find_map(|program| {
        let output = Command::new(program).args(["-q", name]).output().ok()?;
        let value = String::from_utf8_lossy(&output.stdout).trim().to_string();
        (output.status.success() && !value.is_empty()).then_some(value)
    })
}

fn find_program() -> Option<PathBuf> {
    let described = apxs("SBINDIR")
        .zip(apxs("PROGNAME"))
        .map(|(dir, name)| Path::new(&dir).join(name));
    let usual = [
        "/usr/sbin/apache2",
        "/usr/sbin/httpd",
        "/usr/local/apache2/bin/httpd",
    ];
    described
        .into_iter()
        .chain(usual.map(PathBuf::from))
        .find(|file| file.exists())
}

fn find_modules() -> Option<PathBuf> {
    let usual = [
        "/usr/lib/apache2/modules",
        "/usr/lib64/httpd/modules",
        "/usr/local/apache2/modules",
    ];
    apxs("LIBEXECDIR")
        .into_iter()
        .map(PathBuf::from)
        .chain(usual.map(PathBuf::from))
        .find(|dir| dir.is_dir())
}

/// `httpd -l` prints one source file a line: `  mod_so.c`.
fn list_built_in(program: &Path) -> Vec<String> {
    let output = Command::new(program).arg("-l").output().expect("httpd -l runs");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.trim().strip_suffix(".c"))
        .map(|file| file.strip_prefix("mod_").unwrap_or(file).to_string())
        .collect()
}
