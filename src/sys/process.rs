//! The process and its threads.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static FORKED: AtomicBool = AtomicBool::new(false);

/// A number that tells this thread from the others of the process; `threading.get_ident()` gives the same.
pub fn thread_id() -> i64 {
    // SAFETY: no arguments, cannot fail.
    let id = unsafe { libc::pthread_self() };
    i64::try_from(id).unwrap_or_default()
}

/// Watches for `fork()` from now on; see [`is_forked_copy`].
pub fn watch_for_fork() {
    extern "C" fn in_forked_copy() {
        FORKED.store(true, Ordering::Relaxed);
    }
    static REGISTERED: Once = Once::new();
    // SAFETY: the handler only stores an atomic; the module is never unloaded.
    REGISTERED.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_forked_copy));
    });
}

/// Whether this process was forked off after [`watch_for_fork`], by an application that is.
pub fn is_forked_copy() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Ends a forked copy of the server at once, without running anything that belongs to the original.
pub fn end_forked_copy() -> ! {
    // SAFETY: never returns; runs no handlers.
    unsafe { libc::_exit(70) }
}
