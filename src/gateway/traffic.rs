//! What one request reads and writes, counted on its way through an exchange.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{BodyError, BodyLength, BodyRule, ClientGone, Code, Exchange, FileRange, Head, Level, Origin};

/// The bytes and calls of one direction, and the time that the calls took.
#[derive(Debug, Default)]
pub struct Flow {
    bytes: AtomicU64,
    calls: AtomicU64,
    micros: AtomicU64,
}

impl Flow {
    fn add(&self, bytes: u64, took: Duration) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros(took), Ordering::Relaxed);
    }

    /// Bytes that went through.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How often the transport was called.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The time spent in these calls, in microseconds.
    pub fn micros(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }
}

/// A duration in whole microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Both directions of one request.
#[derive(Debug, Default)]
pub struct Traffic {
    /// The request's body.
    pub input: Flow,
    /// The response's body, as far as the application gave it to the transport.
    pub output: Flow,
}

/// An exchange that counts what goes through another. Only observed requests have one.
pub struct CountedExchange<'a> {
    inner: &'a mut dyn Exchange,
    traffic: &'a Traffic,
}

impl<'a> CountedExchange<'a> {
    /// Counts what goes through `inner` in `traffic`.
    pub fn new(inner: &'a mut dyn Exchange, traffic: &'a Traffic) -> Self {
        CountedExchange { inner, traffic }
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Exchange for CountedExchange<'_> {
    fn body_length(&self) -> BodyLength {
        self.inner.body_length()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        let begin = Instant::now();
        let read = self.inner.read(buffer);
        let bytes = read.as_ref().map_or(0, |bytes| length(*bytes));
        self.traffic.input.add(bytes, begin.elapsed());
        read
    }

    fn head(&mut self, head: &Head) {
        self.inner.head(head);
    }

    fn stage(&mut self, piece: &[u8]) {
        let begin = Instant::now();
        self.inner.stage(piece);
        self.traffic.output.add(length(piece.len()), begin.elapsed());
    }

    fn stage_file(&mut self, file: FileRange) {
        let (bytes, begin) = (file.length, Instant::now());
        self.inner.stage_file(file);
        self.traffic.output.add(bytes, begin.elapsed());
    }

    fn flush(&mut self) -> Result<(), ClientGone> {
        self.inner.flush()
    }

    fn send(&mut self, piece: &[u8]) -> Result<(), ClientGone> {
        let begin = Instant::now();
        let sent = self.inner.send(piece);
        let bytes = if sent.is_ok() { length(piece.len()) } else { 0 };
        self.traffic.output.add(bytes, begin.elapsed());
        sent
    }

    fn body_rule(&self, status: u16) -> BodyRule {
        self.inner.body_rule(status)
    }

    fn script(&self) -> &[u8] {
        self.inner.script()
    }

    fn is_client_gone(&self) -> bool {
        self.inner.is_client_gone()
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        self.inner.log(level, code, text);
    }

    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        self.inner.log_from(level, origin, text);
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }

    fn tls_variable(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        self.inner.tls_variable(name)
    }

    fn server_record(&self) -> Option<NonNull<c_void>> {
        self.inner.server_record()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads its body in pieces of at most three bytes, and takes everything until it is told to fail.
    struct Pipe {
        body: &'static [u8],
        gone: bool,
    }

    impl Exchange for Pipe {
        fn body_length(&self) -> BodyLength {
            BodyLength::Open
        }
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
            let count = self.body.len().min(buffer.len()).min(3);
            buffer[..count].copy_from_slice(&self.body[..count]);
            self.body = &self.body[count..];
            Ok(count)
        }
        fn head(&mut self, _: &Head) {}
        fn stage(&mut self, _: &[u8]) {}
        fn stage_file(&mut self, _: FileRange) {}
        fn flush(&mut self) -> Result<(), ClientGone> {
            Ok(())
        }
        fn send(&mut self, _: &[u8]) -> Result<(), ClientGone> {
            if self.gone { Err(ClientGone) } else { Ok(()) }
        }
        fn body_rule(&self, _: u16) -> BodyRule {
            BodyRule::Sent
        }
        fn script(&self) -> &[u8] {
            b"script"
        }
        fn is_client_gone(&self) -> bool {
            self.gone
        }
        fn log(&mut self, _: Level, _: Option<Code>, _: &[u8]) {}
    }

    #[test]
    fn bytes_and_calls_of_both_directions_are_counted() {
        let traffic = Traffic::default();
        let mut pipe = Pipe {
            body: b"hello",
            gone: false,
        };
        let mut counted = CountedExchange::new(&mut pipe, &traffic);
        let mut room = [0; 16];
        while counted.read(&mut room).expect("reads") > 0 {}
        counted.stage(b"ab");
        assert_eq!(counted.send(b"cde"), Ok(()));
        assert_eq!((traffic.input.bytes(), traffic.input.calls()), (5, 3));
        assert_eq!((traffic.output.bytes(), traffic.output.calls()), (5, 2));
    }

    #[test]
    fn what_could_not_be_sent_is_a_call_without_bytes() {
        let traffic = Traffic::default();
        let mut pipe = Pipe {
            body: b"",
            gone: true,
        };
        let mut counted = CountedExchange::new(&mut pipe, &traffic);
        assert_eq!(counted.send(b"cde"), Err(ClientGone));
        assert_eq!((traffic.output.bytes(), traffic.output.calls()), (0, 1));
        assert!(counted.is_client_gone());
    }
}
