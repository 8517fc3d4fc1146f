//! The systems that are compared. All run the same applications, with the same limits of the same httpd.

mod backend;
pub(crate) mod build;
pub(crate) mod case;
pub(crate) mod httpd;
mod nginx;
mod program;
mod running;
pub(crate) mod site;

use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::systems::build::Built;
use crate::systems::case::Case;

pub(crate) use running::Running;

/// Processes and threads of every system that runs Python beside httpd.
pub(crate) const DAEMON: (u32, u32) = (2, 8);

/// Something that answers requests.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum System {
    /// A handler of a few lines of C
    Floor,
    /// httpd's own handler of files
    StaticFile,
    /// rwsgi embedded, in the sub-interpreter that is the default
    Rwsgi,
    /// rwsgi embedded, in the main interpreter
    RwsgiMain,
    /// rwsgi embedded, in a sub-interpreter with a GIL of its own, of a second Python
    RwsgiOwnGil,
    /// rwsgi in daemon mode: two processes with eight threads
    RwsgiDaemon,
    /// mod_wsgi embedded, in the sub-interpreter that is the default
    ModWsgi,
    /// mod_wsgi embedded, in the main interpreter
    ModWsgiMain,
    /// mod_wsgi in daemon mode: two processes with eight threads
    ModWsgiDaemon,
    /// mod_python embedded, with its WSGI handler
    ModPython,
    /// mod_proxy_uwsgi to uWSGI, two processes with eight threads
    ProxyUwsgi,
    /// mod_proxy_http to gunicorn, two processes with eight threads
    ProxyGunicorn,
    /// mod_proxy_http to Granian, two processes with eight threads
    ProxyGranian,
    /// The same Granian without httpd
    Granian,
    /// mod_proxy_fcgi to `rwsgi fastcgi`, two processes with eight threads
    HttpdRwsgiFastcgi,
    /// nginx to `rwsgi fastcgi`, two processes with eight threads
    NginxRwsgiFastcgi,
    /// nginx to `rwsgi scgi`, two processes with eight threads
    NginxRwsgiScgi,
    /// nginx to uWSGI, two processes with eight threads
    NginxUwsgi,
    /// nginx to uWSGI by FastCGI, two processes with eight threads
    NginxUwsgiFastcgi,
    /// nginx to gunicorn, two processes with eight threads
    NginxGunicorn,
    /// mod_cgi: a Python process for each request
    Cgi,
}

/// A system ready to be started.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) system: System,
    /// Name and version for a table.
    pub(crate) described: String,
    built: Built,
    /// Options of `WSGIDaemonProcess`, where the system has that.
    daemon_options: String,
}

impl Ready {
    /// The same with other options of `WSGIDaemonProcess`.
    pub(crate) fn with_daemon_options(&self, options: String) -> Ready {
        Ready {
            daemon_options: options,
            ..self.clone()
        }
    }
}

/// Systems that could not be set up, with the reason.
pub(crate) type Missing = Vec<(System, Failure)>;

impl System {
    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_string())
    }

    /// Whether this is of this repository.
    pub(crate) fn is_ours(self) -> bool {
        matches!(
            self,
            System::Rwsgi
                | System::RwsgiMain
                | System::RwsgiOwnGil
                | System::RwsgiDaemon
                | System::HttpdRwsgiFastcgi
                | System::NginxRwsgiFastcgi
                | System::NginxRwsgiScgi
        )
    }

    /// Whether nginx is the web server.
    pub(crate) fn is_behind_nginx(self) -> bool {
        matches!(
            self,
            System::NginxRwsgiFastcgi
                | System::NginxRwsgiScgi
                | System::NginxUwsgi
                | System::NginxUwsgiFastcgi
                | System::NginxGunicorn
        )
    }

    /// Whether the system is there for what the way to Python costs, and is spared everything else.
    pub(crate) fn is_for_protocols(self) -> bool {
        self == System::HttpdRwsgiFastcgi || self.is_behind_nginx()
    }

    /// Connections at once, where none are asked for.
    pub(crate) fn usual_connections(self, case: Case) -> &'static [u32] {
        match self.is_for_protocols() {
            true => &[16],
            false => case.usual_connections(),
        }
    }

    /// Whether this system is asked at all; who cannot answer is left out of the case's table.
    pub(crate) fn answers(self, case: Case) -> bool {
        match self {
            System::Floor => matches!(case, Case::Hello | Case::Headers),
            System::StaticFile => matches!(case, Case::Hello | Case::Headers | Case::Body | Case::File),
            // One start of Django for each request would measure nothing but that.
            System::Cgi => case != Case::Django,
            system if system.is_for_protocols() => {
                matches!(case, Case::Hello | Case::Headers | Case::Body | Case::Stream)
            }
            _ => true,
        }
    }

    /// Requests that the system's Python works on at once, where it has that limit of its own.
    pub(crate) fn threads(self) -> Option<u32> {
        match self {
            System::RwsgiDaemon
            | System::ModWsgiDaemon
            | System::ProxyUwsgi
            | System::ProxyGunicorn
            | System::ProxyGranian
            | System::Granian => Some(DAEMON.0 * DAEMON.1),
            system if system.is_for_protocols() => Some(DAEMON.0 * DAEMON.1),
            _ => None,
        }
    }

    fn build(self, python: &Path) -> Result<Built, Failure> {
        match self {
            System::Floor => build::floor(),
            System::StaticFile | System::Cgi => Ok(Built::default()),
            System::Rwsgi | System::RwsgiMain | System::RwsgiDaemon => build::module(),
            System::RwsgiOwnGil => build::own_gil_module(),
            System::ModWsgi | System::ModWsgiMain | System::ModWsgiDaemon => build::mod_wsgi(python),
            System::ModPython => build::mod_python(),
            System::ProxyUwsgi => build::from_pypi(python, "uwsgi", "uWSGI"),
            System::ProxyGunicorn => build::from_pypi(python, "gunicorn", "gunicorn"),
            System::ProxyGranian | System::Granian => build::from_pypi(python, "granian", "granian"),
            System::HttpdRwsgiFastcgi => build::command(),
            System::NginxRwsgiFastcgi => build::command()?.behind_nginx("fastcgi_pass"),
            System::NginxRwsgiScgi => build::command()?.behind_nginx("scgi_pass"),
            System::NginxUwsgi => System::ProxyUwsgi.build(python)?.behind_nginx("uwsgi_pass"),
            System::NginxUwsgiFastcgi => System::ProxyUwsgi.build(python)?.behind_nginx("fastcgi_pass"),
            System::NginxGunicorn => System::ProxyGunicorn.build(python)?.behind_nginx("proxy_pass"),
        }
    }

    /// The name for a table, from what was built.
    fn described(self, built: &str) -> String {
        match self {
            System::Floor => built.to_string(),
            System::StaticFile => "static file".to_string(),
            System::Rwsgi | System::ModWsgi => format!("{built}, sub-interpreter"),
            System::RwsgiMain | System::ModWsgiMain => format!("{built}, main interpreter"),
            System::RwsgiOwnGil => format!("{built}, own-GIL sub-interpreter"),
            System::RwsgiDaemon | System::ModWsgiDaemon => format!("{built}, daemon 2x8"),
            System::ModPython => format!("{built}, WSGI handler"),
            System::ProxyUwsgi => format!("mod_proxy_uwsgi to {built}, 2x8"),
            System::ProxyGunicorn | System::ProxyGranian => format!("mod_proxy_http to {built}, 2x8"),
            System::Granian => format!("{built} alone, 2x8"),
            System::HttpdRwsgiFastcgi => format!("mod_proxy_fcgi to {built}, 2x8"),
            System::NginxRwsgiFastcgi
            | System::NginxRwsgiScgi
            | System::NginxUwsgi
            | System::NginxUwsgiFastcgi
            | System::NginxGunicorn => format!("{built}, 2x8"),
            System::Cgi => "CGI".to_string(),
        }
    }
}

/// All systems.
pub(crate) fn all() -> Vec<System> {
    System::value_variants().to_vec()
}

/// Builds every system; those that cannot be set up come back with the reason.
pub(crate) fn set_up(asked: &[System], python: &Path) -> (Vec<Ready>, Missing) {
    let (mut ready, mut missing) = (Vec::new(), Vec::new());
    for &system in asked {
        match system.build(python) {
            Ok(built) => ready.push(Ready {
                system,
                described: system.described(&built.described),
                built,
                daemon_options: format!("processes={} threads={}", DAEMON.0, DAEMON.1),
            }),
            Err(failure) => {
                eprintln!("{} cannot be set up: {failure}", system.name());
                missing.push((system, failure));
            }
        }
    }
    (ready, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_is_answered_by_every_system() {
        assert!(all().iter().all(|system| system.answers(Case::Hello)));
        assert!(!System::Floor.answers(Case::Django));
    }

    #[test]
    fn what_compares_protocols_has_a_short_plan() {
        assert!(System::NginxUwsgi.answers(Case::Stream));
        assert!(!System::HttpdRwsgiFastcgi.answers(Case::Django));
        assert_eq!(System::NginxUwsgi.usual_connections(Case::Hello), [16]);
        assert_eq!(System::ProxyUwsgi.usual_connections(Case::Hello).len(), 4);
    }

    #[test]
    fn a_name_says_how_the_application_runs() {
        assert_eq!(
            System::RwsgiDaemon.described("rwsgi 0.1.0"),
            "rwsgi 0.1.0, daemon 2x8"
        );
        assert_eq!(System::RwsgiDaemon.name(), "rwsgi-daemon");
    }
}
