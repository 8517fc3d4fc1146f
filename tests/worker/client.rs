//! A child of httpd, as far as a worker sees one.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use mod_rwsgi::fcgi::client::{Answer, AnswerReader, push_body, push_body_end, push_request};
use mod_rwsgi::fcgi::params::push_pair;
use mod_rwsgi::gateway::BodyLength;
use mod_rwsgi::gateway::wire::{LogReader, RequestPlan};

/// A kept connection.
pub(crate) struct Client {
    pub(crate) socket: UnixStream,
    script: PathBuf,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) log: Vec<String>,
    /// `None` when the connection ended instead.
    pub(crate) app_status: Option<u32>,
}

/// What differs between requests.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) path: &'a str,
    pub(crate) group: &'a str,
    pub(crate) body: BodyLength,
    pub(crate) stamp: i64,
    pub(crate) reload: bool,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Asked {
            path: "/",
            group: "",
            body: BodyLength::None,
            stamp: 1,
            reload: true,
        }
    }
}

impl Client {
    pub(crate) fn connect(socket: &Path, script: &Path) -> Client {
        Client::over(UnixStream::connect(socket).expect("connected"), script)
    }

    /// Over a connection that there is.
    pub(crate) fn over(socket: UnixStream, script: &Path) -> Client {
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("set");
        Client {
            socket,
            script: script.into(),
        }
    }

    /// The encoded variables of a request.
    pub(crate) fn params(&self, asked: Asked<'_>) -> Vec<u8> {
        let mut params = Vec::new();
        for (name, value) in [
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", ""),
            ("PATH_INFO", asked.path),
            ("QUERY_STRING", ""),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("wsgi.url_scheme", "http"),
            ("HTTP_HOST", "localhost"),
            ("mod_wsgi.application_group", asked.group),
            ("mod_wsgi.process_group", "tests"),
            ("mod_wsgi.x-log", "1"),
        ] {
            push_pair(&mut params, name.as_bytes(), value.as_bytes());
        }
        let now = UNIX_EPOCH.elapsed().expect("after 1970").as_micros();
        let plan = RequestPlan {
            script: self.script.to_str().expect("text").as_bytes(),
            stamp: asked.stamp,
            reload: asked.reload,
            body: asked.body,
            request_start_us: u64::try_from(now).expect("fits"),
            queue_start_us: u64::try_from(now).expect("fits"),
            ..RequestPlan::default()
        };
        plan.push_params(&mut params);
        params
    }

    /// Sends a request without a body, as number 1, and reads the answer.
    pub(crate) fn get(&mut self, path: &str) -> Answered {
        self.ask(Asked {
            path,
            ..Asked::default()
        })
    }

    pub(crate) fn ask(&mut self, asked: Asked<'_>) -> Answered {
        self.send(asked, 1);
        self.answer(1)
    }

    pub(crate) fn send(&mut self, asked: Asked<'_>, id: u16) {
        let bytes = self.request(asked, id);
        self.socket.write_all(&bytes).expect("sent");
    }

    /// The bytes of a request without a body.
    pub(crate) fn request(&self, asked: Asked<'_>, id: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_request(&mut bytes, id, true, &self.params(asked));
        push_body_end(&mut bytes, id);
        bytes
    }

    /// Sends a request with a body while the answer is read.
    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> Answered {
        let asked = Asked {
            path,
            body: BodyLength::Known(body.len() as u64),
            ..Asked::default()
        };
        let mut bytes = Vec::new();
        push_request(&mut bytes, 1, true, &self.params(asked));
        let mut writing = self.socket.try_clone().expect("copied");
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for piece in body.chunks(100_000) {
                    push_body(&mut bytes, 1, piece);
                    // A worker that has answered does not read the rest.
                    if writing.write_all(&bytes).is_err() {
                        return;
                    }
                    bytes.clear();
                }
                push_body_end(&mut bytes, 1);
                let _ = writing.write_all(&bytes);
            });
            self.answer(1)
        })
    }

    /// Reads an answer to its end, or to that of the connection.
    pub(crate) fn answer(&mut self, id: u16) -> Answered {
        let mut reader = AnswerReader::new(id, false);
        let mut log_reader = LogReader::default();
        let mut answered = Answered::default();
        let mut text = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while answered.app_status.is_none() {
            let read = self.socket.read(&mut buffer).expect("an answer in time");
            if read == 0 {
                break;
            }
            let mut input = &buffer[..read];
            while let Some(event) = reader.next(&mut input).expect("valid") {
                match event {
                    Answer::Stdout(piece) => text.extend_from_slice(piece),
                    Answer::Stderr(piece) => log_reader
                        .feed(piece, |entry| {
                            let code = entry
                                .code
                                .map_or_else(String::new, |code| format!("WSGI{code:04}: "));
                            let line = String::from_utf8_lossy(entry.text);
                            answered.log.push(format!("{code}{line}"));
                        })
                        .expect("framed"),
                    Answer::File { .. } => unreachable!("the reader refuses what was not asked for"),
                    Answer::End { app_status, .. } => answered.app_status = Some(app_status),
                }
            }
        }
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            answered.head = String::from_utf8_lossy(&text[..end]).into_owned();
            answered.body = text.split_off(end + 4);
        }
        answered
    }
}
