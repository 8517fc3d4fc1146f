//! A running httpd.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::builder::{Builder, Layout, MARKER, StartError};
use crate::checks;
use crate::client::Connection;
use crate::logs::{self, LogLine, Rules};
use crate::process;
use crate::request::Request;
use crate::response::Response;
use crate::wait::{wait_for, wait_until};

/// How long httpd may take to start or restart.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a single process may take to start; a profiler slows it 50 times.
const SLOW_START_LIMIT: Duration = Duration::from_secs(120);
/// How long httpd may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// How long a test waits for a log line.
const LOG_LIMIT: Duration = Duration::from_secs(10);
/// What httpd logs at each start and restart.
const SERVING: &str = "resuming normal operations";
/// The short name of the supervisor's process.
const SUPERVISOR: &str = "rwsgi";
/// How much of one log a failure prints.
const PRINTED: usize = 20_000;

/// A private httpd; stopped and checked by [`Server::finish`] or when dropped.
#[derive(Debug)]
pub struct Server {
    layout: Layout,
    child: Child,
    rules: Mutex<Rules>,
    keeps_connections: bool,
    streams: Mutex<Vec<Weak<TcpStream>>>,
    watchdog: Option<Watchdog>,
    killed: AtomicBool,
    finished: bool,
}

impl Server {
    /// Describes a new server.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn launch(layout: Layout, builder: &Builder) -> Result<Server, StartError> {
        let output =
            File::create(layout.root().join("logs/output.txt")).expect("the log directory is writable");
        let errors =
            File::create(layout.root().join("logs/stderr.log")).expect("the log directory is writable");
        let mut command = builder.command(&layout);
        command
            .arg(if builder.single_process {
                "-X"
            } else {
                "-DFOREGROUND"
            })
            .stdin(std::process::Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        process::end_with_starter(&mut command);
        let child = command.spawn().expect("httpd can be started");
        let watchdog = Watchdog::start(child.id(), builder.limit);
        let mut server = Server {
            layout,
            child,
            rules: Mutex::new(builder.rules.clone()),
            keeps_connections: builder.keeps_connections,
            streams: Mutex::default(),
            watchdog: Some(watchdog),
            killed: AtomicBool::new(false),
            finished: false,
        };
        let started = if builder.single_process {
            server.await_answer()
        } else {
            server.await_start()
        };
        if started {
            return Ok(server);
        }
        server.stop();
        server.finished = true;
        Err(StartError {
            report: server.report(),
        })
    }

    fn await_start(&mut self) -> bool {
        wait_for(START_LIMIT, || {
            if self.times_started() > 0 {
                return Some(true);
            }
            matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)).then_some(false)
        })
        .unwrap_or(false)
    }

    /// A single process logs nothing when it begins to serve, and listens long before.
    fn await_answer(&mut self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()));
        wait_for(SLOW_START_LIMIT, || {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Some(false);
            }
            let mut connection = Connection::open(address).ok()?;
            connection
                .send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .ok()?;
            connection.try_response().ok().map(|_| true)
        })
        .unwrap_or(false)
    }

    fn times_started(&self) -> usize {
        let text = fs::read(self.error_log_path("error")).unwrap_or_default();
        String::from_utf8_lossy(&text).matches(SERVING).count()
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.layout.ports[0].1
    }

    /// The port of a [`Builder::listen`] name.
    ///
    /// # Panics
    /// When there is no such name.
    pub fn port_of(&self, name: &str) -> u16 {
        self.layout
            .ports
            .iter()
            .find(|(known, _)| known == name)
            .expect("a name given to listen")
            .1
    }

    /// The ServerRoot.
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// A path below the ServerRoot.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// The generated configuration.
    pub fn config_text(&self) -> String {
        fs::read_to_string(self.path("conf/httpd.conf")).unwrap_or_default()
    }

    /// Process id of httpd's parent process.
    pub fn parent_pid(&self) -> u32 {
        self.child.id()
    }

    /// Process ids of httpd's live children: those that serve, not the supervisor of daemon processes.
    pub fn children(&self) -> Vec<u32> {
        let mut children = process::children_of(self.parent_pid());
        children.retain(|pid| Some(*pid) != self.supervisor());
        children
    }

    /// Process id of the supervisor of daemon processes, if there is one.
    pub fn supervisor(&self) -> Option<u32> {
        let parent = self.parent_pid();
        process::all()
            .into_iter()
            .find(|one| one.parent == parent && one.name == SUPERVISOR && one.state != 'Z')
            .map(|one| one.pid)
    }

    /// Process ids of the live daemon processes of all groups, oldest first.
    pub fn workers(&self) -> Vec<u32> {
        self.supervisor().map(process::children_of).unwrap_or_default()
    }

    /// A new connection to the main port.
    ///
    /// # Panics
    /// When httpd does not accept.
    pub fn connect(&self) -> Connection {
        self.connect_to(self.port())
    }

    /// A new connection to a port of this server.
    ///
    /// # Panics
    /// When httpd does not accept.
    pub fn connect_to(&self, port: u16) -> Connection {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let connection =
            Connection::open(address).unwrap_or_else(|error| panic!("connecting to {address}: {error}"));
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(connection.stream()));
        connection
    }

    /// A request, to be completed and sent.
    pub fn request(&self, method: &str, target: &str) -> Request<'_> {
        Request::new(self, method, target)
    }

    /// A GET on a connection of its own.
    ///
    /// # Panics
    /// When no response can be read.
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target).send()
    }

    /// Sends bytes on a connection of their own and returns all that comes until it closes.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let mut connection = self.connect();
        connection.send_lossy(bytes);
        connection.finish_sending();
        connection.rest()
    }

    fn error_log_path(&self, name: &str) -> PathBuf {
        self.path("logs").join(format!("{name}.log"))
    }

    /// The lines of `logs/NAME.log`; the main log is `error`.
    pub fn log(&self, name: &str) -> Vec<LogLine> {
        logs::read(&self.error_log_path(name))
    }

    /// The lines of all error logs.
    pub fn logs(&self) -> Vec<LogLine> {
        logs::read_all(&self.path("logs"))
    }

    /// The lines of all error logs whose message matches a regular expression.
    pub fn logs_matching(&self, pattern: &str) -> Vec<LogLine> {
        let pattern = logs::compile(pattern);
        self.logs()
            .into_iter()
            .filter(|line| pattern.is_match(&line.message))
            .collect()
    }

    /// Waits for an error log line whose message matches a regular expression.
    ///
    /// # Panics
    /// When none appears in time.
    pub fn wait_for_log(&self, pattern: &str) -> LogLine {
        let found = wait_for(LOG_LIMIT, || self.logs_matching(pattern).into_iter().next());
        found.unwrap_or_else(|| panic!("no log line matches {pattern}"))
    }

    /// The lines of the access log: host, user, request line, status, body bytes, connection state.
    pub fn access_log(&self) -> Vec<String> {
        let text = fs::read(self.error_log_path("access")).unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_string)
            .collect()
    }

    /// Waits for an access log line that contains `part`; httpd writes it after the response.
    ///
    /// # Panics
    /// When none appears in time.
    pub fn wait_for_access(&self, part: &str) -> String {
        let found = wait_for(LOG_LIMIT, || {
            self.access_log().into_iter().find(|line| line.contains(part))
        });
        found.unwrap_or_else(|| panic!("no access log line contains {part}"))
    }

    /// Like [`Builder::allow_log`], once the server runs.
    pub fn allow_log(&self, pattern: &str) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .allow(pattern);
    }

    /// Like [`Builder::expect_log`], once the server runs.
    pub fn expect_log(&self, pattern: &str) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .expect(pattern);
    }

    /// Like [`Builder::expect_exception`], once the server runs.
    pub fn expect_exception(&self, pattern: &str) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .expect_exception(pattern);
    }

    /// A graceful restart; returns when the new generation serves.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn graceful(&self) {
        self.restart_by(libc::SIGUSR1);
    }

    /// An ungraceful restart; returns when the new generation serves.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&self) {
        self.restart_by(libc::SIGHUP);
    }

    fn restart_by(&self, number: i32) {
        let before = self.times_started();
        process::signal(self.parent_pid(), number).expect("httpd's parent runs");
        assert!(
            wait_until(START_LIMIT, || self.times_started() > before),
            "httpd did not come back\n{}",
            self.report()
        );
    }

    /// Signals a graceful restart without waiting for its line in the log, which may be moved away.
    ///
    /// # Panics
    /// When httpd's parent does not run.
    pub fn reload(&self) {
        process::signal(self.parent_pid(), libc::SIGUSR1).expect("httpd's parent runs");
    }

    /// Kills httpd's parent and its serving children at once; what daemon processes there are has to end by
    /// itself, which [`Server::finish`] checks.
    ///
    /// # Panics
    /// When httpd's parent does not run.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        let children = self.children();
        process::signal(self.parent_pid(), libc::SIGKILL).expect("httpd's parent runs");
        for child in children {
            let _ = process::signal(child, libc::SIGKILL);
        }
    }

    /// Replaces the text after the generated part of the configuration, for the next restart.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn rewrite_config(&self, change: impl FnOnce(String) -> String) {
        fs::write(self.path("conf/httpd.conf"), change(self.config_text()))
            .expect("the configuration is writable");
    }

    /// Stops the server and fails the test when something is wrong with what it left.
    ///
    /// # Panics
    /// With every problem found, the configuration and the logs.
    pub fn finish(self) {
        if let Err(problems) = self.try_finish() {
            panic!("{problems}");
        }
    }

    /// Stops the server.
    ///
    /// # Errors
    /// Every problem found with what it left, the configuration and the logs.
    pub fn try_finish(mut self) -> Result<(), String> {
        self.conclude()
    }

    fn conclude(&mut self) -> Result<(), String> {
        self.finished = true;
        self.hang_up();
        let mut problems = match self.keeps_connections {
            true => Vec::new(),
            false => checks::held_descriptors(self.parent_pid(), self.root()),
        };
        problems.extend(self.stop());
        problems.extend(checks::left_files(self.root()));
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
        problems.extend(rules.violations(&self.logs()));
        if problems.is_empty() {
            return Ok(());
        }
        Err(format!("{}\n{}", problems.join("\n"), self.report()))
    }

    /// Ends the connections a test still holds, so that children become idle.
    fn hang_up(&self) {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// TERM, wait, KILL; what went wrong on the way.
    fn stop(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.watchdog.take().is_some_and(Watchdog::end) {
            problems.push("the server outlived its limit and was killed".to_string());
        }
        let group = self.parent_pid();
        let started = process::descendants_of(group);
        let _ = process::signal(group, libc::SIGTERM);
        match wait_for(STOP_LIMIT, || self.try_wait().transpose()) {
            Some(Ok(status)) if status.success() || self.killed.load(Ordering::Acquire) => {}
            Some(Ok(status)) => problems.push(format!("httpd ended with {status}")),
            Some(Err(error)) => problems.push(format!("waiting for httpd: {error}")),
            None => {
                problems.push("httpd did not stop on TERM".to_string());
                let _ = process::signal_group(group, libc::SIGKILL);
                let _ = self.child.wait();
            }
        }
        let marker = format!("{MARKER}={}", self.root().display());
        problems.extend(checks::orphans(group, &marker, &started));
        problems
    }

    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match self.child.try_wait() {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            result => result,
        }
    }

    /// Configuration and logs, for a failure message.
    pub fn report(&self) -> String {
        let mut text = format!("--- httpd.conf\n{}", self.config_text());
        let mut files = process::files_below(&self.path("logs"), &|_, _| true);
        files.sort();
        for file in files {
            text.push_str(&format!("--- {}\n{}", file.display(), tail(&file)));
        }
        text
    }
}

fn tail(file: &Path) -> String {
    let mut bytes = Vec::new();
    let _ = File::open(file).and_then(|mut open| open.read_to_end(&mut bytes));
    let from = bytes.len().saturating_sub(PRINTED);
    String::from_utf8_lossy(&bytes[from..]).into_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if thread::panicking() {
            self.hang_up();
            let problems = self.stop();
            eprintln!("{}\n{}", problems.join("\n"), self.report());
        } else if let Err(problems) = self.conclude() {
            panic!("{problems}");
        }
    }
}

/// Kills a server that lives too long.
#[derive(Debug)]
struct Watchdog {
    cancel: Sender<()>,
    fired: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    fn start(group: u32, limit: Duration) -> Watchdog {
        let (cancel, cancelled) = mpsc::channel();
        let fired = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&fired);
        let thread = thread::spawn(move || {
            if cancelled.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                flag.store(true, Ordering::Release);
                let _ = process::signal_group(group, libc::SIGKILL);
            }
        });
        Watchdog {
            cancel,
            fired,
            thread,
        }
    }

    /// Whether it had to kill.
    fn end(self) -> bool {
        let _ = self.cancel.send(());
        let _ = self.thread.join();
        self.fired.load(Ordering::Acquire)
    }
}
