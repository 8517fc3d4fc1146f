//! Making Python objects from Rust values.

use std::ffi::CStr;

use pyo3::ffi;

use super::compile::c_string;
use super::{Attached, Object, PyResult};

/// A length as CPython counts; memory never holds more.
fn size(length: usize) -> ffi::Py_ssize_t {
    ffi::Py_ssize_t::try_from(length).unwrap_or(ffi::Py_ssize_t::MAX)
}

impl<'py> Attached<'py> {
    /// A `str` whose code points are the bytes' values (PEP 3333, "native strings").
    pub fn latin1(self, bytes: &[u8]) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; the buffer is read for the length given.
        unsafe {
            Object::from_result(
                self,
                ffi::PyUnicode_DecodeLatin1(bytes.as_ptr().cast(), size(bytes.len()), std::ptr::null()),
            )
        }
    }

    /// A `str` decoded as file names are (`os.fsdecode`); bytes that cannot be decoded become surrogates.
    pub fn file_name(self, bytes: &[u8]) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; the buffer is read for the length given.
        unsafe {
            Object::from_result(
                self,
                ffi::PyUnicode_DecodeFSDefaultAndSize(bytes.as_ptr().cast(), size(bytes.len())),
            )
        }
    }

    /// A `str` from text.
    pub fn text(self, text: &str) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; the buffer is valid UTF-8 of the length given.
        unsafe {
            Object::from_result(
                self,
                ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), size(text.len())),
            )
        }
    }

    /// An interned `str`, for names that are looked up again and again.
    pub fn interned(self, text: &CStr) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; a C string.
        unsafe { Object::from_result(self, ffi::PyUnicode_InternFromString(text.as_ptr())) }
    }

    /// A `str` for use as a key of many dicts; interned if it is one of a known few, so that looking it up
    /// compares no characters.
    pub fn key(self, bytes: &[u8], intern: bool) -> PyResult<'py, Object<'py>> {
        if intern {
            self.interned(&c_string(bytes))
        } else {
            self.latin1(bytes)
        }
    }

    /// A `bytes` object.
    pub fn bytes(self, bytes: &[u8]) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; the buffer is read for the length given.
        unsafe {
            Object::from_result(
                self,
                ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), size(bytes.len())),
            )
        }
    }

    /// An `int`.
    pub fn int(self, value: i64) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached.
        unsafe { Object::from_result(self, ffi::PyLong_FromLongLong(value)) }
    }

    /// An `int` of a counter.
    pub fn count(self, value: u64) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached.
        unsafe { Object::from_result(self, ffi::PyLong_FromUnsignedLongLong(value)) }
    }

    /// A `float`.
    pub fn float(self, value: f64) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached.
        unsafe { Object::from_result(self, ffi::PyFloat_FromDouble(value)) }
    }

    /// A `bool`.
    pub fn bool(self, value: bool) -> Object<'py> {
        // SAFETY: attached; True and False are alive for ever.
        unsafe {
            let ptr = if value { ffi::Py_True() } else { ffi::Py_False() };
            ffi::Py_INCREF(ptr);
            Object::from_owned(self, ptr).unwrap_or_else(|| unreachable!("True and False exist"))
        }
    }

    /// `None`.
    pub fn none(self) -> Object<'py> {
        // SAFETY: attached; None is alive for ever.
        unsafe {
            ffi::Py_INCREF(ffi::Py_None());
            Object::from_owned(self, ffi::Py_None()).unwrap_or_else(|| unreachable!("None exists"))
        }
    }

    /// An empty `dict`.
    pub fn dict(self) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached.
        unsafe { Object::from_result(self, ffi::PyDict_New()) }
    }

    /// An empty `list`.
    pub fn list(self) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached.
        unsafe { Object::from_result(self, ffi::PyList_New(0)) }
    }

    /// A `tuple` of the given items.
    pub fn tuple<const N: usize>(self, items: [Object<'py>; N]) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; every slot of the new tuple is filled once with an owned reference.
        unsafe {
            let tuple = Object::from_result(self, ffi::PyTuple_New(size(N)))?;
            for (index, item) in items.into_iter().enumerate() {
                ffi::PyTuple_SetItem(tuple.as_ptr(), size(index), item.into_ptr());
            }
            Ok(tuple)
        }
    }

    /// `import name`.
    pub fn import(self, name: &CStr) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; a C string.
        unsafe { Object::from_result(self, ffi::PyImport_ImportModule(name.as_ptr())) }
    }

    /// `sys.modules`.
    pub fn modules(self) -> Object<'py> {
        // SAFETY: attached; the interpreter's module dict is alive while it runs.
        unsafe {
            Object::from_borrowed(self, ffi::PyImport_GetModuleDict())
                .unwrap_or_else(|| unreachable!("an interpreter has sys.modules"))
        }
    }
}

impl<'py> Object<'py> {
    /// An `int` argument: `None` for `None`; values beyond 64 bits are clamped; other types raise TypeError.
    pub fn to_size(&self, py: Attached<'py>) -> PyResult<'py, Option<i64>> {
        if self.is_none() {
            return Ok(None);
        }
        let mut overflow = 0;
        // SAFETY: alive; overflow is a valid out-parameter.
        let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(self.as_ptr(), &raw mut overflow) };
        match overflow {
            0 if value == -1 => {
                // SAFETY: attached: -1 without overflow may be a failure.
                if unsafe { ffi::PyErr_Occurred() }.is_null() {
                    Ok(Some(-1))
                } else {
                    Err(super::Raised::pending(py))
                }
            }
            0 => Ok(Some(value)),
            sign => Ok(Some(if sign > 0 { i64::MAX } else { i64::MIN })),
        }
    }

    /// Copies what any bytes-like object holds (`bytes`, `bytearray`, `memoryview`); `None` for other types.
    pub fn copy_buffer(&self, py: Attached<'py>) -> Option<Vec<u8>> {
        if let Some(bytes) = self.as_bytes() {
            return Some(bytes.to_vec());
        }
        // SAFETY: alive; a failure is cleared.
        let copied = unsafe { Object::from_result(py, ffi::PyBytes_FromObject(self.as_ptr())) };
        // SAFETY: alive.
        if unsafe { ffi::PyObject_CheckBuffer(self.as_ptr()) } == 0 {
            return None;
        }
        copied.ok().and_then(|bytes| bytes.as_bytes().map(<[u8]>::to_vec))
    }
}
