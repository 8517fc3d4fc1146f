//! The files of a server: a private folder for one that runs in the foreground, or one to keep.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::configuration::{self, Places};
use super::site::{Served, Site};
use crate::cli::application::python_string;

/// Types of files, for where the system's own list is missing.
const MIME_TYPES: &str = include_str!("mime.types");
/// What `--reload` puts around an application.
const DEVELOPMENT: &str = include_str!("development.py");

/// The places of a server below `root` that logs to the terminal unless it was told a file.
#[must_use]
pub(super) fn foreground(site: &Site, root: &Path) -> Places {
    let terminal = terminal();
    let log = site.options.log_file.as_ref();
    Places {
        root: root.to_owned(),
        run: root.join("run"),
        log: log.map_or_else(|| terminal.0.clone(), |file| file.to_string_lossy().into_owned()),
        terminal: terminal.1,
        command: command(site, root),
    }
}

/// The places of a server to keep below `root`.
#[must_use]
pub(super) fn kept(site: &Site, root: &Path) -> Places {
    let log = site.options.log_file.as_ref();
    let logs = root.join("logs");
    Places {
        root: root.to_owned(),
        run: root.join("run"),
        log: log
            .map_or_else(|| logs.join("error.log"), Clone::clone)
            .to_string_lossy()
            .into_owned(),
        terminal: logs.join("access.log").to_string_lossy().into_owned(),
        command: command(site, root),
    }
}

fn command(site: &Site, root: &Path) -> PathBuf {
    match site.parts.worker {
        // Workers are looked for beside the command.
        Some(_) => root.join("rwsgi"),
        None => site.parts.command.clone(),
    }
}

/// Writes to what httpd has as its standard output. Its standard error is no place for a log's program, as httpd
/// gives it another.
pub(super) const OUTPUT_PROGRAM: &str = "|$exec cat";

/// The terminal as a place for errors and for requests: files where they can be opened, which sockets cannot, else
/// [a program](OUTPUT_PROGRAM).
fn terminal() -> (String, String) {
    let opens = |file: &str| OpenOptions::new().append(true).open(file).is_ok();
    let (errors, requests) = match (opens("/dev/stderr"), opens("/dev/stdout")) {
        (true, true) => ("/dev/stderr", "/dev/stdout"),
        (true, false) => ("/dev/stderr", OUTPUT_PROGRAM),
        (false, _) => (OUTPUT_PROGRAM, OUTPUT_PROGRAM),
    };
    (errors.to_owned(), requests.to_owned())
}

/// Writes the files of a server.
///
/// # Errors
/// A value that a configuration cannot hold, or what the system says.
pub(super) fn write(site: &Site, places: &Places) -> Result<(), String> {
    let root = &places.root;
    let text = configuration::write(site, places)?;
    for folder in ["apps", "htdocs", "run", "logs", "state"] {
        make(&root.join(folder))?;
    }
    if let Some(account) = &site.account {
        let state = root.join("state");
        chown(&state, Some(account.serving.uid), None).map_err(|error| told(&state, &error))?;
    }
    put(&root.join("mime.types"), MIME_TYPES)?;
    for served in &site.applications {
        if served.application.script().is_none() || site.options.reload {
            put(&places.loader(served), &loader(site, places, served))?;
        }
    }
    if let Some(worker) = &site.parts.worker {
        link(&site.parts.command, &root.join("rwsgi"))?;
        link(worker, &root.join("worker"))?;
    }
    // Variables of applications may be secrets; httpd reads them as whoever starts it.
    put_mode(&root.join("httpd.conf"), &text, 0o600)
}

fn loader(site: &Site, places: &Places, served: &Served) -> String {
    let plain = served.application.loader();
    if !site.options.reload {
        return plain;
    }
    let inner: String = plain
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("    {line}\n"))
        .collect();
    format!(
        "{DEVELOPMENT}\n\ndef _load():\n{inner}    return application\n\n\n\
         application = _rwsgi_development(_load, {}, {})\n",
        python_string(&places.root.join("state").to_string_lossy()),
        python_string(&served.group),
    )
}

/// Makes a folder that everybody may read, whatever the umask.
fn make(folder: &Path) -> Result<(), String> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(told(folder, &error)),
        _ => {}
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(|error| told(folder, &error))
}

fn put(file: &Path, text: &str) -> Result<(), String> {
    put_mode(file, text, 0o644)
}

/// Writes a file with these permissions, whatever the umask, from its beginning on.
fn put_mode(file: &Path, text: &str, mode: u32) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    options
        .open(file)
        .and_then(|mut opened| {
            opened.set_permissions(fs::Permissions::from_mode(mode))?;
            opened.write_all(text.as_bytes())
        })
        .map_err(|error| told(file, &error))
}

fn link(target: &Path, place: &Path) -> Result<(), String> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(told(place, &error)),
        _ => {}
    }
    symlink(target, place).map_err(|error| told(place, &error))
}

pub(super) fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
