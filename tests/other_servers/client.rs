//! A client of whichever server.

use std::net::SocketAddr;
use std::time::Duration;

use rwsgi_harness::{Connection, Response, wait_for};

/// One request.
#[derive(Clone, Default)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) chunked: bool,
}

impl Ask {
    pub(crate) fn get(target: &str) -> Ask {
        Ask {
            method: "GET",
            target: target.to_owned(),
            ..Ask::default()
        }
    }

    pub(crate) fn post(target: &str, body: &[u8]) -> Ask {
        Ask {
            method: "POST",
            body: Some(body.to_vec()),
            ..Ask::get(target)
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Ask {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Its bytes.
    pub(crate) fn bytes(&self, port: u16) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: www.example.com:{port}\r\nConnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = match &self.body {
            None => Vec::new(),
            Some(body) if self.chunked => {
                text.push_str("Transfer-Encoding: chunked\r\n");
                let mut chunked = Vec::new();
                for piece in body.chunks(1000) {
                    chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    chunked.extend_from_slice(piece);
                    chunked.extend_from_slice(b"\r\n");
                }
                chunked.extend_from_slice(b"0\r\n\r\n");
                chunked
            }
            Some(body) => {
                text.push_str(&format!("Content-Length: {}\r\n", body.len()));
                body.clone()
            }
        };
        text.push_str("\r\n");
        [text.as_bytes(), &body].concat()
    }

    /// Sends it; what goes wrong is text.
    pub(crate) fn send(&self, address: SocketAddr) -> Result<Response, String> {
        let mut connection = Connection::open(address).map_err(|error| error.to_string())?;
        connection.send_lossy(self.bytes(address.port()));
        let response = if self.method == "HEAD" {
            connection.try_head_response()
        } else {
            connection.try_response()
        };
        response.map_err(|error| error.to_string())
    }
}

/// Waits until somebody accepts.
pub(crate) fn wait_for_server(address: SocketAddr) -> bool {
    wait_for(Duration::from_secs(20), || {
        std::net::TcpStream::connect(address).ok()
    })
    .is_some()
}
