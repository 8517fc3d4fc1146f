//! Heap types whose methods are safe Rust.
//!
//! A type is declared by [`TypeBuilder`] from zero-sized method types, so that each slot of the resulting
//! Python type is one monomorphic `extern "C"` function: find the payload, enter the panic boundary, call
//! safe code, hand the result over. A panic becomes a `RuntimeError` in the application.
//!
//! Types are made per interpreter and belong to its `mod_wsgi` module; a payload must not keep references
//! to objects of its own interpreter in cycles, as the types take no part in cyclic collection.

mod builder;
mod entry;
mod module;

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr;

use pyo3::ffi;

use super::{Attached, ErrorKind, Interpreter, Object, PyResult, Raised, Stored};

pub use builder::TypeBuilder;
pub use module::new_module;

/// The Rust side of a Python object.
pub trait Payload: Send + Sync + 'static {
    /// The type's dotted name, `mod_wsgi.Input` for example.
    const NAME: &'static CStr;
    /// The type's `__doc__`.
    const DOC: &'static CStr;

    /// Gives back what the payload holds, before it is dropped.
    fn release(&mut self, _py: Attached<'_>) {}
}

/// A method that takes positional arguments.
pub trait Method<T> {
    /// The method's name.
    const NAME: &'static CStr;

    /// Runs the method.
    fn call<'py>(this: &T, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>>;
}

/// What runs when an instance is called.
pub trait Call<T> {
    /// Runs the call. Keyword arguments have been refused already.
    fn call<'py>(this: &T, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>>;
}

/// What `next()` does; the type then is its own iterator.
pub trait Next<T> {
    /// The next item; `None` ends the iteration.
    fn next<'py>(this: &T, py: Attached<'py>) -> PyResult<'py, Option<Object<'py>>>;
}

/// A read-only attribute.
pub trait Attribute<T> {
    /// The attribute's name.
    const NAME: &'static CStr;

    /// Its value.
    fn get<'py>(this: &T, py: Attached<'py>) -> PyResult<'py, Object<'py>>;
}

/// What calling the type makes.
pub trait Construct: Payload + Sized {
    /// A new payload from the call's arguments.
    fn construct<'py>(py: Attached<'py>, arguments: &[Object<'py>]) -> PyResult<'py, Self>;
}

/// The positional arguments of a call.
#[derive(Clone, Copy)]
pub struct Arguments<'a, 'py> {
    /// Invariant: borrowed references, alive for 'a.
    pointers: &'a [*mut ffi::PyObject],
    py: Attached<'py>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.pointers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    /// The argument at `index`.
    pub fn get(&self, index: usize) -> Option<&'a Object<'py>> {
        let pointer = self.pointers.get(index)?;
        // SAFETY: not null, and alive for 'a (invariant).
        Some(unsafe { Object::ref_from_borrowed(self.py, pointer) })
    }

    /// Raises TypeError unless there are `least` to `most` arguments.
    #[inline]
    pub fn expect_count(&self, name: &str, least: usize, most: usize) -> PyResult<'py, ()> {
        let given = self.len();
        if (least..=most).contains(&given) {
            return Ok(());
        }
        Err(self.raise_count(name, least, most, given))
    }

    #[cold]
    fn raise_count(&self, name: &str, least: usize, most: usize, given: usize) -> Raised<'py> {
        let wanted = if least == most {
            format!("{least}")
        } else {
            format!("{least} to {most}")
        };
        let message = format!("{name}() takes {wanted} positional arguments but {given} were given");
        Raised::new(self.py, ErrorKind::TypeError, message)
    }
}

/// The memory of an instance: CPython's header, then ours.
#[repr(C)]
struct Instance<T> {
    base: ffi::PyObject,
    /// Used by instances that can be called; see `Py_TPFLAGS_HAVE_VECTORCALL`.
    vectorcall: Option<ffi::vectorcallfunc>,
    owner: *const Interpreter,
    payload: T,
}

/// A type made by [`TypeBuilder::build`], per interpreter.
pub struct Type<T> {
    class: Stored,
    vectorcall: Option<ffi::vectorcallfunc>,
    _payload: PhantomData<fn() -> T>,
}

impl<T: Payload> Type<T> {
    /// The class object.
    pub fn class<'a, 'py>(&'a self, py: Attached<'py>) -> &'a Object<'py> {
        self.class.get(py)
    }

    /// A new instance around `payload`.
    pub fn instance<'py>(&self, py: Attached<'py>, payload: T) -> PyResult<'py, Object<'py>> {
        // SAFETY: the class was built for `Instance<T>`; all fields are written before anyone sees it.
        unsafe { allocate(py, self.class.as_ptr().cast(), self.vectorcall, payload) }
    }

    /// The payload of an instance of this type or of a subclass; `None` for any other object.
    pub fn payload<'a>(&self, py: Attached<'_>, object: &'a Object<'_>) -> Option<&'a T> {
        // SAFETY: the type test proves the layout; the payload lives as long as the object.
        unsafe {
            if ffi::PyObject_TypeCheck(object.as_ptr(), self.class.get(py).as_ptr().cast()) == 0 {
                return None;
            }
            Some(&(*object.as_ptr().cast::<Instance<T>>()).payload)
        }
    }
}

/// # Safety
///
/// `class` is a heap type built for `Instance<T>`, or a subclass of one.
unsafe fn allocate<'py, T: Payload>(
    py: Attached<'py>,
    class: *mut ffi::PyTypeObject,
    vectorcall: Option<ffi::vectorcallfunc>,
    payload: T,
) -> PyResult<'py, Object<'py>> {
    // SAFETY: caller's promise; `tp_alloc` gives zeroed memory of the type's size.
    unsafe {
        let memory = ffi::PyType_GenericAlloc(class, 0);
        let object = Object::from_result(py, memory)?;
        let instance = memory.cast::<Instance<T>>();
        ptr::write(&raw mut (*instance).vectorcall, vectorcall);
        ptr::write(&raw mut (*instance).owner, ptr::from_ref(py.interpreter()));
        ptr::write(&raw mut (*instance).payload, payload);
        Ok(object)
    }
}
