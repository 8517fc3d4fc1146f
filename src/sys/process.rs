//! The process and its threads.

use std::ffi::CStr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static FORKED: AtomicBool = AtomicBool::new(false);

/// A number that tells this thread from the others of the process; `threading.get_ident()` gives the same.
pub fn thread_id() -> i64 {
    // SAFETY: no arguments, cannot fail.
    let id = unsafe { libc::pthread_self() };
    i64::try_from(id).unwrap_or_default()
}

/// User number that the process acts as.
pub fn effective_user() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

/// CPU time, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuTime {
    /// In user mode.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
}

/// What this thread has used.
pub fn thread_cpu_time() -> CpuTime {
    usage(libc::RUSAGE_THREAD).0
}

/// What this process has used.
pub fn process_cpu_time() -> CpuTime {
    usage(libc::RUSAGE_SELF).0
}

/// The most memory that this process ever had resident, in bytes.
pub fn most_resident_bytes() -> u64 {
    usage(libc::RUSAGE_SELF).1
}

/// The memory that this process has resident, in bytes; 0 where `/proc` does not tell.
pub fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    // SAFETY: a plain query.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages
        .unwrap_or_default()
        .saturating_mul(u64::try_from(size).unwrap_or_default())
}

fn usage(who: libc::c_int) -> (CpuTime, u64) {
    // SAFETY: plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a valid out-parameter; on failure it stays zero.
    unsafe { libc::getrusage(who, &raw mut usage) };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let time = CpuTime {
        user: seconds(usage.ru_utime),
        system: seconds(usage.ru_stime),
    };
    let kib = u64::try_from(usage.ru_maxrss).unwrap_or_default();
    (time, kib.saturating_mul(1024))
}

/// Sets a variable of the process's environment; nothing happens where name or value cannot be one.
///
/// Call it while the process has no thread but this one, as httpd's children do when they start.
pub fn child_set_variable(name: &CStr, value: &CStr) {
    // SAFETY: two C strings, which are copied; no other thread reads the environment (see above).
    unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_grows_with_work() {
        let (thread, process) = (thread_cpu_time(), process_cpu_time());
        let begin = std::time::Instant::now();
        while begin.elapsed().as_millis() < 50 {
            std::hint::black_box(begin.elapsed());
        }
        let used = |before: CpuTime, after: CpuTime| after.user + after.system - before.user - before.system;
        assert!(used(thread, thread_cpu_time()) > 0.0);
        assert!(used(process, process_cpu_time()) > 0.0);
    }

    #[test]
    fn memory_is_told_in_bytes() {
        let now = resident_bytes();
        assert!(now > 100 * 1024, "{now}");
        assert!(most_resident_bytes() > 100 * 1024);
    }
}
