//! The Python executable of a daemon group, which may be of any version that workers support.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::layout::{first_of_pair, normalise, versions_in};
use super::pyvenv::{PyVenv, minor_version};
use super::{Access, HomeKind, HomeProblem, ServingUser, check};

/// The oldest version that workers support.
const OLDEST: (u8, u8) = (3, 11);
/// Of an ELF header: magic number, class, byte order, ..., type, machine.
const HEADER: usize = 20;

/// The executable of the virtual environment or installation `home`, which `user` is to run. Where nothing
/// tells a version, that of `usual` is looked for.
///
/// # Errors
/// The first thing in the way.
pub fn program_of_home(home: &Path, usual: (u8, u8), user: &ServingUser) -> Result<PathBuf, HomeProblem> {
    let written = first_of_pair(home);
    let version = version_of(&normalise(&written));
    if let Some((major, minor)) = version.filter(|version| *version < OLDEST) {
        return Err(HomeProblem::TooOld {
            home: written,
            found: format!("{major}.{minor}"),
        });
    }
    let (major, minor) = version.unwrap_or(usual);
    let found = check(&written, (major, minor), user)?;
    let program = match found.kind {
        HomeKind::Venv { program, .. } => program,
        HomeKind::Prefix => {
            let bin = found.prefix.join("bin");
            let exact = bin.join(format!("python{major}.{minor}"));
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

/// The version of an environment or installation, if it is told.
fn version_of(home: &Path) -> Option<(u8, u8)> {
    if let Ok(settings) = fs::read(home.join("pyvenv.cfg"))
        && let Some(version) = PyVenv::parse(&settings).version
    {
        return Some(version);
    }
    let versions = || {
        ["lib", "lib64"]
            .into_iter()
            .flat_map(|lib| versions_in(&home.join(lib)))
    };
    // Of several, the one that `python3` means.
    let named = fs::canonicalize(home.join("bin/python3"))
        .ok()
        .and_then(|program| {
            let name = program.file_name()?.to_str()?;
            minor_version(name.strip_prefix("python")?)
        });
    let complete = |version: &String| home.join(format!("lib/python{version}/os.py")).exists();
    named
        .filter(|(major, minor)| versions().any(|version| version == format!("{major}.{minor}")))
        .or_else(|| {
            versions()
                .filter(complete)
                .filter_map(|version| minor_version(&version))
                .max()
        })
        .or_else(|| versions().filter_map(|version| minor_version(&version)).max())
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
