//! Memory of a system.

use std::fs;

use crate::measure::processes;

/// The proportional set size of these processes and their descendants, in KiB: each page counts once, shared
/// ones divided among those that have them, processes outside the system too.
///
/// A process whose memory may not be looked at counts as nothing.
pub(crate) fn proportional_kib(roots: &[u32]) -> u64 {
    processes::with_descendants(roots)
        .into_iter()
        .filter_map(|process| fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok())
        .filter_map(|text| proportional_in(&text))
        .sum()
}

/// The line `Pss:  1234 kB`.
fn proportional_in(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found() {
        let text =
            "1000-2000 ---p 00000000 00:00 0  [rollup]\nRss:    10 kB\nPss:      7 kB\nPss_Dirty: 3 kB\n";
        assert_eq!(proportional_in(text), Some(7));
        assert_eq!(proportional_in("Rss: 1 kB\n"), None);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(proportional_kib(&[std::process::id()]) > 100);
    }
}
