//! A running httpd: its facts, and requests to it.
//!
//! | file | what |
//! |---|---|
//! | `start` | starting it, and restarts |
//! | `log` | its logs, and which lines are expected |
//! | `stop` | stopping it, and what it must not leave |
//! | `watchdog` | its end when a test hangs |

mod log;
mod start;
mod stop;
mod watchdog;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::builder::{Builder, Layout};
use crate::client::Connection;
use crate::logs::Rules;
use crate::process;
use crate::request::Request;
use crate::response::Response;
use watchdog::Watchdog;

/// What httpd logs at each start and restart.
const SERVING: &str = "resuming normal operations";
/// The short name of the supervisor's process.
const SUPERVISOR: &str = "rwsgi";

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

    /// Replaces the text after the generated part of the configuration, for the next restart.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn rewrite_config(&self, change: impl FnOnce(String) -> String) {
        fs::write(self.path("conf/httpd.conf"), change(self.config_text()))
            .expect("the configuration is writable");
    }
}
