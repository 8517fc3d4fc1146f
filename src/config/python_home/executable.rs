//! The Python executable of a daemon group, which may be of any version that workers support.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::layout::{first_of_pair, normalise, versions_in};
use super::pyvenv::{PyVenv, minor_version};
use super::{Access, HomeKind, HomeProblem, PythonBuild, ServingUser, check};

/// The oldest version that workers support.
const OLDEST: (u8, u8) = (3, 11);
/// Of an ELF header: magic number, class, byte order, ..., type, machine.
const HEADER: usize = 20;

/// The executable of the virtual environment or installation `home`, which `user` is to run. Where nothing
/// tells a version, that of `usual` is looked for.
///
/// # Errors
/// The first thing in the way.
pub(super) fn program_of_home(
    home: &Path,
    usual: PythonBuild,
    user: &ServingUser,
) -> Result<PathBuf, HomeProblem> {
    let written = first_of_pair(home);
    let version = version_of_home(&normalise(&written));
    if let Some(old) = version.filter(|python| python.version < OLDEST) {
        return Err(HomeProblem::TooOld {
            home: written,
            found: old.to_string(),
        });
    }
    let python = version.unwrap_or(usual);
    let found = check(&written, python, user)?;
    let program = match found.kind {
        HomeKind::Venv { program, .. } => program,
        HomeKind::Prefix => {
            let bin = found.prefix.join("bin");
            let exact = bin.join(format!("python{python}"));
            if exact.symlink_metadata().is_ok() {
                exact
            } else {
                bin.join("python3")
            }
        }
    };
    check_program(&program, user)?;
    Ok(program)
}

/// Whether `user` may run `program` on this machine.
///
/// # Errors
/// The first thing in the way.
pub fn check_program(program: &Path, user: &ServingUser) -> Result<(), HomeProblem> {
    let found = Access::ByMode(user).program(program)?;
    // What cannot be read may still be run.
    let (Some(header), Some(own)) = (header(&found), header(Path::new("/proc/self/exe"))) else {
        return Ok(());
    };
    let machine = |header: &[u8]| {
        (
            header.get(4..6).map(<[u8]>::to_vec),
            header.get(18..20).map(<[u8]>::to_vec),
        )
    };
    if header.starts_with(b"#!") {
        Ok(())
    } else if !header.starts_with(b"\x7fELF") {
        Err(HomeProblem::NoProgram(program.to_owned()))
    } else if machine(&header) != machine(&own) {
        Err(HomeProblem::OtherMachine(program.to_owned()))
    } else {
        Ok(())
    }
}

/// The version of a Python executable, if its name or that of what it links to tells.
#[must_use]
pub fn version_of_program(program: &Path) -> Option<PythonBuild> {
    let real = fs::canonicalize(program).ok()?;
    named_version(real.file_name()?.to_str()?.strip_prefix("python")?)
}

/// The version of an environment or installation, if it is told.
#[must_use]
pub fn version_of_home(home: &Path) -> Option<PythonBuild> {
    let versions = || {
        let libraries = ["lib", "lib64"].map(|lib| home.join(lib)).into_iter();
        libraries.flat_map(|lib| versions_in(&lib))
    };
    let has = |python: &PythonBuild| versions().any(|version| version == python.to_string());
    if let Ok(settings) = fs::read(home.join("pyvenv.cfg"))
        && let Some(version) = PyVenv::parse(&settings).version
    {
        let builds = [false, true].map(|free_threaded| PythonBuild {
            version,
            free_threaded,
        });
        return builds.into_iter().find(has).or(Some(builds[0]));
    }
    // Of several, the one that `python3` means.
    let named = fs::canonicalize(home.join("bin/python3"))
        .ok()
        .and_then(|program| named_version(program.file_name()?.to_str()?.strip_prefix("python")?));
    let complete = |version: &String| home.join(format!("lib/python{version}/os.py")).exists();
    let newest = |versions: Vec<PythonBuild>| versions.into_iter().max_by_key(|python| python.version);
    named
        .filter(has)
        .or_else(|| {
            newest(
                versions()
                    .filter(complete)
                    .filter_map(|name| named_version(&name))
                    .collect(),
            )
        })
        .or_else(|| newest(versions().filter_map(|name| named_version(&name)).collect()))
}

/// What a folder or a program is named after: `3.14`, `3.14t`.
fn named_version(name: &str) -> Option<PythonBuild> {
    let number = name.strip_suffix('t');
    Some(PythonBuild {
        version: minor_version(number.unwrap_or(name))?,
        free_threaded: number.is_some(),
    })
}

/// The beginning of a file; shorter where the file is.
fn header(file: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(HEADER).ok()?;
    File::open(file).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests;
