//! A system that serves: httpd, what it passes requests to, or both.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rwsgi_harness::{Connection, LogLine, Server};

use crate::Failure;
use crate::systems::Ready;
use crate::systems::backend::Backend;
use crate::systems::case::Case;
use crate::systems::httpd::{self, Address};
use crate::systems::site::Site;

/// Started by [`Running::start`]; stopped by [`Running::stop`] or when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    // httpd ends first, so that it finds nobody gone.
    server: Option<Server>,
    backend: Option<Backend>,
    port: u16,
}

impl Running {
    /// Starts a system with the limits for this many connections; httpd is killed after `limit`.
    pub(crate) fn start(
        ready: &Ready,
        case: Case,
        site: &Site,
        connections: u32,
        limit: Duration,
    ) -> Result<Running, Failure> {
        let backend = Backend::start(ready, case, site)?;
        let address = backend.as_ref().map(|backend| backend.address.clone());
        if ready.system == super::System::Granian {
            let Some(Address::Port(port)) = address else {
                return Err("Granian listens on no port".to_string());
            };
            return Ok(Running {
                server: None,
                backend,
                port,
            });
        }
        let server = ready
            .httpd(case, site, address.as_ref())?
            .mpm_limits(&httpd::limits(connections))
            .limit(limit)
            .try_start()
            .map_err(|error| error.to_string())?;
        let port = server.port();
        Ok(Running {
            server: Some(server),
            backend,
            port,
        })
    }

    /// Where it answers on the loopback.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The processes that all others of the system descend from.
    pub(crate) fn roots(&self) -> Vec<u32> {
        let server = self.server.as_ref().map(Server::parent_pid);
        server
            .into_iter()
            .chain(self.backend.as_ref().map(Backend::pid))
            .collect()
    }

    /// Fails unless one request is answered as it has to be.
    pub(crate) fn check(&self, case: Case) -> Result<(), Failure> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut connection = Connection::open(address).map_err(|error| format!("no connection: {error}"))?;
        connection.send_lossy(case.request(self.port));
        let response = connection.try_response();
        match response {
            Ok(response) if response.status == 200 && case.is_answered_by(&response.body) => Ok(()),
            Ok(response) => Err(format!(
                "a request was answered with {} and {} bytes{}",
                response.status,
                response.body.len(),
                self.trouble()
            )),
            Err(error) => Err(format!("a request was not answered: {error}{}", self.trouble())),
        }
    }

    /// The last warning or error, for the reason of a failure.
    fn trouble(&self) -> String {
        let last = self.complaints().into_iter().next_back();
        last.map_or_else(String::new, |line| format!("; the last line logged: {line}"))
    }

    /// Lines of level warn or worse in httpd's logs.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let logs = self.server.as_ref().map(Server::logs).unwrap_or_default();
        logs.into_iter()
            .filter(LogLine::is_trouble)
            .map(|line| line.message)
            .collect()
    }

    /// Stops everything; what was wrong with it.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        match self.server.take() {
            Some(server) => server.try_finish(),
            None => Ok(()),
        }
    }
}
