//! APR tables: ordered names and values, such as headers.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;

use super::pool::Pool;
use crate::ffi;

/// A table of a request.
#[derive(Clone, Copy)]
pub struct Table<'r> {
    /// Invariant: null or a live table for 'r.
    raw: *mut ffi::apr_table_t,
    pool: Pool<'r>,
    _lifetime: PhantomData<&'r ()>,
}

/// Bytes of a C string of a request; empty for null.
///
/// # Safety
///
/// `text` is null or a C string that stays as it is for `'r`.
pub(super) unsafe fn bytes<'r>(text: *const c_char) -> &'r [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

impl<'r> Table<'r> {
    /// # Safety
    ///
    /// `raw` is null or a live table for `'r`, allocated from `pool`.
    pub(super) unsafe fn new(raw: *mut ffi::apr_table_t, pool: Pool<'r>) -> Self {
        Table {
            raw,
            pool,
            _lifetime: PhantomData,
        }
    }

    /// All entries in order. An entry without a value has an empty one.
    pub fn iter(&self) -> impl Iterator<Item = (&'r [u8], &'r [u8])> + use<'r> {
        let entries: &'r [ffi::apr_table_entry_t] = if self.raw.is_null() {
            &[]
        } else {
            // SAFETY: a live table; its array holds `nelts` entries.
            unsafe {
                let array = &*ffi::apr_table_elts(self.raw);
                let count = usize::try_from(array.nelts).unwrap_or_default();
                if count == 0 {
                    &[]
                } else {
                    std::slice::from_raw_parts(array.elts.cast::<ffi::apr_table_entry_t>(), count)
                }
            }
        };
        entries
            .iter()
            .filter(|entry| !entry.key.is_null())
            // SAFETY: names and values are C strings of the request's pool.
            .map(|entry| unsafe { (bytes(entry.key), bytes(entry.val)) })
    }

    /// The first value of `name`, whose letter case does not count.
    pub fn get(&self, name: &CStr) -> Option<&'r [u8]> {
        if self.raw.is_null() {
            return None;
        }
        // SAFETY: a live table and a C string; the value is a C string of the request's pool.
        unsafe {
            let value = ffi::apr_table_get(self.raw, name.as_ptr());
            (!value.is_null()).then(|| bytes(value))
        }
    }

    /// Adds an entry, whether or not the name is there.
    pub fn add(&self, name: &[u8], value: &[u8]) {
        if !self.raw.is_null() {
            // SAFETY: a live table; the copies live in its pool.
            unsafe { ffi::apr_table_addn(self.raw, self.pool.c_string(name), self.pool.c_string(value)) }
        }
    }

    /// Replaces all entries of the name by one.
    pub fn set(&self, name: &CStr, value: &[u8]) {
        if !self.raw.is_null() {
            // SAFETY: a live table; both are copied into its pool.
            unsafe { ffi::apr_table_set(self.raw, name.as_ptr(), self.pool.c_string(value)) }
        }
    }

    /// Removes all entries of the name.
    pub fn unset(&self, name: &CStr) {
        if !self.raw.is_null() {
            // SAFETY: a live table and a C string.
            unsafe { ffi::apr_table_unset(self.raw, name.as_ptr()) }
        }
    }
}
