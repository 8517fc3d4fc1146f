//! Python exceptions.

use std::ffi::CString;
use std::marker::PhantomData;

use pyo3::ffi;

use super::{Attached, Object};

/// What a Python call gives back.
pub type PyResult<'py, T> = Result<T, Raised<'py>>;

/// Proof that an exception is pending on this thread.
///
/// Dropping it clears the exception; [`take`](Raised::take) fetches it; a native method that returns it
/// leaves it pending for its Python caller.
#[must_use = "the exception is cleared when this is dropped"]
pub struct Raised<'py> {
    /// Invariant: an exception is pending on this attached thread.
    attached: Attached<'py>,
    _pending: PhantomData<*mut ()>,
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        // SAFETY: attached (field).
        unsafe { ffi::PyErr_Clear() }
    }
}

/// The exception classes that rwsgi raises or tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `AttributeError`
    AttributeError,
    /// `MemoryError`
    MemoryError,
    /// `OSError`
    OsError,
    /// `RuntimeError`
    RuntimeError,
    /// `SystemExit`
    SystemExit,
    /// `TypeError`
    TypeError,
    /// `UnicodeEncodeError`, only told apart
    UnicodeEncodeError,
    /// `ValueError`
    ValueError,
}

impl ErrorKind {
    fn class(self) -> *mut ffi::PyObject {
        // SAFETY: exception classes are immortal statics of an initialised Python.
        unsafe {
            match self {
                ErrorKind::AttributeError => ffi::PyExc_AttributeError,
                ErrorKind::MemoryError => ffi::PyExc_MemoryError,
                ErrorKind::OsError => ffi::PyExc_OSError,
                ErrorKind::RuntimeError => ffi::PyExc_RuntimeError,
                ErrorKind::SystemExit => ffi::PyExc_SystemExit,
                ErrorKind::TypeError => ffi::PyExc_TypeError,
                ErrorKind::UnicodeEncodeError => ffi::PyExc_UnicodeEncodeError,
                ErrorKind::ValueError => ffi::PyExc_ValueError,
            }
        }
    }
}

impl<'py> Raised<'py> {
    /// For a call that just failed with an exception pending.
    pub(super) fn pending(py: Attached<'py>) -> Self {
        Raised {
            attached: py,
            _pending: PhantomData,
        }
    }

    /// Turns CPython's 0 / -1 into a result.
    pub(super) fn check(py: Attached<'py>, code: std::ffi::c_int) -> PyResult<'py, ()> {
        if code < 0 {
            Err(Raised::pending(py))
        } else {
            Ok(())
        }
    }

    /// Raises a new exception.
    pub fn new(py: Attached<'py>, kind: ErrorKind, message: impl AsRef<[u8]>) -> Self {
        let text = message
            .as_ref()
            .iter()
            .map(|byte| if *byte == 0 { b' ' } else { *byte })
            .collect::<Vec<u8>>();
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: attached; class and C string are valid.
        unsafe { ffi::PyErr_SetString(kind.class(), text.as_ptr()) };
        Raised::pending(py)
    }

    /// Raises the exception of an `exc_info` triple again, traceback included.
    pub fn again(py: Attached<'py>, class: Object<'py>, value: Object<'py>, traceback: Object<'py>) -> Self {
        let trace = if traceback.is_none() {
            std::ptr::null_mut()
        } else {
            traceback.into_ptr()
        };
        #[allow(
            deprecated,
            reason = "its successor takes exception objects only, but an application may pass anything"
        )]
        // SAFETY: attached; PyErr_Restore takes over the three references.
        unsafe {
            ffi::PyErr_Restore(class.into_ptr(), value.into_ptr(), trace)
        };
        Raised::pending(py)
    }

    /// Whether the pending exception is an instance of `kind`.
    pub fn is(&self, kind: ErrorKind) -> bool {
        // SAFETY: attached, with an exception pending (invariant).
        unsafe { ffi::PyErr_ExceptionMatches(kind.class()) != 0 }
    }

    /// Whether the pending exception is an instance of `class`.
    pub fn is_instance(&self, class: &Object<'py>) -> bool {
        // SAFETY: attached, with an exception pending (invariant), and a class that is alive.
        unsafe { ffi::PyErr_ExceptionMatches(class.as_ptr()) != 0 }
    }

    /// Fetches the exception object; its traceback is in `__traceback__`.
    pub fn take(self) -> Object<'py> {
        let py = self.attached;
        // SAFETY: attached, with an exception pending; the references come to us. Fetching clears it, so
        // the drop of self changes nothing.
        unsafe {
            #[cfg(Py_3_12)]
            let value = ffi::PyErr_GetRaisedException();
            #[cfg(not(Py_3_12))]
            let value = {
                let (mut class, mut value, mut trace) =
                    (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
                ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut trace);
                ffi::PyErr_NormalizeException(&raw mut class, &raw mut value, &raw mut trace);
                if !trace.is_null() && !value.is_null() {
                    ffi::PyException_SetTraceback(value, trace);
                }
                ffi::Py_XDECREF(class);
                ffi::Py_XDECREF(trace);
                value
            };
            Object::from_owned(py, value).unwrap_or_else(|| py.none())
        }
    }

    /// Leaves the exception pending, for a native method's caller.
    pub(super) fn leave_pending(self) {
        std::mem::forget(self);
    }
}
