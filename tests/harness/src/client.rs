//! A raw HTTP/1 client: what it sends is what the test wrote.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::response::{Chunked, Framing, Head, Response, decode_chunked, find};

/// How long a read waits for the server before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long more, in case the time went by for nobody.
const GRACE: Duration = Duration::from_secs(1);

/// Why no response could be read.
#[derive(Debug)]
pub enum ClientError {
    /// The connection ended before a whole head; the bytes that came.
    Closed(Vec<u8>),
    /// The bytes are no HTTP/1 response: what is wrong, and the bytes.
    Malformed(String, Vec<u8>),
    /// The server sent nothing for too long; the bytes that came before.
    TimedOut(Vec<u8>),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, bytes) = match self {
            ClientError::Closed(bytes) => ("the connection was closed before a response".to_string(), bytes),
            ClientError::Malformed(why, bytes) => (format!("malformed response: {why}"), bytes),
            ClientError::TimedOut(bytes) => ("the server sent nothing in time".to_string(), bytes),
        };
        write!(f, "{what}; received {:?}", String::from_utf8_lossy(bytes))
    }
}

impl std::error::Error for ClientError {}

/// What ended or paused the flow of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    More,
    Closed,
    Reset,
    TimedOut,
}

/// One connection to a server, kept alive as long as the server keeps it.
#[derive(Debug)]
pub struct Connection {
    stream: Arc<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects, with a limit for this and for every write.
    ///
    /// # Errors
    /// When nobody accepts.
    pub fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection {
            stream: Arc::new(stream),
            buffer: Vec::new(),
        })
    }

    /// The socket, for options and half-closing.
    pub fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the server no longer takes them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        (&*self.stream).write_all(bytes.as_ref())
    }

    /// Sends bytes, not caring whether the server still takes them: it may have answered already.
    pub fn send_lossy(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.send(bytes);
    }

    /// A GET on this connection and its response.
    ///
    /// # Panics
    /// When no response can be read.
    pub fn get(&mut self, path: &str) -> Response {
        self.send_lossy(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.response()
    }

    /// Ends the sending direction; the server sees the end of the stream.
    pub fn finish_sending(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes at once with a reset instead of an orderly end.
    pub fn reset(self) {
        // An unread or linger-zero socket resets; std cannot set SO_LINGER in stable Rust, so the
        // process room does.
        crate::process::linger_zero(&self.stream);
    }

    /// The next response.
    ///
    /// # Panics
    /// When no response can be read.
    pub fn response(&mut self) -> Response {
        self.try_response().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The next response, to a HEAD request: no body whatever its fields say.
    ///
    /// # Panics
    /// When no response can be read.
    pub fn head_response(&mut self) -> Response {
        self.read_response(true).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The next response, interim responses collected.
    ///
    /// # Errors
    /// When no response can be read. A body that ends early is no error: `complete` is false.
    pub fn try_response(&mut self) -> Result<Response, ClientError> {
        self.read_response(false)
    }

    /// The next response, to a HEAD request: no body whatever its fields say.
    ///
    /// # Errors
    /// When no response can be read.
    pub fn try_head_response(&mut self) -> Result<Response, ClientError> {
        self.read_response(true)
    }

    pub(crate) fn read_response(&mut self, answers_head: bool) -> Result<Response, ClientError> {
        let mut interim = Vec::new();
        loop {
            let head = self.next_head()?;
            if head.status < 200 && head.status != 101 {
                interim.push(head.status);
                continue;
            }
            let framing = head
                .framing(answers_head)
                .map_err(|why| ClientError::Malformed(why, head.raw.clone()))?;
            let (body, complete) = self.body(framing)?;
            return Ok(Response::new(head, framing, body, complete, interim));
        }
    }

    /// The next head, interim or final, leaving its body unread.
    ///
    /// # Errors
    /// When the connection ends or the bytes are no head.
    pub fn next_head(&mut self) -> Result<Head, ClientError> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            match self.fill() {
                Flow::More => {}
                Flow::Closed | Flow::Reset => return Err(ClientError::Closed(self.buffer.clone())),
                Flow::TimedOut => return Err(ClientError::TimedOut(self.buffer.clone())),
            }
        };
        let raw: Vec<u8> = self.buffer.drain(..end).collect();
        Head::parse(&raw).map_err(|why| ClientError::Malformed(why, raw))
    }

    /// The next `count` bytes of the stream, fewer when it ends.
    ///
    /// # Errors
    /// When the server sends nothing for too long.
    pub fn bytes(&mut self, count: usize) -> Result<Vec<u8>, ClientError> {
        while self.buffer.len() < count {
            match self.fill() {
                Flow::More => {}
                Flow::Closed | Flow::Reset => break,
                Flow::TimedOut => return Err(ClientError::TimedOut(self.buffer.clone())),
            }
        }
        let count = count.min(self.buffer.len());
        Ok(self.buffer.drain(..count).collect())
    }

    /// Everything up to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() == Flow::More {}
        std::mem::take(&mut self.buffer)
    }

    fn body(&mut self, framing: Framing) -> Result<(Vec<u8>, bool), ClientError> {
        match framing {
            Framing::None => Ok((Vec::new(), true)),
            Framing::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let body = self.bytes(length)?;
                let complete = body.len() == length;
                Ok((body, complete))
            }
            Framing::Chunked => self.chunked_body(),
            Framing::UntilClose => loop {
                match self.fill() {
                    Flow::More => {}
                    Flow::TimedOut => return Err(ClientError::TimedOut(self.buffer.clone())),
                    ended => return Ok((std::mem::take(&mut self.buffer), ended == Flow::Closed)),
                }
            },
        }
    }

    fn chunked_body(&mut self) -> Result<(Vec<u8>, bool), ClientError> {
        loop {
            let decoded = decode_chunked(&self.buffer)
                .map_err(|why| ClientError::Malformed(why, self.buffer.clone()))?;
            match decoded {
                Chunked::Done(body, used) => {
                    self.buffer.drain(..used);
                    return Ok((body, true));
                }
                Chunked::Partial(body) => match self.fill() {
                    Flow::More => {}
                    Flow::TimedOut => return Err(ClientError::TimedOut(self.buffer.clone())),
                    Flow::Closed | Flow::Reset => {
                        self.buffer.clear();
                        return Ok((body, false));
                    }
                },
            }
        }
    }

    /// Whether the server closes the connection within `limit`, sending nothing more.
    pub fn closes_within(&mut self, limit: Duration) -> bool {
        self.buffer.is_empty() && matches!(self.fill_within(limit), Flow::Closed | Flow::Reset)
    }

    /// Whether nothing arrives for `span`; a close counts as something.
    pub fn is_silent_for(&mut self, span: Duration) -> bool {
        self.buffer.is_empty() && self.fill_within(span) == Flow::TimedOut
    }

    fn fill(&mut self) -> Flow {
        match self.fill_within(PATIENCE) {
            // Whoever was stopped for so long, together with the server, has not waited for it.
            Flow::TimedOut => self.fill_within(GRACE),
            flow => flow,
        }
    }

    fn fill_within(&mut self, limit: Duration) -> Flow {
        let end = Instant::now() + limit;
        let mut piece = [0; 65536];
        loop {
            let left = end
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1));
            let _ = self.stream.set_read_timeout(Some(left));
            match (&*self.stream).read(&mut piece) {
                Ok(0) => return Flow::Closed,
                Ok(count) => {
                    self.buffer.extend_from_slice(&piece[..count]);
                    return Flow::More;
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Flow::TimedOut,
                    _ => return Flow::Reset,
                },
            }
        }
    }
}
