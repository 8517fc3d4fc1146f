//! `rwsgi fastcgi` and `rwsgi scgi` as processes, with everything that they leave.

use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rwsgi_harness::{command_under_test, process, usual_python, wait_for, wait_until};
use tempfile::TempDir;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with the application, which servers under other accounts can read.
pub(crate) struct Site(TempDir);

impl Site {
    /// With the application of the suite.
    pub(crate) fn new() -> Site {
        let source = fs::read_to_string(repository().join("tests/apps/other_servers.py")).expect("there");
        Site::with(&source)
    }

    /// With this application.
    pub(crate) fn with(source: &str) -> Site {
        let folder = tempfile::Builder::new()
            .prefix("rwsgi-other-")
            .tempdir()
            .expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("set");
        let site = Site(folder);
        site.write("wsgi.py", source);
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        // A reader never sees half of it.
        let new = path.with_extension("new");
        fs::write(&new, text).expect("written");
        fs::set_permissions(&new, Permissions::from_mode(0o644)).expect("set");
        fs::rename(new, path).expect("renamed");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// An address that nobody has at the moment.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    listener.local_addr().expect("bound")
}

/// Arguments that have applications run as the account of servers, where that is another.
pub(crate) fn account() -> Vec<String> {
    process::serving_account().map_or_else(Vec::new, |account| {
        vec![
            "--user".to_owned(),
            account.name.to_owned(),
            "--socket-group".to_owned(),
            account.group.to_owned(),
        ]
    })
}

/// A running `rwsgi`.
pub(crate) struct Standalone {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Standalone {
    /// Starts `rwsgi PROTOCOL wsgi.py --listen LISTEN` with more arguments, and waits until it takes requests.
    pub(crate) fn start(site: &Site, protocol: &str, listen: &str, more: &[&str]) -> Standalone {
        let started = Self::spawn(site, protocol, listen, more);
        started.wait_for_log("takes requests");
        started
    }

    /// As [`start`](Self::start), without waiting.
    pub(crate) fn spawn(site: &Site, protocol: &str, listen: &str, more: &[&str]) -> Standalone {
        Self::spawn_app(site, protocol, "wsgi.py", listen, more)
    }

    /// As [`spawn`](Self::spawn), for another application.
    pub(crate) fn spawn_app(
        site: &Site,
        protocol: &str,
        app: &str,
        listen: &str,
        more: &[&str],
    ) -> Standalone {
        let mut command = Command::new(command_under_test());
        command.args([protocol, app, "--listen", listen]);
        Self::run(site, protocol, &mut command, more)
    }

    /// Starts `rwsgi fastcgi` as a file of the site says, and waits until it takes requests.
    pub(crate) fn start_by_file(site: &Site, file: &str) -> Standalone {
        let mut command = Command::new(command_under_test());
        command.args(["fastcgi", "--config"]).arg(site.path(file));
        let started = Self::run(site, "fastcgi", &mut command, &[]);
        started.wait_for_log("takes requests");
        started
    }

    /// Starts `rwsgi fastcgi wsgi.py` with `listener`, by a Python program that leaves it where systemd does.
    pub(crate) fn spawn_by(site: &Site, program: &str, listener: &impl AsFd) -> Standalone {
        // A copy that is not closed on exec, for a moment.
        let copy = process::inheritable(listener);
        let mut command = Command::new(usual_python());
        command
            .args(["-c", program, &copy.as_raw_fd().to_string()])
            .arg(command_under_test())
            .args(["fastcgi", "wsgi.py"]);
        Self::run(site, "fastcgi", &mut command, &[])
    }

    /// Starts `rwsgi fastcgi wsgi.py` on a machine of a test's network, with its log in a file of this name.
    pub(crate) fn spawn_on(site: &Site, machine: &str, log: &str, listen: &str, more: &[&str]) -> Standalone {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", machine])
            .arg(command_under_test())
            .args(["fastcgi", "wsgi.py", "--listen", listen]);
        Self::run(site, log, &mut command, more)
    }

    /// Starts a command with more arguments, and its log in a file of this name.
    fn run(site: &Site, log: &str, command: &mut Command, more: &[&str]) -> Standalone {
        let log = site.path(&format!("{log}.log"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("made");
        command
            .arg("--python")
            .arg(usual_python())
            .args(account())
            .args(more)
            .current_dir(site.path(""))
            .env_remove("VIRTUAL_ENV")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("copied"))
            .stderr(file);
        process::end_with_starter(command);
        Standalone {
            child: command.spawn().expect("started"),
            log,
        }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until the log has `text`.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let found = wait_until(PATIENCE, || self.log().contains(text));
        assert!(found, "no '{text}' in:\n{}", self.log());
    }

    /// Waits until `text` is in the log so often.
    pub(crate) fn wait_for_count(&self, text: &str, count: usize) {
        let found = wait_until(PATIENCE, || self.log().matches(text).count() >= count);
        assert!(found, "not {count} times '{text}' in:\n{}", self.log());
    }

    pub(crate) fn signal(&self, signal: i32) {
        process::signal(self.child.id(), signal).expect("sent");
    }

    /// The process numbers of its workers.
    pub(crate) fn workers(&self) -> Vec<u32> {
        process::children_of(self.child.id())
    }

    /// Kills it and its workers, as a machine that fails does.
    pub(crate) fn kill(mut self) {
        let workers = self.workers();
        self.child.kill().expect("killed");
        for worker in workers {
            // It may have ended.
            let _ = process::signal(worker, libc::SIGKILL);
        }
        self.child.wait().expect("waited");
    }

    /// Has it end, and looks at what is left; the log.
    pub(crate) fn finish(mut self) -> String {
        let workers = self.workers();
        self.signal(libc::SIGTERM);
        let status = wait_for(PATIENCE, || self.child.try_wait().expect("waits"));
        let log = self.log();
        assert!(status.is_some_and(|status| status.success()), "{status:?}\n{log}");
        let gone = wait_until(PATIENCE, || {
            workers.iter().all(|worker| !process::exists(*worker))
        });
        assert!(gone, "workers outlived it:\n{log}");
        log
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = process::signal(self.child.id(), libc::SIGTERM);
            if wait_for(PATIENCE, || self.child.try_wait().ok().flatten()).is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.log());
        }
    }
}
