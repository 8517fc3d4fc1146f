//! The socket that web servers connect to.

use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::{env, fmt, io};

use super::arguments::ListenArguments;
use crate::config::plan::Plan;
use crate::gateway::Code;
use crate::sys::{inherit, listener, user};

/// The first descriptor that systemd passes (sd_listen_fds(3)).
const SYSTEMD_FIRST: i32 = 3;

/// Where to listen, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    /// A UNIX socket that is made.
    Path(PathBuf),
    /// An address of the network.
    Network(SocketAddr),
    /// A socket that was inherited.
    Inherited(i32),
    /// The one that systemd passes.
    Systemd,
}

impl ListenArguments {
    /// Whether the socket is made here, and is nobody else's.
    pub(super) fn is_own(&self) -> bool {
        matches!(
            Address::parse(self.listen.as_deref().unwrap_or(USUAL_ADDRESS)),
            Ok(Address::Path(_) | Address::Network(_))
        )
    }
}

/// An open socket.
#[derive(Debug)]
pub(super) struct Listening {
    address: Address,
    listener: OwnedFd,
}

/// Where it listens unless told otherwise.
const USUAL_ADDRESS: &str = "systemd";
/// Who may connect to a UNIX socket unless told otherwise: its owner and its group.
const USUAL_MODE: &str = "660";

impl Listening {
    /// Opens the socket that the arguments name, for the processes of `plan`.
    pub(super) fn open(arguments: &ListenArguments, plan: &Plan) -> Result<Listening, String> {
        let address = Address::parse(arguments.listen.as_deref().unwrap_or(USUAL_ADDRESS))?;
        let failed = |error: io::Error| format!("cannot listen at {address}: {error}");
        let backlog = plan
            .groups
            .iter()
            .map(|group| group.options.backlog().max(group.options.threads))
            .max()
            .unwrap_or_default();
        let listener = match &address {
            Address::Path(path) => {
                let mode = mode(arguments.socket_mode.as_deref().unwrap_or(USUAL_MODE))?;
                listener::listen_at_path(path, mode, owner(arguments)?, backlog).map_err(failed)?
            }
            Address::Network(network) => {
                if !network.ip().is_loopback() {
                    eprintln!(
                        "rwsgi: {}: whoever can connect to {network} passes for a web server; listen on a UNIX socket \
                         or a loopback address, or let a firewall see to who connects",
                        Code::LISTENS_OPENLY
                    );
                }
                listener::listen_at_address(*network, backlog).map_err(failed)?
            }
            Address::Inherited(number) => inherit::take(*number).map_err(failed)?,
            Address::Systemd => {
                from_systemd(&|name| env::var(name).ok(), std::process::id())?;
                inherit::take(SYSTEMD_FIRST).map_err(failed)?
            }
        };
        if !listener::listens(&listener) {
            return Err(format!(
                "cannot listen at {address}: it is no stream socket that listens"
            ));
        }
        Ok(Listening { address, listener })
    }

    /// How it is told of.
    pub(super) fn address(&self) -> &impl fmt::Display {
        &self.address
    }

    /// The socket once more.
    pub(super) fn descriptor(&self) -> Result<OwnedFd, String> {
        let copy = self.listener.try_clone();
        copy.map_err(|error| format!("cannot listen at {}: {error}", self.address))
    }
}

/// Removes the file of a socket that was made here.
impl Drop for Listening {
    fn drop(&mut self) {
        if let Address::Path(path) = &self.address {
            // Whoever removed it before wanted the same.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Whether systemd passes this process exactly one socket.
fn from_systemd(variable: &dyn Fn(&str) -> Option<String>, own: u32) -> Result<(), String> {
    let number = |name: &str| variable(name)?.parse::<u32>().ok();
    if number("LISTEN_PID") != Some(own) {
        return Err(
            "nobody passes a socket: give --listen unix:PATH or HOST:PORT, or start this by a socket unit of systemd"
                .to_owned(),
        );
    }
    match number("LISTEN_FDS") {
        Some(1) => Ok(()),
        count => Err(format!(
            "systemd passes {} sockets, and one is served: have a service for each",
            count.unwrap_or_default()
        )),
    }
}

fn mode(digits: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(digits, 8).ok();
    mode.filter(|mode| *mode <= 0o777)
        .ok_or_else(|| format!("--socket-mode {digits}: it takes octal digits from 0 to 777"))
}

/// User and group numbers of a UNIX socket.
fn owner(arguments: &ListenArguments) -> Result<(Option<u32>, Option<u32>), String> {
    let lookup = |option: &str, value: &Option<String>, find: fn(&str) -> Option<u32>| match value {
        None => Ok(None),
        Some(value) => find(value)
            .map(Some)
            .ok_or_else(|| format!("--{option} {value}: there is no such account; write a name, or #number")),
    };
    Ok((
        lookup("socket-owner", &arguments.socket_owner, user::user_number_meant)?,
        lookup("socket-group", &arguments.socket_group, user::group_number_meant)?,
    ))
}

impl Address {
    fn parse(text: &str) -> Result<Address, String> {
        if text == "systemd" {
            return Ok(Address::Systemd);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let absolute = std::path::absolute(Path::new(path));
            return absolute
                .map(Address::Path)
                .map_err(|error| format!("--listen {text}: {error}"));
        }
        if let Some(number) = text.strip_prefix("fd:") {
            let number = number.parse().ok().filter(|number| (3..64).contains(number));
            return number
                .map(Address::Inherited)
                .ok_or_else(|| format!("--listen {text}: it takes a number from 3 to 63"));
        }
        let resolved = text.to_socket_addrs().ok().and_then(|mut found| found.next());
        resolved
            .map(Address::Network)
            .ok_or_else(|| format!("--listen {text}: it takes unix:PATH, HOST:PORT, fd:N or systemd"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Path(path) => write!(f, "unix:{}", path.display()),
            Address::Network(address) => address.fmt(f),
            Address::Inherited(number) => write!(f, "fd:{number}"),
            Address::Systemd => f.write_str("the socket that systemd passes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        assert_eq!(Address::parse("unix:/run/a"), Ok(Address::Path("/run/a".into())));
        assert_eq!(
            Address::parse("127.0.0.1:9000"),
            Ok(Address::Network(SocketAddr::from(([127, 0, 0, 1], 9000))))
        );
        assert!(matches!(Address::parse("[::1]:9000"), Ok(Address::Network(_))));
        assert_eq!(Address::parse("fd:3"), Ok(Address::Inherited(3)));
        assert_eq!(Address::parse("systemd"), Ok(Address::Systemd));
        for text in ["", "9000", "fd:2", "fd:x", "unix:", "/run/a"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn systemd_is_believed_when_it_means_this_process() {
        let with = |pid: &str, count: &str| {
            let (pid, count) = (pid.to_owned(), count.to_owned());
            let told = from_systemd(
                &|name| match name {
                    "LISTEN_PID" => Some(pid.clone()),
                    "LISTEN_FDS" => Some(count.clone()),
                    _ => None,
                },
                7,
            );
            told.is_ok()
        };
        assert!(with("7", "1"));
        assert!(!with("8", "1") && !with("7", "2") && !with("", ""));
    }
}
