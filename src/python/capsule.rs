//! Pointers of another room, wrapped for extension modules of the application's.

use std::ffi::{CStr, c_void};
use std::ptr::{self, NonNull};

use pyo3::ffi;

use super::{Attached, Object, PyResult};

/// The name that a capsule gets when what it points at is gone.
const EXPIRED: &CStr = c"expired";

/// A capsule without a name, around an address that is valid for a while only.
pub struct Capsule<'py>(Object<'py>);

impl<'py> Capsule<'py> {
    /// Wraps `address`, which is only passed on here.
    pub fn new(py: Attached<'py>, address: NonNull<c_void>) -> PyResult<'py, Self> {
        // SAFETY: attached; the pointer is not null, and nothing here follows it.
        unsafe {
            Object::from_result(py, ffi::PyCapsule_New(address.as_ptr(), ptr::null(), None)).map(Capsule)
        }
    }

    /// The capsule.
    pub fn object(&self) -> &Object<'py> {
        &self.0
    }
}

impl Drop for Capsule<'_> {
    /// From now on `PyCapsule_GetPointer` refuses the capsule, which an application may have kept.
    fn drop(&mut self) {
        // SAFETY: attached for 'py; a capsule, and a name that lives for ever.
        unsafe { ffi::PyCapsule_SetName(self.0.as_ptr(), EXPIRED.as_ptr()) };
    }
}
