//! The record that makes a shared library a module of httpd.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;

use super::boundary::guard;
use super::commands::COMMANDS;
use super::configuration::{create_dir, create_server, merge_dir, merge_server};
use super::hook::{self, Hooks};
use super::{log, providers};
use crate::ffi;

/// A module record. httpd finds it by name and writes its own fields.
#[repr(transparent)]
pub struct Module(UnsafeCell<ffi::module>);

// SAFETY: httpd writes its fields on its main thread only, before it serves.
unsafe impl Sync for Module {}

/// The record of this library, from its registration on; its address never changes.
static MODULE: OnceLock<&'static Module> = OnceLock::new();

impl Module {
    /// The record for a module whose hooks are `H`.
    pub const fn new<H: Hooks>() -> Self {
        Module(UnsafeCell::new(ffi::module {
            version: ffi::MODULE_MAGIC_NUMBER_MAJOR,
            minor_version: ffi::MODULE_MAGIC_NUMBER_MINOR,
            module_index: -1,
            name: c"mod_wsgi.c".as_ptr(),
            dynamic_load_handle: ptr::null_mut(),
            next: ptr::null_mut(),
            magic: ffi::MODULE_MAGIC_COOKIE as std::ffi::c_ulong,
            rewrite_args: None,
            create_dir_config: Some(create_dir),
            merge_dir_config: Some(merge_dir),
            create_server_config: Some(create_server),
            merge_server_config: Some(merge_server),
            cmds: COMMANDS.as_ptr(),
            register_hooks: Some(register::<H>),
            flags: 0,
        }))
    }
}

unsafe extern "C" fn register<H: Hooks>(pool: *mut ffi::apr_pool_t) {
    log::install_panic_hook();
    guard("register_hooks", (), || {
        MODULE.get_or_init(H::module);
        hook::register::<H>();
        // SAFETY: called by httpd on its main thread, with its pool.
        unsafe { providers::register::<H>(pool) };
    });
}

/// The record, for httpd's functions; null before registration.
pub(super) fn module() -> *mut ffi::module {
    MODULE.get().map_or(ptr::null_mut(), |module| module.0.get())
}

/// The module's index in httpd's vectors, which changes from one reading of the configuration to the next.
pub(super) fn module_index() -> c_int {
    let module = module();
    if module.is_null() {
        return ffi::APLOG_NO_MODULE;
    }
    // SAFETY: the record of this library; httpd writes the index before it serves.
    unsafe { (*module).module_index }
}
