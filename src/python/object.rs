//! References to Python objects.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use pyo3::ffi;

use super::runtime::has_gil;
use super::{Attached, PyResult, Raised};

/// An owned reference, valid while the thread stays attached.
#[repr(transparent)]
pub struct Object<'py> {
    /// Invariant: a strong reference to an object of the interpreter that `'py` attaches.
    ptr: NonNull<ffi::PyObject>,
    _attached: PhantomData<Attached<'py>>,
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        // SAFETY: `ptr` is a strong reference (invariant) and the thread is attached for 'py.
        unsafe { ffi::Py_DECREF(self.ptr.as_ptr()) }
    }
}

impl Clone for Object<'_> {
    fn clone(&self) -> Self {
        // SAFETY: `ptr` is alive (invariant) and the thread is attached for 'py.
        unsafe { ffi::Py_INCREF(self.ptr.as_ptr()) };
        Object {
            ptr: self.ptr,
            _attached: PhantomData,
        }
    }
}

impl<'py> Object<'py> {
    /// Takes over a strong reference.
    ///
    /// # Safety
    ///
    /// `ptr` is null or a strong reference of the attached interpreter.
    pub(super) unsafe fn from_owned(_py: Attached<'py>, ptr: *mut ffi::PyObject) -> Option<Self> {
        // SAFETY: passed on from the caller.
        unsafe { Object::new(ptr) }
    }

    /// # Safety
    ///
    /// As for [`from_owned`](Self::from_owned), with the thread attached for `'py`.
    unsafe fn new(ptr: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(ptr).map(|ptr| Object {
            ptr,
            _attached: PhantomData,
        })
    }

    /// Takes over the result of a call that reports failure by null with an exception set.
    ///
    /// # Safety
    ///
    /// As for [`from_owned`](Self::from_owned), with an exception pending when `ptr` is null.
    pub(super) unsafe fn from_result(py: Attached<'py>, ptr: *mut ffi::PyObject) -> PyResult<'py, Self> {
        // SAFETY: passed on from the caller.
        unsafe { Object::from_owned(py, ptr) }.ok_or_else(|| Raised::pending(py))
    }

    /// Makes a new strong reference from a borrowed one.
    ///
    /// # Safety
    ///
    /// `ptr` is null or alive in the attached interpreter.
    pub(super) unsafe fn from_borrowed(py: Attached<'py>, ptr: *mut ffi::PyObject) -> Option<Self> {
        // SAFETY: alive by the caller's promise.
        unsafe {
            ffi::Py_XINCREF(ptr);
            Object::from_owned(py, ptr)
        }
    }

    /// Sees a borrowed pointer as a reference.
    ///
    /// # Safety
    ///
    /// `*ptr` is not null, and alive as long as the reference.
    pub(super) unsafe fn ref_from_borrowed<'a>(_py: Attached<'py>, ptr: &'a *mut ffi::PyObject) -> &'a Self {
        // SAFETY: `Object` is a transparent NonNull; the caller keeps the object alive for 'a.
        unsafe { &*std::ptr::from_ref(ptr).cast::<Self>() }
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.ptr.as_ptr()
    }

    /// Gives the strong reference away.
    pub(super) fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).ptr.as_ptr()
    }

    /// Puts the reference aside, to be used by a later attachment of the same interpreter.
    pub fn store(self) -> Stored {
        Stored(ManuallyDrop::new(self).ptr)
    }

    /// Whether both are the same object (`is`).
    pub fn is(&self, other: &Object<'_>) -> bool {
        self.ptr == other.ptr
    }

    /// Whether this is `None`.
    pub fn is_none(&self) -> bool {
        // SAFETY: a comparison with the interpreter's None.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }

    /// Whether there are exactly `count` strong references, ours included. Without a GIL nobody can tell, as
    /// another thread may be about to change the number: then the answer is no.
    pub fn has_references(&self, count: usize) -> bool {
        // SAFETY: alive (invariant).
        has_gil() && usize::try_from(unsafe { ffi::Py_REFCNT(self.as_ptr()) }) == Ok(count)
    }

    /// Gives a `float` another value, if there are exactly `count` strong references to it, all of them the
    /// caller's: nobody can see then that it has changed.
    pub fn set_unseen_float(&self, value: f64, count: usize) -> bool {
        // SAFETY: alive (invariant); of the exact type, and nobody else can look at the number meanwhile.
        unsafe {
            if !self.has_references(count) || ffi::PyFloat_CheckExact(self.as_ptr()) == 0 {
                return false;
            }
            (*self.as_ptr().cast::<ffi::PyFloatObject>()).ob_fval = value;
        }
        true
    }

    /// `type(self).__name__`, for messages.
    pub fn type_name(&self) -> String {
        // SAFETY: alive (invariant); both calls give new references, and a failure is cleared.
        let name: Option<Object<'py>> = unsafe {
            let class = Object::new(ffi::PyObject_Type(self.as_ptr()));
            let name = class.and_then(|class| Object::new(ffi::PyType_GetName(class.as_ptr().cast())));
            if name.is_none() {
                ffi::PyErr_Clear();
            }
            name
        };
        let text = name.as_ref().and_then(Object::as_utf8);
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }

    /// `callable(self)`.
    pub fn is_callable(&self) -> bool {
        // SAFETY: alive (invariant); the call has no failure.
        unsafe { ffi::PyCallable_Check(self.as_ptr()) != 0 }
    }

    /// Whether the type is exactly `list`.
    pub fn is_exact_list(&self) -> bool {
        // SAFETY: alive (invariant).
        unsafe { ffi::PyList_CheckExact(self.as_ptr()) != 0 }
    }

    /// Whether the type is `list` or a subclass.
    pub fn is_list(&self) -> bool {
        // SAFETY: alive (invariant).
        unsafe { ffi::PyList_Check(self.as_ptr()) != 0 }
    }

    /// Whether the type is `tuple` or a subclass.
    pub fn is_tuple(&self) -> bool {
        // SAFETY: alive (invariant).
        unsafe { ffi::PyTuple_Check(self.as_ptr()) != 0 }
    }

    /// Whether the type is exactly `tuple`.
    pub fn is_exact_tuple(&self) -> bool {
        // SAFETY: alive (invariant).
        unsafe { ffi::PyTuple_CheckExact(self.as_ptr()) != 0 }
    }

    /// Whether the type is `str` or a subclass.
    pub fn is_str(&self) -> bool {
        // SAFETY: alive (invariant).
        unsafe { ffi::PyUnicode_Check(self.as_ptr()) != 0 }
    }

    /// Whether this is an instance of `class` or of a subclass of it; false for a `class` that is no type.
    pub fn is_instance(&self, class: &Object<'py>) -> bool {
        // SAFETY: both alive; the subtype test reads type objects only and cannot fail.
        unsafe {
            ffi::PyType_Check(class.as_ptr()) != 0
                && ffi::PyObject_TypeCheck(self.as_ptr(), class.as_ptr().cast()) != 0
        }
    }

    /// The contents of a `bytes` object (or of a subclass), `None` for any other type.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        // SAFETY: a bytes object's memory is immutable and lives as long as the reference.
        unsafe {
            if ffi::PyBytes_Check(self.as_ptr()) == 0 {
                return None;
            }
            let data = ffi::PyBytes_AsString(self.as_ptr()).cast::<u8>();
            let length = usize::try_from(ffi::PyBytes_Size(self.as_ptr())).unwrap_or_default();
            Some(std::slice::from_raw_parts(data, length))
        }
    }

    /// The characters of a `str` whose code points all lie below 256, without a copy; `None` for any other
    /// object, and for a `str` that Latin-1 cannot hold.
    pub fn as_latin1(&self) -> Option<&[u8]> {
        // SAFETY: a compact one-byte string's memory is immutable and lives as long as the reference.
        unsafe {
            let ptr = self.as_ptr();
            if ffi::PyUnicode_Check(ptr) == 0 || ffi::PyUnicode_KIND(ptr) != ffi::PyUnicode_1BYTE_KIND {
                return None;
            }
            let length = usize::try_from(ffi::PyUnicode_GET_LENGTH(ptr)).unwrap_or_default();
            Some(std::slice::from_raw_parts(ffi::PyUnicode_1BYTE_DATA(ptr), length))
        }
    }

    /// The UTF-8 form of a `str`, which keeps it in memory from now on; `None` for another type and for lone
    /// surrogates.
    fn as_utf8(&self) -> Option<&[u8]> {
        if !self.is_str() {
            return None;
        }
        let mut length = 0;
        // SAFETY: a str's UTF-8 form lives as long as the reference; a failure is cleared.
        unsafe {
            let data = ffi::PyUnicode_AsUTF8AndSize(self.as_ptr(), &raw mut length);
            if data.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            let length = usize::try_from(length).unwrap_or_default();
            Some(std::slice::from_raw_parts(data.cast::<u8>(), length))
        }
    }

    /// A `str` encoded as Latin-1; raises UnicodeEncodeError, or TypeError for another type.
    pub fn encode_latin1(&self, py: Attached<'py>) -> PyResult<'py, Object<'py>> {
        // SAFETY: alive; CPython checks the type.
        unsafe { Object::from_result(py, ffi::PyUnicode_AsLatin1String(self.as_ptr())) }
    }

    /// A `str` as UTF-8, with `?` for what cannot be said in it; `None` for any other type.
    pub fn to_utf8_lossy(&self, py: Attached<'py>) -> Option<Vec<u8>> {
        if !self.is_str() {
            return None;
        }
        // SAFETY: self is a str; the error handler's name is a C string.
        let encoded = unsafe {
            Object::from_result(
                py,
                ffi::PyUnicode_AsEncodedString(self.as_ptr(), c"utf-8".as_ptr(), c"replace".as_ptr()),
            )
        };
        encoded
            .ok()
            .and_then(|bytes| bytes.as_bytes().map(<[u8]>::to_vec))
    }

    /// The value of a `bool`; `None` for any other type, numbers included.
    pub fn as_bool(&self, py: Attached<'py>) -> Option<bool> {
        [true, false].into_iter().find(|value| self.is(&py.bool(*value)))
    }

    /// `bool(self)`.
    pub fn is_true(&self, py: Attached<'py>) -> PyResult<'py, bool> {
        // SAFETY: alive (invariant).
        match unsafe { ffi::PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised::pending(py)),
            value => Ok(value != 0),
        }
    }

    /// A `str` encoded as UTF-8; raises UnicodeEncodeError, or TypeError for another type.
    pub fn encode_utf8(&self, py: Attached<'py>) -> PyResult<'py, Object<'py>> {
        // SAFETY: alive; CPython checks the type.
        unsafe { Object::from_result(py, ffi::PyUnicode_AsUTF8String(self.as_ptr())) }
    }

    /// `str(self)` for messages; empty when that fails.
    pub fn to_text(&self, py: Attached<'py>) -> String {
        // SAFETY: alive (invariant).
        let text = unsafe { Object::from_result(py, ffi::PyObject_Str(self.as_ptr())) };
        let bytes = text
            .ok()
            .and_then(|text| text.to_utf8_lossy(py))
            .unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// `getattr(self, name)`.
    pub fn getattr(&self, py: Attached<'py>, name: &Object<'py>) -> PyResult<'py, Object<'py>> {
        // SAFETY: both alive (invariant).
        unsafe { Object::from_result(py, ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// `getattr(self, name)` by a C string.
    pub fn getattr_str(&self, py: Attached<'py>, name: &CStr) -> PyResult<'py, Object<'py>> {
        // SAFETY: alive (invariant); name is a C string.
        unsafe { Object::from_result(py, ffi::PyObject_GetAttrString(self.as_ptr(), name.as_ptr())) }
    }

    /// `getattr(self, name, None)`: no attribute is `None`, any other error than `AttributeError` is raised.
    pub fn lookup(&self, py: Attached<'py>, name: &Object<'py>) -> PyResult<'py, Option<Object<'py>>> {
        match self.getattr(py, name) {
            Ok(found) => Ok(Some(found)),
            Err(raised) if raised.is(super::ErrorKind::AttributeError) => Ok(None),
            Err(raised) => Err(raised),
        }
    }

    /// `setattr(self, name, value)`.
    pub fn setattr_str(&self, py: Attached<'py>, name: &CStr, value: &Object<'py>) -> PyResult<'py, ()> {
        // SAFETY: both alive (invariant); name is a C string.
        let code = unsafe { ffi::PyObject_SetAttrString(self.as_ptr(), name.as_ptr(), value.as_ptr()) };
        Raised::check(py, code)
    }

    /// `self(*arguments)`.
    pub fn call<const N: usize>(
        &self,
        py: Attached<'py>,
        arguments: [&Object<'py>; N],
    ) -> PyResult<'py, Object<'py>> {
        let pointers = arguments.map(Object::as_ptr);
        // SAFETY: the callable and all arguments are alive for the call.
        unsafe {
            Object::from_result(
                py,
                ffi::PyObject_Vectorcall(self.as_ptr(), pointers.as_ptr(), N, std::ptr::null_mut()),
            )
        }
    }

    /// `getattr(self, name)(*arguments)`.
    pub fn call_method<const N: usize>(
        &self,
        py: Attached<'py>,
        name: &CStr,
        arguments: [&Object<'py>; N],
    ) -> PyResult<'py, Object<'py>> {
        self.getattr_str(py, name)?.call(py, arguments)
    }

    /// `self(argument, **keywords)`, with a dict whose keys are str.
    pub fn call_with_keywords(
        &self,
        py: Attached<'py>,
        argument: &Object<'py>,
        keywords: &Object<'py>,
    ) -> PyResult<'py, Object<'py>> {
        let arguments = py.tuple([argument.clone()])?;
        // SAFETY: callable, tuple and dict are alive for the call.
        unsafe {
            Object::from_result(
                py,
                ffi::PyObject_Call(self.as_ptr(), arguments.as_ptr(), keywords.as_ptr()),
            )
        }
    }

    /// `iter(self)`.
    pub fn iter(&self, py: Attached<'py>) -> PyResult<'py, Object<'py>> {
        // SAFETY: alive (invariant).
        unsafe { Object::from_result(py, ffi::PyObject_GetIter(self.as_ptr())) }
    }

    /// `next(self)`: `None` at the end.
    pub fn next(&self, py: Attached<'py>) -> PyResult<'py, Option<Object<'py>>> {
        // SAFETY: alive (invariant); null means the end unless an exception is pending.
        unsafe {
            let item = ffi::PyIter_Next(self.as_ptr());
            match Object::from_owned(py, item) {
                Some(item) => Ok(Some(item)),
                None if ffi::PyErr_Occurred().is_null() => Ok(None),
                None => Err(Raised::pending(py)),
            }
        }
    }

    /// The item at `index` of an exact or derived `list` or `tuple`; `None` past its end and for other types.
    pub fn item(&self, py: Attached<'py>, index: usize) -> Option<Object<'py>> {
        let position = ffi::Py_ssize_t::try_from(index).ok()?;
        // SAFETY: type and bounds are checked; a tuple cannot change, and list_item cares for lists.
        unsafe {
            let ptr = self.as_ptr();
            if ffi::PyList_Check(ptr) != 0 {
                return self.list_item(py, position);
            }
            if ffi::PyTuple_Check(ptr) == 0 || position >= ffi::PyTuple_GET_SIZE(ptr) {
                return None;
            }
            Object::from_borrowed(py, ffi::PyTuple_GET_ITEM(ptr, position))
        }
    }

    /// # Safety
    ///
    /// This is a list, and `position` is not negative.
    #[cfg(not(Py_GIL_DISABLED))]
    unsafe fn list_item(&self, py: Attached<'py>, position: ffi::Py_ssize_t) -> Option<Object<'py>> {
        // SAFETY: a list by the caller's promise; the GIL keeps others from changing it between the three steps.
        unsafe {
            let ptr = self.as_ptr();
            if position >= ffi::PyList_GET_SIZE(ptr) {
                return None;
            }
            Object::from_borrowed(py, ffi::PyList_GET_ITEM(ptr, position))
        }
    }

    /// # Safety
    ///
    /// This is a list.
    #[cfg(Py_GIL_DISABLED)]
    unsafe fn list_item(&self, py: Attached<'py>, position: ffi::Py_ssize_t) -> Option<Object<'py>> {
        // SAFETY: a list by the caller's promise; CPython checks the position, and its IndexError is cleared.
        unsafe {
            let found = Object::from_owned(py, ffi::PyList_GetItemRef(self.as_ptr(), position));
            if found.is_none() {
                ffi::PyErr_Clear();
            }
            found
        }
    }

    /// The items of an exact or derived `tuple`, which never change; `None` for other types. An item that is
    /// missing belongs to a tuple that a C extension has not finished.
    pub fn tuple_items(&self) -> Option<&[Option<Object<'py>>]> {
        // SAFETY: a tuple has as many pointers as its size says, and holds a reference to each for its whole
        // life; an `Object` is a transparent NonNull, so that null is `None`.
        unsafe {
            let ptr = self.as_ptr();
            if ffi::PyTuple_Check(ptr) == 0 {
                return None;
            }
            let length = usize::try_from(ffi::PyTuple_GET_SIZE(ptr)).unwrap_or_default();
            let first = &raw const (*ptr.cast::<ffi::PyTupleObject>()).ob_item;
            Some(std::slice::from_raw_parts(first.cast(), length))
        }
    }

    /// Length of an exact or derived `list` or `tuple`; `None` for other types.
    pub fn sequence_length(&self) -> Option<usize> {
        // SAFETY: types are checked.
        let length = unsafe {
            let ptr = self.as_ptr();
            if ffi::PyList_Check(ptr) != 0 {
                ffi::PyList_Size(ptr)
            } else if ffi::PyTuple_Check(ptr) != 0 {
                ffi::PyTuple_GET_SIZE(ptr)
            } else {
                return None;
            }
        };
        usize::try_from(length).ok()
    }

    /// `len(self)`, `None` where the object has none.
    pub fn length(&self, py: Attached<'py>) -> Option<usize> {
        // SAFETY: alive (invariant); a failure is cleared below.
        match usize::try_from(unsafe { ffi::PyObject_Size(self.as_ptr()) }) {
            Ok(length) => Some(length),
            Err(_) => {
                drop(Raised::pending(py));
                None
            }
        }
    }

    /// `self[key] = value` of a `dict`.
    pub fn set_item(&self, py: Attached<'py>, key: &Object<'py>, value: &Object<'py>) -> PyResult<'py, ()> {
        // SAFETY: all alive; a non-dict is reported as an error by CPython.
        Raised::check(py, unsafe {
            ffi::PyDict_SetItem(self.as_ptr(), key.as_ptr(), value.as_ptr())
        })
    }

    /// `self.get(key)` of a `dict`.
    #[cfg(not(Py_3_13))]
    pub fn get_item(&self, py: Attached<'py>, key: &Object<'py>) -> PyResult<'py, Option<Object<'py>>> {
        // SAFETY: both alive; the borrowed result gets a reference of its own at once.
        unsafe {
            let found = ffi::PyDict_GetItemWithError(self.as_ptr(), key.as_ptr());
            match Object::from_borrowed(py, found) {
                Some(found) => Ok(Some(found)),
                None if ffi::PyErr_Occurred().is_null() => Ok(None),
                None => Err(Raised::pending(py)),
            }
        }
    }

    /// `self.get(key)` of a `dict`.
    #[cfg(Py_3_13)]
    pub fn get_item(&self, py: Attached<'py>, key: &Object<'py>) -> PyResult<'py, Option<Object<'py>>> {
        let mut found = std::ptr::null_mut();
        // SAFETY: both alive; a valid out-parameter, which gets a new reference or null.
        unsafe {
            let code = ffi::PyDict_GetItemRef(self.as_ptr(), key.as_ptr(), &raw mut found);
            Raised::check(py, code)?;
            Ok(Object::from_owned(py, found))
        }
    }

    /// `self.pop(key, None)` of a `dict`, without the value.
    pub fn remove_item(&self, py: Attached<'py>, key: &Object<'py>) -> PyResult<'py, ()> {
        self.call_method(py, c"pop", [key, &py.none()]).map(drop)
    }

    /// `self.update(other)` of two `dict`s.
    pub fn update(&self, py: Attached<'py>, other: &Object<'py>) -> PyResult<'py, ()> {
        // SAFETY: both alive; a non-dict is reported as an error by CPython.
        Raised::check(py, unsafe { ffi::PyDict_Update(self.as_ptr(), other.as_ptr()) })
    }

    /// Whether the type is `dict` or a subclass.
    pub fn is_dict(&self) -> bool {
        // SAFETY: alive (invariant).
        unsafe { ffi::PyDict_Check(self.as_ptr()) != 0 }
    }

    /// A shallow copy of a `dict`.
    pub fn copy_dict(&self, py: Attached<'py>) -> PyResult<'py, Object<'py>> {
        // SAFETY: alive; a non-dict is reported as an error by CPython.
        unsafe { Object::from_result(py, ffi::PyDict_Copy(self.as_ptr())) }
    }

    /// `self.append(item)` of a `list`.
    pub fn append(&self, py: Attached<'py>, item: &Object<'py>) -> PyResult<'py, ()> {
        // SAFETY: both alive; a non-list is reported as an error by CPython.
        Raised::check(py, unsafe { ffi::PyList_Append(self.as_ptr(), item.as_ptr()) })
    }
}

/// An owned reference that waits while nobody is attached.
///
/// It can be used again only by an attachment to the interpreter it came from, and is given back by
/// [`release`](Stored::release); one that is merely dropped leaks its object, as nothing proves that the
/// dropping thread is attached.
pub struct Stored(NonNull<ffi::PyObject>);

// SAFETY: nothing but an attached thread can reach the object; moving the pointer touches no count.
unsafe impl Send for Stored {}
// SAFETY: as for Send: every access asks for `Attached`.
unsafe impl Sync for Stored {}

impl Stored {
    /// The object, for an attachment to its interpreter.
    pub fn get<'a, 'py>(&'a self, py: Attached<'py>) -> &'a Object<'py> {
        let _ = py;
        // SAFETY: a strong reference (kept by self), layout of a transparent NonNull.
        unsafe { &*std::ptr::from_ref(&self.0).cast::<Object<'py>>() }
    }

    /// Gives the reference to an attachment of its interpreter.
    pub fn release<'py>(self, py: Attached<'py>) -> Object<'py> {
        let _ = py;
        Object {
            ptr: self.0,
            _attached: PhantomData,
        }
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }
}
