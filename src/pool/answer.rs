//! A worker's answer, as it arrives: head, body and log lines go to the client's side, whatever is wrong is a
//! fault.

use std::fmt;
use std::fs::File;

use super::client::{Client, Use};
use crate::fcgi;
use crate::fcgi::client::AnswerReader;
use crate::gateway::body::{Balance, Framing};
use crate::gateway::cgi_head::{HeadFault, HeadReader};
use crate::gateway::wire::{LogEntry, LogReader, WireFault};
use crate::gateway::{Code, FileRange, Head};
use crate::sys::file::{RangeFault, check_range};
use crate::sys::stream::Beside;

/// What is wrong with an answer.
#[derive(Debug)]
pub(super) enum AnswerFault {
    /// It is not FastCGI.
    Protocol(fcgi::Fault),
    /// Its log lines cannot be read.
    Log(WireFault),
    /// Its head cannot be used.
    Head(HeadFault),
    /// A file that it hands over cannot be used.
    File(FileFault),
}

/// What is wrong with a file that is a part of an answer.
#[derive(Debug)]
pub(super) enum FileFault {
    /// It comes before the head is complete.
    BeforeHead,
    /// There was one already.
    Second,
    /// Its descriptor did not come.
    Missing,
    /// A descriptor came that nothing tells of.
    Unannounced,
    /// A descriptor could not be taken.
    Lost,
    /// It is not what it is said to be.
    Range(RangeFault),
    /// httpd could not take it over.
    Refused,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileFault::BeforeHead => f.write_str("file before its head"),
            FileFault::Second => f.write_str("second file"),
            FileFault::Missing => f.write_str("file without its descriptor"),
            FileFault::Unannounced => f.write_str("descriptor that no record tells of"),
            FileFault::Lost => f.write_str(
                "descriptor that could not be taken: too many, or httpd has none left or may not have it",
            ),
            FileFault::Range(fault) => write!(f, "file that cannot be used: {fault}"),
            FileFault::Refused => {
                f.write_str("file that httpd could not take over: it has no descriptors left")
            }
        }
    }
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnswerFault::Protocol(fault) => fault.fmt(f),
            AnswerFault::Log(fault) => fault.fmt(f),
            AnswerFault::Head(fault) => fault.fmt(f),
            AnswerFault::File(fault) => fault.fmt(f),
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Without a head the status to answer with; with one 0 when the response is complete.
    pub(super) app_status: u32,
    /// A number of [`ProtocolStatus`](fcgi::record::ProtocolStatus).
    pub(super) protocol_status: u8,
    /// Whether nothing came after the end.
    pub(super) is_clean: bool,
}

/// An answer that is being read.
pub(super) struct Answer<'h> {
    reader: AnswerReader,
    head_reader: HeadReader,
    head: &'h mut Head,
    log: LogReader,
    framing: Option<Framing>,
    usage: Use,
    has_begun: bool,
    has_file: bool,
    staged: usize,
}

impl<'h> Answer<'h> {
    /// The answer to request `id`, whose head goes to `head`. `max_line` is in bytes; `takes_files` is whether the
    /// worker was told that it may hand over a file.
    pub(super) fn new(id: u16, max_line: usize, takes_files: bool, head: &'h mut Head) -> Self {
        head.clear();
        Answer {
            reader: AnswerReader::new(id, takes_files),
            head_reader: HeadReader::new(max_line),
            head,
            log: LogReader::default(),
            framing: None,
            usage: Use::Relay,
            has_begun: false,
            has_file: false,
            staged: 0,
        }
    }

    /// Takes what has arrived; the end of the answer if that is among it.
    pub(super) fn feed<C: Client>(
        &mut self,
        mut input: &[u8],
        beside: &mut Beside,
        client: &mut C,
    ) -> Result<Option<End>, AnswerFault> {
        use crate::fcgi::client::Answer as Part;
        if beside.has_lost {
            return Err(AnswerFault::File(FileFault::Lost));
        }
        while let Some(part) = self.reader.next(&mut input).map_err(AnswerFault::Protocol)? {
            match part {
                Part::Stdout(piece) => {
                    self.has_begun = true;
                    self.output(piece, client)?;
                }
                Part::File { offset, length } => {
                    self.has_begun = true;
                    let file = beside.descriptor.take().map(File::from);
                    self.file(file, offset, length, client)
                        .map_err(AnswerFault::File)?;
                }
                Part::Stderr(piece) => {
                    self.has_begun = true;
                    self.log
                        .feed(piece, |entry| write_log(client, entry))
                        .map_err(AnswerFault::Log)?;
                }
                Part::End {
                    app_status,
                    protocol_status,
                } => {
                    if beside.descriptor.is_some() {
                        return Err(AnswerFault::File(FileFault::Unannounced));
                    }
                    return Ok(Some(End {
                        app_status,
                        protocol_status,
                        is_clean: input.is_empty() && self.log.is_at_boundary(),
                    }));
                }
            }
        }
        Ok(None)
    }

    fn output<C: Client>(&mut self, mut piece: &[u8], client: &mut C) -> Result<(), AnswerFault> {
        if self.framing.is_none() {
            let is_complete = self
                .head_reader
                .feed(&mut piece, self.head)
                .map_err(AnswerFault::Head)?;
            if !is_complete {
                return Ok(());
            }
            self.usage = client.head(self.head);
            let rule = client.body_rule(self.head.status());
            self.framing = Some(Framing::new(self.head.content_length(), rule));
        }
        let Some(framing) = &mut self.framing else {
            return Ok(());
        };
        let admitted = framing.admit(piece.len());
        let admitted = piece.get(..admitted).unwrap_or_default();
        if self.usage == Use::Relay && !admitted.is_empty() {
            client.stage(admitted);
            self.staged += admitted.len();
        }
        Ok(())
    }

    /// A part of the body that is in a file. Not counted as [staged](Self::staged): it takes no memory.
    fn file<C: Client>(
        &mut self,
        file: Option<File>,
        offset: u64,
        length: u64,
        client: &mut C,
    ) -> Result<(), FileFault> {
        let file = file.ok_or(FileFault::Missing)?;
        let framing = self.framing.as_mut().ok_or(FileFault::BeforeHead)?;
        if std::mem::replace(&mut self.has_file, true) {
            return Err(FileFault::Second);
        }
        check_range(&file, offset, length).map_err(FileFault::Range)?;
        let admitted = framing.admit(usize::try_from(length).unwrap_or(usize::MAX));
        let length = u64::try_from(admitted).unwrap_or(length);
        let range = FileRange { file, offset, length };
        if self.usage == Use::Replace || length == 0 || client.stage_file(range) {
            Ok(())
        } else {
            Err(FileFault::Refused)
        }
    }

    /// Whether any of it has come: then the worker had the request.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether status and headers are complete.
    pub(super) fn has_head(&self) -> bool {
        self.framing.is_some()
    }

    /// The status to answer with instead of this response.
    pub(super) fn replaced_by(&self) -> Option<u16> {
        (self.has_head() && self.usage == Use::Replace).then(|| self.head.status())
    }

    /// Bytes of the body that are staged.
    pub(super) fn staged(&self) -> usize {
        self.staged
    }

    /// For whoever has passed on as many bytes of them.
    pub(super) fn note_passed(&mut self, bytes: usize) {
        self.staged = self.staged.saturating_sub(bytes);
    }

    /// How the body compares with what the head declared.
    pub(super) fn balance(&self) -> Balance {
        self.framing.map_or(Balance::Even, |framing| framing.balance())
    }
}

fn write_log<C: Client>(client: &mut C, entry: LogEntry<'_>) {
    match entry.origin {
        Some(origin) => client.log_from(entry.level, origin, entry.text),
        None => {
            let code = entry.code.and_then(Code::of_number);
            client.log(entry.level, code, entry.text);
        }
    }
}
