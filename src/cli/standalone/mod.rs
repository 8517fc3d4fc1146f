//! Serving web servers that are not httpd with our module: the command line, as the plan of one group.

mod arguments;
mod file;
mod listen;
mod loader;
mod plan;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use arguments::{CommonArguments, GroupArguments, ServerArguments};
pub(super) use loader::Loader;
pub(super) use plan::{facts, group_plan, worker_folders};

use super::private_root::PrivateRoot;
use crate::config::plan::{Plan, Protocol, Public};
use crate::supervisor;

/// Serves until a signal ends it.
pub(super) fn serve(arguments: &ServerArguments, protocol: Protocol) -> Result<(), String> {
    let directory =
        std::env::current_dir().map_err(|error| format!("the working directory is not there: {error}"))?;
    let folder = private_root();
    let wanted = Wanted::read(arguments, &directory)?;
    let loader = wanted.loader(&folder)?;
    let first = make_plan(&wanted.arguments, protocol, &loader, &directory)?;
    let listening = listen::Listening::open(&wanted.arguments.listen, &first)?;
    let status_file = wanted.arguments.status.clone();
    let drain_delay = wanted.arguments.drain_delay.unwrap_or_default();
    let status = status_file.as_deref().map(open_status).transpose()?;
    eprintln!(
        "rwsgi: {} serves {} at {}",
        protocol.name(),
        loader.application(),
        listening.address()
    );
    let again = arguments.clone();
    let served = supervisor::serve(supervisor::Start {
        plan: first,
        listener: listening.descriptor()?,
        again: Box::new(move || {
            let wanted = Wanted::read(&again, &directory)?;
            make_plan(&wanted.arguments, protocol, &wanted.loader(&folder)?, &directory)
        }),
        status,
        drain_delay: Duration::from_secs(drain_delay.into()),
    });
    drop(listening);
    if let Some(file) = status_file {
        // Whoever removed it before wanted the same.
        let _ = std::fs::remove_file(file);
    }
    served
}

/// What command line and file say together.
struct Wanted {
    arguments: ServerArguments,
    app: String,
    /// Where the application is looked for.
    folder: PathBuf,
}

impl Wanted {
    /// As the file is now, for somebody in `directory`.
    fn read(line: &ServerArguments, directory: &Path) -> Result<Wanted, String> {
        let said = (line.clone(), directory.to_owned());
        let (arguments, folder) = match &line.config {
            None => said,
            Some(file) => {
                let found = file::read(&directory.join(file))?;
                let folder = line.app.as_ref().map_or(found.folder, |_| said.1);
                (said.0.over(found.arguments), folder)
            }
        };
        let app = match (&arguments.app, &line.config) {
            (Some(app), _) => app.clone(),
            (None, Some(file)) => {
                return Err(format!(
                    "{}: app is missing: it names the application",
                    file.display()
                ));
            }
            (None, None) => return Err("no application: name it, or give --config FILE".to_owned()),
        };
        Ok(Wanted {
            arguments,
            app,
            folder,
        })
    }

    fn loader(&self, made: &PrivateRoot) -> Result<Loader, String> {
        Loader::for_application(&self.app, &self.folder, made)
    }
}

/// Where scripts are made that load applications.
pub(super) fn private_root() -> PrivateRoot {
    PrivateRoot::for_purpose("standalone")
}

fn make_plan(
    arguments: &ServerArguments,
    protocol: Protocol,
    loader: &Loader,
    directory: &Path,
) -> Result<Plan, String> {
    let mut group = group_plan(&arguments.common, &arguments.group, loader, directory)?;
    let served = loader.served(arguments.mount.as_deref(), !arguments.no_reload);
    group.imports = vec![served.import.clone()];
    group.public = Some(Public {
        protocol,
        served,
        ping_path: arguments.ping_path.clone(),
        owns_listener: arguments.listen.is_own(),
    });
    Ok(Plan {
        generation: 1,
        directory: PathBuf::new(),
        httpd: facts(protocol.name(), &group),
        worker_folders: worker_folders(&arguments.common.worker),
        groups: vec![group],
    })
}

fn open_status(path: &Path) -> Result<UnixListener, String> {
    const BACKLOG: u32 = 16;
    crate::sys::listener::listen_at_path(path, 0o600, (None, None), BACKLOG)
        .map(UnixListener::from)
        .map_err(|error: io::Error| format!("--status {}: {error}", path.display()))
}
