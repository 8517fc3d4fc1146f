//! A `rwsgi serve` that runs, and what must be gone when it has ended.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rwsgi_harness::{
    Connection, Response, command_under_test, module_under_test, process, wait_for, wait_until,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Marks every process of one server.
const MARKER: &str = "RWSGI_TEST_CLI";

/// The command, with nothing of the test's environment but the parts under test.
pub(crate) fn rwsgi(folder: &Path) -> Command {
    let mut command = Command::new(command_under_test());
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("RWSGI_MODULE", module_under_test())
        .env(MARKER, folder)
        // Where private folders are made.
        .env("TMPDIR", folder)
        .current_dir(folder);
    command
}

/// Starts `rwsgi serve` with these arguments in a folder, at any free port.
pub(crate) fn serve(folder: &Path, arguments: &[&str]) -> Running {
    start(
        rwsgi(folder).args(["serve", "--port", "0"]).args(arguments),
        folder,
    )
}

/// Private folders of servers in a folder.
pub(crate) fn private_folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("rwsgi-serve-")).collect()
}

/// Starts a command that serves, and waits until it says where.
pub(crate) fn start(command: &mut Command, folder: &Path) -> Running {
    let errors = File::create(folder.join("err.txt")).expect("a file");
    start_with(command, folder, errors.into())
}

/// As [`start`], with another place for the log.
pub(crate) fn start_with(command: &mut Command, folder: &Path, errors: Stdio) -> Running {
    let outputs = ["out", "err"].map(|name| folder.join(format!("{name}.txt")));
    let output = File::create(&outputs[0]).expect("a file");
    let child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .expect("rwsgi runs");
    let mut running = Running {
        child,
        folder: folder.to_owned(),
        marker: format!("{MARKER}={}", folder.display()),
        outputs,
        port: 0,
        processes: Vec::new(),
        finished: false,
    };
    let port = wait_for(PATIENCE, || running.told_port());
    running.port = port.unwrap_or_else(|| panic!("nothing is served\n{}", running.report()));
    running.processes = process::descendants_of(running.child.id());
    running
}

/// A server.
pub(crate) struct Running {
    child: Child,
    folder: PathBuf,
    marker: String,
    outputs: [PathBuf; 2],
    pub(crate) port: u16,
    processes: Vec<process::Process>,
    finished: bool,
}

impl Running {
    fn told_port(&self) -> Option<u16> {
        let text = self.output();
        let (_, rest) = text.split_once(" at http")?;
        let (_, rest) = rest
            .rsplit_once("Ctrl-C")
            .map_or((rest, ""), |(rest, _)| ("", rest));
        let address = rest.split_whitespace().next()?;
        address
            .trim_end_matches('/')
            .rsplit(':')
            .next()?
            .split('/')
            .next()?
            .parse()
            .ok()
    }

    /// What it has printed.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.outputs[0]).unwrap_or_default()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.outputs[1]).unwrap_or_default()
    }

    pub(crate) fn report(&self) -> String {
        format!("--- output\n{}--- log\n{}", self.output(), self.log())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A GET with further fields, each `Name: value`.
    #[track_caller]
    pub(crate) fn get_with(&self, path: &str, fields: &[&str]) -> Response {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut connection =
            Connection::open(address).unwrap_or_else(|error| panic!("{error}\n{}", self.report()));
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        connection.send_lossy(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n"
        ));
        connection
            .try_response()
            .unwrap_or_else(|error| panic!("{error}\n{}", self.report()))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Response {
        self.get_with(path, &[])
    }

    /// The body of a GET that must succeed.
    #[track_caller]
    pub(crate) fn text(&self, path: &str) -> String {
        let response = self.get(path);
        assert_eq!(
            response.status,
            200,
            "{path}: {}\n{}",
            response.text(),
            self.report()
        );
        response.text()
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(wait_until(PATIENCE, condition), "{what}\n{}", self.report());
    }

    /// Sends the command a signal and waits for its end.
    pub(crate) fn signal(&mut self, number: i32) -> ExitStatus {
        process::signal(self.child.id(), number).expect("it runs");
        self.wait_for_end()
    }

    /// Sends the command a signal again and again.
    pub(crate) fn signal_until_it_ends(&mut self, number: i32) {
        let ended = wait_for(PATIENCE, || {
            process::signal(self.child.id(), number).expect("not waited for yet");
            self.child.try_wait().expect("our own child")
        });
        assert!(ended.is_some(), "it does not end\n{}", self.report());
    }

    /// Waits for its end, which has been asked for.
    #[track_caller]
    pub(crate) fn wait_for_success(&mut self) {
        let status = self.wait_for_end();
        assert!(status.success(), "{status}\n{}", self.report());
    }

    #[track_caller]
    fn wait_for_end(&mut self) -> ExitStatus {
        let ended = wait_for(PATIENCE, || self.child.try_wait().expect("our own child"));
        ended.unwrap_or_else(|| panic!("it does not end\n{}", self.report()))
    }

    /// What is left of it: processes and its private folder.
    pub(crate) fn left(&self) -> Vec<String> {
        let alive = process::members(self.child.id(), &self.marker);
        let mut left: Vec<String> = alive.iter().map(|found| format!("{found:?}")).collect();
        let known = self
            .processes
            .iter()
            .filter(|found| process::all().contains(found));
        left.extend(known.map(|found| format!("{found:?}")));
        left.extend(private_folders(&self.folder));
        left
    }

    /// Ctrl-C, after which nothing is left.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        let status = self.signal(libc::SIGINT);
        self.finished = true;
        assert!(status.success(), "{status}\n{}", self.report());
        assert!(self.output().ends_with("Stopped.\n"), "{}", self.report());
        let left = self.left();
        assert!(left.is_empty(), "{left:#?}\n{}", self.report());
    }

    /// Ended by somebody else.
    pub(crate) fn forget(mut self) {
        self.finished = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.finished {
            // A test has failed; httpd ends with the command.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
