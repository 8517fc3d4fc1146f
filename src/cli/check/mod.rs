//! `rwsgi check`: what is wrong with a configuration, before a client finds out.

mod accounts;
mod dump;
mod httpd;
mod model;
mod report;
mod rules;
mod usual;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::{Args, ValueHint};

use super::installation::{Httpd, absolute};
use super::serve;
use crate::config::workers::worker_folders;
use httpd::Reading;
use model::Model;
use report::{Finding, Severity};

/// What to check.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// httpd's configuration, or a TOML file of `rwsgi serve` [default: the configuration of the installed httpd]
    #[arg(value_name = "CONFIG", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// The program of httpd [default: found by its usual names]
    #[arg(long, env = "RWSGI_HTTPD", value_name = "FILE", value_hint = ValueHint::ExecutablePath)]
    httpd: Option<PathBuf>,
    /// The folder of httpd's modules
    #[arg(long, env = "RWSGI_MODULES_DIRECTORY", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    modules_directory: Option<PathBuf>,
    /// Folder of workers, besides the usual ones
    #[arg(long, env = "RWSGI_WORKER", value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    worker: Option<PathBuf>,
    /// Print findings as JSON
    #[arg(long)]
    json: bool,
}

/// Carries out the command; what it found, which it prints itself where that is a failure.
///
/// # Errors
/// How many problems there are, or why nothing could be checked.
pub fn check(options: &Options) -> Result<String, String> {
    let findings = find(options)?;
    let text = report::text(&findings, options.json)?;
    let problems = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Problem)
        .count();
    if problems > 0 {
        io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| format!("standard output: {error}"))?;
    }
    match problems {
        0 => Ok(text),
        1 => Err("1 problem".to_owned()),
        more => Err(format!("{more} problems")),
    }
}

fn find(options: &Options) -> Result<Vec<Finding>, String> {
    let httpd = Httpd::find(options.httpd.as_deref(), options.modules_directory.as_deref())?;
    let Some(config) = &options.config else {
        return judge(&httpd, None, options);
    };
    let config = absolute(config);
    if !config.is_file() {
        return Err(format!("{} does not exist", config.display()));
    }
    if config.extension().is_some_and(|ending| ending == "toml") {
        return serve::with_configuration_of(&config, |written| judge(&httpd, Some(written), options));
    }
    judge(&httpd, Some(&config), options)
}

/// What httpd says of a configuration, and what can be seen beyond that.
fn judge(httpd: &Httpd, config: Option<&Path>, options: &Options) -> Result<Vec<Finding>, String> {
    let reading = Reading::of(httpd, config)?;
    let mut findings = reading.findings();
    let model = Model::of(&reading.lines);
    let surroundings = rules::Surroundings {
        workers: workers(httpd, options, &model, &reading.root),
    };
    findings.extend(rules::all(&model, &surroundings));
    findings.sort_by_key(|finding| finding.severity);
    Ok(findings)
}

/// Folders where the module finds workers, and the one that was named. `root` is the ServerRoot.
fn workers(httpd: &Httpd, options: &Options, model: &Model, root: &Path) -> Vec<PathBuf> {
    let own = env::current_exe().ok();
    let module = httpd.modules.join("mod_rwsgi.so");
    let command = model
        .main()
        .and_then(|main| main.settings.sockets.command.as_deref())
        .map(|command| root.join(command));
    // A link stands for what it leads to.
    let real = command
        .as_ref()
        .and_then(|command| fs::canonicalize(command).ok());
    let parts = [own.as_deref(), Some(&module), command.as_deref(), real.as_deref()];
    let found = worker_folders(parts.into_iter().flatten());
    options
        .worker
        .iter()
        .map(|folder| absolute(folder))
        .chain(found)
        .collect()
}
