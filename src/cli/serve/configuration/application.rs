//! An application's lines.

use std::path::Path;

use super::{Places, Served, Site};
use crate::cli::installation::absolute;
use crate::cli::text::{Text, quoted};
use crate::config::daemon_group::DaemonOptions;
use crate::sys::user;

/// How long requests wait for a free thread where nothing else was said, in seconds.
const QUEUE_TIMEOUT: u32 = 45;

/// Its daemon group.
pub(super) fn group(text: &mut Text, site: &Site, served: &Served) -> Result<(), String> {
    if site.options.embedded {
        return Ok(());
    }
    if daemon_options(site, served).threads == 0 {
        return Err("--threads 0: a process needs a thread to answer requests".to_owned());
    }
    let mut line = format!("WSGIDaemonProcess {}", quoted(&served.group)?);
    for (name, value) in group_options(site, served) {
        line.push_str(&format!(" \\\n    {name}={}", quoted(&value)?));
    }
    line.push('\n');
    text.raw(&line);
    Ok(())
}

/// The options of its daemon group as the module understands them.
pub(in super::super) fn daemon_options(site: &Site, served: &Served) -> DaemonOptions {
    let mut options = DaemonOptions::default();
    for (name, value) in group_options(site, served) {
        // What it does not understand, httpd tells with the line.
        let _ = options.set(&name, &value);
    }
    options
}

fn group_options(site: &Site, served: &Served) -> Vec<(String, String)> {
    let options = &served.options;
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            all.push((name.to_owned(), value));
        }
    };
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    add("processes", number(options.processes));
    add("threads", number(options.threads));
    add("display-name", Some(format!("rwsgi: {}", served.group)));
    add("home", Some(path(&served.directory)));
    add("python-path", Some(python_path(served)));
    add("python-home", served.venv.as_deref().map(path));
    add(
        "python",
        options.python.as_deref().map(|file| path(&absolute(file))),
    );
    if site.account.is_some() {
        add("user", options.user.clone());
        // A group of processes does not take its user's by itself.
        let own = options.user.as_deref().and_then(user::user_meant);
        add(
            "group",
            options.group.clone().or(own.map(|own| format!("#{}", own.gid))),
        );
    }
    add("umask", options.umask.clone());
    add("maximum-requests", number(options.maximum_requests));
    for (name, seconds) in [
        ("request-timeout", options.request_timeout),
        ("queue-timeout", options.queue_timeout.or(Some(QUEUE_TIMEOUT))),
        ("startup-timeout", options.startup_timeout),
        ("shutdown-timeout", options.shutdown_timeout),
        ("graceful-timeout", options.graceful_timeout),
        ("deadlock-timeout", options.deadlock_timeout),
        ("inactivity-timeout", options.inactivity_timeout),
        ("restart-interval", options.restart_interval),
        ("connect-timeout", options.connect_timeout),
    ] {
        add(name, number(seconds));
    }
    let preload = (!options.preload.is_empty()).then(|| options.preload.join(","));
    add("preload", preload);
    add(
        "env-file",
        options.env_file.as_deref().map(|file| path(&absolute(file))),
    );
    for pair in &options.env {
        add("env", Some(format!("{}={}", pair.name, pair.value)));
    }
    for pair in &options.daemon_option {
        add(&pair.name, Some(pair.value.clone()));
    }
    all
}

/// The folders that come first in `sys.path`.
fn python_path(served: &Served) -> String {
    let mut folders = vec![served.application.directory.clone()];
    let own = served.options.python_path.iter();
    folders.extend(own.map(|folder| absolute(folder)));
    let texts: Vec<_> = folders.iter().map(|folder| folder.to_string_lossy()).collect();
    texts.join(":")
}

/// The lines of applications in httpd's own processes.
pub(super) fn embedded(text: &mut Text, site: &Site) -> Result<(), String> {
    let Some(first) = site.applications.first() else {
        return Ok(());
    };
    if site.applications.iter().any(|served| served.venv != first.venv) {
        return Err(
            "--embedded: all applications share httpd's Python, so they need one virtual environment".into(),
        );
    }
    if let Some(venv) = &first.venv {
        text.line("WSGIPythonHome", &[&venv.to_string_lossy()])?;
    }
    let paths: Vec<String> = site.applications.iter().map(python_path).collect();
    text.line("WSGIPythonPath", &[&paths.join(":")])
}

/// Where it is mounted.
pub(super) fn alias(text: &mut Text, site: &Site, served: &Served, places: &Places) -> Result<(), String> {
    let (script, callable) = places.script(served, site.options.reload);
    let mount = quoted(&served.mount)?;
    let target = quoted(&script.to_string_lossy())?;
    let groups = if !site.options.embedded {
        format!("process-group={} application-group=%{{GLOBAL}}", served.group)
    } else if site.applications.len() == 1 {
        "process-group=%{GLOBAL} application-group=%{GLOBAL}".to_owned()
    } else {
        format!("process-group=%{{GLOBAL}} application-group={}", served.group)
    };
    text.raw(&format!(
        "WSGIScriptAlias {mount} {target} {groups} callable-object={callable}\n"
    ));
    text.grant(&script)
}
