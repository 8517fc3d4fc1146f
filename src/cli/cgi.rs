//! `rwsgi cgi`.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;

use clap::Args;

use super::standalone::{self, CommonArguments, GroupArguments, Loader};
use crate::config::plan::{CgiPlan, GroupPlan, Starter, VERSION, WorkerPlan, cgi_bootstrap};
use crate::scoreboard::Layout;
use crate::supervisor;
use crate::sys::{memory, own_process};

/// What `rwsgi cgi` is told.
#[derive(Debug, Args)]
pub(super) struct CgiArguments {
    #[command(flatten)]
    common: CommonArguments,
    /// Where the application is mounted, such as /app; without it the web server's SCRIPT_NAME is believed
    #[arg(long, value_name = "PATH")]
    mount: Option<String>,
    #[command(flatten)]
    group: GroupArguments,
    /// The application, a script. What comes after it is not listened to: web servers add the words of a query
    /// there (RFC 3875, 4.4)
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "APP"
    )]
    app: Vec<String>,
}

/// Becomes the Python that answers the request.
pub(super) fn run(arguments: &CgiArguments) -> Result<(), String> {
    let directory =
        std::env::current_dir().map_err(|error| format!("the working directory is not there: {error}"))?;
    let app = arguments.app.first().map(String::as_str).unwrap_or_default();
    let folder = standalone::private_root();
    let loader = Loader::for_application(app, &directory, &folder)?;
    if loader.is_made() {
        return Err("CGI answers by a script: write one that imports the application".to_owned());
    }
    let mut group = standalone::group_plan(&arguments.common, &arguments.group, &loader, &directory)?;
    if group.identity.change {
        return Err("--user and --group: it is for the web server to start this as another user".to_owned());
    }
    // One request, and others beside it in other processes.
    group.options.threads = 1;
    group.options.processes = Some(1);
    group.options.maximum_requests = Some(1);
    let folders = standalone::worker_folders(&arguments.common.worker);
    become_python(group, &loader, arguments.mount.as_deref(), &folders)
}

fn become_python(
    group: GroupPlan,
    loader: &Loader,
    mount: Option<&str>,
    folders: &[PathBuf],
) -> Result<(), String> {
    let python_arguments = supervisor::python_arguments(&group, &cgi_bootstrap(), folders);
    let executable = group.executable.clone();
    let plan = CgiPlan {
        starter: Starter {
            version: VERSION.to_owned(),
            file: std::env::current_exe().unwrap_or_else(|_| "rwsgi".into()),
        },
        worker: WorkerPlan {
            version: VERSION.to_owned(),
            httpd: standalone::facts("CGI", &group),
            position: 0,
            instance: 0,
            layout: Layout::for_group(1, 1, 1),
            loads: Vec::new(),
            group,
        },
        served: loader.served(mount, false),
    };
    let text = serde_json::to_vec(&plan).map_err(|error| error.to_string())?;
    let no_memory = |error: std::io::Error| format!("the plan has no place: {error}");
    let memory = memory::anonymous(c"rwsgi plan", text.len()).map_err(no_memory)?;
    let mut file = File::from(memory);
    file.write_all(&text).map_err(no_memory)?;
    let error = own_process::become_program(&executable, &python_arguments, file.as_fd());
    Err(format!("{} cannot be run: {error}", executable.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        cgi: CgiArguments,
    }

    /// `GET /app.cgi?--python=/tmp/evil+--mount` (as CVE-2012-1823 did it to another interpreter).
    #[test]
    fn a_query_sets_no_option() {
        let line = [
            "cgi",
            "--mount",
            "/app",
            "/srv/app.cgi",
            "--python=/tmp/evil",
            "--mount",
            "/other",
            "--",
            "-x",
        ];
        let parsed = Line::try_parse_from(line).expect("understood").cgi;
        assert_eq!(parsed.app[0], "/srv/app.cgi");
        assert_eq!(parsed.mount.as_deref(), Some("/app"));
        assert_eq!(parsed.group.given(), 0);
    }
}
