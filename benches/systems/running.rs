//! A system that serves: httpd or nginx, what it passes requests to, or both.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rwsgi_harness::{Connection, LogLine, Server};

use crate::Failure;
use crate::systems::case::Case;
use crate::systems::httpd::{self, Address};
use crate::systems::program::Program;
use crate::systems::site::Site;
use crate::systems::{Ready, System, backend, nginx};

/// Started by [`Running::start`]; stopped by [`Running::stop`] or when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    // The web server ends first, so that it finds nobody gone.
    server: Option<Server>,
    nginx: Option<Program>,
    backend: Option<Program>,
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
        let backend = backend::start(ready, case, site)?;
        let address = backend.as_ref().map(|backend| backend.address.clone());
        if ready.system == System::Granian {
            return Self::without_httpd(None, backend);
        }
        if ready.system.is_behind_nginx() {
            let address = address.ok_or("nginx needs somebody to ask")?;
            let nginx = nginx::start(ready, site, &address)?;
            return Self::without_httpd(Some(nginx), backend);
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
            nginx: None,
            backend,
            port,
        })
    }

    /// The client asks nginx, or else the application server itself.
    fn without_httpd(nginx: Option<Program>, backend: Option<Program>) -> Result<Running, Failure> {
        let Some(&Address::Port(port)) = nginx.as_ref().or(backend.as_ref()).map(|asked| &asked.address)
        else {
            return Err("it listens on no port".to_string());
        };
        Ok(Running {
            server: None,
            nginx,
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
            .chain(self.nginx.iter().chain(&self.backend).map(Program::pid))
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

    /// Lines of level warn or worse in the web server's logs.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let logs = self.server.as_ref().map(Server::logs).unwrap_or_default();
        let of_httpd = logs
            .into_iter()
            .filter(LogLine::is_trouble)
            .map(|line| line.message);
        let of_nginx = self.nginx.as_ref().map(Program::log).unwrap_or_default();
        of_httpd.chain(of_nginx.lines().map(str::to_string)).collect()
    }

    /// Stops everything; what was wrong with it.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        match self.server.take() {
            Some(server) => server.try_finish(),
            None => Ok(()),
        }
    }
}
