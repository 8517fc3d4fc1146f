//! httpd in the foreground, from its start to its end.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::configuration::{self, Places};
use super::reload::Changes;
use super::site::Site;
use super::{place, private_root};
use crate::config::daemon_group::DaemonOptions;
use crate::sys::child::{Child, Ending};
use crate::sys::poll::Poll;
use crate::sys::signals::{self, SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGWINCH};
use crate::sys::{file, foreground};

/// How often it is looked whether httpd has begun to listen.
const STEP: Duration = Duration::from_millis(10);
/// How long httpd may take to begin.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked whether httpd has answered its last request.
const DRAIN_STEP: Duration = Duration::from_millis(50);
/// How long a further signal to end is the same one: some who start programs send it to a process and to its group.
const SAME_WISH: Duration = Duration::from_millis(300);
/// How long httpd may take to stop, beyond what the applications are given.
const STOP_MARGIN: Duration = Duration::from_secs(20);

/// Serves until a signal or httpd's own end.
pub(super) fn run(site: &Site) -> Result<String, String> {
    let watched = signals::watch(&[SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD])
        .map_err(|error| format!("signals cannot be watched: {error}"))?;
    let changes = if site.options.reload {
        Some(Changes::watch(site)?)
    } else {
        None
    };
    // httpd opens the same files for its logs.
    file::write_at_end(io::stdout());
    file::write_at_end(io::stderr());
    let root = private_root()?;
    let places = place::foreground(site, root.path());
    place::write(site, &places)?;
    let mut server = Server {
        child: start(site, &places)?,
        signals: File::from(watched),
        changes,
        limits: Limits::of(site),
        listens: false,
        stopping: None,
        asked_to_stop: None,
        has_ended: false,
    };
    server.wait_until_it_listens(&places.run.join("httpd.pid"))?;
    tell(site);
    server.serve()
}

/// httpd, with nothing of the terminal but its outputs.
fn start(site: &Site, places: &Places) -> Result<Child, String> {
    let mut command = Command::new(&site.httpd.program);
    command
        .arg("-DFOREGROUND")
        .arg("-f")
        .arg(places.root.join("httpd.conf"))
        .stdin(Stdio::null())
        .current_dir("/");
    if places.log == place::OUTPUT_PROGRAM {
        let errors = io::stderr().as_fd().try_clone_to_owned();
        command.stdout(errors.map_err(|error| format!("standard error: {error}"))?);
    }
    if site.options.embedded {
        for served in &site.applications {
            command.envs(served.options.env.iter().map(|pair| (&pair.name, &pair.value)));
        }
    }
    foreground::adopt_orphans().map_err(|error| format!("processes cannot be followed: {error}"))?;
    foreground::start(&mut command)
        .map_err(|error| format!("{} cannot be started: {error}", site.httpd.program.display()))
}

/// Says where the applications are.
fn tell(site: &Site) {
    let address = site.address();
    let mut text = String::new();
    for served in site.applications.iter().rev() {
        let python = match (&served.options.python, &served.venv) {
            (Some(file), _) => format!(" ({})", file.display()),
            (None, Some(venv)) => format!(" ({})", venv.display()),
            (None, None) => String::new(),
        };
        let path = served.mount.trim_start_matches('/');
        text.push_str(&format!(
            "Serving {}{python} at {address}{path}\n",
            served.application
        ));
    }
    if let Some(port) = site.https_port {
        text.push_str(&format!("TLS at https://{}:{port}/\n", site.server_name()));
    }
    if site.options.reload {
        text.push_str("Changes are served at once, and clients see tracebacks: for development only.\n");
    }
    text.push_str("Ctrl-C stops it.\n");
    say(&text);
}

/// Prints. A terminal that has gone is no reason to fail: a signal tells of it.
fn say(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// How long an end may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For the requests that run.
    drain: Duration,
    /// For httpd and the processes of applications after that.
    end: Duration,
}

impl Limits {
    fn of(site: &Site) -> Limits {
        let longest = |limit: fn(&DaemonOptions) -> Option<Duration>| {
            let options = site.applications.iter();
            let found = options.filter_map(|served| limit(&configuration::daemon_options(site, served)));
            found.max().unwrap_or_default()
        };
        Limits {
            drain: longest(|options| options.graceful_timeout),
            end: longest(|options| options.shutdown_timeout) + STOP_MARGIN,
        }
    }
}

/// How far the end has come.
#[derive(Debug, Clone, Copy)]
enum Stopping {
    /// httpd takes no further requests and answers those it has, until then.
    Draining(Instant),
    /// httpd ends its processes, and is killed then.
    Ending(Instant),
}

/// A running httpd.
struct Server {
    child: Child,
    signals: File,
    changes: Option<Changes>,
    limits: Limits,
    /// Whether it is so far that it understands signals.
    listens: bool,
    stopping: Option<Stopping>,
    /// When it was asked to.
    asked_to_stop: Option<Instant>,
    /// Whether its end has been told, which it is once.
    has_ended: bool,
}

impl Server {
    /// Once httpd has written its number, it listens.
    fn wait_until_it_listens(&mut self, number: &Path) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        while fs::metadata(number).is_err() {
            self.step(Some(STEP))?;
            if let Some(ending) = self.ending() {
                return match ending {
                    Ending::Exited(0) if self.stopping.is_some() => {
                        Err("stopped before it served".to_owned())
                    }
                    ending => Err(format!("httpd did not start ({})", described(ending))),
                };
            }
            if Instant::now() > deadline && self.stopping.is_none() {
                self.stop();
            }
        }
        self.listens = true;
        Ok(())
    }

    fn serve(mut self) -> Result<String, String> {
        loop {
            self.step(None)?;
            let Some(ending) = self.ending() else {
                continue;
            };
            return match (self.stopping, ending) {
                (Some(_), Ending::Exited(0)) => Ok("Stopped.\n".to_owned()),
                (Some(_), ending) => Err(format!("httpd was stopped with {}", described(ending))),
                (None, ending) => Err(format!("httpd ended by itself, with {}", described(ending))),
            };
        }
    }

    /// Waits for something to happen, at most as long as `limit`, and reacts.
    fn step(&mut self, limit: Option<Duration>) -> Result<(), String> {
        self.go_on_stopping();
        let left = match self.stopping {
            None => None,
            Some(Stopping::Draining(_)) => Some(DRAIN_STEP),
            // One that has been killed ends soon.
            Some(Stopping::Ending(by)) => Some(by.saturating_duration_since(Instant::now()).max(STEP)),
        };
        let quiet = self.changes.as_ref().and_then(Changes::quiet_in);
        let limit = [limit, left, quiet].into_iter().flatten().min();
        let mut poll = Poll::default();
        poll.add(self.child.as_fd(), false);
        poll.add(self.signals.as_fd(), false);
        if let Some(changes) = &self.changes {
            poll.add(changes.as_fd(), false);
        }
        let ready = poll
            .wait(limit)
            .map_err(|error| format!("waiting for httpd: {error}"))?;
        if ready.get(1) == Some(&true) {
            self.take_signal()?;
        }
        if let Some(changes) = &mut self.changes
            && changes.take()
            && self.stopping.is_none()
        {
            say(&format!("{} changed: serving again\n", changes.last()));
            self.child.signal(SIGUSR1);
        }
        Ok(())
    }

    fn take_signal(&mut self) -> Result<(), String> {
        let mut byte = [0];
        self.signals
            .read_exact(&mut byte)
            .map_err(|error| format!("signals: {error}"))?;
        match i32::from(byte[0]) {
            SIGUSR1 => self.child.signal(SIGUSR1),
            SIGCHLD => foreground::reap_orphans(&self.child),
            _ => match self.asked_to_stop {
                None => self.stop(),
                Some(asked) if asked.elapsed() < SAME_WISH => {}
                // Whoever asks twice does not want to wait.
                Some(_) => self.stopping = Some(Stopping::Ending(Instant::now())),
            },
        }
        Ok(())
    }

    /// How httpd has ended. One that was killed has left its processes behind.
    fn ending(&mut self) -> Option<Ending> {
        let ending = self.child.ending()?;
        self.has_ended = true;
        if matches!(ending, Ending::Killed(_)) {
            foreground::kill_children();
        }
        Some(ending)
    }

    fn stop(&mut self) {
        self.asked_to_stop = Some(Instant::now());
        say("Stopping; Ctrl-C once more does not wait for requests.\n");
        if !self.listens {
            return self.end();
        }
        self.child.signal(SIGWINCH);
        self.stopping = Some(Stopping::Draining(Instant::now() + self.limits.drain));
    }

    /// Has httpd end its processes, whatever they do.
    fn end(&mut self) {
        self.child.terminate();
        self.stopping = Some(Stopping::Ending(Instant::now() + self.limits.end));
    }

    /// httpd itself would notice only after a second that its last process has ended.
    fn go_on_stopping(&mut self) {
        match self.stopping {
            Some(Stopping::Draining(by)) if Instant::now() >= by || !foreground::has_copies(&self.child) => {
                self.end();
            }
            Some(Stopping::Ending(by)) if Instant::now() >= by => self.child.kill(),
            _ => {}
        }
    }
}

/// Whatever ends this command, httpd does not outlive it.
impl Drop for Server {
    fn drop(&mut self) {
        if self.has_ended || self.ending().is_some() {
            return;
        }
        self.end();
        while self.ending().is_none() {
            if self.step(None).is_err() {
                self.child.kill();
            }
        }
    }
}

fn described(ending: Ending) -> String {
    match ending {
        Ending::Exited(status) => format!("status {status}"),
        Ending::Killed(signal) => format!("signal {signal}"),
    }
}
