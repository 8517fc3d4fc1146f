//! `wsgi.errors`, `sys.stderr` and `sys.stdout`: text streams into httpd's log, one record a line.

use std::cell::Cell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::state::{OriginLog, ProcessLog};
use super::transaction::Transaction;
use crate::gateway::{Level, Origin};
use crate::python::native::{Arguments, Attribute, Method, Payload};
use crate::python::{Attached, ErrorKind, Object, PyResult, Raised, Stored};

thread_local! {
    /// The request that this thread runs: what it writes to `sys.stderr` belongs to that request's log.
    static CURRENT: Cell<Option<Arc<Transaction>>> = const { Cell::new(None) };
}

/// The request that this thread runs.
pub(super) fn current() -> Option<Arc<Transaction>> {
    CURRENT.with(|current| {
        let transaction = current.take();
        current.set(transaction.clone());
        transaction
    })
}

/// Writes lines of an application's own to the log of the request that this thread runs, else to that of the
/// process.
pub fn log_from(py: Attached<'_>, level: Level, origin: Origin<'_>, text: &[u8], process: OriginLog) {
    let written = current().and_then(|transaction| {
        transaction
            .lease
            .with_detached(py, |exchange| exchange.log_from(level, origin, text))
    });
    if written.is_none() {
        py.detach(|| process(level, origin, text));
    }
}

/// Makes `transaction` the one that this thread's output belongs to, while the guard lives.
pub fn current_request(transaction: &Arc<Transaction>) -> impl Drop + use<> {
    struct Restore(Option<Arc<Transaction>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.set(self.0.take()));
        }
    }
    Restore(CURRENT.with(|current| current.replace(Some(Arc::clone(transaction)))))
}

/// Where a stream's lines go.
pub(super) enum Destination {
    /// To the log of one request (`wsgi.errors`).
    Request(Arc<Transaction>),
    /// To the log of the request that the writing thread runs, else to that of the process.
    Process(ProcessLog),
}

/// A text stream into the log.
pub(super) struct Log {
    pub(super) sink: Arc<Sink>,
    /// The attribute `buffer`. No cycle: it knows the sink only.
    pub(super) buffer: OnceLock<Stored>,
}

/// The bytes side of a stream, its attribute `buffer`.
pub(super) struct Buffer {
    pub(super) sink: Arc<Sink>,
}

/// What both sides of a stream write to.
pub(super) struct Sink {
    name: &'static str,
    level: Level,
    destination: Destination,
    /// The beginning of a line whose end has not been written. Not locked while Python code can run.
    line: Mutex<Vec<u8>>,
    /// Whether there is such a beginning, for those who only want to know.
    has_line: AtomicBool,
}

/// Longest line kept before it is written as a record of its own, in bytes; httpd cuts at 8 KiB.
const LONGEST_LINE: usize = 7 * 1024;

impl Sink {
    pub(super) fn new(name: &'static str, level: Level, destination: Destination) -> Self {
        Sink {
            name,
            level,
            destination,
            line: Mutex::default(),
            has_line: AtomicBool::new(false),
        }
    }

    fn line(&self) -> MutexGuard<'_, Vec<u8>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets an unfinished line.
    pub(super) fn reset(&self) {
        if self.has_line.load(Ordering::Acquire) {
            let mut line = self.line();
            line.clear();
            self.has_line.store(false, Ordering::Release);
        }
    }

    fn write(&self, py: Attached<'_>, text: &[u8]) -> Result<(), Ended> {
        let complete = {
            let mut line = self.line();
            line.extend_from_slice(text);
            let end = match memchr::memrchr(b'\n', &line) {
                Some(position) => position + 1,
                None if line.len() > LONGEST_LINE => line.len(),
                None => 0,
            };
            let complete = line.drain(..end).collect::<Vec<u8>>();
            self.has_line.store(!line.is_empty(), Ordering::Release);
            complete
        };
        self.emit(py, &complete)
    }

    /// Writes an unfinished line at the end of a request, if there is one.
    #[inline]
    pub(super) fn finish(&self, py: Attached<'_>) {
        if self.has_line.load(Ordering::Acquire) {
            let _ = self.flush(py);
        }
    }

    /// Writes an unfinished line.
    pub(super) fn flush(&self, py: Attached<'_>) -> Result<(), Ended> {
        let rest = {
            let mut line = self.line();
            self.has_line.store(false, Ordering::Release);
            std::mem::take(&mut *line)
        };
        self.emit(py, &rest)
    }

    fn emit(&self, py: Attached<'_>, lines: &[u8]) -> Result<(), Ended> {
        let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
        if lines.is_empty() && self.is_open(py) {
            return Ok(());
        }
        match &self.destination {
            Destination::Request(transaction) => log_to_request(py, transaction, self.level, lines),
            Destination::Process(log) => {
                let written =
                    current().map(|transaction| log_to_request(py, &transaction, self.level, lines));
                if !matches!(written, Some(Ok(()))) {
                    py.detach(|| {
                        lines
                            .split(|byte| *byte == b'\n')
                            .for_each(|line| log(self.level, line))
                    });
                }
                Ok(())
            }
        }
    }

    fn is_open(&self, _py: Attached<'_>) -> bool {
        match &self.destination {
            Destination::Request(transaction) => transaction.lease.is_lent(),
            Destination::Process(_) => true,
        }
    }
}

/// The request that a stream belonged to is over.
pub(super) struct Ended;

fn log_to_request(
    py: Attached<'_>,
    transaction: &Transaction,
    level: Level,
    lines: &[u8],
) -> Result<(), Ended> {
    let written = transaction.lease.with_detached(py, |exchange| {
        for line in lines.split(|byte| *byte == b'\n') {
            let mut record = b"[script ".to_vec();
            record.extend_from_slice(exchange.script());
            record.extend_from_slice(b"] ");
            record.extend_from_slice(line);
            exchange.log(level, None, &record);
        }
    });
    written.ok_or(Ended)
}

impl Payload for Log {
    const NAME: &'static CStr = c"mod_wsgi.Log";
    const DOC: &'static CStr = c"A text stream into the server's error log.";

    fn release(&mut self, py: Attached<'_>) {
        if let Some(buffer) = self.buffer.take() {
            drop(buffer.release(py));
        }
    }
}

impl Payload for Buffer {
    const NAME: &'static CStr = c"mod_wsgi.LogBuffer";
    const DOC: &'static CStr = c"The bytes side of a text stream into the server's error log.";
}

fn raise_ended<'py>(py: Attached<'py>, method: &str) -> Raised<'py> {
    let message = format!("{method}() called on wsgi.errors after request completed");
    Raised::new(py, ErrorKind::RuntimeError, message)
}

/// `write(data)` of the bytes side: any bytes-like object.
pub(super) struct WriteBytes;

impl Method<Buffer> for WriteBytes {
    const NAME: &'static CStr = c"write";

    fn call<'py>(
        this: &Buffer,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("write", 1, 1)?;
        let Some(data) = arguments.get(0) else {
            return Ok(py.none());
        };
        // A str is taken as well: streams of older releases did, and programs rely on it.
        let Some(text) = data.copy_buffer(py).or_else(|| data.to_utf8_lossy(py)) else {
            let message = format!("a bytes-like object is required, not '{}'", data.type_name());
            return Err(Raised::new(py, ErrorKind::TypeError, message));
        };
        this.sink
            .write(py, &text)
            .map_err(|Ended| raise_ended(py, "write"))?;
        py.int(i64::try_from(text.len()).unwrap_or(i64::MAX))
    }
}

/// `flush()` of the bytes side.
pub(super) struct FlushBytes;

impl Method<Buffer> for FlushBytes {
    const NAME: &'static CStr = c"flush";

    fn call<'py>(
        this: &Buffer,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("flush", 0, 0)?;
        this.sink.flush(py).map_err(|Ended| raise_ended(py, "flush"))?;
        Ok(py.none())
    }
}

/// `write(text)`
pub(super) struct WriteText;

impl Method<Log> for WriteText {
    const NAME: &'static CStr = c"write";

    fn call<'py>(this: &Log, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("write", 1, 1)?;
        let Some(data) = arguments.get(0) else {
            return Ok(py.none());
        };
        let (text, length) = match data.to_utf8_lossy(py) {
            Some(text) => (text, data.length(py)),
            None => {
                let message = format!("write() argument must be str, not {}", data.type_name());
                return Err(Raised::new(py, ErrorKind::TypeError, message));
            }
        };
        this.sink
            .write(py, &text)
            .map_err(|Ended| raise_ended(py, "write"))?;
        py.int(i64::try_from(length.unwrap_or_default()).unwrap_or(i64::MAX))
    }
}

/// `writelines(iterable)`
pub(super) struct WriteLines;

impl Method<Log> for WriteLines {
    const NAME: &'static CStr = c"writelines";

    fn call<'py>(this: &Log, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("writelines", 1, 1)?;
        let Some(lines) = arguments.get(0) else {
            return Ok(py.none());
        };
        let lines = lines.iter(py)?;
        while let Some(line) = lines.next(py)? {
            let Some(text) = line.to_utf8_lossy(py) else {
                let message = format!("write() argument must be str, not {}", line.type_name());
                return Err(Raised::new(py, ErrorKind::TypeError, message));
            };
            this.sink
                .write(py, &text)
                .map_err(|Ended| raise_ended(py, "writelines"))?;
        }
        Ok(py.none())
    }
}

/// `flush()`
pub(super) struct Flush;

impl Method<Log> for Flush {
    const NAME: &'static CStr = c"flush";

    fn call<'py>(this: &Log, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("flush", 0, 0)?;
        this.sink.flush(py).map_err(|Ended| raise_ended(py, "flush"))?;
        Ok(py.none())
    }
}

/// `close()`: does nothing, as the server owns the stream.
pub(super) struct CloseLog;

impl Method<Log> for CloseLog {
    const NAME: &'static CStr = c"close";

    fn call<'py>(_: &Log, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("close", 0, 0)?;
        Ok(py.none())
    }
}

/// `fileno()`: the log is no file of the application's.
pub(super) struct FileNumber;

impl Method<Log> for FileNumber {
    const NAME: &'static CStr = c"fileno";

    fn call<'py>(_: &Log, py: Attached<'py>, _: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        Err(Raised::new(
            py,
            ErrorKind::OsError,
            "mod_wsgi log stream has no file descriptor",
        ))
    }
}

macro_rules! constant_methods {
    ($($type:ident $name:literal = $value:literal;)+) => {$(
        #[doc = concat!("A method that answers ", stringify!($value), ".")]
        pub(super) struct $type;

        impl Method<Log> for $type {
            const NAME: &'static CStr = $name;

            fn call<'py>(_: &Log, py: Attached<'py>, _: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
                Ok(py.bool($value))
            }
        }
    )+};
}

constant_methods! {
    IsTty c"isatty" = false;
    Readable c"readable" = false;
    Seekable c"seekable" = false;
    Writable c"writable" = true;
}

macro_rules! attributes {
    ($($type:ident $name:literal = |$this:ident, $py:ident| $value:expr;)+) => {$(
        #[doc = concat!("The attribute ", stringify!($name), ".")]
        pub(super) struct $type;

        impl Attribute<Log> for $type {
            const NAME: &'static CStr = $name;

            fn get<'py>($this: &Log, $py: Attached<'py>) -> PyResult<'py, Object<'py>> {
                $value
            }
        }
    )+};
}

attributes! {
    Name c"name" = |this, py| py.text(this.sink.name);
    Encoding c"encoding" = |_this, py| py.text("utf-8");
    ErrorMode c"errors" = |_this, py| py.text("replace");
    Mode c"mode" = |_this, py| py.text("w");
    Newlines c"newlines" = |_this, py| Ok(py.none());
    LineBuffering c"line_buffering" = |_this, py| Ok(py.bool(true));
    BytesSide c"buffer" = |this, py| Ok(this.buffer.get().map_or_else(|| py.none(), |side| side.get(py).clone()));
    Closed c"closed" = |this, py| Ok(py.bool(!this.sink.is_open(py)));
}
