//! A client of the relay that notes everything.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use crate::gateway::{BodyError, BodyRule, ClientGone, Code, FileRange, Head, Level, Origin};
use crate::pool::client::{Client, Use};

/// What the body does next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// These bytes arrive.
    Data(Vec<u8>),
    /// Nothing arrives when asked without waiting.
    Pause,
    /// It breaks.
    Broken(BodyError),
}

/// A client, its response and its log.
#[derive(Default)]
pub(super) struct Visitor {
    pub(super) body: VecDeque<Step>,
    /// More of the body, which somebody else sends; its end is that of the body.
    pub(super) live_body: Option<Receiver<Vec<u8>>>,
    pub(super) socket: Option<UnixStream>,
    pub(super) replaces_errors: bool,
    pub(super) is_head: bool,
    pub(super) is_gone: bool,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) staged: VecDeque<Vec<u8>>,
    /// What left us, then what is staged.
    pub(super) passed: Vec<u8>,
    pub(super) files: u32,
    /// Cannot take files over.
    pub(super) refuses_files: bool,
    pub(super) flushes: u32,
    pub(super) parts: u32,
    pub(super) log: Vec<String>,
    /// Sends nothing of its body before it is told to.
    pub(super) waits: bool,
    pub(super) continues: u32,
    /// Told of each flush.
    pub(super) on_flush: Option<std::sync::mpsc::Sender<Vec<u8>>>,
}

impl Visitor {
    pub(super) fn with_body(pieces: &[&[u8]]) -> Self {
        Visitor {
            body: pieces.iter().map(|piece| Step::Data(piece.to_vec())).collect(),
            ..Visitor::default()
        }
    }

    /// The whole body of the response so far.
    pub(super) fn response(&self) -> Vec<u8> {
        let mut all = self.passed.clone();
        self.staged.iter().for_each(|piece| all.extend_from_slice(piece));
        all
    }

    pub(super) fn staged_bytes(&self) -> usize {
        self.staged.iter().map(Vec::len).sum()
    }

    /// The codes of all lines in the log.
    pub(super) fn codes(&self) -> Vec<&str> {
        self.log
            .iter()
            .map(|line| line.get(..8).unwrap_or(line))
            .collect()
    }

    fn give(&mut self, mut data: Vec<u8>, buffer: &mut [u8]) -> usize {
        let length = data.len().min(buffer.len());
        buffer[..length].copy_from_slice(&data[..length]);
        if length < data.len() {
            self.body.push_front(Step::Data(data.split_off(length)));
        }
        length
    }
}

impl Client for Visitor {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        let begin = Instant::now();
        loop {
            if let Some(read) = self.read_arrived(buffer)? {
                return Ok(read);
            }
            assert!(begin.elapsed() < super::LONG, "the body never came");
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    fn read_arrived(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, BodyError> {
        if self.waits {
            return Ok(None);
        }
        match self.body.pop_front() {
            Some(Step::Data(data)) => Ok(Some(self.give(data, buffer))),
            Some(Step::Pause) => Ok(None),
            Some(Step::Broken(error)) => Err(error),
            None => match self.live_body.as_ref().map(Receiver::try_recv) {
                None | Some(Err(std::sync::mpsc::TryRecvError::Disconnected)) => Ok(Some(0)),
                Some(Err(std::sync::mpsc::TryRecvError::Empty)) => Ok(None),
                Some(Ok(data)) => Ok(Some(self.give(data, buffer))),
            },
        }
    }

    fn awaits_continue(&self) -> bool {
        self.waits
    }

    fn answer_expect_continue(&mut self) {
        self.waits = false;
        self.continues += 1;
    }

    fn socket(&self) -> Option<RawFd> {
        self.socket.as_ref().map(AsRawFd::as_raw_fd)
    }

    fn head(&mut self, head: &Head) -> Use {
        assert_eq!(self.status, 0, "one head");
        self.status = head.status();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.headers = head
            .fields()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        if self.replaces_errors && head.status() >= 400 {
            Use::Replace
        } else {
            Use::Relay
        }
    }

    fn body_rule(&self, status: u16) -> BodyRule {
        BodyRule::of(status, self.is_head)
    }

    fn stage(&mut self, piece: &[u8]) {
        self.staged.push_back(piece.to_vec());
    }

    fn stage_file(&mut self, range: FileRange) -> bool {
        let mut piece = vec![0; usize::try_from(range.length).expect("a small file")];
        range
            .file
            .read_exact_at(&mut piece, range.offset)
            .expect("checked before");
        self.staged.push_back(piece);
        self.files += 1;
        !self.refuses_files
    }

    fn pass_on(&mut self, most: usize) -> Result<usize, ClientGone> {
        let mut passed = 0;
        while let Some(piece) = self.staged.front() {
            if passed > 0 && passed + piece.len() > most {
                break;
            }
            passed += piece.len();
            self.passed.extend(self.staged.pop_front().unwrap_or_default());
        }
        self.parts += 1;
        if self.is_gone { Err(ClientGone) } else { Ok(passed) }
    }

    fn flush(&mut self) -> Result<(), ClientGone> {
        let mut flushed = Vec::new();
        self.staged.drain(..).for_each(|piece| flushed.extend(piece));
        self.passed.extend_from_slice(&flushed);
        self.flushes += 1;
        if let Some(sender) = &self.on_flush {
            let _ = sender.send(flushed);
        }
        if self.is_gone { Err(ClientGone) } else { Ok(()) }
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        self.log.push(match code {
            Some(code) => format!("{code}: {text}"),
            None => format!("{level:?}: {text}"),
        });
    }

    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        let file = String::from_utf8_lossy(origin.file);
        let text = String::from_utf8_lossy(text);
        self.log.push(format!("{level:?} {file}:{}: {text}", origin.line));
    }
}
