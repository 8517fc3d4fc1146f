//! Numbers about the requests of this process, kept without the GIL and shared by all its interpreters.
//!
//! What a thread counts for every request is its own to write. Times are taken only once somebody asks for
//! them: see [`observe`].

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::gateway::metrics::{Finished, Interval, Recorder};
use crate::gateway::traffic::micros;
use crate::python::measure_gil_waits;
use crate::sys::process::{self, CpuTime};

static OBSERVED: AtomicBool = AtomicBool::new(false);
static RECORDER: Recorder = Recorder::new();
static BASELINE: Mutex<Option<Baseline>> = Mutex::new(None);
/// Every thread that ever ran a request, in the order of their first ones. httpd's threads are few and live
/// as long as the process, so their records are leaked.
static THREADS: Mutex<Vec<&'static ThreadRecord>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: Cell<Option<&'static ThreadRecord>> = const { Cell::new(None) };
}

/// What one thread counts. Written by that thread alone, but for what an interval takes away.
#[derive(Debug, Default)]
struct ThreadRecord {
    id: i64,
    /// Its place in [`THREADS`].
    index: usize,
    requests: AtomicU64,
    /// When its request began, in microseconds since the epoch; 0 between observed requests.
    begun_micros: AtomicU64,
    busy_micros: AtomicU64,
    interval: IntervalRecord,
}

/// What one thread counts for the running interval.
#[derive(Debug, Default)]
struct IntervalRecord {
    completed: AtomicU64,
    busy_micros: AtomicU64,
    cpu_micros: AtomicU64,
    longest_micros: AtomicU64,
}

/// The counters as they stood when an interval began.
#[derive(Clone, Copy, Debug)]
struct Baseline {
    micros: u64,
    busy_micros: u64,
    cpu: CpuTime,
}

/// One thread, as [`process_report`] tells it.
#[derive(Clone, Copy, Debug)]
pub struct ThreadReport {
    /// `threading.get_ident()`.
    pub id: i64,
    /// Requests it has run.
    pub requests: u64,
}

/// One thread's part of an interval; times in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadInterval {
    /// Requests it finished.
    pub completed: u64,
    /// The time these took.
    pub busy_micros: u64,
    /// The CPU time they used.
    pub cpu_micros: u64,
    /// How long the request takes so far that it runs now; 0 when it runs none.
    pub current_micros: u64,
    /// Its longest request, the running one included.
    pub longest_micros: u64,
}

/// The requests between two calls of [`interval_report`].
#[derive(Debug)]
pub struct IntervalReport {
    /// Its beginning and end, in microseconds since the epoch.
    pub begin_micros: u64,
    /// See `begin_micros`.
    pub end_micros: u64,
    /// CPU time that the process used.
    pub cpu: CpuTime,
    /// The time that requests took, running ones included.
    pub busy_micros: u64,
    /// What finished requests add up to.
    pub sums: Interval,
    /// Each thread's part.
    pub threads: Vec<ThreadInterval>,
}

/// Takes times of every request from now on.
pub fn observe() {
    measure_gil_waits();
    OBSERVED.store(true, Ordering::Relaxed);
}

pub(super) fn is_observed() -> bool {
    OBSERVED.load(Ordering::Relaxed)
}

/// When this process began to run Python, in microseconds since the epoch: the first call tells it.
pub fn process_start_micros() -> u64 {
    static START: OnceLock<u64> = OnceLock::new();
    *START.get_or_init(now_micros)
}

/// The time now, in microseconds since the epoch.
pub fn now_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

fn threads() -> MutexGuard<'static, Vec<&'static ThreadRecord>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn baseline() -> MutexGuard<'static, Option<Baseline>> {
    BASELINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn own() -> &'static ThreadRecord {
    OWN.with(|own| own.get().unwrap_or_else(|| register(own)))
}

/// Makes the record of a thread that runs its first request.
#[cold]
fn register(own: &Cell<Option<&'static ThreadRecord>>) -> &'static ThreadRecord {
    let mut threads = threads();
    let record: &'static ThreadRecord = Box::leak(Box::new(ThreadRecord {
        id: process::thread_id(),
        index: threads.len(),
        ..ThreadRecord::default()
    }));
    threads.push(record);
    own.set(Some(record));
    record
}

/// Adds without a locked instruction; for counters with one writer.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(by),
        Ordering::Relaxed,
    );
}

/// Counts a request of this thread's.
#[inline]
/// A number for this thread, from 0 on in the order of the threads' first requests.
pub(super) fn thread_index() -> usize {
    own().index
}

pub(super) fn count_request() {
    bump(&own().requests, 1);
}

/// Notes that this thread's request is observed from now on.
pub(super) fn begin_request(now: u64) {
    own().begun_micros.store(now, Ordering::Relaxed);
}

/// Notes the end of that request.
pub(super) fn end_request(finished: &Finished, took_micros: u64, cpu: CpuTime) {
    let own = own();
    own.begun_micros.store(0, Ordering::Relaxed);
    bump(&own.busy_micros, took_micros);
    let interval = &own.interval;
    interval.completed.fetch_add(1, Ordering::Relaxed);
    interval.busy_micros.fetch_add(took_micros, Ordering::Relaxed);
    // A CPU time is a small positive number of seconds.
    let cpu_micros = ((cpu.user + cpu.system) * 1e6) as u64;
    interval.cpu_micros.fetch_add(cpu_micros, Ordering::Relaxed);
    interval.longest_micros.fetch_max(took_micros, Ordering::Relaxed);
    RECORDER.record(finished);
}

fn elapsed(record: &ThreadRecord, now: u64) -> u64 {
    match record.begun_micros.load(Ordering::Relaxed) {
        0 => 0,
        begun => now.saturating_sub(begun),
    }
}

/// The time that observed requests have taken so far, running ones included, in microseconds.
pub fn busy_micros() -> u64 {
    let now = now_micros();
    threads()
        .iter()
        .map(|record| {
            record
                .busy_micros
                .load(Ordering::Relaxed)
                .saturating_add(elapsed(record, now))
        })
        .sum()
}

/// The threads that have run requests.
pub fn process_report() -> Vec<ThreadReport> {
    threads()
        .iter()
        .map(|record| ThreadReport {
            id: record.id,
            requests: record.requests.load(Ordering::Relaxed),
        })
        .collect()
}

/// Begins the first interval; does nothing when one runs already.
pub fn start_recording() {
    observe();
    let mut baseline = baseline();
    if baseline.is_none() {
        RECORDER.drain();
        threads().iter().for_each(|record| {
            record.interval.take(0);
        });
        *baseline = Some(Baseline::now());
    }
}

impl Baseline {
    fn now() -> Baseline {
        Baseline {
            micros: now_micros(),
            busy_micros: busy_micros(),
            cpu: process::process_cpu_time(),
        }
    }
}

impl IntervalRecord {
    /// Takes the interval's numbers, and begins anew.
    fn take(&self, current_micros: u64) -> ThreadInterval {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        ThreadInterval {
            completed: take(&self.completed),
            busy_micros: take(&self.busy_micros),
            cpu_micros: take(&self.cpu_micros),
            current_micros,
            longest_micros: take(&self.longest_micros).max(current_micros),
        }
    }
}

/// Ends the running interval and begins the next; `None` before [`start_recording`].
pub fn interval_report() -> Option<IntervalReport> {
    let mut baseline = baseline();
    let before = (*baseline)?;
    let now = Baseline::now();
    *baseline = Some(now);
    let threads = threads()
        .iter()
        .map(|record| record.interval.take(elapsed(record, now.micros)))
        .collect();
    Some(IntervalReport {
        begin_micros: before.micros,
        end_micros: now.micros,
        cpu: CpuTime {
            user: now.cpu.user - before.cpu.user,
            system: now.cpu.system - before.cpu.system,
        },
        busy_micros: now.busy_micros.saturating_sub(before.busy_micros),
        sums: RECORDER.drain(),
        threads,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The one test of these statics in this process.
    #[test]
    fn an_interval_holds_what_ended_in_it() {
        assert!(interval_report().is_none());
        start_recording();
        assert!(is_observed());
        count_request();
        begin_request(now_micros().saturating_sub(5000));
        let running = interval_report().expect("recording");
        assert_eq!(running.sums.requests, 0);
        assert!(running.threads.iter().any(|thread| thread.current_micros >= 5000));
        let finished = Finished {
            status: 200,
            ..Finished::default()
        };
        end_request(
            &finished,
            6000,
            CpuTime {
                user: 0.5,
                system: 0.25,
            },
        );
        let ended = interval_report().expect("recording");
        assert_eq!(ended.sums.requests, 1);
        assert_eq!(
            ended.threads.iter().map(|thread| thread.cpu_micros).sum::<u64>(),
            750_000
        );
        assert_eq!(
            ended.threads.iter().map(|thread| thread.longest_micros).max(),
            Some(6000)
        );
        assert_eq!(ended.begin_micros, running.end_micros);
        let nothing = interval_report().expect("recording");
        assert_eq!(nothing.sums.requests, 0);
        assert!(busy_micros() >= 6000);
        assert!(process_report().iter().any(|thread| thread.requests == 1));
    }
}
