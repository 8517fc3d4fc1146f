//! Starting a process.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use super::environment;
use super::failure::Failure;
use super::group::Group;
use super::stamp::Stamps;
use super::watch::Watched;
use super::worker::{OwnSocket, Stage, Worker};
use crate::config::plan::{self, BOOTSTRAP, Load, ToWorker, VERSION, WorkerPlan};
use crate::config::python_home::HomeProblem;
use crate::gateway::Level;
use crate::gateway::codes::Code;
use crate::sys::identity::Identity;
use crate::sys::launch::{self, Launch};
use crate::sys::limits::Limits;
use crate::sys::mailbox::Mailbox;
use crate::sys::{clock, detach, memory, private_directory, program_file};

/// Bytes of the file where a fatal signal leaves a traceback.
const CRASH_FILE: usize = 64 << 10;

impl Group {
    /// Starts a process at a free position. An error, which counts as a failed process, has been told.
    pub(super) fn spawn(&mut self, now: Instant) -> bool {
        let Some(position) = self.free_position() else {
            // Those that end make room.
            return false;
        };
        let instance = self.next_instance();
        let started = self
            .executable()
            .map_err(|mistake| self.failure_by(&mistake, None))
            .and_then(|executable| {
                let group = format!("a process of daemon group '{}'", self.plan.name);
                self.start(position, instance, &executable, now).map_err(|text| {
                    let reason = format!("cannot be started: {text}");
                    Failure::of_start(Code::WORKER_NOT_STARTED, &group, &reason)
                })
            });
        match started {
            Ok(worker) => {
                self.say(
                    Level::Info,
                    None,
                    &format!("{} is started", self.name_of(&worker)),
                );
                self.workers.push(worker);
                true
            }
            Err(failure) => {
                self.suspects = Stamps::of(self.suspected_files());
                self.tell_failure(instance, &failure, now);
                false
            }
        }
    }

    /// The group's Python executable, unless a start is known to be in vain.
    fn executable(&self) -> Result<PathBuf, HomeProblem> {
        let choice = self.plan.choice.as_ref();
        match choice.map(|choice| choice.find(program_file::is_mounted_noexec)) {
            Some(Ok(program)) => Ok(program),
            Some(Err(mistake)) if mistake.is_certain() => Err(mistake),
            // The process itself finds out.
            _ => Ok(self.plan.executable.clone()),
        }
    }

    fn start(
        &mut self,
        position: u32,
        instance: u32,
        executable: &Path,
        now: Instant,
    ) -> Result<Worker, String> {
        let (plan, setting) = (Rc::clone(&self.plan), Rc::clone(&self.setting));
        let loads = self.loads();
        let mut scripts = Stamps::of(loads.iter().map(|load| self.on_disk(&load.import.script)));
        for file in self.suspected_files() {
            scripts.add(file);
        }
        let words = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
        let (socket, listener) = self
            .listener(instance)
            .map_err(words("no socket can be made for it"))?;
        let (mailbox, channel) = Mailbox::pair().map_err(words("no channel"))?;
        let crash = memory::anonymous(c"rwsgi crash", CRASH_FILE).map_err(words("no memory"))?;
        let null = File::options()
            .read(true)
            .write(true)
            .open("/dev/null")
            .map_err(words("/dev/null"))?;
        let log = match &self.log.file {
            Some(file) => file.try_clone().map(Into::into),
            None => std::io::stderr().as_fd().try_clone_to_owned(),
        };
        let log: OwnedFd = log.map_err(words("no log"))?;
        let mut launch = self.launch_of(executable)?;
        launch.descriptors = vec![
            null.as_fd(),
            log.as_fd(),
            log.as_fd(),
            listener.as_fd(),
            self.board.words.as_fd(),
            channel.as_fd(),
            setting.life.as_fd(),
            crash.as_fd(),
        ];
        let (child, report) = launch::launch(&launch).map_err(words("no process"))?;
        if let Some(words) = self.board.position(position) {
            words.begin(instance, child.pid(), plan.options.threads, clock::millis());
        }
        let dice = instance.wrapping_mul(2_654_435_761) >> 8;
        let mut worker = Worker {
            instance,
            position,
            child,
            report: Some(report),
            trouble: None,
            mailbox,
            crash,
            socket,
            watched: Watched::new(&plan.options, dice),
            edition: self.edition,
            began: now,
            ready_since: None,
            stage: Stage::Starting,
            want: None,
            loads: loads.clone(),
            scripts,
            failure: None,
            reason: None,
            closed: false,
            killed: false,
            plan: Rc::clone(&plan),
        };
        worker.tell(&ToWorker::Start(Box::new(WorkerPlan {
            version: VERSION.to_owned(),
            group: (*plan).clone(),
            httpd: setting.httpd.clone(),
            position,
            instance,
            layout: self.board.layout(),
            loads,
        })));
        Ok(worker)
    }

    /// What the process listens at: its own socket, with that's name, or the one that all share.
    fn listener(&self, instance: u32) -> std::io::Result<(Option<OwnSocket>, OwnedFd)> {
        let (plan, setting) = (&self.plan, &self.setting);
        if let Some(shared) = &setting.listener {
            return Ok((None, shared.try_clone()?));
        }
        let socket = plan::socket_path(&setting.directory, plan.number, instance);
        // At least as many as can connect at once.
        let backlog = plan.options.backlog().max(plan.options.threads);
        let owner = detach::is_root().then_some(plan.socket_uid);
        let listener = private_directory::listen(&socket, owner, backlog)?;
        Ok((Some(OwnSocket::made_at(socket)?), listener.into()))
    }

    /// The program, as whom and within which limits; without descriptors.
    fn launch_of(&self, executable: &Path) -> Result<Launch<'static>, String> {
        let (plan, setting) = (&self.plan, &self.setting);
        let options = &plan.options;
        let file = options.env_file.as_ref().map(|path| {
            std::fs::read(path).map_err(|error| format!("env-file {path} cannot be read: {error}"))
        });
        let variables = environment::variables(plan, std::env::vars_os(), file.transpose()?.as_deref());
        let environment = variables.iter().map(|(name, value)| {
            let variable = [name.as_bytes(), b"=", value.as_bytes()].concat();
            c_string(OsStr::from_bytes(&variable))
        });
        let executable = c_string(executable.as_os_str())?;
        let arguments = environment::arguments(plan, BOOTSTRAP, &setting.worker_folders);
        let arguments = arguments.iter().map(|argument| c_string(argument));
        let identity = &plan.identity;
        let cpu_time = options.cpu_time_limit.map(|soft| {
            let more = std::time::Duration::from_secs(1) + options.shutdown_timeout.unwrap_or_default();
            (soft, soft + more)
        });
        let directory = identity.working_directory.as_ref();
        Ok(Launch {
            arguments: std::iter::once(Ok(executable.clone()))
                .chain(arguments)
                .collect::<Result<_, _>>()?,
            program: executable,
            environment: environment.collect::<Result<_, _>>()?,
            descriptors: Vec::new(),
            limits: Limits {
                priority: options.cpu_priority,
                cpu_time,
                data: options.memory_limit,
                address_space: options.virtual_memory_limit,
                core_files: setting.httpd.core_dumps,
            },
            umask: options.umask.unwrap_or(setting.umask),
            root: options
                .chroot
                .as_ref()
                .map(|root| c_string(OsStr::new(root)))
                .transpose()?,
            identity: identity.change.then(|| Identity {
                uid: identity.uid,
                gid: identity.gid,
                groups: identity.groups.clone(),
            }),
            directory: directory.map(|path| c_string(path.as_os_str())).transpose()?,
            directory_is_a_wish: options.home.is_none(),
            no_new_privileges: options.no_new_privs,
        })
    }

    /// What the next process loads before it takes requests: what the plan says, and what its predecessors
    /// had loaded, unless processes fail or become idle with that.
    fn loads(&mut self) -> Vec<Load> {
        let is_gone = |group: &Group, script: &Path| !group.on_disk(script).exists();
        let loaded: Vec<_> = self
            .loaded
            .iter()
            .filter(|import| self.plan.imports.contains(import) || !is_gone(self, &import.script))
            .cloned()
            .collect();
        self.loaded = loaded;
        let planned = self.plan.imports.iter().map(|import| Load {
            import: import.clone(),
            required: self.loaded.contains(import),
        });
        let goes_idle = self
            .workers
            .iter()
            .filter_map(|worker| worker.want.as_ref())
            .any(|want| want.reason == "inactivity_timeout");
        // Where nobody serves, a process without the script that ends it is better than none.
        let is_hopeless = self.backoff.is_hopeless() && !self.serves();
        let inherits = !is_hopeless && !goes_idle;
        let inherited = self
            .loaded
            .iter()
            .filter(|import| inherits && !self.plan.imports.contains(import))
            .map(|import| Load {
                import: import.clone(),
                required: true,
            });
        planned.chain(inherited).collect()
    }

    /// Where a script is for this process, which does not live in the group's chroot.
    pub(super) fn on_disk(&self, script: &Path) -> PathBuf {
        match &self.plan.options.chroot {
            Some(root) if !script.starts_with(root) => {
                Path::new(root).join(script.strip_prefix("/").unwrap_or(script))
            }
            _ => script.to_owned(),
        }
    }

    /// Files whose change may heal processes that do not start.
    fn suspected_files(&self) -> Vec<PathBuf> {
        let imports = self.plan.imports.iter().chain(&self.loaded);
        let scripts = imports.map(|import| self.on_disk(&import.script));
        let env_file = self.plan.options.env_file.iter().map(PathBuf::from);
        scripts
            .chain(env_file)
            .chain([self.on_disk(&self.plan.executable)])
            .collect()
    }
}

fn c_string(text: &OsStr) -> Result<CString, String> {
    CString::new(text.as_bytes()).map_err(|_| format!("{} contains a zero byte", text.display()))
}
