//! A server that runs beside the benchmarks: an application server, or nginx.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rwsgi_harness::{process, wait_for};

use crate::Failure;
use crate::systems::httpd::Address;

/// How long one may take until it accepts connections.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long one may take to end before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running server; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) address: Address,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it, and waits until it accepts connections at this address; what it says goes to `log`.
    pub(crate) fn start(mut command: Command, address: Address, log: PathBuf) -> Result<Program, Failure> {
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
        let mut program = Program { address, child, log };
        program.await_start()?;
        Ok(program)
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
        let text = self.log();
        Err(format!("it does not accept connections\n{}", text.trim_end()))
    }

    fn accepts(&self) -> bool {
        match &self.address {
            Address::Port(port) => TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).is_ok(),
            Address::Socket(path) => UnixStream::connect(path).is_ok(),
        }
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The process that started the others.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = process::signal(self.pid(), libc::SIGTERM);
        let ended = wait_for(STOP_LIMIT, || self.child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = process::signal_group(self.pid(), libc::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// A port of the loopback that nobody has at the moment.
pub(crate) fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}
