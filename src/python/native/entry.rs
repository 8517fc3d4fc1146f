//! The functions that CPython calls: find the payload, enter the panic boundary, run safe code.

use std::any::type_name;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::ffi;

use super::{Arguments, Attribute, Call, Construct, Instance, Method, Next, Payload, allocate};
use crate::fault;
use crate::python::{Attached, ErrorKind, Object, PyResult, Raised, runtime};

/// The panic boundary of every function that CPython calls: a panic is raised as RuntimeError.
///
/// `slot` names the kind of entry, as an injection point for tests.
fn guarded<'py, R>(
    py: Attached<'py>,
    slot: &'static str,
    failed: R,
    body: impl FnOnce() -> PyResult<'py, R>,
) -> R {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        fault::point(slot);
        body()
    }));
    match outcome {
        Ok(Ok(value)) => value,
        Ok(Err(raised)) => {
            raised.leave_pending();
            failed
        }
        Err(_) => {
            Raised::new(
                py,
                ErrorKind::RuntimeError,
                "WSGI1001: internal error in mod_rwsgi",
            )
            .leave_pending();
            failed
        }
    }
}

/// # Safety
///
/// CPython calls a slot with an instance of the slot's own type, attached.
unsafe fn enter<'a, 'py, T>(this: *mut ffi::PyObject) -> (Attached<'py>, &'a T) {
    // SAFETY: an `Instance<T>` by the caller's promise; its owner is a leaked interpreter, the attached one.
    unsafe {
        let instance = this.cast::<Instance<T>>();
        (Attached::assume(&*(*instance).owner), &(*instance).payload)
    }
}

fn pointer_or_null(object: Object<'_>) -> *mut ffi::PyObject {
    object.into_ptr()
}

pub(super) unsafe extern "C" fn method<T: Payload, M: Method<T>>(
    this: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: called by CPython for this type's method.
    let (py, payload) = unsafe { enter::<T>(this) };
    // SAFETY: CPython passes `count` borrowed references.
    let arguments = unsafe { borrow_arguments(py, arguments, usize::try_from(count).unwrap_or_default()) };
    guarded(py, "python_method", ptr::null_mut(), || {
        M::call(payload, py, arguments).map(pointer_or_null)
    })
}

/// # Safety
///
/// `pointers` leads to `count` references that are alive for 'a, or `count` is 0.
unsafe fn borrow_arguments<'a, 'py>(
    py: Attached<'py>,
    pointers: *const *mut ffi::PyObject,
    count: usize,
) -> Arguments<'a, 'py> {
    let pointers = if count == 0 {
        &[]
    } else {
        // SAFETY: passed on from the caller.
        unsafe { std::slice::from_raw_parts(pointers, count) }
    };
    Arguments { pointers, py }
}

pub(super) unsafe extern "C" fn vectorcall<T: Payload, C: Call<T>>(
    this: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: called by CPython for an instance of this type.
    let (py, payload) = unsafe { enter::<T>(this) };
    // SAFETY: plain arithmetic on the vectorcall protocol's count.
    let count = unsafe { ffi::PyVectorcall_NARGS(count) };
    // SAFETY: CPython passes that many borrowed references.
    let arguments = unsafe { borrow_arguments(py, arguments, usize::try_from(count).unwrap_or_default()) };
    guarded(py, "python_call", ptr::null_mut(), || {
        // SAFETY: null, or a tuple of keyword names.
        if !keywords.is_null() && unsafe { ffi::PyTuple_GET_SIZE(keywords) } > 0 {
            let name = T::NAME.to_string_lossy();
            return Err(Raised::new(
                py,
                ErrorKind::TypeError,
                format!("{name}() takes no keyword arguments"),
            ));
        }
        C::call(payload, py, arguments).map(pointer_or_null)
    })
}

pub(super) unsafe extern "C" fn next<T: Payload, N: Next<T>>(this: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: called by CPython for an instance of this type.
    let (py, payload) = unsafe { enter::<T>(this) };
    guarded(py, "python_next", ptr::null_mut(), || {
        Ok(N::next(payload, py)?.map_or(ptr::null_mut(), pointer_or_null))
    })
}

pub(super) unsafe extern "C" fn attribute<T: Payload, A: Attribute<T>>(
    this: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: called by CPython for an instance of this type.
    let (py, payload) = unsafe { enter::<T>(this) };
    guarded(py, "python_attribute", ptr::null_mut(), || {
        A::get(payload, py).map(pointer_or_null)
    })
}

pub(super) unsafe extern "C" fn construct<T: Construct>(
    class: *mut ffi::PyTypeObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: attached, as CPython is calling.
    let Some(interpreter) = (unsafe { runtime::current_interpreter() }) else {
        return ptr::null_mut();
    };
    // SAFETY: attached to that interpreter for the length of this call.
    let py = unsafe { Attached::assume(interpreter) };
    guarded(py, "python_construct", ptr::null_mut(), || {
        // SAFETY: null, or a dict; `arguments` is a tuple.
        let (named, count) = unsafe {
            let named = if keywords.is_null() {
                0
            } else {
                ffi::PyDict_Size(keywords)
            };
            (named, ffi::PyTuple_GET_SIZE(arguments))
        };
        if named > 0 {
            let message = format!("{} takes no keyword arguments", T::NAME.to_string_lossy());
            return Err(Raised::new(py, ErrorKind::TypeError, message));
        }
        let items: Vec<Object<'_>> = (0..count)
            // SAFETY: within the tuple's size; each item gets a reference of its own.
            .filter_map(|index| unsafe { Object::from_borrowed(py, ffi::PyTuple_GET_ITEM(arguments, index)) })
            .collect();
        let payload = T::construct(py, &items)?;
        // SAFETY: `class` is this type or a subclass of it.
        unsafe { allocate(py, class, None, payload) }.map(pointer_or_null)
    })
}

pub(super) unsafe extern "C" fn deallocate<T: Payload>(this: *mut ffi::PyObject) {
    // SAFETY: CPython calls this once, attached, for an instance of this type (or of a subclass, whose own
    // deallocator calls it) that nobody refers to any more. The type is kept alive by its instances.
    unsafe {
        let class = ffi::Py_TYPE(this);
        let instance = this.cast::<Instance<T>>();
        if !(*instance).owner.is_null() {
            let py = Attached::assume(&*(*instance).owner);
            let released = catch_unwind(AssertUnwindSafe(|| {
                fault::point("dealloc");
                (*instance).payload.release(py);
            }));
            if released.is_err() {
                eprintln!(
                    "WSGI1001: internal error in the deallocator of {}",
                    type_name::<T>()
                );
            }
            ptr::drop_in_place(&raw mut (*instance).payload);
        }
        if let Some(free) = (*class).tp_free {
            free(this.cast());
        }
        if ffi::PyType_GetFlags(class) & ffi::Py_TPFLAGS_HEAPTYPE != 0 {
            ffi::Py_DECREF(class.cast());
        }
    }
}
