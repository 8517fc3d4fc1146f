//! Heap types whose methods are safe Rust.
//!
//! A type is declared by [`TypeBuilder`] from zero-sized method types, so that each slot of the resulting
//! Python type is one monomorphic `extern "C"` function: find the payload, enter the panic boundary, call
//! safe code, hand the result over. A panic becomes a `RuntimeError` in the application.
//!
//! Types are made per interpreter and belong to its `mod_wsgi` module; a payload must not keep references
//! to objects of its own interpreter in cycles, as the types take no part in cyclic collection.

use std::any::type_name;
use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::ffi;

use super::{Attached, ErrorKind, Interpreter, Object, PyResult, Raised, Stored};
use crate::fault;

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
        // SAFETY: not null, and alive for 'a (invariant).
        self.pointers
            .get(index)
            .map(|pointer| unsafe { Object::ref_from_borrowed(self.py, pointer) })
    }

    /// Raises TypeError unless there are `least` to `most` arguments.
    pub fn expect_count(&self, name: &str, least: usize, most: usize) -> PyResult<'py, ()> {
        let given = self.len();
        if (least..=most).contains(&given) {
            return Ok(());
        }
        let wanted = if least == most {
            format!("{least}")
        } else {
            format!("{least} to {most}")
        };
        let message = format!("{name}() takes {wanted} positional arguments but {given} were given");
        Err(Raised::new(self.py, ErrorKind::TypeError, message))
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

/// Declares a heap type.
pub struct TypeBuilder<T> {
    slots: Vec<ffi::PyType_Slot>,
    methods: Vec<ffi::PyMethodDef>,
    attributes: Vec<ffi::PyGetSetDef>,
    vectorcall: Option<ffi::vectorcallfunc>,
    flags: std::ffi::c_ulong,
    _payload: PhantomData<T>,
}

impl<T: Payload> Default for TypeBuilder<T> {
    fn default() -> Self {
        TypeBuilder {
            slots: vec![slot(ffi::Py_tp_dealloc, deallocate::<T> as *mut c_void)],
            methods: Vec::new(),
            attributes: Vec::new(),
            vectorcall: None,
            flags: ffi::Py_TPFLAGS_DEFAULT,
            _payload: PhantomData,
        }
    }
}

fn slot(id: c_int, function: *mut c_void) -> ffi::PyType_Slot {
    ffi::PyType_Slot {
        slot: id,
        pfunc: function,
    }
}

impl<T: Payload> TypeBuilder<T> {
    /// Adds a method.
    #[must_use]
    pub fn method<M: Method<T>>(mut self) -> Self {
        self.methods.push(ffi::PyMethodDef {
            ml_name: M::NAME.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer {
                PyCFunctionFast: method::<T, M>,
            },
            ml_flags: ffi::METH_FASTCALL,
            ml_doc: ptr::null(),
        });
        self
    }

    /// Adds a read-only attribute.
    #[must_use]
    pub fn attribute<A: Attribute<T>>(mut self) -> Self {
        self.attributes.push(ffi::PyGetSetDef {
            name: A::NAME.as_ptr(),
            get: Some(attribute::<T, A>),
            set: None,
            doc: ptr::null(),
            closure: ptr::null_mut(),
        });
        self
    }

    /// Makes instances callable.
    #[must_use]
    pub fn callable<C: Call<T>>(mut self) -> Self {
        self.vectorcall = Some(vectorcall::<T, C>);
        self.slots
            .push(slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void));
        self.slots.push(slot(
            ffi::Py_tp_members,
            (&raw const VECTORCALL_OFFSET.0).cast_mut().cast(),
        ));
        self.flags |= ffi::Py_TPFLAGS_HAVE_VECTORCALL;
        self
    }

    /// Makes instances iterators.
    #[must_use]
    pub fn iterator<N: Next<T>>(mut self) -> Self {
        self.slots
            .push(slot(ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void));
        self.slots
            .push(slot(ffi::Py_tp_iternext, next::<T, N> as *mut c_void));
        self
    }

    /// Lets Python code make instances, and subclasses.
    #[must_use]
    pub fn constructor(mut self) -> Self
    where
        T: Construct,
    {
        self.slots
            .push(slot(ffi::Py_tp_new, construct::<T> as *mut c_void));
        self.flags |= ffi::Py_TPFLAGS_BASETYPE;
        self
    }

    /// Makes the type for the attached interpreter, as a member of `module`.
    pub fn build<'py>(mut self, py: Attached<'py>, module: &Object<'py>) -> PyResult<'py, Type<T>> {
        if self.flags & ffi::Py_TPFLAGS_BASETYPE == 0 {
            self.flags |= ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
        }
        self.slots
            .push(slot(ffi::Py_tp_doc, T::DOC.as_ptr().cast_mut().cast()));
        // CPython keeps pointers to both tables for as long as the type lives, that is: to the end.
        if !self.methods.is_empty() {
            self.methods.push(ffi::PyMethodDef::zeroed());
            self.slots
                .push(slot(ffi::Py_tp_methods, self.methods.leak().as_mut_ptr().cast()));
        }
        if !self.attributes.is_empty() {
            self.attributes.push(ffi::PyGetSetDef::default());
            self.slots.push(slot(
                ffi::Py_tp_getset,
                self.attributes.leak().as_mut_ptr().cast(),
            ));
        }
        self.slots.push(slot(0, ptr::null_mut()));
        let mut spec = ffi::PyType_Spec {
            name: T::NAME.as_ptr(),
            basicsize: c_int::try_from(size_of::<Instance<T>>()).unwrap_or(c_int::MAX),
            itemsize: 0,
            flags: u32::try_from(self.flags).unwrap_or_default(),
            slots: self.slots.as_mut_ptr(),
        };
        // SAFETY: attached; spec and slots are complete, end with a zero slot, and are copied or leaked.
        let class = unsafe {
            Object::from_result(
                py,
                ffi::PyType_FromModuleAndSpec(module.as_ptr(), &raw mut spec, ptr::null_mut()),
            )?
        };
        Ok(Type {
            class: class.store(),
            vectorcall: self.vectorcall,
            _payload: PhantomData,
        })
    }
}

/// Where CPython finds an instance's vectorcall function; the layout before the payload is the same for
/// all payloads.
struct VectorcallOffset([ffi::PyMemberDef; 2]);

// SAFETY: constant data; its pointers lead to string literals.
unsafe impl Sync for VectorcallOffset {}

static VECTORCALL_OFFSET: VectorcallOffset = VectorcallOffset([
    ffi::PyMemberDef {
        name: c"__vectorcalloffset__".as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: std::mem::offset_of!(Instance<()>, vectorcall).cast_signed(),
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    },
    ffi::PyMemberDef {
        name: ptr::null(),
        type_code: 0,
        offset: 0,
        flags: 0,
        doc: ptr::null(),
    },
]);

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

unsafe extern "C" fn method<T: Payload, M: Method<T>>(
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

unsafe extern "C" fn vectorcall<T: Payload, C: Call<T>>(
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

unsafe extern "C" fn next<T: Payload, N: Next<T>>(this: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: called by CPython for an instance of this type.
    let (py, payload) = unsafe { enter::<T>(this) };
    guarded(py, "python_next", ptr::null_mut(), || {
        Ok(N::next(payload, py)?.map_or(ptr::null_mut(), pointer_or_null))
    })
}

unsafe extern "C" fn attribute<T: Payload, A: Attribute<T>>(
    this: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: called by CPython for an instance of this type.
    let (py, payload) = unsafe { enter::<T>(this) };
    guarded(py, "python_attribute", ptr::null_mut(), || {
        A::get(payload, py).map(pointer_or_null)
    })
}

unsafe extern "C" fn construct<T: Construct>(
    class: *mut ffi::PyTypeObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: attached, as CPython is calling.
    let Some(interpreter) = (unsafe { super::runtime::current_interpreter() }) else {
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

unsafe extern "C" fn deallocate<T: Payload>(this: *mut ffi::PyObject) {
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
        if (*class).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE != 0 {
            ffi::Py_DECREF(class.cast());
        }
    }
}

/// Makes a module object for `definition` and runs its multi-phase initialisation.
pub fn new_module<'py>(py: Attached<'py>, name: &CStr, doc: &'static CStr) -> PyResult<'py, Object<'py>> {
    let machinery = py.import(c"importlib.machinery")?;
    let title = py.interned(name)?;
    let spec = machinery.call_method(py, c"ModuleSpec", [&title, &py.none()])?;
    let definition = Box::leak(Box::new(module_definition(doc)));
    // SAFETY: attached; the definition is leaked, as CPython keeps it for ever.
    unsafe {
        let module = Object::from_result(py, ffi::PyModule_FromDefAndSpec(definition, spec.as_ptr()))?;
        Raised::check(py, ffi::PyModule_ExecDef(module.as_ptr(), definition))?;
        Ok(module)
    }
}

fn module_definition(doc: &'static CStr) -> ffi::PyModuleDef {
    let slots = vec![
        #[cfg(Py_3_12)]
        ffi::PyModuleDef_Slot {
            slot: ffi::Py_mod_multiple_interpreters,
            value: ffi::Py_MOD_PER_INTERPRETER_GIL_SUPPORTED,
        },
        ffi::PyModuleDef_Slot {
            slot: 0,
            value: ptr::null_mut(),
        },
    ];
    ffi::PyModuleDef {
        m_base: ffi::PyModuleDef_HEAD_INIT,
        m_name: c"mod_wsgi".as_ptr(),
        m_doc: doc.as_ptr(),
        m_size: 0,
        m_methods: ptr::null_mut(),
        m_slots: slots.leak().as_mut_ptr(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }
}
