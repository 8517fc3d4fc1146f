//! Waiting on a word of memory that several processes share (futex(2)).

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleeps while the word is `value`, until it is woken or `limit` is over. May return early for no reason.
pub fn wait(word: &AtomicU32, value: u32, limit: Duration) {
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // SAFETY: a live word and a valid timeout; the kernel only reads them.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            value,
            &raw const timeout,
            std::ptr::null::<u32>(),
            0,
        );
    }
}

/// Wakes all that sleep on the word, in any process.
pub fn wake(word: &AtomicU32) {
    // SAFETY: a live word, whose address alone counts.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE,
            libc::c_int::MAX,
            std::ptr::null::<libc::timespec>(),
            std::ptr::null::<u32>(),
            0,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    #[test]
    fn a_wait_ends_by_time_by_another_value_and_by_a_wake() {
        let word = AtomicU32::new(1);
        let begin = Instant::now();
        wait(&word, 1, Duration::from_millis(30));
        assert!(begin.elapsed() >= Duration::from_millis(25));
        wait(&word, 2, Duration::from_secs(60));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while word.load(Ordering::SeqCst) == 1 {
                    wait(&word, 1, Duration::from_secs(60));
                }
            });
            word.store(3, Ordering::SeqCst);
            wake(&word);
        });
        assert!(begin.elapsed() < Duration::from_secs(50));
    }
}
