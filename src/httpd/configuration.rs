//! Our records in httpd's configuration vectors: made, merged, found.
//!
//! A record lives as long as the pool it was made in (rule 3). A section without directives of ours makes
//! no difference, so merging with an empty record hands the other one on.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use super::boundary::guard;
use super::module::module;
use super::pool::Pool;
use crate::config::settings::{DirSettings, ServerSettings};
use crate::ffi;

trait Record: Default + Send + Sync + 'static {
    fn is_empty(&self) -> bool;
    fn merge(base: &Self, overlay: &Self) -> Self;
}

impl Record for DirSettings {
    fn is_empty(&self) -> bool {
        DirSettings::is_empty(self)
    }

    fn merge(base: &Self, overlay: &Self) -> Self {
        DirSettings::merge(base, overlay)
    }
}

impl Record for ServerSettings {
    fn is_empty(&self) -> bool {
        ServerSettings::is_empty(self)
    }

    fn merge(base: &Self, overlay: &Self) -> Self {
        ServerSettings::merge(base, overlay)
    }
}

/// # Safety
///
/// `pool` is live and the caller's (rule 2).
unsafe fn create<T: Record>(pool: *mut ffi::apr_pool_t) -> *mut c_void {
    // SAFETY: passed on.
    match unsafe { Pool::new(pool) } {
        Some(pool) => pool.own(T::default()).cast(),
        None => ptr::null_mut(),
    }
}

/// # Safety
///
/// `pool` is live and the caller's; both records are null or of this type.
unsafe fn merge<T: Record>(
    pool: *mut ffi::apr_pool_t,
    base: *mut c_void,
    overlay: *mut c_void,
) -> *mut c_void {
    // SAFETY: passed on.
    unsafe {
        match (
            base.cast::<T>().as_ref(),
            overlay.cast::<T>().as_ref(),
            Pool::new(pool),
        ) {
            (Some(under), Some(over), Some(pool)) if !under.is_empty() && !over.is_empty() => {
                pool.own(T::merge(under, over)).cast()
            }
            (Some(under), _, _) if !under.is_empty() => base,
            _ => overlay,
        }
    }
}

pub(super) unsafe extern "C" fn create_dir(pool: *mut ffi::apr_pool_t, _dir: *mut c_char) -> *mut c_void {
    // SAFETY: called by httpd with a pool of its own.
    guard("create_dir_config", ptr::null_mut(), || unsafe {
        create::<DirSettings>(pool)
    })
}

pub(super) unsafe extern "C" fn merge_dir(
    pool: *mut ffi::apr_pool_t,
    base: *mut c_void,
    overlay: *mut c_void,
) -> *mut c_void {
    // SAFETY: called by httpd with a pool of its own and records that `create_dir` or this made.
    guard("merge_dir_config", base, || unsafe {
        merge::<DirSettings>(pool, base, overlay)
    })
}

pub(super) unsafe extern "C" fn create_server(
    pool: *mut ffi::apr_pool_t,
    _server: *mut ffi::server_rec,
) -> *mut c_void {
    // SAFETY: called by httpd with a pool of its own.
    guard("create_server_config", ptr::null_mut(), || unsafe {
        create::<ServerSettings>(pool)
    })
}

pub(super) unsafe extern "C" fn merge_server(
    pool: *mut ffi::apr_pool_t,
    base: *mut c_void,
    overlay: *mut c_void,
) -> *mut c_void {
    // SAFETY: called by httpd with a pool of its own and records that `create_server` or this made.
    guard("merge_server_config", base, || unsafe {
        merge::<ServerSettings>(pool, base, overlay)
    })
}

/// # Safety
///
/// `vector` is a live configuration vector for `'a`, whose record of ours is only read meanwhile.
unsafe fn find<'a, T>(vector: *mut ffi::ap_conf_vector_t, default: &'static OnceLock<T>) -> &'a T
where
    T: Record,
{
    // SAFETY: caller's promise; the record is null or of this type.
    let record = unsafe { ffi::ap_get_module_config(vector, module()).cast::<T>().as_ref() };
    record.unwrap_or_else(|| default.get_or_init(T::default))
}

/// Settings of a place.
///
/// # Safety
///
/// As for [`find`], with a per-directory vector.
pub(super) unsafe fn dir_settings<'a>(vector: *mut ffi::ap_conf_vector_t) -> &'a DirSettings {
    static UNSET: OnceLock<DirSettings> = OnceLock::new();
    // SAFETY: passed on.
    unsafe { find(vector, &UNSET) }
}

/// Settings of a server.
///
/// # Safety
///
/// As for [`find`], with a server's vector.
pub(super) unsafe fn server_settings<'a>(vector: *mut ffi::ap_conf_vector_t) -> &'a ServerSettings {
    static UNSET: OnceLock<ServerSettings> = OnceLock::new();
    // SAFETY: passed on.
    unsafe { find(vector, &UNSET) }
}
