//! What is built or fetched before anything is measured, below `target/`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rwsgi_harness::command_of;

use crate::Failure;
use crate::systems::nginx;

/// Debian's package of mod_python; PyPI has none.
const MOD_PYTHON: &str = "libapache2-mod-python";

/// What a system is made of, and what to call it in a report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    pub(crate) described: String,
    /// The module that httpd loads for it.
    pub(crate) module: Option<PathBuf>,
    /// Its virtual environment, Python packages or Python installation, or where the command `rwsgi` is.
    pub(crate) folder: Option<PathBuf>,
    /// Where nginx is, for what runs behind that.
    pub(crate) nginx: Option<PathBuf>,
}

impl Built {
    /// The same behind nginx, which asks it by this directive.
    pub(crate) fn behind_nginx(self, directive: &str) -> Result<Built, Failure> {
        let (folder, version) = nginx::find()?;
        Ok(Built {
            described: format!("nginx {version} {directive} to {}", self.described),
            nginx: Some(folder),
            ..self
        })
    }
}

/// The workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("benches/ is in the workspace")
}

/// Where the benchmarks keep what they build.
pub(crate) fn directory() -> PathBuf {
    root().join("target/bench")
}

/// The module to measure: `RWSGI_TEST_MODULE`, else the release build.
pub(crate) fn module() -> Result<Built, Failure> {
    let named = named_by("RWSGI_TEST_MODULE");
    let file = named.unwrap_or_else(|| root().join("target/release/libmod_rwsgi.so"));
    if !file.exists() {
        return Err(format!(
            "{} is missing: run `make build`, or name the module by RWSGI_TEST_MODULE",
            file.display()
        ));
    }
    Ok(Built {
        described: format!("rwsgi {}", env!("CARGO_PKG_VERSION")),
        module: Some(file),
        ..Built::default()
    })
}

/// The command `rwsgi` that belongs to the module to measure.
pub(crate) fn command() -> Result<Built, Failure> {
    let built = module()?;
    let command = built.module.as_deref().map(command_of);
    Ok(Built {
        folder: command.and_then(|command| Some(command.parent()?.to_path_buf())),
        module: None,
        ..built
    })
}

/// The module that `tools/other-python.sh` built for a Python of 3.12 or later.
pub(crate) fn own_gil_module() -> Result<Built, Failure> {
    let named = named_by("RWSGI_TEST_OWN_GIL_MODULE").zip(named_by("RWSGI_TEST_OWN_GIL_HOME"));
    let (module, home) = named.ok_or("there is no second Python, 3.12 or later: name one by OTHER_PYTHON")?;
    Ok(Built {
        described: format!("rwsgi {}", env!("CARGO_PKG_VERSION")),
        module: Some(module),
        folder: Some(home),
        ..Built::default()
    })
}

fn named_by(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|named| !named.is_empty())
        .map(PathBuf::from)
}

/// Compiles `floor/mod_floor.c`.
pub(crate) fn floor() -> Result<Built, Failure> {
    let apxs = apxs().ok_or("apxs was not found: install apache2-dev (httpd-devel), or set APXS")?;
    let directory = directory().join("floor");
    let source = include_str!("floor/mod_floor.c");
    let (copy, file) = (
        directory.join("mod_floor.c"),
        directory.join(".libs/mod_floor.so"),
    );
    let built = Built {
        described: "floor handler".to_string(),
        module: Some(file.clone()),
        ..Built::default()
    };
    if file.exists() && fs::read_to_string(&copy).is_ok_and(|known| known == source) {
        return Ok(built);
    }
    let written = fs::create_dir_all(&directory).and_then(|()| fs::write(&copy, source));
    written.map_err(|error| format!("{}: {error}", copy.display()))?;
    let mut compile = Command::new(apxs);
    compile.current_dir(&directory).args(["-c", "mod_floor.c"]);
    output(&mut compile).inspect_err(|_| {
        // An older object must not pass for this source's.
        let _ = fs::remove_file(&copy);
    })?;
    Ok(built)
}

/// The mod_wsgi that the differential tests compare with too.
pub(crate) fn mod_wsgi(python: &Path) -> Result<Built, Failure> {
    let folder = root().join("target/peer");
    if !folder.exists() {
        eprintln!("mod_wsgi: building it from PyPI (once; this downloads)");
    }
    let mut script = tool("peer.sh");
    let printed = output(script.arg(python).arg(&folder))?;
    let file = printed.lines().last().filter(|line| !line.is_empty());
    let file = file.ok_or("mod_wsgi could neither be built from PyPI nor fetched from the distribution")?;
    let version = packages(&folder)
        .ok()
        .and_then(|packages| version_in(&packages, "mod_wsgi"));
    Ok(Built {
        described: format!("mod_wsgi {}", version.as_deref().unwrap_or("of the distribution")),
        module: Some(PathBuf::from(file)),
        ..Built::default()
    })
}

/// mod_python as Debian packages it, unpacked but not installed.
pub(crate) fn mod_python() -> Result<Built, Failure> {
    let folder = directory().join("mod_python");
    let unpacked = folder.join("unpacked");
    let module = unpacked.join("usr/lib/apache2/modules/mod_python.so");
    if !module.exists() {
        eprintln!("mod_python: fetching the package {MOD_PYTHON} (once; this downloads)");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let fetched = output(
            Command::new("apt-get")
                .current_dir(&folder)
                .args(["download", "-q", MOD_PYTHON]),
        );
        fetched.map_err(|why| format!("the package {MOD_PYTHON} cannot be had here: {why}"))?;
        let package = find_entry(&folder, |name| name.ends_with(".deb"))
            .ok_or_else(|| format!("apt-get download left no package of {MOD_PYTHON}"))?;
        output(Command::new("dpkg-deb").arg("-x").arg(package).arg(&unpacked))?;
    }
    let packages = unpacked.join("usr/lib/python3/dist-packages");
    let version = find_entry(&packages, |name| name.starts_with("mod_python-"));
    let version = version.and_then(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some(name.strip_prefix("mod_python-")?.split('_').next()?.to_string())
    });
    Ok(Built {
        described: format!("mod_python {}", version.unwrap_or_default()),
        module: Some(module),
        folder: Some(packages),
        ..Built::default()
    })
}

/// A peer of `peers/` from PyPI, in a virtual environment of its own.
pub(crate) fn from_pypi(python: &Path, name: &str, package: &str) -> Result<Built, Failure> {
    let requirements = root().join(format!("benches/systems/peers/{name}.txt"));
    let folder = venv(python, name, &requirements)?;
    let version = version_in(&packages(&folder)?, package);
    Ok(Built {
        described: format!("{package} {}", version.unwrap_or_default()),
        folder: Some(folder),
        ..Built::default()
    })
}

/// The virtual environment of this name with what a requirements file asks for.
pub(crate) fn venv(python: &Path, name: &str, requirements: &Path) -> Result<PathBuf, Failure> {
    let folder = directory().join(name);
    let mut script = tool("venv.sh");
    let said = output(script.arg(python).arg(&folder).arg(requirements))?;
    eprint!("{said}");
    Ok(folder)
}

/// `lib/pythonX.Y/site-packages` of a virtual environment.
pub(crate) fn packages(venv: &Path) -> Result<PathBuf, Failure> {
    let python = find_entry(&venv.join("lib"), |name| name.starts_with("python3"));
    python
        .map(|python| python.join("site-packages"))
        .ok_or_else(|| format!("{} is no virtual environment", venv.display()))
}

/// The version in `NAME-VERSION.dist-info` or `NAME-VERSION-py3.11.egg-info`.
fn version_in(packages: &Path, package: &str) -> Option<String> {
    let found = find_entry(packages, |name| {
        name.starts_with(&format!("{package}-")) && name.ends_with("-info")
    })?;
    let name = found.file_name()?.to_string_lossy().into_owned();
    let rest = name.strip_prefix(package)?.strip_prefix('-')?;
    let version = rest
        .trim_end_matches("-info")
        .trim_end_matches(".dist")
        .trim_end_matches(".egg");
    version.split('-').next().map(str::to_string)
}

fn find_entry(folder: &Path, fits: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().and_then(OsStr::to_str).is_some_and(&fits))
}

fn tool(name: &str) -> Command {
    Command::new(root().join("tools").join(name))
}

fn apxs() -> Option<PathBuf> {
    let named = env::var_os("APXS").map(PathBuf::from);
    let candidates = named.map_or_else(|| vec!["apxs".into(), "apxs2".into()], |one| vec![one]);
    candidates
        .into_iter()
        .find(|program| output(Command::new(program).args(["-q", "PROGNAME"])).is_ok())
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(format!("{program}: {}\n{}", output.status, last.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_pip_leaves_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [
            "gunicorn-27.0.1.dist-info",
            "uWSGI-2.0.31-py3.11.egg-info",
            "gunicorn",
        ] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        assert_eq!(version_in(folder.path(), "gunicorn").as_deref(), Some("27.0.1"));
        assert_eq!(version_in(folder.path(), "uWSGI").as_deref(), Some("2.0.31"));
        assert_eq!(version_in(folder.path(), "granian"), None);
    }
}
