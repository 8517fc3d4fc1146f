//! The configuration of httpd for a site.

mod application;
mod files;

use std::path::PathBuf;

use super::site::{Served, Site};
use crate::cli::text::Text;
pub(super) use application::daemon_options;

/// Modules that every site needs.
const MODULES: [&str; 5] = ["mpm_event", "unixd", "authz_core", "alias", "mime"];
/// Threads of one of httpd's processes.
const THREADS: u32 = 25;

/// Where a site's files lie.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The ServerRoot.
    pub root: PathBuf,
    /// The folder of httpd's process file.
    pub run: PathBuf,
    /// Where the log goes: a file, or a program behind `|`.
    pub log: String,
    /// Where a log on the terminal goes for lines of requests.
    pub terminal: String,
    /// Our command, with workers beside it where they were named.
    pub command: PathBuf,
}

impl Places {
    /// The loader of an application that needs one.
    #[must_use]
    pub(super) fn loader(&self, served: &Served) -> PathBuf {
        self.root.join("apps").join(format!("{}.wsgi", served.group))
    }

    /// The script that is served for an application, and its callable.
    #[must_use]
    pub(super) fn script(&self, served: &Served, reload: bool) -> (PathBuf, String) {
        match served.application.script().filter(|_| !reload) {
            Some((script, callable)) => (script.to_owned(), callable.to_owned()),
            None => (
                self.loader(served),
                crate::cli::application::USUAL_CALLABLE.to_owned(),
            ),
        }
    }
}

/// httpd's configuration for `site`.
///
/// # Errors
/// A module that httpd does not have, or a value that cannot stand in a configuration.
pub(super) fn write(site: &Site, places: &Places) -> Result<String, String> {
    let mut text = Text::default();
    text.comment("Made by rwsgi serve.");
    server(&mut text, site, places)?;
    modules(&mut text, site)?;
    processes(&mut text, site);
    logs(&mut text, site, places)?;
    rwsgi(&mut text, site, places)?;
    let mut common = Text::default();
    files::write(&mut common, site, places)?;
    for served in &site.applications {
        application::group(&mut text, site, served)?;
        application::alias(&mut common, site, served, places)?;
    }
    hosts(&mut text, site, common)?;
    for file in &site.options.include {
        text.line("Include", &[&file.to_string_lossy()])?;
    }
    Ok(text.finish())
}

fn server(text: &mut Text, site: &Site, places: &Places) -> Result<(), String> {
    text.line("ServerRoot", &[&places.root.to_string_lossy()])?;
    text.line("DefaultRuntimeDir", &[&places.run.to_string_lossy()])?;
    text.line("PidFile", &[&places.run.join("httpd.pid").to_string_lossy()])?;
    text.line("ServerName", &[site.server_name()])?;
    let host = if site.host.contains(':') {
        format!("[{}]", site.host)
    } else {
        site.host.clone()
    };
    for port in [Some(site.port), site.https_port].into_iter().flatten() {
        text.line("Listen", &[&format!("{host}:{port}")])?;
    }
    Ok(())
}

fn modules(text: &mut Text, site: &Site) -> Result<(), String> {
    let options = &site.options;
    let mut names = MODULES.to_vec();
    let further: [(bool, &[&str]); 5] = [
        (options.access_log.is_some(), &["log_config"]),
        (options.tls_certificate.is_some(), &["socache_shmcb", "ssl"]),
        (options.compress_responses, &["filter", "deflate"]),
        (options.document_root.is_some(), &["rewrite"]),
        (options.https_only, &["rewrite"]),
    ];
    for (_, wanted) in further.iter().filter(|(is_wanted, _)| *is_wanted) {
        names.extend(
            wanted
                .iter()
                .filter(|name| !names.contains(name))
                .collect::<Vec<_>>(),
        );
    }
    for name in names {
        let Some(line) = site.httpd.load_line(name) else {
            return Err(format!(
                "mod_{name}.so is not in {}: install that module of httpd",
                site.httpd.modules.display()
            ));
        };
        text.raw(&line);
    }
    // Slow clients are limited where httpd can.
    text.raw(&site.httpd.load_line("reqtimeout").unwrap_or_default());
    text.line(
        "LoadModule",
        &["wsgi_module", &site.parts.module.to_string_lossy()],
    )
}

/// httpd's own processes: threads for all that the applications can do, and for those who wait.
fn processes(text: &mut Text, site: &Site) {
    let threads: u32 = site
        .applications
        .iter()
        .map(|served| {
            let options = daemon_options(site, served);
            options.processes().saturating_mul(options.threads)
        })
        .fold(0, u32::saturating_add);
    let usual = threads.saturating_mul(3) / 2 + THREADS;
    let wanted = site.options.max_clients.unwrap_or(usual).max(1);
    let per_process = THREADS.min(wanted);
    let children = wanted.div_ceil(per_process);
    text.number("StartServers", 1);
    text.number("ThreadsPerChild", per_process);
    text.number("ServerLimit", children.saturating_mul(2).max(4));
    text.number("MinSpareThreads", 1);
    text.number("MaxSpareThreads", children.saturating_mul(per_process));
    text.number("MaxRequestWorkers", children.saturating_mul(per_process));
    if let Some(seconds) = site.options.socket_timeout {
        text.number("Timeout", seconds);
    }
    match site.options.keep_alive_timeout {
        Some(0) => text.raw("KeepAlive Off\n"),
        Some(seconds) => text.number("KeepAliveTimeout", seconds),
        None => {}
    }
}

fn logs(text: &mut Text, site: &Site, places: &Places) -> Result<(), String> {
    let options = &site.options;
    text.line("ErrorLog", &[&places.log])?;
    let level = options.log_level.as_deref().unwrap_or("warn");
    if !level
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ": _".contains(c))
    {
        return Err(format!("--log-level: {level:?} is no level"));
    }
    text.raw(&format!("LogLevel {level}\n"));
    let Some(log) = &options.access_log else {
        return Ok(());
    };
    let target = if log.as_os_str() == "-" {
        places.terminal.clone()
    } else {
        log.to_string_lossy().into_owned()
    };
    let format = match options.access_log_format.as_deref() {
        None | Some("combined") => "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"",
        Some("common") => "%h %l %u %t \"%r\" %>s %b",
        Some(own) => own,
    };
    text.line("CustomLog", &[&target, format])
}

fn rwsgi(text: &mut Text, site: &Site, places: &Places) -> Result<(), String> {
    text.line("RWSGICommand", &[&places.command.to_string_lossy()])?;
    text.line("WSGISocketPrefix", &[&places.run.join("wsgi").to_string_lossy()])?;
    if let Some(account) = &site.account {
        text.line("User", &[&account.user])?;
        text.line("Group", &[&account.group])?;
    }
    let options = &site.options;
    if !options.trust_proxy.is_empty() {
        words(text, "WSGITrustedProxies", &options.trust_proxy)?;
    }
    if !options.trust_proxy_header.is_empty() {
        words(text, "WSGITrustedProxyHeaders", &options.trust_proxy_header)?;
    }
    if options.embedded {
        application::embedded(text, site)?;
    } else {
        text.line("WSGIRestrictEmbedded", &["On"])?;
    }
    Ok(())
}

fn words(text: &mut Text, name: &str, list: &[String]) -> Result<(), String> {
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    text.line(name, &list)
}

/// The virtual hosts; what is common stands outside of them unless one of them must not have it.
fn hosts(text: &mut Text, site: &Site, common: Text) -> Result<(), String> {
    let common = common.finish();
    let Some(certificate) = &site.options.tls_certificate else {
        text.raw(&common);
        return Ok(());
    };
    let port = site.https_port.unwrap_or(site.port);
    text.raw("SSLSessionCache shmcb:run/ssl_scache(512000)\n");
    if !site.options.https_only {
        text.raw(&common);
    }
    text.raw(&format!("<VirtualHost *:{port}>\n"));
    text.raw("SSLEngine On\n");
    if site.options.document_root.is_some() && !site.options.https_only {
        text.raw("RewriteEngine On\nRewriteOptions Inherit\n");
    }
    text.line("SSLCertificateFile", &[&certificate.to_string_lossy()])?;
    if let Some(key) = &site.options.tls_key {
        text.line("SSLCertificateKeyFile", &[&key.to_string_lossy()])?;
    }
    if site.options.https_only {
        text.raw(&common);
    }
    text.raw("</VirtualHost>\n");
    if site.options.https_only {
        let name = site.server_name();
        text.raw(&format!("<VirtualHost *:{}>\nRewriteEngine On\n", site.port));
        text.line(
            "RewriteRule",
            &[
                "^",
                &format!("https://{name}:{port}%{{REQUEST_URI}}"),
                "[R=308,L,NE]",
            ],
        )?;
        text.raw("</VirtualHost>\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
