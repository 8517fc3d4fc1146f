//! APR pools: memory that lives as long as a request, or as the configuration.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::boundary::guard;
use crate::ffi;

/// A pool that may be used for `'p`.
#[derive(Clone, Copy)]
pub(super) struct Pool<'p> {
    raw: NonNull<ffi::apr_pool_t>,
    _lifetime: PhantomData<&'p ()>,
}

impl<'p> Pool<'p> {
    /// # Safety
    ///
    /// `raw` is a live pool for `'p`, and the caller's alone (rule 2).
    pub(super) unsafe fn new(raw: *mut ffi::apr_pool_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Pool {
            raw,
            _lifetime: PhantomData,
        })
    }

    pub(super) fn as_ptr(self) -> *mut ffi::apr_pool_t {
        self.raw.as_ptr()
    }

    /// A C string of `text`, up to its first NUL.
    pub(super) fn c_string(self, text: &[u8]) -> *mut c_char {
        // SAFETY: a live pool; reads at most `text.len()` bytes.
        unsafe { ffi::apr_pstrmemdup(self.as_ptr(), text.as_ptr().cast(), text.len()) }
    }

    /// A C string of two texts, one after the other.
    pub(super) fn joined_c_string(self, [first, second]: [&[u8]; 2]) -> *mut c_char {
        let length = first.len() + second.len();
        // SAFETY: a live pool, whose memory has room for both texts and the NUL; httpd ends the process where
        // there is no memory.
        unsafe {
            let memory = ffi::apr_palloc(self.as_ptr(), length + 1).cast::<u8>();
            ptr::copy_nonoverlapping(first.as_ptr(), memory, first.len());
            ptr::copy_nonoverlapping(second.as_ptr(), memory.add(first.len()), second.len());
            memory.add(length).write(0);
            memory.cast()
        }
    }

    /// A copy of a text.
    pub(super) fn text(self, text: &str) -> &'p str {
        // SAFETY: a live pool for 'p, whose memory nobody else has; what is copied stays UTF-8.
        unsafe {
            let copy = ffi::apr_pmemdup(self.as_ptr(), text.as_ptr().cast(), text.len());
            std::str::from_utf8_unchecked(std::slice::from_raw_parts(copy.cast(), text.len()))
        }
    }

    /// A value that is dropped with the pool.
    pub(super) fn own<T: 'static>(self, value: T) -> *mut T {
        let raw = Box::into_raw(Box::new(value));
        // SAFETY: a live pool; `drop_value` gets the pointer once, when the pool goes.
        unsafe {
            ffi::apr_pool_cleanup_register(
                self.as_ptr(),
                raw.cast::<c_void>(),
                Some(drop_value::<T>),
                Some(ffi::apr_pool_cleanup_null),
            );
        }
        raw
    }

    /// Runs `action` when the pool goes.
    pub(super) fn at_end(self, action: fn()) {
        // SAFETY: a live pool; a function pointer travels as data and comes back as one.
        unsafe {
            ffi::apr_pool_cleanup_register(
                self.as_ptr(),
                action as *const c_void,
                Some(run_action),
                Some(ffi::apr_pool_cleanup_null),
            );
        }
    }

    /// Runs `action` when the pool goes, before the pools below it do.
    pub(super) fn before_end(self, action: fn()) {
        // SAFETY: as above.
        unsafe {
            ffi::apr_pool_pre_cleanup_register(self.as_ptr(), action as *const c_void, Some(run_action));
        }
    }
}

unsafe extern "C" fn drop_value<T>(data: *mut c_void) -> ffi::apr_status_t {
    guard("pool_cleanup", 0, || {
        // SAFETY: made by `own` from a Box of the same type, and called once.
        drop(unsafe { Box::from_raw(data.cast::<T>()) });
        0
    })
}

unsafe extern "C" fn run_action(data: *mut c_void) -> ffi::apr_status_t {
    guard("pool_action", 0, || {
        // SAFETY: `at_end` and `before_end` stored a `fn()`.
        let action = unsafe { std::mem::transmute::<*mut c_void, fn()>(data) };
        action();
        0
    })
}
