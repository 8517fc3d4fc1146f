//! When processes that keep failing are started again.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// Failures in a row after which nobody waits for the next try any more.
const HOPELESS: u32 = 3;
/// How often it is said that they go on, once the pauses are as long as they get.
const SAY_EVERY: Duration = Duration::from_secs(600);
/// How long a process has to live after it became ready, not to count as a failure.
pub(super) const PROVEN: Duration = Duration::from_secs(5);

/// The pauses of one group.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    next: Option<Instant>,
    said: Option<Instant>,
    since_said: u32,
}

impl Backoff {
    /// A process has failed. `dice`, any number, spreads groups that fail for one reason.
    pub(super) fn failed(&mut self, now: Instant, dice: u32) {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        let pause = doubled.min(LONGEST);
        let jitter = pause.mul_f64(f64::from(dice % 1000) / 10_000.0);
        self.failures = self.failures.saturating_add(1);
        self.since_said = self.since_said.saturating_add(1);
        self.next = Some(now + pause + jitter);
    }

    /// What may have been the reason has changed: the next try is now.
    pub(super) fn retry_now(&mut self) {
        self.next = None;
    }

    /// How many processes have failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether processes have failed lately.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether so many have failed that requests need not wait for the next.
    pub(super) fn is_hopeless(&self) -> bool {
        self.failures >= HOPELESS
    }

    /// Whether a process may be started.
    pub(super) fn may_start(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// How long until the next try.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        Some(self.next?.saturating_duration_since(now)).filter(|rest| !rest.is_zero())
    }

    /// Whether a failure of its own kind is still told by itself; later ones are summed up.
    pub(super) fn tells_each(&self) -> bool {
        self.failures < HOPELESS
    }

    fn has_longest_pauses(&self) -> bool {
        FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)) >= LONGEST
    }

    /// How many failures there were since that was last said, when it is time to say it again.
    pub(super) fn summary(&mut self, now: Instant) -> Option<u32> {
        let quiet = self.said.is_some_and(|said| now.duration_since(said) < SAY_EVERY);
        if quiet || !self.has_longest_pauses() || self.since_said == 0 {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.since_said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let pauses: Vec<u128> = (0..12)
            .map(|_| {
                backoff.failed(now, 0);
                backoff.remaining(now).expect("a pause").as_millis()
            })
            .collect();
        assert_eq!(
            pauses,
            [
                100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000
            ]
        );
        for _ in 0..100 {
            backoff.failed(now, u32::MAX);
        }
        assert!(backoff.remaining(now).expect("a pause") <= Duration::from_secs(33));
    }

    #[test]
    fn within_ten_minutes_a_group_that_always_fails_is_tried_about_thirty_times() {
        let (mut backoff, begin) = (Backoff::default(), Instant::now());
        let (mut now, mut tries, mut lines) = (begin, 0, 0);
        while now < begin + Duration::from_secs(600) {
            if backoff.may_start(now) {
                backoff.failed(now, 500);
                tries += 1;
            }
            lines += u32::from(backoff.summary(now).is_some());
            now += Duration::from_millis(50);
        }
        assert!((20..=32).contains(&tries), "{tries}");
        assert_eq!(
            lines, 1,
            "after half a minute; the second is due ten minutes later"
        );
    }

    #[test]
    fn a_change_ends_the_pause() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.failed(now, 0);
        assert!(backoff.is_failing() && !backoff.is_hopeless() && !backoff.may_start(now));
        backoff.retry_now();
        assert!(backoff.may_start(now) && backoff.is_failing());
    }
}
