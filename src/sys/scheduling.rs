//! When the system lets a thread run (sched(7)).

/// Lets this thread not interrupt another one when it is woken. Threads that work on what others sent them are
/// woken less often for it, with more to do each time, and each of them costs less.
///
/// What the thread starts from now on, other threads and processes, does the same. A system that forbids this (a
/// filter of system calls) is as good as one that does not have it.
pub fn do_not_interrupt() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is this thread, and the parameters are valid.
    let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy of the calling thread.
    fn policy() -> libc::c_int {
        // SAFETY: 0 is this thread.
        unsafe { libc::sched_getscheduler(0) }
    }

    #[test]
    fn no_other_thread_has_the_policy() {
        std::thread::spawn(|| {
            do_not_interrupt();
            assert_eq!(policy(), libc::SCHED_BATCH);
        })
        .join()
        .expect("as wanted");
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
