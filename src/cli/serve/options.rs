//! What can be said on the command line of `rwsgi serve`, and under the same names in its file.

mod pair;

use clap::{ArgAction, Args, ValueHint};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(super) use pair::Pair;

/// Every option. Unset ones are absent, so that the command line can be laid over the file.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Options {
    /// A script, `module:callable`, `module:factory()`, or the folder of a Django or Flask project
    pub app: Option<String>,
    /// A TOML file with any of these options, by their long names; the command line wins
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// URL path of APP
    #[arg(long, value_name = "PATH", help_heading = APPLICATIONS)]
    pub mount_point: Option<String>,
    /// A further application with processes of its own, at a URL path
    #[arg(long, value_name = "PATH=APP", help_heading = APPLICATIONS)]
    #[serde(with = "pair::table")]
    pub mount: Vec<Pair>,
    /// Virtual environment [default: the active one, else .venv or venv beside the application]
    #[arg(long, visible_alias = "virtualenv", value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = APPLICATIONS)]
    pub venv: Option<PathBuf>,
    /// The Python executable that runs the application, of any version that a worker is installed for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::ExecutablePath, help_heading = APPLICATIONS)]
    pub python: Option<PathBuf>,
    /// A folder that comes first in sys.path
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = APPLICATIONS)]
    pub python_path: Vec<PathBuf>,
    /// Where the application works [default: the folder of the application]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = APPLICATIONS)]
    pub working_directory: Option<PathBuf>,
    /// A variable in the application's environment
    #[arg(long, value_name = "NAME=VALUE", help_heading = APPLICATIONS)]
    #[serde(with = "pair::table")]
    pub env: Vec<Pair>,
    /// A file of such variables, one a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = APPLICATIONS)]
    pub env_file: Option<PathBuf>,
    /// A module to import before the application, one that takes long for example
    #[arg(long, value_name = "MODULE", help_heading = APPLICATIONS)]
    pub preload: Vec<String>,
    /// Serve the application again whenever one of its files changes, and show tracebacks to clients
    #[arg(long, visible_alias = "reload-on-changes", help_heading = APPLICATIONS)]
    pub reload: bool,
    /// A further folder whose changes count
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = APPLICATIONS)]
    pub reload_folder: Vec<PathBuf>,

    /// Address to listen at [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", help_heading = LISTENING)]
    pub host: Option<String>,
    /// Port to listen at, 0 for any that is free [default: 8000]
    #[arg(long, value_name = "PORT", help_heading = LISTENING)]
    pub port: Option<u16>,
    /// The server's name in redirects and certificates [default: localhost]
    #[arg(long, value_name = "NAME", help_heading = LISTENING)]
    pub server_name: Option<String>,
    /// Certificate chain for TLS, in PEM
    #[arg(long, visible_alias = "ssl-certificate-file", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = LISTENING)]
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, in PEM
    #[arg(long, visible_alias = "ssl-certificate-key-file", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = LISTENING)]
    pub tls_key: Option<PathBuf>,
    /// A port for TLS beside that of plain HTTP [default: --port, which then takes TLS only]
    #[arg(long, value_name = "PORT", help_heading = LISTENING)]
    pub https_port: Option<u16>,
    /// Send clients of plain HTTP to the port of TLS
    #[arg(long, help_heading = LISTENING)]
    pub https_only: bool,
    /// Address or network of a proxy in front, whose forwarding headers count
    #[arg(long, value_name = "ADDRESS", help_heading = LISTENING)]
    pub trust_proxy: Vec<String>,
    /// A header in which that proxy tells about its client
    #[arg(long, value_name = "NAME", help_heading = LISTENING)]
    pub trust_proxy_header: Vec<String>,

    /// Files below a URL path, which httpd serves itself
    #[arg(long = "static", value_name = "PATH=FOLDER", help_heading = FILES)]
    #[serde(rename = "static", with = "pair::table")]
    pub static_files: Vec<Pair>,
    /// Files that win over the application at any URL path
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = FILES)]
    pub document_root: Option<PathBuf>,
    /// What clients get for an error: a file, or a URL path
    #[arg(long, value_name = "STATUS=PAGE", help_heading = FILES)]
    #[serde(with = "pair::table")]
    pub error_page: Vec<Pair>,
    /// Use those for the application's own errors as well
    #[arg(long, help_heading = FILES)]
    pub error_override: bool,
    /// Compress text
    #[arg(long, help_heading = FILES)]
    pub compress_responses: bool,
    /// Largest request body, in bytes
    #[arg(long, value_name = "BYTES", help_heading = FILES)]
    pub limit_request_body: Option<u64>,

    /// Processes of each application [default: 1]
    #[arg(long, value_name = "NUMBER", help_heading = PROCESSES)]
    pub processes: Option<u32>,
    /// Threads of each process [default: 15]
    #[arg(long, value_name = "NUMBER", help_heading = PROCESSES)]
    pub threads: Option<u32>,
    /// Most requests that httpd handles at once [default: fits processes and threads]
    #[arg(long, value_name = "NUMBER", help_heading = PROCESSES)]
    pub max_clients: Option<u32>,
    /// Whom httpd's and the application's processes run as; only root can choose
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Username, help_heading = PROCESSES)]
    pub user: Option<String>,
    /// Their group
    #[arg(long, value_name = "NAME", help_heading = PROCESSES)]
    pub group: Option<String>,
    /// Permissions that new files do not get, in octal
    #[arg(long, value_name = "MASK", help_heading = PROCESSES)]
    pub umask: Option<String>,
    /// Run applications in httpd's own processes
    #[arg(long, visible_alias = "embedded-mode", help_heading = PROCESSES)]
    pub embedded: bool,
    /// Any option of WSGIDaemonProcess
    #[arg(long, value_name = "NAME=VALUE", help_heading = PROCESSES)]
    #[serde(with = "pair::table")]
    pub daemon_option: Vec<Pair>,
    /// After how many requests a process is replaced
    #[arg(long, value_name = "NUMBER", help_heading = PROCESSES)]
    pub maximum_requests: Option<u32>,

    /// Longest time for a request, in seconds as all timeouts
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub request_timeout: Option<u32>,
    /// How long a request may wait for a free thread [default: 45]
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub queue_timeout: Option<u32>,
    /// How long the application may take to load
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub startup_timeout: Option<u32>,
    /// How long a process that stops may take after that [default: 5]
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub shutdown_timeout: Option<u32>,
    /// How long running requests may take to end, when a process is replaced or the server stops [default: 15]
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub graceful_timeout: Option<u32>,
    /// How long Python's lock may be out of reach, before the process is replaced
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub deadlock_timeout: Option<u32>,
    /// After how long without work a process is replaced
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub inactivity_timeout: Option<u32>,
    /// After how long a process is replaced
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub restart_interval: Option<u32>,
    /// How long httpd tries to reach a process
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub connect_timeout: Option<u32>,
    /// How long client, httpd and process wait for each other
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub socket_timeout: Option<u32>,
    /// How long an idle connection of a client is kept
    #[arg(long, value_name = "SECONDS", help_heading = TIMEOUTS)]
    pub keep_alive_timeout: Option<u32>,

    /// What reaches the log: error, warn, info, debug, ... [default: warn]
    #[arg(long, value_name = "LEVEL", help_heading = LOGS)]
    pub log_level: Option<String>,
    /// The log [default: the terminal]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = LOGS)]
    pub log_file: Option<PathBuf>,
    /// A line for each request, on the terminal or in a file
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-", help_heading = LOGS)]
    pub access_log: Option<PathBuf>,
    /// Form of those lines, as LogFormat of httpd describes it [default: combined]
    #[arg(long, value_name = "FORMAT", help_heading = LOGS)]
    pub access_log_format: Option<String>,

    /// A file of further httpd configuration
    #[arg(long, visible_alias = "include-file", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = SERVER)]
    pub include: Vec<PathBuf>,
    /// The program of httpd [default: found by its usual names]
    #[arg(long, visible_alias = "httpd-executable", env = "RWSGI_HTTPD", value_name = "FILE", value_hint = ValueHint::ExecutablePath, help_heading = SERVER)]
    pub httpd: Option<PathBuf>,
    /// The folder of httpd's modules
    #[arg(long, env = "RWSGI_MODULES_DIRECTORY", value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = SERVER)]
    pub modules_directory: Option<PathBuf>,
    /// mod_rwsgi itself [default: beside this command, else where httpd's modules are]
    #[arg(long, env = "RWSGI_MODULE", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = SERVER)]
    pub module: Option<PathBuf>,
    /// The folder of workers [default: beside this command or the module, else /usr/lib/rwsgi]
    #[arg(long, env = "RWSGI_WORKER", value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = SERVER)]
    pub worker: Option<PathBuf>,
    /// Print the configuration for httpd, and serve nothing
    #[arg(long, help_heading = SERVER)]
    #[serde(skip)]
    pub print_config: bool,
    /// Write a server to keep into this folder, with a script that controls it, and serve nothing
    #[arg(long, visible_alias = "server-root", value_name = "FOLDER", value_hint = ValueHint::DirPath, help_heading = SERVER)]
    #[serde(skip)]
    pub setup: Option<PathBuf>,

    /// Applications of the file, each with options of its own.
    #[arg(skip)]
    #[serde(skip_serializing)]
    pub apps: Vec<toml::Table>,

    // As mod_wsgi-express has them, with two values each.
    #[arg(long, hide = true, num_args = 2, action = ArgAction::Append)]
    #[serde(skip)]
    pub(super) url_alias: Vec<String>,
    #[arg(long, hide = true, num_args = 2, action = ArgAction::Append)]
    #[serde(skip)]
    pub(super) error_document: Vec<String>,
    #[arg(long, hide = true, num_args = 2, action = ArgAction::Append)]
    #[serde(skip)]
    pub(super) setenv: Vec<String>,
    #[arg(long, hide = true)]
    #[serde(skip)]
    pub(super) log_to_terminal: bool,
}

const APPLICATIONS: &str = "Applications";
const LISTENING: &str = "Listening";
const FILES: &str = "Files and limits";
const PROCESSES: &str = "Processes";
const TIMEOUTS: &str = "Timeouts";
const LOGS: &str = "Logs";
const SERVER: &str = "The server";

/// Options that an application of its own may have in the file.
pub(super) const PER_APPLICATION: [&str; 25] = [
    "app",
    "mount-point",
    "venv",
    "python",
    "python-path",
    "working-directory",
    "env",
    "env-file",
    "preload",
    "processes",
    "threads",
    "user",
    "group",
    "umask",
    "daemon-option",
    "maximum-requests",
    "request-timeout",
    "queue-timeout",
    "startup-timeout",
    "shutdown-timeout",
    "graceful-timeout",
    "deadlock-timeout",
    "inactivity-timeout",
    "restart-interval",
    "connect-timeout",
];

impl Options {
    /// The same, with what was said in the words of mod_wsgi-express under our own names.
    #[must_use]
    pub(super) fn in_own_words(mut self) -> Options {
        for (list, pairs) in [
            (&mut self.url_alias, &mut self.static_files),
            (&mut self.error_document, &mut self.error_page),
            (&mut self.setenv, &mut self.env),
        ] {
            let mut values = std::mem::take(list).into_iter();
            while let (Some(name), Some(value)) = (values.next(), values.next()) {
                pairs.push(Pair { name, value });
            }
        }
        self.log_to_terminal = false;
        self
    }
}
