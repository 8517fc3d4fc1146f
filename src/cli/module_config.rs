//! `rwsgi module-config`: the lines that load the module of this installation.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::installation::{Httpd, Parts, absolute, environment_of, own_python};
use super::text::{Text, quoted};
use crate::config::python_home::SYSTEM_PROGRAM;

/// What can be said on the command line.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Virtual environment of the applications [default: the one of this command, else the active one]
    #[arg(long, visible_alias = "virtualenv", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    venv: Option<PathBuf>,
    /// mod_rwsgi itself [default: beside this command, else where httpd's modules are]
    #[arg(long, env = "RWSGI_MODULE", value_name = "FILE", value_hint = ValueHint::FilePath)]
    module: Option<PathBuf>,
    /// The program of httpd [default: found by its usual names]
    #[arg(long, env = "RWSGI_HTTPD", value_name = "FILE", value_hint = ValueHint::ExecutablePath)]
    httpd: Option<PathBuf>,
    /// The folder of httpd's modules
    #[arg(long, env = "RWSGI_MODULES_DIRECTORY", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    modules_directory: Option<PathBuf>,
}

/// The lines.
pub(super) fn lines(options: &Options) -> Result<String, String> {
    let httpd = Httpd::find(options.httpd.as_deref(), options.modules_directory.as_deref())?;
    let parts = Parts::find(options.module.as_deref(), None, &httpd)?;
    let mut text = Text::default();
    let module = quoted(&parts.module.to_string_lossy())?;
    text.raw(&format!("LoadModule wsgi_module {module}\n"));
    text.line("RWSGICommand", &[&parts.command.to_string_lossy()])?;
    if let Some(home) = home(options)? {
        text.line("WSGIPythonHome", &[&home.to_string_lossy()])?;
    }
    Ok(text.finish())
}

/// The environment or installation of the Python that applications are to have, unless it is the system's.
fn home(options: &Options) -> Result<Option<PathBuf>, String> {
    if let Some(named) = &options.venv {
        if !named.join("pyvenv.cfg").is_file() {
            return Err(format!(
                "--venv: {} is no virtual environment; create it with python3 -m venv {0}",
                named.display()
            ));
        }
        return Ok(Some(absolute(named)));
    }
    if let Some(own) = own_python() {
        return Ok(environment_of(&own).or_else(|| installation_of(&own)));
    }
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    Ok(active.filter(|folder| folder.join("pyvenv.cfg").is_file()))
}

/// The prefix of a Python that is another than the system's.
fn installation_of(program: &Path) -> Option<PathBuf> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let is_system = real(program) == real(Path::new(SYSTEM_PROGRAM));
    let folder = program.parent().filter(|folder| folder.ends_with("bin"));
    folder.filter(|_| !is_system)?.parent().map(Path::to_owned)
}
