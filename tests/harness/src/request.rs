//! Requests written with little ceremony.

use crate::client::{ClientError, Connection};
use crate::response::Response;
use crate::server::Server;

/// A request being put together; `Host` and `Connection: close` are there unless overridden.
#[derive(Debug)]
pub struct Request<'s> {
    server: &'s Server,
    method: String,
    target: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl<'s> Request<'s> {
    pub(crate) fn new(server: &'s Server, method: &str, target: &str) -> Request<'s> {
        Request {
            server,
            method: method.to_string(),
            target: target.to_string(),
            version: "HTTP/1.1",
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a field, sent as it is.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    /// The protocol version of the request line.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// A body with its `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        let length = self.body.len().to_string();
        self.header("Content-Length", &length)
    }

    /// A chunked body, one chunk per piece.
    #[must_use]
    pub fn chunks<P: AsRef<[u8]>>(mut self, pieces: impl IntoIterator<Item = P>) -> Self {
        for piece in pieces {
            let piece = piece.as_ref();
            self.body
                .extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            self.body.extend_from_slice(piece);
            self.body.extend_from_slice(b"\r\n");
        }
        self.body.extend_from_slice(b"0\r\n\r\n");
        self.header("Transfer-Encoding", "chunked")
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
    }

    fn head(&self, keep: bool) -> String {
        let mut head = format!("{} {} {}\r\n", self.method, self.target, self.version);
        if !self.has("host") {
            head.push_str("Host: localhost\r\n");
        }
        if !keep && !self.has("connection") {
            head.push_str("Connection: close\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head
    }

    /// Sends it on a connection of its own.
    ///
    /// # Panics
    /// When no response can be read.
    pub fn send(self) -> Response {
        self.try_send().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends it on a connection of its own.
    ///
    /// # Errors
    /// When no response can be read.
    pub fn try_send(self) -> Result<Response, ClientError> {
        let mut connection = self.server.connect();
        self.transmit(&mut connection, false)
    }

    /// Sends it on a connection that is to be kept.
    ///
    /// # Panics
    /// When no response can be read.
    pub fn send_on(self, connection: &mut Connection) -> Response {
        self.transmit(connection, true)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn transmit(self, connection: &mut Connection, keep: bool) -> Result<Response, ClientError> {
        let mut bytes = self.head(keep).into_bytes();
        bytes.extend_from_slice(&self.body);
        connection.send_lossy(bytes);
        connection.read_response(self.method == "HEAD")
    }
}
