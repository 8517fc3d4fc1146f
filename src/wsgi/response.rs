//! What the application returned: its pieces, its end, its `close()`.

use super::run::Request;
use super::transaction::{Phase, SendFault};
use crate::gateway::{Balance, Code, FileRange, Level, Outcome};
use crate::python::{ErrorKind, Object, Raised};

/// Bytes of a list or tuple that are copied so that the GIL can be let go once for all; larger responses
/// are sent from where they are.
const STAGED_BYTES: usize = 64 * 1024;

/// How the iterable ended.
pub(super) enum Delivery<'py> {
    /// All of it was taken.
    Done,
    /// A piece came before `start_response` was called.
    NotStarted,
    /// The client left.
    ClientGone,
    /// It raised.
    Raised(Raised<'py>),
}

/// Delivers the body.
///
/// The pieces of an exact list or tuple are all there, so they go out together with the end of the
/// response. Any other iterable may wait before its next piece, so each piece is sent at once (PEP 3333,
/// "Buffering and Streaming").
pub(super) fn deliver<'py>(request: &Request<'_, 'py>, result: &Object<'py>) -> Delivery<'py> {
    if result.is_exact_list() || result.is_exact_tuple() {
        return deliver_sequence(request, result);
    }
    if let Some(range) = sendable_file(request, result) {
        return deliver_file(request, range);
    }
    deliver_iterable(request, result)
}

fn deliver_sequence<'py>(request: &Request<'_, 'py>, result: &Object<'py>) -> Delivery<'py> {
    let py = request.py;
    let mut staged = 0_usize;
    let mut index = 0;
    while let Some(item) = result.item(py, index) {
        index += 1;
        let Some(piece) = item.as_bytes() else {
            return not_bytes(request, &item);
        };
        staged = staged.saturating_add(piece.len());
        let sent = if staged <= STAGED_BYTES {
            request.transaction().stage(py, piece)
        } else {
            request.transaction().send(py, piece)
        };
        if let Err(fault) = sent {
            return fault.into();
        }
    }
    Delivery::Done
}

fn deliver_iterable<'py>(request: &Request<'_, 'py>, result: &Object<'py>) -> Delivery<'py> {
    let py = request.py;
    let iterator = match result.iter(py) {
        Ok(iterator) => iterator,
        Err(raised) => return Delivery::Raised(raised),
    };
    loop {
        let item = match iterator.next(py) {
            Ok(Some(item)) => item,
            Ok(None) => return Delivery::Done,
            Err(raised) => return Delivery::Raised(raised),
        };
        let Some(piece) = item.as_bytes() else {
            return not_bytes(request, &item);
        };
        if piece.is_empty() {
            // An application that has nothing to say yet must not go on for a client that has left.
            let gone = request
                .transaction()
                .lease
                .with_detached(py, |exchange| exchange.is_client_gone());
            if gone.unwrap_or(true) {
                return Delivery::ClientGone;
            }
            continue;
        }
        if let Err(fault) = request.transaction().send(py, piece) {
            return fault.into();
        }
    }
}

fn not_bytes<'py>(request: &Request<'_, 'py>, item: &Object<'py>) -> Delivery<'py> {
    let message = format!("response iterable must yield bytes, not {}", item.type_name());
    Delivery::Raised(Raised::new(request.py, ErrorKind::TypeError, message))
}

impl From<SendFault> for Delivery<'_> {
    fn from(fault: SendFault) -> Self {
        match fault {
            SendFault::NotStarted => Delivery::NotStarted,
            SendFault::ClientGone | SendFault::Ended => Delivery::ClientGone,
        }
    }
}

/// The file of a `wsgi.file_wrapper` that can be sent without reading it: nothing may have been written
/// before it.
fn sendable_file<'py>(request: &Request<'_, 'py>, result: &Object<'py>) -> Option<FileRange> {
    let wrapper = request.state.file_wrapper.payload(request.py, result)?;
    if request.transaction().phase() != Phase::Started {
        return None;
    }
    wrapper.as_range(request.py)
}

fn deliver_file<'py>(request: &Request<'_, 'py>, mut range: FileRange) -> Delivery<'py> {
    let transaction = request.transaction();
    transaction.response().head.declare_content_length(range.length);
    let staged = transaction.lease.with(request.py, |exchange| {
        let length = usize::try_from(range.length).unwrap_or(usize::MAX);
        range.length = u64::try_from(transaction.admit(exchange, length)).unwrap_or(u64::MAX);
        if range.length > 0 {
            exchange.stage_file(range);
        }
    });
    if staged.is_some() {
        Delivery::Done
    } else {
        Delivery::ClientGone
    }
}

/// Compares what was sent with what was declared.
pub(super) fn balance(request: &Request<'_, '_>) -> Outcome {
    let (balance, dropped) = {
        let response = request.transaction().response();
        let dropped: Vec<Vec<u8>> = response.head.dropped().map(<[u8]>::to_vec).collect();
        (response.framing.balance(), dropped)
    };
    for name in dropped {
        let text = format!(
            "the application's header {} was left out",
            String::from_utf8_lossy(&name)
        );
        request.log(Level::Warning, Some(Code::HEADER_DROPPED), text.as_bytes());
    }
    match balance {
        Balance::Even => Outcome::Complete,
        Balance::Long(bytes) => {
            let text =
                format!("the response is {bytes} bytes longer than its Content-Length; they were cut off");
            request.log(Level::Warning, Some(Code::RESPONSE_LONG), text.as_bytes());
            Outcome::Complete
        }
        Balance::Short(bytes) => {
            let text = format!("the response is {bytes} bytes shorter than its Content-Length");
            request.log(Level::Warning, Some(Code::RESPONSE_SHORT), text.as_bytes());
            Outcome::Truncated
        }
    }
}

/// Calls `close()` of what the application returned, exactly once and whatever happened before.
pub(super) fn close<'py>(request: &Request<'_, 'py>, result: Object<'py>) {
    if result.is_exact_list() || result.is_exact_tuple() {
        return;
    }
    let py = request.py;
    match result.lookup(py, request.state.names.close.get(py)) {
        Ok(None) => {}
        Ok(Some(close)) => {
            if let Err(raised) = close.call(py, []) {
                request.log_exception("closing the response of", raised);
            }
        }
        Err(raised) => {
            request.log(
                Level::Error,
                Some(Code::CLOSE_LOOKUP_FAILED),
                b"close() of the response could not be looked up",
            );
            request.log_exception("looking up close() in the response of", raised);
        }
    }
}
