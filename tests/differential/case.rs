//! What is asked: areas, each one configuration with a table of requests.

use rwsgi_harness::{Builder, Server, credentials, wait_until};

use crate::observe::LOG_LIMIT;

/// One configuration and the requests that both servers get under it, in this order.
pub(crate) struct Area {
    /// How reports and the allow-list call it.
    pub(crate) name: &'static str,
    /// Where its applications run.
    pub(crate) mode: Mode,
    /// The server, but for the module.
    pub(crate) server: Builder,
    /// The requests.
    pub(crate) cases: Vec<Case>,
}

/// Where applications run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In httpd's children.
    Embedded,
    /// In the one process of a daemon group.
    Daemon,
}

impl Area {
    pub(crate) fn embedded(name: &'static str, server: Builder, cases: Vec<Case>) -> Area {
        Area {
            name,
            mode: Mode::Embedded,
            server,
            cases,
        }
    }

    /// The same with its applications in a daemon group.
    pub(crate) fn in_daemon(mut self) -> Area {
        self.mode = Mode::Daemon;
        self.server = self.server.config(
            "WSGISocketPrefix run/wsgi\nWSGIDaemonProcess compared threads=8\nWSGIProcessGroup compared",
        );
        self
    }

    /// Name and mode, for reports.
    pub(crate) fn title(&self) -> String {
        match self.mode {
            Mode::Embedded => self.name.to_string(),
            Mode::Daemon => format!("{} (daemon)", self.name),
        }
    }
}

/// One request, on a connection of its own.
pub(crate) struct Case {
    /// Unique in its area.
    pub(crate) name: String,
    method: String,
    /// The bytes after the header fields and what announces them.
    body: Body,
    target: String,
    version: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    host: bool,
    prepare: Option<fn(&Server)>,
    digest: Option<(String, String)>,
}

enum Body {
    None,
    Whole(Vec<u8>),
    Chunked(Vec<u8>),
    /// As it is; the sending direction then ends.
    Bare(Vec<u8>),
}

impl Case {
    pub(crate) fn new(method: &str, target: &str) -> Case {
        Case {
            name: format!("{method} {target}"),
            method: method.to_string(),
            body: Body::None,
            target: target.to_string(),
            version: "HTTP/1.1",
            headers: Vec::new(),
            host: true,
            prepare: None,
            digest: None,
        }
    }

    /// A name, where method and target do not tell cases apart.
    pub(crate) fn named(mut self, name: impl Into<String>) -> Case {
        self.name = name.into();
        self
    }

    pub(crate) fn version(mut self, version: &'static str) -> Case {
        self.version = version;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Case {
        if name.eq_ignore_ascii_case("host") {
            self.host = false;
        }
        self.headers.push((name.to_string(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without_host(mut self) -> Case {
        self.host = false;
        self
    }

    /// A body with its Content-Length.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Case {
        self.body = Body::Whole(body.as_ref().to_vec());
        self
    }

    /// A chunked body, one chunk per piece.
    pub(crate) fn chunks(self, pieces: &[&str]) -> Case {
        let mut body: String = pieces
            .iter()
            .map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()))
            .collect();
        body.push_str("0\r\n\r\n");
        self.chunked_bytes(body)
    }

    /// A chunked body whose framing is written out.
    pub(crate) fn chunked_bytes(mut self, body: impl AsRef<[u8]>) -> Case {
        self.body = Body::Chunked(body.as_ref().to_vec());
        self
    }

    /// Bytes after the header fields, announced by nothing but the fields; then the client's end of file.
    pub(crate) fn bare(mut self, body: impl AsRef<[u8]>) -> Case {
        self.body = Body::Bare(body.as_ref().to_vec());
        self
    }

    /// What happens to the server's files before the request.
    pub(crate) fn after(mut self, prepare: fn(&Server)) -> Case {
        self.prepare = Some(prepare);
        self
    }

    /// The request answers the challenge that an earlier one got, as this user with this password.
    pub(crate) fn digest(mut self, user: &str, password: &str) -> Case {
        self.digest = Some((user.to_string(), password.to_string()));
        self
    }

    pub(crate) fn prepare(&self, server: &Server) {
        if let Some(prepare) = self.prepare {
            prepare(server);
        }
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(crate) fn ends_sending(&self) -> bool {
        matches!(self.body, Body::Bare(_))
    }

    /// `Authorization`, where a challenge of the server goes into it.
    pub(crate) fn authorization(&self, server: &Server) -> Option<String> {
        let (user, password) = self.digest.as_ref()?;
        let accessed = server.access_log().len();
        let response = server.get(&self.target);
        wait_until(LOG_LIMIT, || server.access_log().len() > accessed);
        let challenge = response.header("WWW-Authenticate").expect("a challenge");
        Some(credentials::digest(challenge, &self.target, user, password))
    }

    /// The bytes on the wire.
    pub(crate) fn bytes(&self, authorization: Option<&str>) -> Vec<u8> {
        let mut bytes = format!("{} {} {}\r\n", self.method, self.target, self.version).into_bytes();
        let mut field = |name: &str, value: &[u8]| {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        if self.host {
            field("Host", b"localhost");
        }
        for (name, value) in &self.headers {
            field(name, value);
        }
        if let Some(value) = authorization {
            field("Authorization", value.as_bytes());
        }
        let body = match &self.body {
            Body::None => &[][..],
            Body::Bare(body) => body,
            Body::Whole(body) => {
                field("Content-Length", body.len().to_string().as_bytes());
                body
            }
            Body::Chunked(body) => {
                field("Transfer-Encoding", b"chunked");
                body
            }
        };
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes
    }
}

pub(crate) fn get(target: &str) -> Case {
    Case::new("GET", target)
}

pub(crate) fn post(target: &str, body: impl AsRef<[u8]>) -> Case {
    Case::new("POST", target).body(body)
}
