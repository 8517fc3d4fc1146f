//! `wsgi.input` (PEP 3333, "Input and Error Streams").

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::transaction::Transaction;
use crate::gateway::{BodyError, BodyLength, Exchange};
use crate::python::native::{Arguments, Method, Next, Payload};
use crate::python::{Attached, ErrorKind, Object, PyResult, Raised};

/// How much is asked of the transport at a time, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// Stands for a method's name where the stream is iterated over.
const ITERATION: &str = "iteration";

/// The body of a request.
pub(super) struct Input {
    pub(super) transaction: Arc<Transaction>,
    /// Locked only under the lease, or where the lock is free.
    pending: Mutex<Pending>,
    /// Whether anybody has read since it was made or reset.
    used: AtomicBool,
}

/// What was read from the transport and not yet given to the application.
#[derive(Default)]
struct Pending {
    data: Vec<u8>,
    start: usize,
    ended: bool,
    failed: bool,
}

/// Why nothing could be given to the application.
enum Failure {
    /// The body does not come.
    Body(BodyError),
    /// It did not come earlier.
    Again,
    /// There is no memory for as much at once: less may still be read.
    NoMemory,
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Failure::Body(error)
    }
}

/// What an application asks for.
#[derive(Clone, Copy)]
enum Wanted {
    /// As many bytes, or all.
    Bytes(Option<usize>),
    /// A line, of at most as many bytes.
    Line(Option<usize>),
}

impl Input {
    pub(super) fn new(transaction: Arc<Transaction>) -> Self {
        Input {
            transaction,
            pending: Mutex::default(),
            used: AtomicBool::new(false),
        }
    }

    /// Makes the stream ready for another request.
    pub(super) fn reset(&self) {
        if !self.used.load(Ordering::Acquire) {
            return;
        }
        self.used.store(false, Ordering::Release);
        let mut pending = self.pending();
        pending.data.clear();
        if pending.data.capacity() > READ_SIZE {
            pending.data = Vec::new();
        }
        pending.start = 0;
        pending.ended = false;
        pending.failed = false;
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads without the GIL.
    fn take<'py>(&self, py: Attached<'py>, method: &str, wanted: Wanted) -> PyResult<'py, Object<'py>> {
        self.used.store(true, Ordering::Release);
        let taken = self.transaction.lease.with_detached(py, |exchange| {
            let mut pending = self.pending();
            if pending.failed {
                return Err(Failure::Again);
            }
            let taken = pending.take(exchange, wanted);
            pending.failed = matches!(taken, Err(Failure::Body(_)));
            taken
        });
        match taken {
            Some(Ok(data)) => py.bytes(&data),
            Some(Err(failure)) => Err(self.raise(py, failure)),
            None => {
                let message = match method {
                    ITERATION => "iteration of wsgi.input attempted after request completed".to_string(),
                    _ => format!("{method}() called on wsgi.input after request completed"),
                };
                Err(Raised::new(py, ErrorKind::RuntimeError, message))
            }
        }
    }

    fn raise<'py>(&self, py: Attached<'py>, failure: Failure) -> Raised<'py> {
        let reason = match failure {
            Failure::NoMemory => {
                let message = "not enough memory for the request body";
                return Raised::new(py, ErrorKind::MemoryError, message);
            }
            Failure::Body(error) => {
                let reason = error.to_string();
                self.transaction.response().input_error = Some(error);
                reason
            }
            Failure::Again => "input is already in error state".to_string(),
        };
        Raised::new(
            py,
            ErrorKind::OsError,
            format!("mod_wsgi request data read error: {reason}"),
        )
    }
}

impl Pending {
    fn available(&self) -> &[u8] {
        self.data.get(self.start..).unwrap_or_default()
    }

    fn take(&mut self, exchange: &mut dyn Exchange, wanted: Wanted) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(length) = self.satisfies(wanted) {
                return self.remove(length).ok_or(Failure::NoMemory);
            }
            self.fill(exchange, wanted)?;
        }
    }

    /// How many of the available bytes answer the request; `None` when more must be read.
    fn satisfies(&self, wanted: Wanted) -> Option<usize> {
        let available = self.available();
        let (limit, line) = match wanted {
            Wanted::Bytes(limit) => (limit, None),
            Wanted::Line(limit) => (limit, memchr::memchr(b'\n', available)),
        };
        let complete = match (line.map(|position| position + 1), limit) {
            (Some(end), Some(limit)) => Some(end.min(limit)),
            (Some(end), None) => Some(end),
            (None, Some(limit)) if available.len() >= limit => Some(limit),
            (None, _) => None,
        };
        complete.or_else(|| self.ended.then_some(available.len()))
    }

    /// As many of the available bytes; `None` without memory for them.
    fn remove(&mut self, length: usize) -> Option<Vec<u8>> {
        let taken = if self.start == 0 && length == self.data.len() {
            std::mem::take(&mut self.data)
        } else {
            let mut taken = Vec::new();
            taken.try_reserve_exact(length).ok()?;
            taken.extend_from_slice(self.available().get(..length).unwrap_or_default());
            taken
        };
        self.start = (self.start + length).min(self.data.len());
        if self.start >= self.data.len() {
            self.data.clear();
            self.start = 0;
        }
        Some(taken)
    }

    /// Reads some more from the transport; notes the end.
    fn fill(&mut self, exchange: &mut dyn Exchange, wanted: Wanted) -> Result<(), Failure> {
        if self.start > 0 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        let filled = self.data.len();
        let size = self.read_size(exchange.body_length(), wanted);
        if self.data.try_reserve(size).is_err() {
            return Err(Failure::NoMemory);
        }
        self.data.resize(filled + size, 0);
        let read = match self.data.get_mut(filled..) {
            Some(room) => exchange.read(room),
            None => Ok(0),
        };
        self.data
            .truncate(filled + read.as_ref().copied().unwrap_or_default());
        self.ended = read? == 0;
        Ok(())
    }

    /// A whole body of known length is read into one piece of memory.
    fn read_size(&self, length: BodyLength, wanted: Wanted) -> usize {
        let missing = match wanted {
            Wanted::Bytes(Some(limit)) => limit.saturating_sub(self.available().len()),
            Wanted::Bytes(None) => match length {
                BodyLength::Known(length) => usize::try_from(length).unwrap_or(READ_SIZE),
                BodyLength::Open => READ_SIZE,
                BodyLength::None => 1,
            },
            Wanted::Line(_) => READ_SIZE,
        };
        missing.clamp(1, READ_SIZE)
    }
}

impl Payload for Input {
    const NAME: &'static CStr = c"mod_wsgi.Input";
    const DOC: &'static CStr = c"The body of one request.";
}

/// A size argument: `None`, absent and negative mean no limit.
fn size_argument<'py>(py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Option<usize>> {
    let Some(argument) = arguments.get(0) else {
        return Ok(None);
    };
    let size = argument.to_size(py)?;
    Ok(size.and_then(|size| usize::try_from(size).ok()))
}

/// `read([size])`
pub(super) struct Read;

impl Method<Input> for Read {
    const NAME: &'static CStr = c"read";

    fn call<'py>(
        this: &Input,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("read", 0, 1)?;
        let limit = size_argument(py, arguments)?;
        this.take(py, "read", Wanted::Bytes(limit))
    }
}

/// `readline([size])`
pub(super) struct ReadLine;

impl Method<Input> for ReadLine {
    const NAME: &'static CStr = c"readline";

    fn call<'py>(
        this: &Input,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("readline", 0, 1)?;
        let limit = size_argument(py, arguments)?;
        this.take(py, "readline", Wanted::Line(limit))
    }
}

/// `readlines([hint])`
pub(super) struct ReadLines;

impl Method<Input> for ReadLines {
    const NAME: &'static CStr = c"readlines";

    fn call<'py>(
        this: &Input,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("readlines", 0, 1)?;
        let hint = size_argument(py, arguments)?.filter(|hint| *hint > 0);
        let lines = py.list()?;
        let mut total = 0_usize;
        loop {
            let line = this.take(py, "readlines", Wanted::Line(None))?;
            let length = line.as_bytes().map_or(0, <[u8]>::len);
            if length == 0 {
                return Ok(lines);
            }
            lines.append(py, &line)?;
            total = total.saturating_add(length);
            if hint.is_some_and(|hint| total >= hint) {
                return Ok(lines);
            }
        }
    }
}

/// `close()`: does nothing, as the server owns the stream.
pub(super) struct Close;

impl Method<Input> for Close {
    const NAME: &'static CStr = c"close";

    fn call<'py>(_: &Input, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("close", 0, 0)?;
        Ok(py.none())
    }
}

impl Next<Input> for Input {
    fn next<'py>(this: &Input, py: Attached<'py>) -> PyResult<'py, Option<Object<'py>>> {
        let line = this.take(py, ITERATION, Wanted::Line(None))?;
        let is_end = line.as_bytes().is_none_or(<[u8]>::is_empty);
        Ok((!is_end).then_some(line))
    }
}
