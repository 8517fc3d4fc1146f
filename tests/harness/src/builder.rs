//! What a server is made of, before it starts.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::config::Parts;
use crate::httpd::{Httpd, Mpm, module_under_test};
use crate::logs::Rules;
use crate::server::Server;
use crate::worker;

/// Starts that may fail because somebody else took the port in between.
const PORT_ATTEMPTS: usize = 5;

/// Describes a server; made by [`Server::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    mpm: Mpm,
    mpm_limits: Option<String>,
    modules: Vec<String>,
    loads: Vec<(String, PathBuf)>,
    module_under_test: bool,
    listens: Vec<String>,
    files: Vec<(PathBuf, Vec<u8>)>,
    copies: Vec<(PathBuf, PathBuf)>,
    extra: String,
    access_log: bool,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    launcher: Vec<OsString>,
    pub(crate) single_process: bool,
    pub(crate) keeps_connections: bool,
    pub(crate) rules: Rules,
    pub(crate) limit: Duration,
}

/// What `httpd -t` said.
#[derive(Debug)]
pub struct ConfigCheck {
    /// Whether the configuration was accepted.
    pub accepted: bool,
    /// Standard output and error together.
    pub output: String,
}

/// Why a server did not start.
#[derive(Debug)]
pub struct StartError {
    /// Configuration, process output and logs.
    pub report: String,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "httpd did not start\n{}", self.report)
    }
}

impl std::error::Error for StartError {}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            mpm: Mpm::from_env(),
            mpm_limits: None,
            modules: Vec::new(),
            loads: Vec::new(),
            module_under_test: true,
            listens: vec![String::new()],
            files: Vec::new(),
            copies: Vec::new(),
            extra: String::new(),
            access_log: true,
            environment: Vec::new(),
            arguments: Vec::new(),
            launcher: Vec::new(),
            single_process: false,
            keeps_connections: false,
            rules: Rules::default(),
            limit: Duration::from_secs(60),
        }
    }

    /// The MPM; default from `RWSGI_TEST_MPM`, else event.
    #[must_use]
    pub fn mpm(mut self, mpm: Mpm) -> Self {
        self.mpm = mpm;
        self
    }

    /// All requests meet the same process, for tests of what an application keeps: where the MPM would be
    /// prefork, event takes its place. (The threaded MPMs start one child and have no reason for another.)
    #[must_use]
    pub fn one_process(self) -> Self {
        if self.mpm == Mpm::Prefork {
            self.mpm(Mpm::Event)
        } else {
            self
        }
    }

    /// Directives for process and thread counts, in place of the harness's small ones.
    #[must_use]
    pub fn mpm_limits(mut self, directives: &str) -> Self {
        self.mpm_limits = Some(directives.to_string());
        self
    }

    /// Loads `mod_NAME` of the installed httpd.
    #[must_use]
    pub fn module(mut self, name: &str) -> Self {
        if !self.modules.iter().any(|known| known == name) {
            self.modules.push(name.to_string());
        }
        self
    }

    /// Loads any module file, such as a floor handler, after httpd's own.
    #[must_use]
    pub fn load_module(mut self, symbol: &str, file: impl Into<PathBuf>) -> Self {
        self.loads.push((symbol.to_string(), file.into()));
        self
    }

    /// Does not load the module under test.
    #[must_use]
    pub fn without_module_under_test(mut self) -> Self {
        self.module_under_test = false;
        self
    }

    /// One more loopback port, `${PORT_NAME}` in the configuration.
    #[must_use]
    pub fn listen(mut self, name: &str) -> Self {
        self.listens.push(name.to_string());
        self
    }

    /// A file below the ServerRoot, readable by the serving account.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path.into(), content.as_ref().to_vec()));
        self
    }

    /// A Python file in `${APPS}`.
    #[must_use]
    pub fn app(self, name: &str, source: &str) -> Self {
        self.file(Path::new("apps").join(name), source)
    }

    /// Copies every file of a directory (not its sub-directories) into `${APPS}`.
    #[must_use]
    pub fn apps_from(self, directory: impl Into<PathBuf>) -> Self {
        self.copy(directory, "apps")
    }

    /// Copies every file of a directory (not its sub-directories) to a directory below the ServerRoot.
    #[must_use]
    pub fn copy(mut self, from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        self.copies.push((from.into(), to.into()));
        self
    }

    /// Configuration text, after everything the harness writes; may be given several times.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.extra.push_str(text);
        self.extra.push('\n');
        self
    }

    /// Configuration text before all that [`Builder::config`] gave, for what counts in its order: of the aliases
    /// that match, the first.
    #[must_use]
    pub fn config_first(mut self, text: &str) -> Self {
        self.extra.insert_str(0, &format!("{text}\n"));
        self
    }

    /// No access log, for measurements.
    #[must_use]
    pub fn without_access_log(mut self) -> Self {
        self.access_log = false;
        self
    }

    /// A variable of httpd's otherwise empty environment (`PATH` is `/usr/bin:/bin`).
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// A command line argument for httpd, such as `-DNAME`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_string());
        self
    }

    /// Runs httpd below another program, such as a profiler: its name on `/usr/bin:/bin` (or its
    /// path) and its arguments, before httpd's own.
    #[must_use]
    pub fn under(mut self, command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.launcher = command.into_iter().map(Into::into).collect();
        self
    }

    /// One process that serves without forking (`httpd -X`). It is taken as started once it has
    /// answered an `OPTIONS *`.
    #[must_use]
    pub fn single_process(mut self) -> Self {
        self.single_process = true;
        self
    }

    /// Children may hold connections at the end, as a proxy does to what it asks.
    #[must_use]
    pub fn keeps_connections(mut self) -> Self {
        self.keeps_connections = true;
        self
    }

    /// Log lines of level warn or worse whose message matches this regular expression may appear.
    #[must_use]
    pub fn allow_log(mut self, pattern: &str) -> Self {
        self.rules.allow(pattern);
        self
    }

    /// A log line whose message matches must appear before the end, any number of times.
    #[must_use]
    pub fn expect_log(mut self, pattern: &str) -> Self {
        self.rules.expect(pattern);
        self
    }

    /// A traceback must appear, ending with a line that matches, such as `ValueError: boom`.
    #[must_use]
    pub fn expect_exception(mut self, pattern: &str) -> Self {
        self.rules.expect_exception(pattern);
        self
    }

    /// How long the server may live before it is killed and the test fails; default 60 s.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts the server and waits until it serves.
    ///
    /// # Panics
    /// When it does not start; configuration and logs are in the message.
    pub fn start(self) -> Server {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the server and waits until it serves.
    ///
    /// # Errors
    /// When httpd refuses the configuration or ends before it serves.
    pub fn try_start(self) -> Result<Server, StartError> {
        if self.module_under_test && self.extra.contains("WSGIDaemonProcess") {
            worker::build_once(&module_under_test());
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            let layout = self.lay_out().expect("the ServerRoot can be written");
            match Server::launch(layout, &self) {
                Err(error) if lost_port(&error.report) && attempts < PORT_ATTEMPTS => {}
                result => return result,
            }
        }
    }

    /// Runs `httpd -t` over the configuration.
    ///
    /// # Panics
    /// When httpd cannot be run.
    pub fn check_config(self) -> ConfigCheck {
        let layout = self.lay_out().expect("the ServerRoot can be written");
        let output = self.command(&layout).arg("-t").output().expect("httpd runs");
        let text = [output.stdout, output.stderr].concat();
        ConfigCheck {
            accepted: output.status.success(),
            output: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    /// httpd over this layout, in a clean environment.
    pub(crate) fn command(&self, layout: &Layout) -> Command {
        let program = &Httpd::installed().program;
        let mut command = match self.launcher.split_first() {
            Some((launcher, arguments)) => {
                let mut command = Command::new(launcher);
                command.args(arguments).arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env(MARKER, layout.root());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .current_dir(layout.root())
            .arg("-f")
            .arg(layout.root().join("conf/httpd.conf"))
            .args(&self.arguments);
        command
    }

    fn lay_out(&self) -> io::Result<Layout> {
        let directory = tempfile::Builder::new().prefix("rwsgi-test-").tempdir()?;
        let root = directory.path().canonicalize()?;
        fs::set_permissions(&root, Permissions::from_mode(0o755))?;
        for name in ["apps", "conf", "cores", "htdocs", "logs", "run"] {
            fs::create_dir(root.join(name))?;
        }
        fs::set_permissions(root.join("cores"), Permissions::from_mode(0o777))?;
        fs::write(root.join("conf/mime.types"), "text/plain txt\ntext/html html\n")?;
        for (from, to) in &self.copies {
            copy_files(from, &root.join(to))?;
        }
        for (path, content) in &self.files {
            write_file(&root.join(path), content)?;
        }
        let ports = free_ports(&self.listens)?;
        let mut loads = self.loads.clone();
        if self.module_under_test {
            loads.push(("wsgi_module".to_string(), module_under_test()));
        }
        let parts = Parts {
            root: &root,
            mpm: self.mpm,
            mpm_limits: self.mpm_limits.as_deref(),
            modules: &self.modules,
            loads: &loads,
            ports: &ports,
            access_log: self.access_log,
            extra: &self.extra,
        };
        fs::write(root.join("conf/httpd.conf"), parts.text())?;
        Ok(Layout {
            root,
            ports,
            _directory: directory,
        })
    }
}

/// The environment variable that marks every process of a server.
pub(crate) const MARKER: &str = "RWSGI_TEST_SERVER";

/// A ServerRoot on disk, removed when dropped.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    pub(crate) ports: Vec<(String, u16)>,
    _directory: TempDir,
}

impl Layout {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

/// Ports are held together while they are chosen, so that they differ.
fn free_ports(names: &[String]) -> io::Result<Vec<(String, u16)>> {
    let held: Vec<TcpListener> = names
        .iter()
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    names
        .iter()
        .zip(&held)
        .map(|(name, listener)| Ok((name.clone(), listener.local_addr()?.port())))
        .collect()
}

/// Whether httpd failed because somebody else listens on its port.
fn lost_port(report: &str) -> bool {
    report.contains("could not bind to address") || report.contains("unable to listen for connections")
}

fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            write_file(&to.join(entry.file_name()), &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
