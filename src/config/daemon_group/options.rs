//! The options of `WSGIDaemonProcess`, one row each.

use super::DaemonOptions;
use super::reader::{MOST, OptionError, Reader};

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct DaemonOption {
    /// Name, as before the equals sign.
    pub name: &'static str,
    /// Its values, for the manual.
    pub values: &'static str,
    /// What holds without it, for the manual.
    pub default: &'static str,
    /// What it does, for the manual.
    pub help: &'static str,
    pub(in super::super) set: fn(&mut DaemonOptions, &mut Reader) -> Result<(), OptionError>,
    pub(super) show: fn(&DaemonOptions) -> String,
}

/// The option of this name.
pub(in super::super) fn find(name: &str) -> Option<&'static DaemonOption> {
    DAEMON_OPTIONS.iter().find(|option| option.name == name)
}

macro_rules! options {
    ($($name:literal $field:ident = $read:expr, $values:literal, $default:literal, $help:literal;)+) => {
        &[$(DaemonOption {
            name: $name,
            values: $values,
            default: $default,
            help: $help,
            set: |options, reader| {
                let read: fn(&mut Reader) -> Result<_, OptionError> = $read;
                options.$field.take_value(read(reader)?);
                Ok(())
            },
            show: |options| format!("{:?}", options.$field),
        }),+]
    };
}

/// How a value gets into its field: an option that is repeated replaces what it said before, but for the
/// variables of `env=`, which add up.
trait Field<T = Self> {
    fn take_value(&mut self, value: T);
}

impl<T> Field for T {
    fn take_value(&mut self, value: T) {
        *self = value;
    }
}

impl Field<(String, String)> for Vec<(String, String)> {
    fn take_value(&mut self, value: (String, String)) {
        self.retain(|(name, _)| *name != value.0);
        self.push(value);
    }
}

/// All options, in the order of the manual.
pub static DAEMON_OPTIONS: &[DaemonOption] = options! {
    "processes" processes = |r| r.count(1, MOST).map(Some), "1...", "1",
        "Number of processes. Writing it, even as 1, makes `wsgi.multiprocess` true.";
    "threads" threads = |r| r.count(0, 65533), "0..65533", "15",
        "Threads of a process, each running one request at a time. With 0 a process runs its import script \
         and nothing else.";
    "display-name" display_name = Reader::display_name, "name or %{GROUP}", "",
        "Name of the processes in `ps`; `%{GROUP}` is the group's name as `(wsgi:name)`.";
    "user" user = Reader::unprivileged_user, "name or #uid", "httpd's `User`",
        "Whom the processes run as; never root. Without effect when httpd is not started as root.";
    "group" group = Reader::text, "name or #gid", "httpd's `Group`",
        "Primary group of the processes. It does not follow `user=`.";
    "supplementary-groups" supplementary_groups = Reader::names, "name,name...", "those of the user",
        "Further groups of the processes.";
    "umask" umask = Reader::mask, "octal", "inherited",
        "Permissions that new files do not get.";
    "chroot" chroot = Reader::absolute_path, "directory", "",
        "New root directory of the processes. Works only when httpd is started as root.";
    "home" home = Reader::absolute_path, "directory", "the user's home if `user=` differs from httpd's \
     `User`",
        "Working directory of the processes, and the first of `sys.path`.";
    "lang" lang = Reader::text_or_none, "locale", "inherited",
        "Value of the variable LANG.";
    "locale" locale = Reader::text_or_none, "locale", "inherited",
        "Value of the variable LC_ALL.";
    "python-home" python_home = Reader::text_or_none, "directory", "`WSGIPythonHome`",
        "A virtual environment, or the prefix of a Python installation.";
    "python-path" python_path = Reader::directories, "directory:directory...", "",
        "Directories that come first in `sys.path`. `.pth` files in them are followed.";
    "python-eggs" python_eggs = Reader::text_or_none, "directory", "",
        "Value of the variable PYTHON_EGG_CACHE.";
    "switch-interval" switch_interval = Reader::interval, "seconds", "Python's own",
        "How long a thread keeps Python's lock while others wait; decimals are allowed.";
    "stack-size" stack_size = |r| r.bytes_or_none(1), "bytes", "the system's",
        "Size of a thread's stack.";
    "maximum-requests" maximum_requests = Reader::count_or_none, "0...", "0",
        "After how many requests a process is replaced.";
    "startup-timeout" startup_timeout = Reader::seconds_or_none, "seconds", "0",
        "How long the first load of a script may take to succeed, before the process is replaced.";
    "shutdown-timeout" shutdown_timeout = Reader::seconds_or_none, "seconds", "5",
        "How long a process that stops may take, before it is ended at once.";
    "deadlock-timeout" deadlock_timeout = Reader::seconds_or_none, "seconds", "300",
        "How long Python's lock may be out of reach, before the process is replaced.";
    "inactivity-timeout" inactivity_timeout = Reader::seconds_or_none, "seconds", "0",
        "How long a process may go without work, before it is replaced.";
    "request-timeout" request_timeout = Reader::seconds_or_none, "seconds", "0",
        "How long a request may take; more is allowed the more threads there are.";
    "interrupt-timeout" interrupt_timeout = Reader::seconds_or_none, "seconds", "0",
        "How long a request that took too long has to end after an exception was raised in it, before the \
         process is replaced. With 0 none is raised.";
    "graceful-timeout" graceful_timeout = Reader::seconds_or_none, "seconds", "15",
        "How long a process that is replaced waits for its requests to end.";
    "eviction-timeout" eviction_timeout = Reader::seconds_or_none, "seconds", "`graceful-timeout`",
        "The same for a process that got the signal USR1.";
    "restart-interval" restart_interval = Reader::seconds_or_none, "seconds", "0",
        "After how long a process is replaced.";
    "connect-timeout" connect_timeout = Reader::seconds, "seconds", "15",
        "How long httpd tries to reach a process, before the client gets 503.";
    "socket-timeout" socket_timeout = Reader::seconds_or_none, "seconds", "httpd's `Timeout`",
        "How long httpd and a process wait for each other to read or write.";
    "queue-timeout" queue_timeout = Reader::seconds_or_none, "seconds", "0",
        "How long a request may wait for a free thread, before the client gets 504.";
    "listen-backlog" listen_backlog = |r| r.count(0, MOST).map(Some), "0...", "100, in httpd more if it has threads for it",
        "How many requests may wait for a thread of the group, before the client gets 503. Unless set, nine tenths \
         of httpd's threads may, from 100 to 1000, so that the last tenth is left for other things.";
    "socket-user" socket_user = Reader::text, "name or #uid", "httpd's `User`",
        "Owner of the group's socket.";
    "send-buffer-size" send_buffer_size = |r| r.buffer(512), "0 or bytes from 512", "the system's",
        "Size of the socket's buffer for sending.";
    "receive-buffer-size" receive_buffer_size = |r| r.buffer(512), "0 or bytes from 512", "the system's",
        "Size of the socket's buffer for receiving.";
    "header-buffer-size" header_buffer_size = |r| Ok(r.buffer(8192)?.unwrap_or(32 << 10)), "0 or bytes \
     from 8192", "32768",
        "How long one line of a response's header may be.";
    "response-buffer-size" response_buffer_size = |r| Ok(r.buffer(65536)?.unwrap_or(8 << 20)), "0 or bytes from 65536",
        "8388608",
        "How much of a response httpd takes in advance for a slow client.";
    "response-socket-timeout" response_socket_timeout = Reader::seconds_or_none, "seconds", "`socket-timeout`",
        "How long httpd waits for a client to take more of a response.";
    "response-flush-delay" response_flush_delay = Reader::milliseconds, "milliseconds", "5",
        "How long httpd waits for more output before it sends what it has; 0 sends at once.";
    "script-user" script_user = Reader::text, "name or #uid", "",
        "Owner that a script and its folder must have. Not together with `script-group=`.";
    "script-group" script_group = Reader::text, "name or #gid", "",
        "Group that a script and its folder must have.";
    "cpu-time-limit" cpu_time_limit = Reader::seconds_or_none, "seconds", "0",
        "How much processor time a process may use, before it is replaced.";
    "cpu-priority" cpu_priority = Reader::integer, "number", "0",
        "Priority as `nice` counts it: the higher, the less.";
    "memory-limit" memory_limit = |r| r.bytes_or_none(0), "bytes", "0",
        "How much data memory a process may use.";
    "virtual-memory-limit" virtual_memory_limit = |r| r.bytes_or_none(0), "bytes", "0",
        "How much address space a process may use.";
    "server-metrics" server_metrics = Reader::switch, "On|Off", "Off",
        "Whether `mod_wsgi.server_metrics()` answers.";
    "python" python = |r| r.absolute_path(), "file", "that of `python-home`",
        "The Python executable that runs the processes: of any version from 3.11 on, whatever the module was \
         built with.";
    "env" env = Reader::variable, "NAME=value", "",
        "A variable in the environment of the processes. May be given several times.";
    "env-file" env_file = |r| r.absolute_path(), "file", "",
        "A file of such variables, one `NAME=value` a line, read by the supervisor whenever a process starts. \
         Variables of `env=` win.";
    "preload" preload = |r| Ok(r.names()?.unwrap_or_default()), "module,module...", "",
        "Python modules that the main interpreter imports before a process takes requests.";
    "max-rss" max_rss = |r| r.bytes_or_none(0), "bytes", "0",
        "How much memory a process may have resident, before it is replaced.";
    "no-new-privs" no_new_privs = Reader::switch, "On|Off", "Off",
        "Whether set-user-ID programs (sendmail and sudo among them) gain no privileges when the processes \
         start them.";
    "request-buffer" request_buffer = |r| Ok(r.bytes_or_none(0)?.unwrap_or(0)), "bytes", "65536",
        "How much of a request's body httpd collects, so that a slow client does not hold a thread of the \
         group; what is longer is passed on as it comes.";
};
