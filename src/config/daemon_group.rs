//! `WSGIDaemonProcess`: a group of processes that run applications, and how they run.

mod options;
mod reader;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use options::find as find_option;
pub use options::{DAEMON_OPTIONS, DaemonOption};
pub use reader::OptionError;
pub(super) use reader::Reader;

use super::place::Place;

/// One `WSGIDaemonProcess` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonGroup {
    /// Name of the group.
    pub name: Arc<str>,
    /// How its processes run.
    pub options: DaemonOptions,
    /// Where the line stands.
    pub place: Option<Place>,
}

/// A text that must not be empty, or a list of such, is `None` unless set; a duration that may be
/// switched off is `None` when it is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonOptions {
    /// `processes=`; writing it, even as 1, makes `wsgi.multiprocess` true.
    pub processes: Option<u32>,
    /// `threads=`: how many requests a process runs at once; 0 for a process that only runs its
    /// import script.
    pub threads: u32,
    /// `display-name=`: what `ps` shows. `%{GROUP}` has become `(wsgi:NAME)`.
    pub display_name: Option<String>,
    /// `user=`: a name or `#uid`; httpd's `User` unless set.
    pub user: Option<String>,
    /// `group=`: a name or `#gid`; httpd's `Group` unless set, whatever `user` is.
    pub group: Option<String>,
    /// `supplementary-groups=`; those of the user in the system's database unless set.
    pub supplementary_groups: Option<Vec<String>>,
    /// `umask=`; inherited unless set.
    pub umask: Option<u32>,
    /// `chroot=`: an absolute path.
    pub chroot: Option<String>,
    /// `home=`: an absolute path, the working directory and the first of `sys.path`.
    pub home: Option<String>,
    /// `lang=`: the variable LANG.
    pub lang: Option<String>,
    /// `locale=`: the variable LC_ALL.
    pub locale: Option<String>,
    /// `python-home=`; `WSGIPythonHome` unless set.
    pub python_home: Option<String>,
    /// `python-path=`: directories in the order given, without empty ones.
    pub python_path: Vec<String>,
    /// `python-eggs=`: the variable PYTHON_EGG_CACHE.
    pub python_eggs: Option<String>,
    /// `switch-interval=`; Python's own unless set.
    pub switch_interval: Option<Duration>,
    /// `stack-size=` of a thread, in bytes; the system's unless set.
    pub stack_size: Option<u64>,
    /// `maximum-requests=`: after how many a process is replaced.
    pub maximum_requests: Option<u32>,
    /// `startup-timeout=`: how long the first load of a script may take to succeed.
    pub startup_timeout: Option<Duration>,
    /// `shutdown-timeout=`: how long a stopping process may take; `None` for ever.
    pub shutdown_timeout: Option<Duration>,
    /// `deadlock-timeout=`: how long Python's lock may be out of reach.
    pub deadlock_timeout: Option<Duration>,
    /// `inactivity-timeout=`: how long a process may be idle.
    pub inactivity_timeout: Option<Duration>,
    /// `request-timeout=`, not yet scaled by the number of threads.
    pub request_timeout: Option<Duration>,
    /// `interrupt-timeout=`: how long a request has after an exception was raised in it; `None`
    /// raises none.
    pub interrupt_timeout: Option<Duration>,
    /// `graceful-timeout=`: how long a process that restarts by itself waits for its requests.
    pub graceful_timeout: Option<Duration>,
    /// `eviction-timeout=`: the same after SIGUSR1; `graceful_timeout` unless set.
    pub eviction_timeout: Option<Duration>,
    /// `restart-interval=`: after how long a process is replaced.
    pub restart_interval: Option<Duration>,
    /// `connect-timeout=`: how long httpd tries to reach a process; zero is a single try.
    pub connect_timeout: Duration,
    /// `socket-timeout=` between httpd and a process; httpd's `Timeout` unless set.
    pub socket_timeout: Option<Duration>,
    /// `queue-timeout=`: how long a request may wait before it runs.
    pub queue_timeout: Option<Duration>,
    /// `listen-backlog=`: how many requests may wait for a thread. [`backlog`](Self::backlog) unless set.
    pub listen_backlog: Option<u32>,
    /// `socket-user=`: a name or `#uid`, owner of the socket; httpd's `User` unless set.
    pub socket_user: Option<String>,
    /// `send-buffer-size=` in bytes; the system's unless set.
    pub send_buffer_size: Option<u32>,
    /// `receive-buffer-size=` in bytes; the system's unless set.
    pub receive_buffer_size: Option<u32>,
    /// `header-buffer-size=` in bytes: how long a line of a response's header may be.
    pub header_buffer_size: u32,
    /// `response-buffer-size=` in bytes: how much of a response httpd holds for a slow client.
    pub response_buffer_size: u32,
    /// `response-socket-timeout=` for writing to the client; `socket_timeout` unless set.
    pub response_socket_timeout: Option<Duration>,
    /// `response-flush-delay=`: how long output waits for more; zero for not at all.
    pub response_flush_delay: Duration,
    /// `script-user=`: a name or `#uid`, whom scripts must belong to.
    pub script_user: Option<String>,
    /// `script-group=`: a name or `#gid`, which scripts must belong to.
    pub script_group: Option<String>,
    /// `cpu-time-limit=` of a process.
    pub cpu_time_limit: Option<Duration>,
    /// `cpu-priority=`, as `nice` counts; negative is more.
    pub cpu_priority: i32,
    /// `memory-limit=` in bytes of data.
    pub memory_limit: Option<u64>,
    /// `virtual-memory-limit=` in bytes of address space.
    pub virtual_memory_limit: Option<u64>,
    /// `server-metrics=`: whether `mod_wsgi.server_metrics()` answers.
    pub server_metrics: bool,
    /// `python=`: the executable that runs the processes; that of `python_home` unless set.
    pub python: Option<String>,
    /// `env=NAME=value`, once for each variable: what the processes have in their environment.
    pub env: Vec<(String, String)>,
    /// `env-file=`: a file of such variables, one a line, read when a process starts.
    pub env_file: Option<String>,
    /// `preload=`: modules that the main interpreter imports before a process takes requests.
    pub preload: Vec<String>,
    /// `max-rss=` in bytes of resident memory, after which a process is replaced.
    pub max_rss: Option<u64>,
    /// `no-new-privs=`: whether set-user-ID programs gain nothing when the processes start them.
    pub no_new_privs: bool,
    /// `request-buffer=` in bytes: how much of a request's body httpd collects before it takes a thread of
    /// the group.
    pub request_buffer: u64,
}

impl Default for DaemonOptions {
    fn default() -> Self {
        let seconds = |number| Some(Duration::from_secs(number));
        Self {
            processes: None,
            threads: 15,
            display_name: None,
            user: None,
            group: None,
            supplementary_groups: None,
            umask: None,
            chroot: None,
            home: None,
            lang: None,
            locale: None,
            python_home: None,
            python_path: Vec::new(),
            python_eggs: None,
            switch_interval: None,
            stack_size: None,
            maximum_requests: None,
            startup_timeout: None,
            shutdown_timeout: seconds(5),
            deadlock_timeout: seconds(300),
            inactivity_timeout: None,
            request_timeout: None,
            interrupt_timeout: None,
            graceful_timeout: seconds(15),
            eviction_timeout: None,
            restart_interval: None,
            connect_timeout: Duration::from_secs(15),
            socket_timeout: None,
            queue_timeout: None,
            listen_backlog: None,
            socket_user: None,
            send_buffer_size: None,
            receive_buffer_size: None,
            header_buffer_size: 32 << 10,
            response_buffer_size: 8 << 20,
            response_socket_timeout: None,
            response_flush_delay: Duration::from_millis(5),
            script_user: None,
            script_group: None,
            cpu_time_limit: None,
            cpu_priority: 0,
            memory_limit: None,
            virtual_memory_limit: None,
            server_metrics: false,
            python: None,
            env: Vec::new(),
            env_file: None,
            preload: Vec::new(),
            max_rss: None,
            no_new_privs: false,
            request_buffer: 64 << 10,
        }
    }
}

impl DaemonOptions {
    /// Number of processes; 1 unless set.
    #[must_use]
    pub fn processes(&self) -> u32 {
        self.processes.unwrap_or(1)
    }

    /// How many requests may wait for a thread.
    #[must_use]
    pub fn backlog(&self) -> u32 {
        self.listen_backlog.unwrap_or(100)
    }

    /// Whether applications are told that other processes run them too.
    #[must_use]
    pub fn multiprocess(&self) -> bool {
        self.processes.is_some()
    }

    /// How long a process waits for its requests after SIGUSR1.
    #[must_use]
    pub fn eviction_timeout(&self) -> Option<Duration> {
        self.eviction_timeout.or(self.graceful_timeout)
    }

    /// Sets the option `name` to `value`, written as in `WSGIDaemonProcess`. What was taken although it is doubtful.
    ///
    /// # Errors
    /// One line that says what is allowed instead.
    pub fn set(&mut self, name: &str, value: &str) -> Result<Option<String>, String> {
        let option = find_option(name).ok_or_else(|| format!("there is no option {name}"))?;
        let mut reader = Reader {
            option: option.name,
            value: value.to_owned(),
            group: Arc::from(""),
            warning: None,
        };
        (option.set)(self, &mut reader).map_err(|error| error.to_string())?;
        Ok(reader.warning)
    }

    /// The first option that has another value in `other`, with both values.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        DAEMON_OPTIONS.iter().find_map(|option| {
            let (one, two) = ((option.show)(self), (option.show)(other));
            (one != two).then_some(Difference {
                option: option.name,
                one: plain(&one),
                two: plain(&two),
            })
        })
    }
}

/// A value as an administrator would say it.
fn plain(shown: &str) -> String {
    match shown
        .strip_prefix("Some(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(value) => value.to_owned(),
        None if shown == "None" => "not set".to_owned(),
        None => shown.to_owned(),
    }
}

/// An option that two definitions of a group set differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Name of the option.
    pub option: &'static str,
    /// What the one says.
    pub one: String,
    /// What the other says.
    pub two: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {} in one and {} in the other",
            self.option, self.one, self.two
        )
    }
}

#[cfg(test)]
mod tests;
