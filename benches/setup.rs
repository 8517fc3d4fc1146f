//! What is built before anything is measured: the floor handler and mod_wsgi.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// The mod_wsgi to compare with, as PyPI numbers it.
const MOD_WSGI: &str = "6.1.1";

/// A module file and what to call it in a report.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) file: PathBuf,
    pub(crate) described: String,
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
    let named = env::var_os("RWSGI_TEST_MODULE").filter(|named| !named.is_empty());
    let file = named.map_or_else(|| root().join("target/release/libmod_rwsgi.so"), PathBuf::from);
    if !file.exists() {
        return Err(format!(
            "{} is missing: run `make build`, or name the module by RWSGI_TEST_MODULE",
            file.display()
        ));
    }
    Ok(Built {
        described: format!("rwsgi {}", env!("CARGO_PKG_VERSION")),
        file,
    })
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
        file: file.clone(),
        described: "floor handler".to_string(),
    };
    if file.exists() && fs::read_to_string(&copy).is_ok_and(|known| known == source) {
        return Ok(built);
    }
    let written = fs::create_dir_all(&directory).and_then(|()| fs::write(&copy, source));
    written.map_err(|error| format!("{}: {error}", copy.display()))?;
    command(
        Command::new(apxs)
            .current_dir(&directory)
            .args(["-c", "mod_floor.c"]),
    )
    .inspect_err(|_| {
        // An older object must not pass for this source's.
        let _ = fs::remove_file(&copy);
    })?;
    Ok(built)
}

/// mod_wsgi from PyPI, built for this Python; else the distribution's.
pub(crate) fn mod_wsgi(python: &Path) -> Result<Built, Failure> {
    let apxs = apxs();
    let from_pypi = mod_wsgi_from_pypi(python).or_else(|why| match distribution_mod_wsgi(apxs.as_deref()) {
        Some(built) => {
            eprintln!("mod_wsgi {MOD_WSGI} could not be built, the distribution's takes its place: {why}");
            Ok(built)
        }
        None => Err(why),
    });
    from_pypi.map_err(|why| {
        format!("mod_wsgi {MOD_WSGI} could not be built, and the distribution's is not installed: {why}")
    })
}

fn mod_wsgi_from_pypi(python: &Path) -> Result<Built, Failure> {
    let venv = directory().join(format!("mod_wsgi-{MOD_WSGI}"));
    let inside = venv.join("bin/python");
    if server_module(&venv).is_none() {
        eprintln!("Building mod_wsgi {MOD_WSGI} from PyPI (once; this downloads)");
        command(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv))?;
        command(
            Command::new(&inside)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .arg(format!("mod_wsgi=={MOD_WSGI}")),
        )?;
    }
    let file = server_module(&venv).ok_or_else(|| format!("no module file in {}", venv.display()))?;
    Ok(Built {
        file,
        described: format!("mod_wsgi {MOD_WSGI} (PyPI)"),
    })
}

/// `lib/pythonX.Y/site-packages/mod_wsgi/server/mod_wsgi-pyXY.*.so`
fn server_module(venv: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(venv.join("lib")).ok()?.flatten();
    let servers = versions
        .filter_map(|version| fs::read_dir(version.path().join("site-packages/mod_wsgi/server")).ok());
    servers
        .flat_map(Iterator::flatten)
        .map(|entry| entry.path())
        .find(|file| file.extension().is_some_and(|extension| extension == "so"))
}

fn distribution_mod_wsgi(apxs: Option<&Path>) -> Option<Built> {
    let libexec = output(Command::new(apxs?).args(["-q", "LIBEXECDIR"])).ok()?;
    let file = Path::new(libexec.trim()).join("mod_wsgi.so");
    file.exists().then(|| Built {
        file,
        described: "mod_wsgi (distribution)".to_string(),
    })
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

fn command(command: &mut Command) -> Result<(), Failure> {
    output(command).map(drop)
}
