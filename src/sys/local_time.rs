//! The time of day, as logs tell it.

use std::time::{SystemTime, UNIX_EPOCH};

/// `Wed Nov 25 09:51:19.123456 2026`: the time in the system's zone, to the microsecond.
pub fn stamp(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = libc::time_t::try_from(since.as_secs()).unwrap_or_default();
    // SAFETY: plain numbers and a pointer, for which zero is a value.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: two valid pointers.
    unsafe { libc::localtime_r(&raw const seconds, &raw mut parts) };
    let name = |names: &[&'static str], index: libc::c_int| {
        let found = usize::try_from(index).ok().and_then(|index| names.get(index));
        found.copied().unwrap_or("???")
    };
    format!(
        "{} {} {:02} {:02}:{:02}:{:02}.{:06} {}",
        name(&DAYS, parts.tm_wday),
        name(&MONTHS, parts.tm_mon),
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec,
        since.subsec_micros(),
        parts.tm_year + 1900
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_told_as_httpd_tells_it() {
        let told = stamp(UNIX_EPOCH + Duration::from_micros(1_795_600_279_123_456));
        // The hour depends on the zone.
        assert!(
            told.starts_with("Wed Nov 25 ") || told.starts_with("Tue Nov 24 "),
            "{told}"
        );
        assert!(told.ends_with(":19.123456 2026"), "{told}");
    }
}
