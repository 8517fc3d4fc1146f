//! The system's clocks, the same for all processes.

/// Milliseconds since some moment before the system's start; the lower 32 bits.
pub fn millis() -> u32 {
    let now = monotonic();
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let millis = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or_default();
    #[allow(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
    let low = seconds.wrapping_mul(1000).wrapping_add(millis) as u32;
    low
}

/// Seconds since the epoch.
pub fn epoch_seconds() -> f64 {
    let now = read(libc::CLOCK_REALTIME);
    // Both fit a float's 53 bits.
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn monotonic() -> libc::timespec {
    read(libc::CLOCK_MONOTONIC)
}

/// `clock` is one that always exists.
fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid out-parameter; a clock that does not exist would leave it as it is.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_that_of_the_standard_library() {
        let standard = || {
            let elapsed = std::time::SystemTime::UNIX_EPOCH.elapsed();
            elapsed.expect("the clock is past 1970").as_secs_f64()
        };
        let (before, now, after) = (standard(), epoch_seconds(), standard());
        assert!(before <= now && now <= after, "{before} {now} {after}");
    }

    #[test]
    fn it_counts_milliseconds() {
        let before = millis();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = millis().wrapping_sub(before);
        assert!((20..5_000).contains(&passed), "{passed}");
    }
}
