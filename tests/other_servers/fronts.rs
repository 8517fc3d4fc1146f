//! The web servers in front, each with its published configuration.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rwsgi_harness::{Server, process, wait_for};

use super::client::wait_for_server;
use super::rig::{Site, free_address, repository};

/// A configuration of `apache-conf/other-servers`.
fn published(name: &str) -> String {
    let path = repository().join("apache-conf/other-servers").join(name);
    fs::read_to_string(path).expect("a published configuration")
}

/// A published configuration with other paths and addresses.
fn replace_all(name: &str, replaced: &[(&str, &str)]) -> String {
    replaced.iter().fold(published(name), |text, (from, to)| {
        assert!(text.contains(from), "{name} has no {from}");
        text.replace(from, to)
    })
}

/// The folder with nginx and lighttpd.
fn others() -> Option<PathBuf> {
    let named = std::env::var_os("RWSGI_TEST_OTHER_SERVERS").filter(|named| !named.is_empty());
    if named.is_none() {
        eprintln!(
            "skipped: RWSGI_TEST_OTHER_SERVERS names no folder with nginx and lighttpd (tools/other-servers.sh)"
        );
    }
    named.map(PathBuf::from)
}

/// A server that runs.
pub(crate) enum Front {
    /// httpd, by the harness.
    Httpd(Box<Server>),
    /// Another one.
    Other {
        child: Child,
        address: SocketAddr,
        log: PathBuf,
    },
}

impl Front {
    /// httpd with a published configuration; `replaced` are its paths and addresses.
    pub(crate) fn httpd(name: &str, modules: &[&str], replaced: &[(&str, &str)]) -> Front {
        let text = replace_all(name, &[&[("*:80", "127.0.0.1:${PORT}")], replaced].concat());
        let mut builder = Server::builder().without_module_under_test();
        for module in modules {
            builder = builder.module(module);
        }
        Front::Httpd(Box::new(builder.config(&text).allow_log(".").start()))
    }

    /// nginx with a published configuration; `replaced` are its paths and addresses.
    pub(crate) fn nginx(site: &Site, name: &str, replaced: &[(&str, &str)]) -> Option<Front> {
        Self::nginx_with("master_process off;", site, name, replaced)
    }

    /// As [`nginx`](Self::nginx), with a master process, which reads the configuration again at SIGHUP. Its file is
    /// `nginx/nginx.conf` of the site.
    pub(crate) fn nginx_with_master(site: &Site, name: &str, replaced: &[(&str, &str)]) -> Option<Front> {
        let user = process::serving_account().map_or_else(String::new, |account| {
            format!("user {} {};", account.name, account.group)
        });
        let processes = format!("{user} worker_processes 1;");
        Self::nginx_with(&processes, site, name, replaced)
    }

    fn nginx_with(processes: &str, site: &Site, name: &str, replaced: &[(&str, &str)]) -> Option<Front> {
        let others = others()?;
        let (address, root) = (free_address(), site.path("nginx"));
        fs::create_dir_all(&root).expect("made");
        let etc = others.join("etc/nginx");
        for params in ["fastcgi_params", "scgi_params"] {
            fs::copy(etc.join(params), root.join(params)).expect("copied");
        }
        let listen = format!("listen {address};");
        let server = replace_all(name, &[&[("listen 80;", listen.as_str())], replaced].concat());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", root.display()))
            .collect();
        let log = root.join("error.log");
        let text = format!(
            "daemon off;\n{processes}\npid {root}/pid;\nerror_log {log} info;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}\n{server}\n}}\n",
            root = root.display(),
            log = log.display()
        );
        let file = root.join("nginx.conf");
        fs::write(&file, text).expect("written");
        let mut command = Command::new(others.join("usr/sbin/nginx"));
        command.arg("-p").arg(&root).arg("-c").arg(&file);
        Some(Self::spawn(command, address, log))
    }

    /// lighttpd with a published configuration; `replaced` are its paths and addresses.
    pub(crate) fn lighttpd(site: &Site, name: &str, replaced: &[(&str, &str)]) -> Option<Front> {
        let others = others()?;
        let (address, root) = (free_address(), site.path("lighttpd"));
        fs::create_dir_all(&root).expect("made");
        let port = format!("server.port = {}", address.port());
        let folder = root.display().to_string();
        let own = [
            ("server.port = 80", port.as_str()),
            ("/srv/mysite/static", &folder),
        ];
        let text = replace_all(name, &[&own, replaced].concat());
        let log = root.join("error.log");
        let more = format!(
            "server.bind = \"127.0.0.1\"\nserver.errorlog = \"{}\"\nserver.upload-dirs = (\"{}\")\n",
            log.display(),
            root.display()
        );
        let file = root.join("lighttpd.conf");
        fs::write(&file, more + &text).expect("written");
        let mut command = Command::new(others.join("usr/sbin/lighttpd"));
        command
            .arg("-D")
            .arg("-f")
            .arg(&file)
            .arg("-m")
            .arg(others.join("usr/lib/lighttpd"));
        Some(Self::spawn(command, address, log))
    }

    fn spawn(mut command: Command, address: SocketAddr, log: PathBuf) -> Front {
        let output = File::create(log.with_file_name("output")).expect("made");
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("copied"))
            .stderr(output);
        process::end_with_starter(&mut command);
        let front = Front::Other {
            child: command.spawn().expect("started"),
            address,
            log,
        };
        assert!(wait_for_server(address), "{}", front.log());
        front
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Front::Httpd(server) => SocketAddr::from(([127, 0, 0, 1], server.port())),
            Front::Other { address, .. } => *address,
        }
    }

    /// What its logs say.
    pub(crate) fn log(&self) -> String {
        match self {
            Front::Httpd(server) => server.logs().iter().map(|line| format!("{line:?}\n")).collect(),
            Front::Other { log, .. } => {
                let read =
                    |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
                read(log) + &read(&log.with_file_name("output"))
            }
        }
    }

    /// Ends it.
    pub(crate) fn finish(self) {
        match self {
            Front::Httpd(server) => server.finish(),
            Front::Other { mut child, .. } => {
                process::signal(child.id(), libc::SIGTERM).expect("sent");
                let ended = wait_for(Duration::from_secs(20), || child.try_wait().expect("waits"));
                if ended.is_none() {
                    child.kill().expect("killed");
                    child.wait().expect("waited");
                }
            }
        }
    }
}
