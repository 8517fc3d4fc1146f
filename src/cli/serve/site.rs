//! What is to be served, with everything looked up: applications, accounts, ports, the parts of httpd.

mod served;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::file::Wanted;
use super::options::Options;
use crate::cli::installation::{Httpd, Parts};
use crate::config::python_home::ServingUser;
use crate::sys::user;
pub(super) use served::Served;

/// Accounts that distributions give to httpd; root serves as the first that exists.
const ACCOUNTS: [&str; 6] = ["www-data", "apache", "daemon", "_www", "http", "nobody"];
const USUAL_PORT: u16 = 8000;

/// A server with its applications.
#[derive(Debug)]
pub(super) struct Site {
    /// What was said of the server.
    pub options: Options,
    /// The httpd to run.
    pub httpd: Httpd,
    /// The parts of rwsgi.
    pub parts: Parts,
    /// Whom it serves as, where root starts it.
    pub account: Option<Account>,
    /// The address to listen at.
    pub host: String,
    /// The port for HTTP, or for TLS where there is no other for it.
    pub port: u16,
    /// The port for TLS beside it.
    pub https_port: Option<u16>,
    /// The applications, those of longer paths first.
    pub applications: Vec<Served>,
}

/// A user that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// Its name.
    pub user: String,
    /// The name or `#number` of its group.
    pub group: String,
    /// Its numbers.
    pub serving: ServingUser,
}

impl Site {
    /// Looks everything up for somebody who is in `here`.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do.
    pub(super) fn find(wanted: Wanted, here: &Path) -> Result<Site, String> {
        let Wanted {
            mut server,
            mut applications,
        } = wanted;
        if applications.is_empty() {
            // In the folder of a project its name need not be given.
            applications.push(Options {
                app: Some(".".to_owned()),
                ..server.clone()
            });
        }
        let httpd = Httpd::find(server.httpd.as_deref(), server.modules_directory.as_deref())?;
        let parts = Parts::find(server.module.as_deref(), server.worker.as_deref(), &httpd)?;
        if server.embedded && server.module.is_none() && !cfg!(feature = "python") {
            return Err(
                "--embedded: the module of this installation has no Python in it and runs daemon groups only; leave \
                 --embedded out, or name a module that has with --module"
                    .to_owned(),
            );
        }
        let account = account(server.user.as_deref(), server.group.as_deref())?;
        let mut served: Vec<Served> = Vec::new();
        for options in applications {
            let one = Served::find(options, here, &served)?;
            if let Some(account) = &account {
                one.check_access(account)?;
            }
            served.push(one);
        }
        served.sort_by_key(|one| std::cmp::Reverse(one.mount.len()));
        absolute_files(&mut server, here);
        check_tls(&server)?;
        let host = server.host.clone().unwrap_or_else(|| "127.0.0.1".to_owned());
        // Held together, so that they differ.
        let plain = hold(&host, server.port.unwrap_or(USUAL_PORT), "--port")?;
        let tls = match server.https_port {
            Some(port) => Some(hold(&host, port, "--https-port")?),
            None => None,
        };
        let number = |held: &TcpListener| {
            held.local_addr()
                .map(|address| address.port())
                .unwrap_or_default()
        };
        let (port, https_port) = (number(&plain), tls.as_ref().map(number));
        Ok(Site {
            options: server,
            httpd,
            parts,
            account,
            host,
            port,
            https_port,
            applications: served,
        })
    }

    /// The address that a browser takes.
    #[must_use]
    pub(super) fn address(&self) -> String {
        let host = match self.host.as_str() {
            "0.0.0.0" | "::" | "*" => self.server_name(),
            given if given.contains(':') => return self.url(&format!("[{given}]")),
            given => given,
        };
        self.url(host)
    }

    fn url(&self, host: &str) -> String {
        let tls_only = self.options.tls_certificate.is_some() && self.https_port.is_none();
        let (scheme, usual) = if tls_only { ("https", 443) } else { ("http", 80) };
        match self.port {
            port if port == usual => format!("{scheme}://{host}/"),
            port => format!("{scheme}://{host}:{port}/"),
        }
    }

    /// The server's name.
    #[must_use]
    pub(super) fn server_name(&self) -> &str {
        self.options.server_name.as_deref().unwrap_or("localhost")
    }
}

/// Whom to serve as: nobody else unless root asks.
fn account(name: Option<&str>, group: Option<&str>) -> Result<Option<Account>, String> {
    if user::own_uid() != 0 {
        return Ok(None);
    }
    let found = match name {
        Some(name) => user::user_meant(name).ok_or_else(|| format!("--user: there is no user {name}"))?,
        None => ACCOUNTS
            .into_iter()
            .find_map(user::user_named)
            .ok_or("httpd serves nothing as root: name another user with --user")?,
    };
    if found.uid == 0 {
        return Err("--user: httpd serves nothing as root; name another user".to_owned());
    }
    let gid = match group {
        Some(group) => {
            user::group_number_meant(group).ok_or_else(|| format!("--group: there is no group {group}"))?
        }
        None => found.gid,
    };
    Ok(Some(Account {
        group: group.map_or_else(|| format!("#{gid}"), str::to_owned),
        serving: ServingUser {
            uid: found.uid,
            gids: user::groups_of(found.name.as_bytes(), gid),
        },
        user: found.name,
    }))
}

fn absolute_files(server: &mut Options, here: &Path) {
    let from_here = |path: &mut PathBuf| *path = here.join(&*path);
    for path in [
        &mut server.tls_certificate,
        &mut server.tls_key,
        &mut server.document_root,
        &mut server.log_file,
    ]
    .into_iter()
    .flatten()
    {
        from_here(path);
    }
    server.include.iter_mut().for_each(from_here);
    server.reload_folder.iter_mut().for_each(from_here);
    for pair in &mut server.static_files {
        pair.value = here.join(&pair.value).to_string_lossy().into_owned();
    }
    // What is neither a path of the server nor an address is a file.
    for pair in &mut server.error_page {
        let file = here.join(&pair.value);
        if file.is_file() && !pair.value.contains("://") {
            pair.value = fs::canonicalize(&file)
                .unwrap_or(file)
                .to_string_lossy()
                .into_owned();
        }
    }
    if let Some(log) = server.access_log.as_mut().filter(|log| log.as_os_str() != "-") {
        from_here(log);
    }
}

fn check_tls(server: &Options) -> Result<(), String> {
    for (name, file) in [
        ("--tls-certificate", &server.tls_certificate),
        ("--tls-key", &server.tls_key),
    ] {
        if let Some(file) = file.as_ref().filter(|file| !file.is_file()) {
            return Err(format!("{name}: {} does not exist", file.display()));
        }
    }
    let tls = server.tls_certificate.is_some();
    if server.tls_key.is_some() && !tls {
        return Err("--tls-key needs --tls-certificate".to_owned());
    }
    if server.https_port.is_some() && !tls {
        return Err("--https-port needs --tls-certificate".to_owned());
    }
    if server.https_only && server.https_port.is_none() {
        return Err("--https-only needs --https-port".to_owned());
    }
    Ok(())
}

/// Listens at `port`, or any that is free for 0, to see whether httpd can.
fn hold(host: &str, port: u16, option: &str) -> Result<TcpListener, String> {
    // What httpd calls all addresses.
    let address = if host == "*" { "0.0.0.0" } else { host };
    TcpListener::bind((address, port))
        .map_err(|error| format!("{option}: {host} port {port} cannot be listened at: {error}"))
}
