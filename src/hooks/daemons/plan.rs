//! The plan for the supervisor, with everything looked up.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{accounts, examine};
use crate::config::daemon_group::{DaemonGroup, DaemonOptions};
use crate::config::finish::Finished;
use crate::config::plan::identity::{self, ScriptOwner};
use crate::config::plan::{GroupPlan, HttpdFacts, Import, Plan};
use crate::config::workers;
use crate::gateway::Level;
use crate::httpd::{ServerView, Startup, process};
use crate::sys::{self, accounts::System};

/// The name of our command.
const COMMAND: &str = "rwsgi";
/// Where it may be besides the module's own folder.
const COMMAND_FOLDERS: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

/// A plan, with what goes along with it.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The plan.
    pub(super) plan: Plan,
    /// The logs that its groups refer to; the first is the main server's.
    pub(super) logs: Vec<OwnedFd>,
    /// Whom the scripts of each group must belong to.
    pub(super) script_owners: Vec<Option<ScriptOwner>>,
    /// Where our command may be, in order.
    pub(super) commands: Vec<PathBuf>,
}

/// Puts the plan of reading number `generation` together.
pub(super) fn prepare(startup: &Startup<'_>, generation: u32) -> io::Result<Prepared> {
    let pid = std::process::id();
    let commands = commands(startup);
    let mut prepared = Prepared {
        plan: Plan {
            generation,
            directory: examine::directory(startup, pid),
            httpd: httpd_facts(startup, pid),
            worker_folders: worker_folders(&commands),
            groups: Vec::new(),
        },
        logs: Vec::new(),
        script_owners: Vec::new(),
        commands,
    };
    let mut logs = Logs::default();
    logs.index(startup.main())?;
    if let Some(finished) = &startup.settings().finished {
        for defined in &finished.groups {
            let server = definer(startup, &defined.group);
            let log = logs.index(server)?;
            // What cannot be resolved has kept the server from starting.
            let Ok(resolved) = identity::resolve(&defined.group.options, accounts::httpd(), &System) else {
                continue;
            };
            prepared.script_owners.push(resolved.script_owner);
            let plan = group_plan(startup, finished, &defined.group, resolved);
            prepared.plan.groups.push(GroupPlan {
                log,
                log_level: server.log_level(),
                ..plan
            });
        }
    }
    prepared.logs = logs.copies;
    Ok(prepared)
}

fn group_plan(
    startup: &Startup<'_>,
    finished: &Finished,
    group: &DaemonGroup,
    resolved: identity::Resolved,
) -> GroupPlan {
    let settings = startup.settings();
    let options = &group.options;
    let choice = examine::choice(startup, options, &resolved.identity);
    // Paths are others below another root.
    let found = match options.chroot {
        None => choice.find(sys::program_file::is_mounted_noexec),
        Some(_) => Ok(choice.likely()),
    };
    // A mistake has been told; once it is mended, the process starts.
    let mistake = found
        .as_ref()
        .err()
        .filter(|problem| problem.level() == Level::Error);
    let told = mistake.map(ToString::to_string);
    GroupPlan {
        name: group.name.to_string(),
        number: 0,
        options: DaemonOptions {
            listen_backlog: options.listen_backlog.or_else(|| Some(usual_backlog())),
            ..options.clone()
        },
        python: settings.python.clone(),
        identity: resolved.identity,
        socket_uid: resolved.socket_uid,
        executable: found.unwrap_or_else(|_| choice.likely()),
        choice: options.chroot.is_none().then_some(choice),
        told,
        imports: imports(finished, &group.name),
        fold_case: !settings.case_sensitivity(),
        log: 0,
        log_level: startup.main().log_level(),
        public: None,
    }
}

/// How many requests may wait for a thread of a group that does not say: all but a tenth of httpd's, which go on
/// with what needs no thread of the group.
fn usual_backlog() -> u32 {
    const LEAST: i64 = 100;
    const MOST: i64 = 1000;
    let capacity = process::capacity();
    let threads = capacity.processes.saturating_mul(capacity.threads);
    let waiting = (threads - threads / 10).clamp(LEAST, MOST);
    u32::try_from(waiting).unwrap_or_default()
}

fn imports(finished: &Finished, group: &str) -> Vec<Import> {
    finished
        .imports_of(group)
        // An alias may lead to a directory of scripts, of which none is named.
        .filter(|script| script.source == "WSGIImportScript" || !Path::new(&*script.path).is_dir())
        .map(|script| Import {
            script: PathBuf::from(&*script.path),
            application_group: script.application_group.to_string(),
        })
        .collect()
}

/// The server whose lines define the group: the main server, or the first virtual host.
fn definer<'p>(startup: &Startup<'p>, group: &DaemonGroup) -> ServerView<'p> {
    let defines = |server: &&ServerView<'p>| {
        let groups = &server.settings().daemon_groups;
        groups.iter().any(|known| std::ptr::eq(&**known, group))
    };
    startup
        .servers()
        .iter()
        .find(defines)
        .copied()
        .unwrap_or(startup.main())
}

/// Descriptors of logs, each once.
#[derive(Default)]
struct Logs {
    numbers: Vec<i32>,
    copies: Vec<OwnedFd>,
}

impl Logs {
    /// Index of the server's log; standard error where it has none of its own to write to.
    fn index(&mut self, server: ServerView<'_>) -> io::Result<usize> {
        let stderr = io::stderr();
        let log = server.log().unwrap_or(stderr.as_fd());
        if let Some(index) = self.numbers.iter().position(|known| *known == log.as_raw_fd()) {
            return Ok(index);
        }
        self.copies.push(log.try_clone_to_owned()?);
        self.numbers.push(log.as_raw_fd());
        Ok(self.numbers.len() - 1)
    }
}

fn httpd_facts(startup: &Startup<'_>, pid: u32) -> HttpdFacts {
    let account = accounts::httpd();
    let capacity = process::capacity();
    HttpdFacts {
        pid,
        uid: account.uid,
        gid: account.gid,
        core_dumps: process::leaves_cores(),
        timeout: startup.main().timeout(),
        version: process::server_version(),
        description: process::server_description(),
        mpm_name: process::mpm_name(),
        build_date: process::build_date(),
        maximum_processes: capacity.processes,
        threads_per_process: capacity.threads,
        log_level: startup.main().log_level(),
    }
}

/// `RWSGICommand`, else next to the module, else where programs are installed.
fn commands(startup: &Startup<'_>) -> Vec<PathBuf> {
    if let Some(command) = &startup.settings().sockets.command {
        return vec![startup.server_path(command)];
    }
    let own = sys::program_file::own_file();
    let folder = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let usual = COMMAND_FOLDERS.iter().map(PathBuf::from);
    folder
        .into_iter()
        .chain(usual)
        .map(|folder| folder.join(COMMAND))
        .collect()
}

fn worker_folders(commands: &[PathBuf]) -> Vec<PathBuf> {
    let module = sys::program_file::own_file();
    let found = commands.iter().find(|command| command.exists());
    // A link stands for what it leads to.
    let real = found.and_then(|command| fs::canonicalize(command).ok());
    let beside = [module.as_deref(), found.map(PathBuf::as_path), real.as_deref()];
    workers::worker_folders(beside.into_iter().flatten())
}
