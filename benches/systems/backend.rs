//! Application servers beside a web server: gunicorn, Granian, uWSGI, `rwsgi fastcgi`.

use std::process::Command;

use crate::Failure;
use crate::systems::case::Case;
use crate::systems::httpd::Address;
use crate::systems::program::{Program, free_port};
use crate::systems::site::Site;
use crate::systems::{DAEMON, Ready, System};

/// Connections that may wait, where the server's own limit is below those of the client.
const BACKLOG: &str = "512";

/// Starts what this system runs beside a web server, if it does, and waits until it accepts connections.
pub(crate) fn start(ready: &Ready, case: Case, site: &Site) -> Result<Option<Program>, Failure> {
    let (command, address) = match ready.system {
        System::ProxyGunicorn | System::NginxGunicorn => gunicorn(ready, case, site)?,
        System::ProxyGranian | System::Granian => granian(ready, case, site)?,
        System::ProxyUwsgi | System::NginxUwsgi => uwsgi(ready, case, site, "--uwsgi-socket")?,
        System::NginxUwsgiFastcgi => uwsgi(ready, case, site, "--fastcgi-socket")?,
        System::HttpdRwsgiFastcgi | System::NginxRwsgiFastcgi => rwsgi(ready, case, site, "fastcgi")?,
        System::NginxRwsgiScgi => rwsgi(ready, case, site, "scgi")?,
        _ => return Ok(None),
    };
    Program::start(command, address, site.path("run/backend.log")).map(Some)
}

fn gunicorn(ready: &Ready, case: Case, site: &Site) -> Result<(Command, Address), Failure> {
    let port = free_port()?;
    let mut command = program(ready, site, "gunicorn")?;
    command
        .args(["--worker-class", "gthread", "--workers", &processes()])
        .args(["--threads", &threads(), "--keep-alive", "75"])
        .args(["--log-level", "warning", "--no-control-socket"])
        .args(["--bind", &format!("127.0.0.1:{port}"), &application(case)]);
    Ok((command, Address::Port(port)))
}

fn granian(ready: &Ready, case: Case, site: &Site) -> Result<(Command, Address), Failure> {
    let port = free_port()?;
    let mut command = program(ready, site, "granian")?;
    command
        .args(["--interface", "wsgi", "--http", "1", "--no-ws"])
        .args(["--workers", &processes(), "--blocking-threads", &threads()])
        .args(["--log-level", "warning", "--host", "127.0.0.1"])
        .args(["--port", &port.to_string(), &application(case)]);
    Ok((command, Address::Port(port)))
}

fn uwsgi(ready: &Ready, case: Case, site: &Site, listener: &str) -> Result<(Command, Address), Failure> {
    let socket = site.path("run/uwsgi.sock");
    let mut command = program(ready, site, "uwsgi")?;
    command
        .args(["--master", "--die-on-term", "--need-app", "--vacuum"])
        .args(["--processes", &processes(), "--threads", &threads()])
        .args(["--disable-logging", "--listen", BACKLOG, listener])
        .arg(&socket)
        .args(["--module", &application(case)]);
    Ok((command, Address::Socket(socket)))
}

fn rwsgi(ready: &Ready, case: Case, site: &Site, protocol: &str) -> Result<(Command, Address), Failure> {
    let socket = site.path("run/rwsgi.sock");
    let apps = site.path("apps");
    let mut command = site.command(&ready.folder()?.join("rwsgi"));
    command
        .arg(protocol)
        .arg(apps.join(case.module()).with_extension("py"))
        .arg("--listen")
        .arg(format!("unix:{}", socket.display()))
        .args(["--processes", &processes(), "--threads", &threads()])
        .args(["--listen-backlog", BACKLOG, "--log-level", "warn"])
        .arg("--python-path")
        .arg(&apps);
    Ok((command, Address::Socket(socket)))
}

/// A program of the system's virtual environment.
fn program(ready: &Ready, site: &Site, name: &str) -> Result<Command, Failure> {
    Ok(site.command(&ready.folder()?.join("bin").join(name)))
}

fn processes() -> String {
    DAEMON.0.to_string()
}

fn threads() -> String {
    DAEMON.1.to_string()
}

fn application(case: Case) -> String {
    format!("{}:application", case.module())
}
