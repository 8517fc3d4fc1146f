//! What the objects of one request share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::events::{Context, Events};
use crate::gateway::{Balance, BodyError, ClientGone, Exchange, Framing, Head};
use crate::python::{Attached, Lease};

/// One request's response so far, and its lease on the transport.
pub struct Transaction {
    pub(super) lease: Lease,
    /// Those of the interpreter that the objects belong to.
    pub(super) events: Arc<Events>,
    /// What callbacks share; never locked while Python code can run.
    context: Mutex<Option<Context>>,
    has_context: AtomicBool,
    /// Never locked while Python code can run, nor while the transport blocks.
    response: Mutex<Response>,
}

/// Status, headers and progress of a response.
#[derive(Default)]
pub(super) struct Response {
    pub(super) phase: Phase,
    pub(super) head: Box<Head>,
    /// What the next call of `start_response` is checked in, so that a call that raises changes nothing.
    pub(super) draft: Option<Box<Head>>,
    pub(super) framing: Framing,
    /// Why the request's body could not be read.
    pub(super) input_error: Option<BodyError>,
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// `start_response` has not been called.
    #[default]
    Fresh,
    /// It has been; nothing has been given to the transport.
    Started,
    /// Status and headers have been given to the transport, which may have sent them.
    Committed,
}

impl Response {
    fn check_started(&self) -> Result<(), SendFault> {
        if self.phase == Phase::Fresh {
            Err(SendFault::NotStarted)
        } else {
            Ok(())
        }
    }

    /// Hands the head to the transport, once.
    fn commit(&mut self, exchange: &mut dyn Exchange) {
        if self.phase == Phase::Started {
            self.framing = Framing::new(self.head.content_length(), exchange.body_rule(self.head.status()));
            exchange.head(&self.head);
            self.phase = Phase::Committed;
        }
    }
}

/// Why a piece of a body was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SendFault {
    /// The request has ended.
    Ended,
    /// `start_response` has not been called.
    NotStarted,
    /// The client is gone.
    ClientGone,
}

impl Transaction {
    pub(super) fn new(events: Arc<Events>) -> Self {
        Transaction {
            lease: Lease::default(),
            events,
            context: Mutex::default(),
            has_context: AtomicBool::new(false),
            response: Mutex::default(),
        }
    }

    pub(super) fn context(&self) -> MutexGuard<'_, Option<Context>> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_context(&self) -> bool {
        self.has_context.load(Ordering::Relaxed)
    }

    pub(super) fn note_context(&self, has: bool) {
        self.has_context.store(has, Ordering::Relaxed);
    }

    pub(super) fn response(&self) -> MutexGuard<'_, Response> {
        self.response.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the transaction ready for another request.
    pub(super) fn reset(&self) {
        let mut response = self.response();
        response.phase = Phase::Fresh;
        response.head.clear();
        response.framing = Framing::default();
        response.input_error = None;
    }

    pub(super) fn phase(&self) -> Phase {
        self.response().phase
    }

    /// Sends a piece of the body at once, without the GIL. Empty pieces send nothing, not even headers.
    pub(super) fn send(&self, py: Attached<'_>, piece: &[u8]) -> Result<(), SendFault> {
        self.response().check_started()?;
        if piece.is_empty() {
            return Ok(());
        }
        let sent = self.lease.with_detached(py, |exchange| {
            let admitted = self.admit(exchange, piece.len());
            match piece.get(..admitted) {
                Some(piece) if !piece.is_empty() => exchange.send(piece),
                _ if exchange.is_client_gone() => Err(ClientGone),
                _ => Ok(()),
            }
        });
        sent.ok_or(SendFault::Ended)?
            .map_err(|ClientGone| SendFault::ClientGone)
    }

    /// Copies a piece of the body that goes out later; never blocks.
    pub(super) fn stage(&self, py: Attached<'_>, piece: &[u8]) -> Result<(), SendFault> {
        let staged = self.lease.with(py, |exchange| {
            let mut response = self.response();
            response.check_started()?;
            response.commit(exchange);
            let admitted = response.framing.admit(piece.len());
            drop(response);
            if let Some(piece) = piece.get(..admitted).filter(|piece| !piece.is_empty()) {
                exchange.stage(piece);
            }
            Ok(())
        });
        staged.unwrap_or(Err(SendFault::Ended))
    }

    /// Commits the head of a response without a body, or of one whose body is complete.
    pub(super) fn finish(&self, py: Attached<'_>) -> Result<(), SendFault> {
        self.response().check_started()?;
        self.lease
            .with(py, |exchange| self.response().commit(exchange))
            .ok_or(SendFault::Ended)
    }

    /// Whether the whole response has been given to the transport, and there is nothing to tell about it.
    pub(super) fn is_complete(&self) -> bool {
        let response = self.response();
        response.phase == Phase::Committed
            && response.framing.balance() == Balance::Even
            && response.head.dropped().next().is_none()
    }

    /// How many of the next `length` bytes may go out, with the head committed before them.
    pub(super) fn admit(&self, exchange: &mut dyn Exchange, length: usize) -> usize {
        let mut response = self.response();
        response.commit(exchange);
        response.framing.admit(length)
    }
}
