//! The file that this code was loaded from.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The shared library, or the program, that holds this code, as it was named when it was loaded.
pub fn own_file() -> Option<PathBuf> {
    // SAFETY: plain pointers, for which null is a value.
    let mut found: libc::Dl_info = unsafe { std::mem::zeroed() };
    let inside = own_file as *const libc::c_void;
    // SAFETY: an address of this code and a valid out-parameter.
    if unsafe { libc::dladdr(inside, &raw mut found) } == 0 || found.dli_fname.is_null() {
        return None;
    }
    // SAFETY: a C string that lives as long as the library, which is never unloaded.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_its_own_file() {
        let own = own_file().expect("found").canonicalize().expect("exists");
        let running = std::env::current_exe().expect("known");
        assert_eq!(own, running.canonicalize().expect("exists"));
    }
}
