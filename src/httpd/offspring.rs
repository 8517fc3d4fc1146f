//! Processes that httpd's parent has besides its children: told of when they end, and ended with it.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use super::boundary::guard;
use super::pool::Pool;
use crate::ffi;

/// A process that httpd's parent waits for with its children. Dropped, it is not watched any more.
#[derive(Debug)]
pub struct Watch {
    pool: NonNull<ffi::apr_pool_t>,
}

// SAFETY: made and dropped in httpd's parent, which has one thread.
unsafe impl Send for Watch {}

/// What httpd hands back.
struct Record {
    process: ffi::apr_proc_t,
    told: Told,
}

/// Who hears of a process that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// It has ended and been reaped; its number.
    pub ended: fn(u32),
    /// It runs, and httpd is waiting for the end of its children, to stop or to restart. Comes several times
    /// while that lasts.
    pub reclaiming: fn(),
}

impl Watch {
    /// Watches process `pid` and tells of it on httpd's main thread. `None` when there is no memory.
    pub fn start(pid: u32, told: Told) -> Option<Watch> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: a valid out-parameter and the process's own pool, on httpd's main thread.
        unsafe {
            ffi::apr_pool_create_ex(&raw mut raw, ffi::ap_pglobal, None, std::ptr::null_mut());
        }
        let pool = NonNull::new(raw)?;
        // SAFETY: plain numbers and pointers, for which zero is a value.
        let mut process: ffi::apr_proc_t = unsafe { std::mem::zeroed() };
        process.pid = c_int::try_from(pid).ok()?;
        // SAFETY: a live pool, and the caller's alone.
        let record = unsafe { Pool::new(pool.as_ptr()) }?.own(Record { process, told });
        // SAFETY: the record lives as long as the pool, with which the registration goes.
        unsafe {
            ffi::apr_proc_other_child_register(
                &raw mut (*record).process,
                Some(maintain),
                record.cast(),
                std::ptr::null_mut(),
                pool.as_ptr(),
            );
        }
        Some(Watch { pool })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: made by `start`, destroyed once.
        unsafe { ffi::apr_pool_destroy(self.pool.as_ptr()) };
    }
}

unsafe extern "C" fn maintain(reason: c_int, data: *mut c_void, _status: c_int) {
    guard("process_ended", (), || {
        // SAFETY: `start` registered a record, which lives until its watch is dropped.
        let (pid, told) = unsafe {
            let record = data.cast::<Record>();
            ((*record).process.pid, (*record).told)
        };
        if reason == ffi::APR_OC_REASON_RESTART {
            return (told.reclaiming)();
        }
        if reason != ffi::APR_OC_REASON_DEATH && reason != ffi::APR_OC_REASON_LOST {
            return;
        }
        // SAFETY: registered by `start`; APR expects it to be gone after this call.
        unsafe { ffi::apr_proc_other_child_unregister(data) };
        (told.ended)(u32::try_from(pid).unwrap_or_default());
    });
}

/// Runs `action` when httpd ends, before anything that belongs to a configuration goes. Copies of the process
/// may run it too.
pub fn at_stop(action: fn()) {
    // SAFETY: the process's own pool, on httpd's main thread.
    if let Some(pool) = unsafe { Pool::new(ffi::ap_pglobal) } {
        pool.before_end(action);
    }
}
