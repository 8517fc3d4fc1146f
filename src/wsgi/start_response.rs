//! `start_response` and the `write` it returns (PEP 3333, "The start_response() Callable").

use std::ffi::CStr;
use std::sync::{Arc, OnceLock};

use super::observe;
use super::transaction::{Phase, SendFault, Transaction};
use crate::gateway::{Head, HeaderFault};
use crate::python::native::{Arguments, Call, Payload};
use crate::python::{Attached, ErrorKind, Object, PyResult, Raised, Stored};

/// The `start_response` of a request.
pub(super) struct StartResponse {
    pub(super) transaction: Arc<Transaction>,
    /// Set right after both objects are made. No cycle: `write` does not know us.
    pub(super) write: OnceLock<Stored>,
}

impl Payload for StartResponse {
    const NAME: &'static CStr = c"mod_wsgi.StartResponse";
    const DOC: &'static CStr = c"Begins the response of one request.";

    fn release(&mut self, py: Attached<'_>) {
        if let Some(write) = self.write.take() {
            drop(write.release(py));
        }
    }
}

impl Call<StartResponse> for StartResponse {
    fn call<'py>(
        this: &Self,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("start_response", 2, 3)?;
        let (Some(status), Some(headers)) = (arguments.get(0), arguments.get(1)) else {
            return Err(Raised::new(
                py,
                ErrorKind::TypeError,
                "start_response() takes a status and headers",
            ));
        };
        if !headers.is_list() {
            let given = if headers.is_none() {
                "None".to_string()
            } else {
                headers.type_name()
            };
            let message = format!("start_response() argument 2 must be list, not {given}");
            return Err(Raised::new(py, ErrorKind::TypeError, message));
        }
        if !this.transaction.lease.is_lent() {
            let message = "start_response() called after request completed";
            return Err(Raised::new(py, ErrorKind::RuntimeError, message));
        }
        let (phase, draft) = {
            let mut response = this.transaction.response();
            (response.phase, response.draft.take())
        };
        check_restart(py, phase, arguments.get(2).filter(|value| !value.is_none()))?;
        if this.transaction.events.has_subscribers(py) {
            observe::response_started(py, &this.transaction, status, headers, arguments.get(2));
        }
        let mut head = draft.unwrap_or_default();
        let checked = read_head(py, &mut head, status, headers);
        let mut response = this.transaction.response();
        // Another thread may have sent something since the check.
        let late = response.phase == Phase::Committed;
        if checked.is_ok() && !late {
            std::mem::swap(&mut response.head, &mut head);
            response.phase = Phase::Started;
        }
        response.draft = Some(head);
        drop(response);
        checked?;
        if late {
            let message = "start_response() called after headers were sent";
            return Err(Raised::new(py, ErrorKind::RuntimeError, message));
        }
        match this.write.get() {
            Some(write) => Ok(write.get(py).clone()),
            None => Err(Raised::new(
                py,
                ErrorKind::RuntimeError,
                "start_response() has no write()",
            )),
        }
    }
}

/// A second call replaces the first until something was sent; after that it raises.
fn check_restart<'py>(py: Attached<'py>, phase: Phase, exc_info: Option<&Object<'py>>) -> PyResult<'py, ()> {
    let Some(exc_info) = exc_info else {
        if phase == Phase::Committed {
            let message = "start_response() called more than once without exc_info";
            return Err(Raised::new(py, ErrorKind::RuntimeError, message));
        }
        return Ok(());
    };
    let triple = (exc_info.is_tuple() && exc_info.sequence_length() == Some(3))
        .then(|| (exc_info.item(py, 0), exc_info.item(py, 1), exc_info.item(py, 2)));
    let Some((Some(class), Some(value), Some(traceback))) = triple else {
        let message = "start_response() argument 'exc_info' must be a 3-tuple or None";
        return Err(Raised::new(py, ErrorKind::RuntimeError, message));
    };
    if phase == Phase::Committed {
        return Err(Raised::again(py, class, value, traceback));
    }
    Ok(())
}

/// Fills `head` from the arguments, or raises what is wrong with them.
fn read_head<'py>(
    py: Attached<'py>,
    head: &mut Head,
    status: &Object<'py>,
    headers: &Object<'py>,
) -> PyResult<'py, ()> {
    head.clear();
    with_latin1(py, status, |line| head.set_status(line))?;
    let mut index = 0;
    // The length is asked again for each item: nothing keeps an application from changing its list.
    while let Some(item) = headers.item(py, index) {
        index += 1;
        let Some([Some(name), Some(value)]) = item.tuple_items() else {
            return Err(raise_no_pair(py, &item));
        };
        match (name.as_latin1(), value.as_latin1()) {
            (Some(name), Some(value)) => head.add(name, value).map_err(|fault| raise_fault(py, &fault))?,
            _ => with_latin1(py, name, |name| {
                Ok(with_latin1(py, value, |value| head.add(name, value)))
            })??,
        }
    }
    Ok(())
}

#[cold]
fn raise_no_pair<'py>(py: Attached<'py>, item: &Object<'py>) -> Raised<'py> {
    if item.is_tuple() {
        let length = item.sequence_length().unwrap_or_default();
        let message = format!("each header must be a 2-tuple, got length {length}");
        return Raised::new(py, ErrorKind::ValueError, message);
    }
    let message = format!("each header must be a 2-tuple, not {}", item.type_name());
    Raised::new(py, ErrorKind::TypeError, message)
}

#[cold]
fn raise_fault<'py>(py: Attached<'py>, fault: &HeaderFault) -> Raised<'py> {
    Raised::new(py, ErrorKind::ValueError, fault.to_string())
}

/// Gives the Latin-1 bytes of a `str` to `f`; what `f` finds wrong is raised as ValueError.
fn with_latin1<'py, R>(
    py: Attached<'py>,
    value: &Object<'py>,
    f: impl FnOnce(&[u8]) -> Result<R, HeaderFault>,
) -> PyResult<'py, R> {
    let result = match value.as_latin1() {
        Some(bytes) => f(bytes),
        None if value.is_str() => f(value.encode_latin1(py)?.as_bytes().unwrap_or_default()),
        None => {
            let message = format!("must be str, not {}", value.type_name());
            return Err(Raised::new(py, ErrorKind::TypeError, message));
        }
    };
    result.map_err(|fault| raise_fault(py, &fault))
}

/// The `write` of a request.
pub(super) struct Write {
    pub(super) transaction: Arc<Transaction>,
}

impl Payload for Write {
    const NAME: &'static CStr = c"mod_wsgi.Write";
    const DOC: &'static CStr = c"Sends a piece of a response's body at once.";
}

impl Call<Write> for Write {
    fn call<'py>(
        this: &Self,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("write", 1, 1)?;
        let Some(data) = arguments.get(0) else {
            return Ok(py.none());
        };
        let Some(piece) = data.as_bytes() else {
            let message = format!("write() argument must be bytes, not {}", data.type_name());
            return Err(Raised::new(py, ErrorKind::TypeError, message));
        };
        if !this.transaction.lease.is_lent() {
            return Err(Raised::new(
                py,
                ErrorKind::RuntimeError,
                "write() called after request completed",
            ));
        }
        match this.transaction.send(py, piece) {
            Ok(()) => Ok(py.none()),
            Err(fault) => Err(raise_send_fault(py, &fault)),
        }
    }
}

/// The exception that tells an application why its data was not sent.
fn raise_send_fault<'py>(py: Attached<'py>, fault: &SendFault) -> Raised<'py> {
    match fault {
        SendFault::Ended => Raised::new(
            py,
            ErrorKind::RuntimeError,
            "write() called after request completed",
        ),
        SendFault::NotStarted => Raised::new(
            py,
            ErrorKind::RuntimeError,
            "write() called before start_response()",
        ),
        SendFault::ClientGone => Raised::new(py, ErrorKind::OsError, "mod_wsgi client connection closed"),
    }
}
