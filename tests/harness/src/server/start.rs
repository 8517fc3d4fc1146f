//! Starting a server, and having it read its configuration again.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::watchdog::Watchdog;
use super::{SERVING, Server};
use crate::builder::{Builder, Layout, StartError};
use crate::client::Connection;
use crate::process;
use crate::wait::{wait_for, wait_until};

/// How long httpd may take to start or restart.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a single process may take to start; a profiler slows it 50 times.
const SLOW_START_LIMIT: Duration = Duration::from_secs(120);

impl Server {
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
}
