//! How long threads wait for a GIL, measured once somebody asks.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static MEASURED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static WAITED: Cell<GilWait> = const { Cell::new(GilWait { time: Duration::ZERO, count: 0 }) };
}

/// What a thread waited since it last came from outside Python.
#[derive(Clone, Copy, Debug, Default)]
pub struct GilWait {
    /// All waits together.
    pub time: Duration,
    /// How many there were.
    pub count: u64,
}

/// Measures from now on, in all threads.
pub fn measure_gil_waits() {
    MEASURED.store(true, Ordering::Relaxed);
}

/// What this thread waited since it attached; nothing unless [measured](measure_gil_waits).
pub fn gil_wait() -> GilWait {
    WAITED.with(Cell::get)
}

/// Runs `take`, which takes the GIL of a thread that comes from outside Python.
pub(super) fn entering(take: impl FnOnce()) {
    if !MEASURED.load(Ordering::Relaxed) {
        return take();
    }
    WAITED.with(|waited| waited.set(GilWait::default()));
    timed(take);
}

/// Runs `take`, which takes the GIL back.
pub(super) fn returning(take: impl FnOnce()) {
    if MEASURED.load(Ordering::Relaxed) {
        timed(take);
    } else {
        take();
    }
}

fn timed(take: impl FnOnce()) {
    let begin = Instant::now();
    take();
    WAITED.with(|waited| {
        let mut sum = waited.get();
        sum.time += begin.elapsed();
        sum.count += 1;
        waited.set(sum);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entering_begins_a_new_sum() {
        measure_gil_waits();
        let pause = || std::thread::sleep(Duration::from_millis(2));
        entering(pause);
        returning(pause);
        let both = gil_wait();
        assert_eq!(both.count, 2);
        assert!(both.time >= Duration::from_millis(4), "{both:?}");
        entering(|| ());
        assert_eq!(gil_wait().count, 1);
    }
}
