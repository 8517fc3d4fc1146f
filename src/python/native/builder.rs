//! Declaring a heap type.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr;

use pyo3::ffi;

use super::entry::{attribute, construct, deallocate, method, next, vectorcall};
use super::{Attribute, Call, Construct, Instance, Method, Next, Payload, Type};
use crate::python::{Attached, Object, PyResult};

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
