//! The body of a request: pieces of it as they arrive, until its end or the client's.

use std::io::{self, IoSlice};

use super::super::output::write_all;
use super::super::wire::Taken;
use super::FcgiExchange;
use crate::gateway::BodyError;
use crate::sys::epoll::Interest;

/// After so many waits for a body the connection's arrivals are not told to other threads any more, which
/// could do nothing about them.
const LOUD_READS: u32 = 3;

impl FcgiExchange<'_> {
    /// Reads some of the body; where its length is checked, not less than that.
    pub(super) fn read_body(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        let Some(left) = self.body_left else {
            return self.read_some(buffer);
        };
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let taken = self.read_some(buffer.get_mut(..length).unwrap_or_default())?;
        if taken == 0 && length > 0 {
            return Err(BodyError::Broken(
                "The request body is shorter than its Content-Length".into(),
            ));
        }
        self.body_left = Some(left - u64::try_from(taken).unwrap_or(left).min(left));
        Ok(taken)
    }

    /// Looks for the next piece of the body, without waiting.
    fn find_body(&mut self) -> Result<bool, BodyError> {
        loop {
            match self.wire.take() {
                Ok(Some(Taken::Body)) => return Ok(true),
                Ok(Some(Taken::BodyEnd)) => {
                    self.body_ended = true;
                    return Ok(true);
                }
                Ok(Some(Taken::Abort)) => {
                    self.aborted = true;
                    return Err(BodyError::Gone);
                }
                Ok(Some(Taken::Reply)) => self.reply(),
                Ok(Some(Taken::Begin | Taken::Params)) => {}
                Ok(None) => return Ok(false),
                Err(fault) => {
                    self.broken = true;
                    return Err(BodyError::Broken(fault.to_string()));
                }
            }
        }
    }

    fn reply(&mut self) {
        let written = write_all(self.connection.socket(), &mut [IoSlice::new(&self.wire.replies)]);
        self.wire.replies.clear();
        self.broken |= written.is_err();
    }

    /// Reads some of the body, whatever its length was said to be.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        loop {
            let taken = self.wire.take_body(buffer);
            if taken > 0 || buffer.is_empty() || self.body_ended {
                return Ok(taken);
            }
            if self.broken || self.aborted {
                return Err(BodyError::Gone);
            }
            if !self.find_body()? {
                self.wait_for_body()?;
            }
        }
    }

    /// Waits for more of the body.
    pub(super) fn wait_for_body(&mut self) -> Result<(), BodyError> {
        self.reads = self.reads.saturating_add(1);
        if self.reads == LOUD_READS + 1 {
            self.tell_arrivals(Interest::None);
        }
        match self.wire.read_body(self.connection.socket()) {
            Ok(0) => {
                self.broken = true;
                Err(BodyError::Gone)
            }
            Ok(_) => Ok(()),
            Err(error) => {
                self.broken = true;
                Err(match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => BodyError::TimedOut,
                    io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => BodyError::Gone,
                    _ => BodyError::Broken(error.to_string()),
                })
            }
        }
    }

    /// Passes over what has arrived of the body.
    pub(super) fn skip_arrived(&mut self) {
        while !self.body_ended && !self.aborted && !self.broken {
            match self.wire.take() {
                Ok(Some(Taken::BodyEnd)) => self.body_ended = true,
                Ok(Some(Taken::Abort)) => self.aborted = true,
                Ok(Some(Taken::Reply)) => self.reply(),
                Ok(Some(Taken::Begin | Taken::Params | Taken::Body)) => {}
                Ok(None) => return,
                Err(_) => self.broken = true,
            }
        }
    }

    /// Whether the other side has sent that it wants no answer any more, or has gone.
    pub(super) fn look_for_abort(&mut self) -> bool {
        if self.broken || self.aborted {
            return true;
        }
        if !self.wire.is_empty() {
            return false;
        }
        match self.wire.read_arrived(self.connection.socket()) {
            Ok(None) => return false,
            Ok(Some(0)) | Err(_) => self.broken = true,
            Ok(Some(_)) => {}
        }
        if !self.broken && !self.body_ended {
            // A fault or an abort is noted; a piece of the body waits until it is asked for.
            let _ = self.find_body();
        }
        self.broken || self.aborted
    }

    /// Has arrivals told again, if they were not, as the request has ended.
    pub(super) fn tell_arrivals_again(&mut self) {
        if self.reads > LOUD_READS && !self.broken {
            self.tell_arrivals(Interest::Arrival);
        }
    }

    fn tell_arrivals(&mut self, interest: Interest) {
        let changed = self.server.tell_arrivals(self.connection, interest);
        if changed.is_err() {
            self.broken = true;
        }
    }
}
