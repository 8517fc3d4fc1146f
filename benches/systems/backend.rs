//! Application servers beside httpd: gunicorn, Granian, uWSGI.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rwsgi_harness::{process, wait_for};

use crate::Failure;
use crate::systems::case::Case;
use crate::systems::httpd::Address;
use crate::systems::site::Site;
use crate::systems::{DAEMON, Ready, System};

/// How long one may take until it accepts connections.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long one may take to end before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running application server; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) address: Address,
    child: Child,
    log: PathBuf,
}

impl Backend {
    /// Starts what this system runs beside httpd, if it does, and waits until it accepts connections.
    pub(crate) fn start(ready: &Ready, case: Case, site: &Site) -> Result<Option<Backend>, Failure> {
        let Some((mut command, address)) = command(ready, case, site)? else {
            return Ok(None);
        };
        let log = site.path("run").join("backend.log");
        let opened = File::create(&log).and_then(|output| Ok((output.try_clone()?, output)));
        let (output, errors) = opened.map_err(|error| format!("{}: {error}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        process::end_with_starter(&mut command);
        let child = command
            .spawn()
            .map_err(|error| format!("{} cannot be run: {error}", command.get_program().display()))?;
        let mut backend = Backend { address, child, log };
        backend.await_start()?;
        Ok(Some(backend))
    }

    fn await_start(&mut self) -> Result<(), Failure> {
        let started = wait_for(START_LIMIT, || {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Some(false);
            }
            self.accepts().then_some(true)
        });
        if started == Some(true) {
            return Ok(());
        }
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        Err(format!("it does not accept connections\n{}", text.trim_end()))
    }

    fn accepts(&self) -> bool {
        match &self.address {
            Address::Port(port) => TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).is_ok(),
            Address::Socket(path) => UnixStream::connect(path).is_ok(),
        }
    }

    /// The process that started the others.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = process::signal(self.pid(), libc::SIGTERM);
        let ended = wait_for(STOP_LIMIT, || self.child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = process::signal_group(self.pid(), libc::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// How to start it, and where it then listens.
fn command(ready: &Ready, case: Case, site: &Site) -> Result<Option<(Command, Address)>, Failure> {
    let program = |name: &str| Ok::<_, Failure>(site.command(&ready.folder()?.join("bin").join(name)));
    let (processes, threads) = (DAEMON.0.to_string(), DAEMON.1.to_string());
    let application = format!("{}:application", case.module());
    Ok(match ready.system {
        System::ProxyGunicorn => {
            let port = free_port()?;
            let mut command = program("gunicorn")?;
            command
                .args(["--worker-class", "gthread", "--workers", &processes])
                .args(["--threads", &threads, "--keep-alive", "75"])
                .args(["--log-level", "warning", "--no-control-socket"])
                .args(["--bind", &format!("127.0.0.1:{port}"), &application]);
            Some((command, Address::Port(port)))
        }
        System::ProxyGranian | System::Granian => {
            let port = free_port()?;
            let mut command = program("granian")?;
            command
                .args(["--interface", "wsgi", "--http", "1", "--no-ws"])
                .args(["--workers", &processes, "--blocking-threads", &threads])
                .args(["--log-level", "warning", "--host", "127.0.0.1"])
                .args(["--port", &port.to_string(), &application]);
            Some((command, Address::Port(port)))
        }
        System::ProxyUwsgi => {
            let socket = site.path("run/uwsgi.sock");
            let mut command = program("uwsgi")?;
            command
                .args(["--master", "--die-on-term", "--need-app", "--vacuum"])
                .args(["--processes", &processes, "--threads", &threads])
                .args(["--disable-logging", "--listen", "512"])
                .arg("--uwsgi-socket")
                .arg(&socket)
                .args(["--module", &application]);
            Some((command, Address::Socket(socket)))
        }
        _ => None,
    })
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}
