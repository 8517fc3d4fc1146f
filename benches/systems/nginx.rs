//! nginx in front of an application server.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rwsgi_harness::process::serving_account;

use crate::Failure;
use crate::systems::httpd::{Address, PROCESSES};
use crate::systems::program::{Program, free_port};
use crate::systems::site::Site;
use crate::systems::{Ready, System};

/// nginx and its version, from the folder that `tools/other-servers.sh` names.
pub(crate) fn find() -> Result<(PathBuf, String), Failure> {
    let folder = env::var_os("RWSGI_TEST_OTHER_SERVERS").filter(|named| !named.is_empty());
    let folder = folder.ok_or("there is no nginx: tools/other-servers.sh fetches one")?;
    let program = Path::new(&folder).join("usr/sbin/nginx");
    // It says so on standard error.
    let said = Command::new(&program).arg("-v").output();
    let said = said.map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&said.stderr);
    let version = said.trim().rsplit('/').next().unwrap_or_default().to_string();
    Ok((PathBuf::from(folder), version))
}

/// Starts nginx for `backend`, and waits until it accepts connections.
pub(crate) fn start(ready: &Ready, site: &Site, backend: &Address) -> Result<Program, Failure> {
    let folder = ready.built.nginx.as_deref();
    let folder = folder.ok_or_else(|| format!("{} has no nginx", ready.system.name()))?;
    let port = free_port()?;
    let location = location(ready.system, &folder.join("etc/nginx"))?;
    let file = site.path("run/nginx.conf");
    let text = configuration(&site.path("run"), port, backend, &location);
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut command = Command::new(folder.join("usr/sbin/nginx"));
    command
        .env_clear()
        .args::<_, OsString>(["-e".into(), "stderr".into(), "-p".into()])
        .arg(site.path("run"))
        .arg("-c")
        .arg(&file);
    Program::start(command, Address::Port(port), site.path("run/nginx.log"))
}

/// How requests are passed on to `backend`; connections to it are kept where its server keeps them.
fn location(system: System, etc: &Path) -> Result<String, Failure> {
    let params = |name: &str| format!("include {};", etc.join(name).display());
    Ok(match system {
        System::NginxRwsgiFastcgi => {
            let params = params("fastcgi_params");
            format!("{params} fastcgi_pass backend; fastcgi_keep_conn on;")
        }
        System::NginxUwsgiFastcgi => format!("{} fastcgi_pass backend;", params("fastcgi_params")),
        System::NginxRwsgiScgi => format!("{} scgi_pass backend;", params("scgi_params")),
        System::NginxUwsgi => format!("{} uwsgi_pass backend;", params("uwsgi_params")),
        System::NginxGunicorn => {
            "proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection '';".to_string()
        }
        other => return Err(format!("{} has no nginx", other.name())),
    })
}

/// As many processes as httpd has, connections that outlive any load, no access log.
fn configuration(root: &Path, port: u16, backend: &Address, location: &str) -> String {
    let user = serving_account().map_or_else(String::new, |account| {
        format!("user {} {};\n", account.name, account.group)
    });
    let root = root.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {root}/nginx-{kind};\n"))
        .collect();
    let backend = match backend {
        Address::Port(port) => format!("127.0.0.1:{port}"),
        Address::Socket(path) => format!("unix:{}", path.display()),
    };
    let kept = format!("keepalive_requests {};", u32::MAX >> 1);
    format!(
        "daemon off;\nworker_processes {PROCESSES};\n{user}pid {root}/nginx.pid;\nerror_log stderr warn;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\naccess_log off;\n{kept}\n{temporary}\
         upstream backend {{ server {backend}; keepalive 64; {kept} }}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems;

    #[test]
    fn every_system_behind_nginx_has_a_location_and_no_other() {
        for system in systems::all() {
            let location = location(system, Path::new("/etc/nginx"));
            assert_eq!(location.is_ok(), system.is_behind_nginx(), "{}", system.name());
        }
    }
}
