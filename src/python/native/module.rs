//! Module objects.

use std::ffi::CStr;
use std::ptr;

use pyo3::ffi;

use crate::python::{Attached, Object, PyResult, Raised};

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
        #[cfg(Py_3_13)]
        ffi::PyModuleDef_Slot {
            slot: ffi::Py_mod_gil,
            value: ffi::Py_MOD_GIL_NOT_USED,
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
