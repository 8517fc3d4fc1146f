//! One request by CGI/1.1 (RFC 3875): the variables are in the environment, the body comes from standard input,
//! the answer goes to standard output, and the log to standard error.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use super::error_page::error_page;
use super::log;
use super::request::now;
use super::setup::setup;
use crate::app::{self, Job};
use crate::cgi::{Absent, Place, Request};
use crate::config::plan::{CgiPlan, Served};
use crate::gateway::cgi_head::push_head;
use crate::gateway::{
    BodyError, BodyLength, BodyRule, ClientGone, Code, Environ, Exchange, FileRange, Head, Key, Level,
    Outcome, source_stamp,
};
use crate::sys::{inherit, own_process};
use crate::wsgi::Times;

/// Where the plan can be read.
const PLAN: RawFd = 3;
/// The exit status of a process that could not answer: EX_SOFTWARE of sysexits.
const FAILED: u8 = 70;
/// Bytes of a file that are read at a time.
const FILE_PIECE: usize = 64 << 10;
/// Bytes that are collected before they are written.
const COLLECTED: usize = 64 << 10;

/// Answers the request that this process was started for, on Python's main thread, which is attached to the main
/// interpreter; the exit status. Python's own end comes after it.
pub fn main() -> u8 {
    log::report_panics();
    match answer() {
        Ok(()) => 0,
        Err(problem) => {
            log::line(Level::Error, Code::CGI_FAILED, &problem);
            FAILED
        }
    }
}

fn answer() -> Result<(), String> {
    let plan = read_plan().map_err(|error| format!("rwsgi cgi starts this itself: {error}"))?;
    log::set_level(plan.worker.group.log_level);
    let streams = own_process::take_streams().map_err(|error| format!("the streams of CGI: {error}"))?;
    let variables: Vec<(Vec<u8>, Vec<u8>)> = std::env::vars_os()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    let pairs = || variables.iter().map(|(name, value)| (&name[..], &value[..]));
    let request = Request::read(pairs()).map_err(|problem| problem.to_string())?;
    let is_chunked = pairs().any(|(name, _)| name == b"HTTP_TRANSFER_ENCODING");
    let served = &plan.served;
    let mut exchange = CgiExchange {
        input: streams.input,
        output: streams.output,
        body: match request.content_length {
            None if is_chunked => BodyLength::Open,
            None | Some(0) => BodyLength::None,
            Some(length) => BodyLength::Known(length),
        },
        taken: 0,
        is_head: request.is_head(),
        script: served.import.script.as_os_str().as_bytes(),
        collected: Vec::new(),
        is_begun: false,
        is_broken: false,
    };
    let mut place = Place::default();
    request.place(&mut place, served.mount.as_deref(), Absent::Empty);
    let mut environ = Environ::default();
    environ.server(Key::WsgiApplicationGroup, b"");
    environ.server(Key::WsgiCallableObject, served.callable.as_bytes());
    request.environ(pairs(), &place, exchange.script, &mut environ);
    app::worker_start(setup(&plan.worker, None), || {
        let outcome = run(served, &environ, &mut exchange);
        exchange.conclude(outcome);
        app::worker_announce_stop("shutdown_signal");
        // No other thread has served.
        app::worker_stop(true);
    })
    .map_err(|error| format!("Python could not be set up: {error}"))
}

fn read_plan() -> io::Result<CgiPlan> {
    let file = File::from(inherit::take(PLAN)?);
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut text = vec![0; length];
    file.read_exact_at(&mut text, 0)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

fn run(served: &Served, environ: &Environ<'_>, exchange: &mut CgiExchange<'_>) -> Outcome {
    let script = served.import.script.as_os_str().as_bytes();
    let job = Job {
        application_group: "",
        script,
        stamp: source_stamp(script),
        reload: false,
        fold_case: false,
        resource: None,
        callable: &served.callable,
        environ,
        times: Times {
            request: now(),
            daemon: None,
        },
        watch: None,
    };
    app::run(&job, exchange)
}

/// The request over the process's streams.
struct CgiExchange<'a> {
    input: File,
    output: File,
    body: BodyLength,
    /// Bytes of the body that were read.
    taken: u64,
    is_head: bool,
    script: &'a [u8],
    /// What has not been written yet.
    collected: Vec<u8>,
    is_begun: bool,
    is_broken: bool,
}

impl CgiExchange<'_> {
    fn write(&mut self, piece: &[u8]) -> Result<(), ClientGone> {
        self.is_begun = true;
        let collected = std::mem::take(&mut self.collected);
        let written = self
            .output
            .write_all(&collected)
            .and_then(|()| self.output.write_all(piece));
        self.is_broken |= written.is_err();
        written.map_err(|_| ClientGone)
    }

    /// Writes what is left. A response that is not whole ends as it is: CGI has no way to tell.
    fn conclude(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Complete | Outcome::Truncated => {}
            Outcome::Failed(status) if !self.is_begun => {
                let page = error_page(status);
                self.collected.clear();
                self.head(&page.head);
                if !self.is_head {
                    self.stage(&page.text);
                }
            }
            Outcome::Failed(_) | Outcome::ClientGone => self.collected.clear(),
        }
        if !self.is_broken {
            // Nobody is left to tell.
            let _ = self.write(b"");
        }
        self.take_rest();
    }

    /// Takes what nobody has read of the body: where input and output are one socket, as mod_cgid has it, bytes
    /// left in it would undo the answer.
    fn take_rest(&mut self) {
        let mut room = vec![0; FILE_PIECE];
        while self.body != BodyLength::Open && matches!(self.read(&mut room), Ok(1..)) {}
    }

    fn write_file(&mut self, file: &FileRange) -> Result<(), ClientGone> {
        let mut piece = vec![0; FILE_PIECE];
        let (mut offset, mut left) = (file.offset, file.length);
        while left > 0 {
            let most = usize::try_from(left).map_or(FILE_PIECE, |left| left.min(FILE_PIECE));
            let room = piece.get_mut(..most).unwrap_or_default();
            let read = file.file.read_at(room, offset).map_err(|_| ClientGone)?;
            if read == 0 {
                self.is_broken = true;
                return Err(ClientGone);
            }
            self.write(piece.get(..read).unwrap_or_default())?;
            let read = u64::try_from(read).unwrap_or(left);
            offset += read;
            left = left.saturating_sub(read);
        }
        Ok(())
    }
}

impl Exchange for CgiExchange<'_> {
    fn body_length(&self) -> BodyLength {
        self.body
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        let left = match self.body {
            BodyLength::None => 0,
            BodyLength::Known(length) => length.saturating_sub(self.taken),
            BodyLength::Open => u64::MAX,
        };
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let room = buffer.get_mut(..most).unwrap_or_default();
        if room.is_empty() {
            return Ok(0);
        }
        let read = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| BodyError::Broken(error.to_string()))?,
            }
        };
        if read == 0 && self.body != BodyLength::Open {
            return Err(BodyError::Gone);
        }
        self.taken = self.taken.saturating_add(u64::try_from(read).unwrap_or_default());
        Ok(read)
    }

    fn head(&mut self, head: &Head) {
        push_head(head, &mut self.collected);
    }

    fn stage(&mut self, piece: &[u8]) {
        self.collected.extend_from_slice(piece);
        if self.collected.len() > COLLECTED {
            // A failure is noted, and told with the next piece.
            let _ = self.write(b"");
        }
    }

    fn stage_file(&mut self, file: FileRange) {
        if !self.is_head {
            // A failure is noted, and told with the next piece.
            let _ = self.write_file(&file);
        }
    }

    fn flush(&mut self) -> Result<(), ClientGone> {
        self.send(b"")
    }

    fn send(&mut self, piece: &[u8]) -> Result<(), ClientGone> {
        if self.is_broken {
            return Err(ClientGone);
        }
        self.write(piece)
    }

    fn body_rule(&self, status: u16) -> BodyRule {
        BodyRule::of(status, self.is_head)
    }

    fn script(&self) -> &[u8] {
        self.script
    }

    fn is_client_gone(&self) -> bool {
        self.is_broken
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        if !log::lets_through(level) {
            return;
        }
        // The web server writes each line into its log.
        let code = code.map_or_else(String::new, |code| format!("{code}: "));
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let line = [code.as_bytes(), text, b"\n"].concat();
        // Nobody else could be told.
        let _ = io::stderr().write_all(&line);
    }
}
