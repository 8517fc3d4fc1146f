//! Compiling and running source text.

use std::ffi::CString;

use pyo3::ffi;

use super::{Attached, Object, PyResult};

/// A compiled module body.
pub struct Code<'py>(Object<'py>);

impl<'py> Code<'py> {
    /// Compiles a whole file. The source is bytes, so that an encoding cookie counts; `path` is what
    /// tracebacks show. A NUL in either raises ValueError.
    pub fn compile(py: Attached<'py>, source: &[u8], path: &[u8]) -> PyResult<'py, Self> {
        let builtins = py.import(c"builtins")?;
        let mode = py.text("exec")?;
        let name = py.file_name(path)?;
        let flags = py.int(0)?;
        let inherit = py.bool(true);
        let source = py.bytes(source)?;
        builtins
            .call_method(py, c"compile", [&source, &name, &mode, &flags, &inherit])
            .map(Code)
    }

    /// Runs the code as the body of a new module in `sys.modules`, as an import would; on failure the
    /// module is taken out again.
    pub fn execute_as_module(self, py: Attached<'py>, name: &str, path: &[u8]) -> PyResult<'py, Object<'py>> {
        let path = py.file_name(path)?;
        let name = py.text(name)?;
        // SAFETY: attached; all three objects are alive.
        unsafe {
            Object::from_result(
                py,
                ffi::PyImport_ExecCodeModuleObject(
                    name.as_ptr(),
                    self.0.as_ptr(),
                    path.as_ptr(),
                    std::ptr::null_mut(),
                ),
            )
        }
    }

    /// Runs the code in `globals`.
    pub fn execute_in(self, py: Attached<'py>, globals: &Object<'py>) -> PyResult<'py, Object<'py>> {
        // SAFETY: attached; code and dict are alive.
        unsafe {
            Object::from_result(
                py,
                ffi::PyEval_EvalCode(self.0.as_ptr(), globals.as_ptr(), globals.as_ptr()),
            )
        }
    }
}

/// A C string from configuration text; a NUL ends it early, as it would for httpd.
pub(super) fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(bytes.get(..end).unwrap_or_default()).unwrap_or_default()
}
