//! A worker's end of a connection, as far as FastCGI goes.

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use crate::fcgi::params::Pairs;
use crate::fcgi::record::{self, Kind, ProtocolStatus};
use crate::fcgi::server::{Event, MAX_PARAMS, RequestReader};
use crate::scoreboard::{Layout, Scoreboard, Slot};
use crate::sys::memory::SharedWords;
use crate::sys::passing;

/// One connection at a stub worker.
pub(super) struct Stub {
    pub(super) stream: UnixStream,
    board: Arc<SharedWords>,
    layout: Layout,
    position: u32,
    reader: RequestReader,
    input: Vec<u8>,
    pub(super) id: u16,
    pub(super) params: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Stub {
    pub(super) fn new(stream: UnixStream, board: Arc<SharedWords>, layout: Layout, position: u32) -> Self {
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("set");
        Stub {
            stream,
            board,
            layout,
            position,
            reader: RequestReader::new(MAX_PARAMS),
            input: Vec::new(),
            id: 0,
            params: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Reads a request with its body; false at the end of the connection.
    pub(super) fn read(&mut self) -> bool {
        self.read_params() && self.read_until(|event| *event == Event::StdinEnd)
    }

    /// Reads a request up to its body.
    pub(super) fn read_params(&mut self) -> bool {
        self.reader.reset();
        self.body.clear();
        if !self.read_until(|event| *event == Event::Params) {
            return false;
        }
        self.params = Pairs::new(self.reader.params())
            .map(|pair| pair.expect("well-formed"))
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
            .collect();
        true
    }

    /// Reads what is left of the body.
    pub(super) fn read_body(&mut self) {
        self.read_until(|event| *event == Event::StdinEnd);
    }

    fn read_until(&mut self, is_wanted: impl Fn(&Event<'_>) -> bool) -> bool {
        let mut piece = vec![0; 65536];
        loop {
            let mut rest = self.input.as_slice();
            let mut is_there = false;
            while !is_there
                && let Some(event) = self.reader.next(&mut rest, &mut Vec::new()).expect("well-formed")
            {
                is_there = is_wanted(&event);
                match event {
                    Event::Begin { id, keep, .. } => {
                        assert!(keep, "connections are kept");
                        self.id = id;
                    }
                    Event::Stdin(bytes) => self.body.extend_from_slice(bytes),
                    _ => {}
                }
            }
            let taken = self.input.len() - rest.len();
            self.input.drain(..taken);
            if is_there {
                return true;
            }
            match self.stream.read(&mut piece) {
                Ok(0) | Err(_) => return false,
                Ok(length) => self.input.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Notes that the application runs, as a worker does.
    pub(super) fn start(&self) {
        self.slot(|slot| slot.start(1, 0));
    }

    pub(super) fn finish(&self) {
        self.slot(|slot| slot.finish());
    }

    pub(super) fn slot<T>(&self, f: impl FnOnce(Slot<'_>) -> T) -> T {
        let board = Scoreboard::over(self.board.words(), self.layout).expect("large enough");
        f(board.slot(self.position, u32::from(self.id) - 1).expect("exists"))
    }

    pub(super) fn board(&self) -> Scoreboard<'_> {
        Scoreboard::over(self.board.words(), self.layout).expect("large enough")
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends these bytes, the first of them with these descriptors.
    pub(super) fn send_beside(&mut self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> bool {
        match passing::send(&self.stream, bytes, descriptors) {
            Ok(sent) => self.send(&bytes[sent..]),
            Err(_) => false,
        }
    }

    pub(super) fn stdout(&mut self, content: &[u8]) -> bool {
        let mut out = Vec::new();
        record::push(&mut out, Kind::Stdout, self.id, content);
        self.send(&out)
    }

    pub(super) fn end(&mut self, app_status: u32) -> bool {
        let mut out = Vec::new();
        record::push_end(&mut out, self.id, app_status, ProtocolStatus::RequestComplete);
        self.send(&out)
    }

    /// Answers with this body, in one piece.
    pub(super) fn answer(&mut self, body: &[u8]) -> bool {
        let mut out = Vec::new();
        record::push(&mut out, Kind::Stdout, self.id, &head_and(body));
        record::push_end(&mut out, self.id, 0, ProtocolStatus::RequestComplete);
        self.send(&out)
    }
}

/// A head, then this body.
pub(super) fn head_and(body: &[u8]) -> Vec<u8> {
    let mut all = b"Status: 200 OK\r\nX-Own: 1\r\n\r\n".to_vec();
    all.extend_from_slice(body);
    all
}

/// Answers every request of a connection with its own variables' PATH_INFO and body.
pub(super) fn echo(stub: &mut Stub) {
    while stub.read() {
        stub.start();
        let mut body = b"/here:".to_vec();
        body.extend_from_slice(&stub.body);
        stub.finish();
        if !stub.answer(&body) {
            return;
        }
    }
}
