//! Applications of widely used frameworks, deployed as their documentation says for mod_wsgi.

mod django;
mod flask;
mod middleware;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{apps, mode};
use crate::modes::Mode;
use rwsgi_harness::{Builder, Mpm, Response, Server, process};

/// The directory of the applications' sources.
fn sources() -> PathBuf {
    apps().join("frameworks")
}

fn source(name: &str) -> String {
    std::fs::read_to_string(sources().join(name)).expect("a source of the tests")
}

/// A directory that the serving account can read.
fn open_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::Builder::new()
        .prefix("rwsgi-site-")
        .tempdir()
        .expect("a temporary directory");
    set_mode(directory.path(), 0o755);
    return directory;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    }
}

/// A server whose applications are found in `paths` and use the packages of a virtual environment, as the
/// documentation says for each mode. Where root starts it, the daemon group is not httpd's user.
fn site(venv: &Path, paths: &str) -> Builder {
    let venv = venv.display();
    let user = if process::is_root() {
        "user=daemon group=daemon"
    } else {
        ""
    };
    let server = Server::builder().mpm(Mpm::Event);
    match mode() {
        Mode::Embedded => server.config(&format!("WSGIPythonHome {venv}\nWSGIPythonPath {paths}")),
        Mode::Daemon => server
            .config(&format!(
                "WSGIDaemonProcess site {user} python-home={venv} python-path={paths}"
            ))
            .config("WSGIProcessGroup site"),
    }
}

/// A client that keeps cookies.
struct Browser<'s> {
    server: &'s Server,
    port: u16,
    cookies: BTreeMap<String, String>,
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server) -> Browser<'s> {
        Browser::at(server, server.port())
    }

    fn at(server: &'s Server, port: u16) -> Browser<'s> {
        Browser {
            server,
            port,
            cookies: BTreeMap::new(),
        }
    }

    fn get(&mut self, path: &str) -> Response {
        self.send(path, None)
    }

    /// Posts the fields of a form, with the token of the page when it has one.
    fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.get(path).text();
        let token = token_of(&page);
        let mut pairs: Vec<String> = token
            .iter()
            .map(|token| format!("csrfmiddlewaretoken={token}"))
            .collect();
        pairs.extend(fields.iter().map(|(name, value)| format!("{name}={value}")));
        self.send(
            path,
            Some(("application/x-www-form-urlencoded", pairs.join("&").as_bytes())),
        )
    }

    /// Posts a file and a field.
    fn upload(&mut self, path: &str, field: (&str, &str), file: &[u8]) -> Response {
        let token = if path == "/upload/" {
            token_of(&self.get(path).text()).unwrap_or_default()
        } else {
            String::new()
        };
        let mut body = Vec::new();
        for (name, value) in [("csrfmiddlewaretoken", token.as_str()), field] {
            body.extend_from_slice(
                format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .as_bytes(),
            );
        }
        body.extend_from_slice(
            b"--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"data.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        );
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--limit--\r\n");
        self.send(path, Some(("multipart/form-data; boundary=limit", &body)))
    }

    fn send(&mut self, path: &str, body: Option<(&str, &[u8])>) -> Response {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\n", self.port);
        if !cookies.is_empty() {
            head.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        if let Some((kind, body)) = body {
            head.push_str(&format!(
                "Content-Type: {kind}\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        head.push_str("\r\n");
        let mut connection = self.server.connect_to(self.port);
        connection.send_lossy([head.as_bytes(), body.map_or(&[], |(_, body)| body)].concat());
        let response = connection.response();
        assert!(response.complete, "{response:?}");
        for cookie in response.header_all("Set-Cookie") {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a cookie has a name and a value");
            self.cookies.insert(name.to_string(), value.to_string());
        }
        response
    }
}

fn token_of(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("name=\"csrfmiddlewaretoken\" value=\"")?;
    rest.split('"').next().map(str::to_string)
}
