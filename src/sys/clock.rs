//! The system's monotonic clock, the same for all processes.

/// Milliseconds since some moment before the system's start; the lower 32 bits.
pub fn millis() -> u32 {
    let now = monotonic();
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let millis = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or_default();
    #[allow(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
    let low = seconds.wrapping_mul(1000).wrapping_add(millis) as u32;
    low
}

fn monotonic() -> libc::timespec {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid out-parameter; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_milliseconds() {
        let before = millis();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = millis().wrapping_sub(before);
        assert!((20..5_000).contains(&passed), "{passed}");
    }
}
