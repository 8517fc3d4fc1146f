//! The httpd of each system: the event MPM, no access log, and one path that answers.

use std::path::Path;

use rwsgi_harness::{Builder, Mpm, Server};

use crate::Failure;
use crate::systems::case::Case;
use crate::systems::site::Site;
use crate::systems::{Ready, System};

/// Children from start to end: a count that changes would be measured too.
pub(crate) const PROCESSES: u32 = 2;

/// What httpd has for every system: threads in each of two processes that can take all connections.
///
/// Connections are not shared out evenly, and a process without a free thread closes kept connections,
/// which the client would take for errors: each process can take them all, and those just closed.
pub(crate) fn limits(connections: u32) -> String {
    let threads = (connections + connections / 4).max(25);
    let all = PROCESSES * threads;
    format!(
        "StartServers {PROCESSES}\nServerLimit {PROCESSES}\nThreadLimit {threads}\n\
         ThreadsPerChild {threads}\nMaxRequestWorkers {all}\nMinSpareThreads 1\nMaxSpareThreads {all}"
    )
}

/// Where a proxied system listens.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// On the loopback.
    Port(u16),
    /// At a UNIX socket.
    Socket(std::path::PathBuf),
}

impl Ready {
    /// httpd with this system, which answers `case`; `backend` is where the application runs if not in httpd.
    pub(crate) fn httpd(
        &self,
        case: Case,
        site: &Site,
        backend: Option<&Address>,
    ) -> Result<Builder, Failure> {
        let mut builder = Server::builder()
            .mpm(Mpm::Event)
            .without_module_under_test()
            .without_access_log()
            .allow_log(".*");
        if let Some(module) = &self.built.module {
            builder = builder.load_module(self.symbol(), module);
        }
        let target = case.target();
        Ok(match self.system {
            // Neither an alias nor a section of its own: nothing beside the handler. The file is as deep in
            // the file system as the application.
            System::Floor => builder
                .file(format!("htdocs{target}"), "")
                .config("SetHandler floor"),
            System::StaticFile => builder.config(&format!(
                "Alias {target} {}\nForceType text/plain",
                site.path("static").join(case.module()).display()
            )),
            System::Cgi => builder.module("cgi").config(&format!(
                "ScriptAlias {target} {}",
                site.cgi(case.module()).display()
            )),
            System::ModPython => {
                let builder = builder.config(&mod_python(case, site));
                let folder = self.folder()?;
                builder.env("PYTHONPATH", &folder.display().to_string())
            }
            System::ProxyUwsgi | System::ProxyGunicorn | System::ProxyGranian => {
                let address = backend.ok_or("a proxy needs somebody to ask")?;
                proxy(builder, &target, address)
            }
            System::HttpdRwsgiFastcgi => {
                let address = backend.ok_or("a proxy needs somebody to ask")?;
                fastcgi(builder, &target, address)?
            }
            system if system == System::Granian || system.is_behind_nginx() => {
                return Err(format!("{} has no httpd", system.name()));
            }
            _ => builder.config(&self.wsgi(case, site)?),
        })
    }

    fn symbol(&self) -> &'static str {
        match self.system {
            System::Floor => "floor_module",
            System::ModPython => "python_module",
            _ => "wsgi_module",
        }
    }

    /// What was built for the system beside a module.
    pub(crate) fn folder(&self) -> Result<&Path, Failure> {
        let folder = self.built.folder.as_deref();
        folder.ok_or_else(|| format!("{} has no folder", self.system.name()))
    }

    /// The directives that rwsgi and mod_wsgi share.
    fn wsgi(&self, case: Case, site: &Site) -> Result<String, Failure> {
        let apps = site.path("apps");
        let apps = apps.display();
        let options = &self.daemon_options;
        let group = match self.system {
            System::RwsgiDaemon | System::ModWsgiDaemon => format!(
                "WSGISocketPrefix {}\n\
                 WSGIDaemonProcess bench {options} python-path={apps}\n\
                 WSGIProcessGroup bench\nWSGIApplicationGroup %{{GLOBAL}}\n",
                site.path("run/wsgi").display()
            ),
            System::RwsgiMain | System::ModWsgiMain => {
                format!("WSGIPythonPath {apps}\nWSGIApplicationGroup %{{GLOBAL}}\n")
            }
            System::RwsgiOwnGil => format!(
                "WSGIPythonPath {apps}\nWSGIPythonHome {}\nWSGIPerInterpreterGIL On\n",
                self.folder()?.display()
            ),
            _ => format!("WSGIPythonPath {apps}\n"),
        };
        Ok(format!(
            "{group}WSGIScriptAlias {} {apps}/{}.py",
            case.target(),
            case.module()
        ))
    }
}

fn mod_python(case: Case, site: &Site) -> String {
    format!(
        "<Location {}>\n  SetHandler mod_python\n  PythonHandler mod_python.wsgi\n  PythonAutoReload Off\n  \
         PythonPath \"['{}'] + sys.path\"\n  PythonOption mod_python.wsgi.application {}::application\n</Location>",
        case.target(),
        site.path("apps").display(),
        case.module()
    )
}

fn proxy(builder: Builder, target: &str, address: &Address) -> Builder {
    let builder = builder.module("proxy").keeps_connections();
    match address {
        // A connection is let go of here before the backend closes it.
        Address::Port(port) => builder.module("proxy_http").config(&format!(
            "ProxyPass {target} http://127.0.0.1:{port}{target} ttl=30"
        )),
        Address::Socket(path) => builder.module("proxy_uwsgi").config(&format!(
            "ProxyPass {target} unix:{}|uwsgi://localhost{target}",
            path.display()
        )),
    }
}

/// As `apache-conf/other-servers/httpd-fastcgi.conf` has it, with kept connections.
fn fastcgi(builder: Builder, target: &str, address: &Address) -> Result<Builder, Failure> {
    let Address::Socket(path) = address else {
        return Err("FastCGI goes over a UNIX socket here".to_string());
    };
    let builder = builder.module("proxy").module("proxy_fcgi").keeps_connections();
    Ok(builder.config(&format!(
        "SetEnv ap_trust_cgilike_cl yes\n\
         ProxyPass {target} unix:{}|fcgi://localhost{target} enablereuse=on flushpackets=on",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_threads_for_every_connection() {
        assert!(limits(64).contains("ThreadsPerChild 80\n"));
        assert!(limits(64).contains("MaxRequestWorkers 160\n"));
        assert!(limits(1).contains("ThreadsPerChild 25\n"));
    }
}
