//! Numbers about many requests, kept in atomics so that recording them needs no lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many slots a [`Histogram`] has: four to each octave from 1 ms to 65.536 s, and one for what is longer.
pub const BUCKETS: usize = 65;

/// How often durations of a size came.
#[derive(Debug)]
pub struct Histogram {
    total_micros: AtomicU64,
    least_micros: AtomicU64,
    most_micros: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// What a [`Histogram`] held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The sum of all durations.
    pub total_micros: u64,
    /// The shortest and the longest; `None` when there was none.
    pub extremes_micros: Option<(u64, u64)>,
    /// How many fell into each slot.
    pub buckets: [u64; BUCKETS],
}

/// The slot of a duration: below 1 ms the first; then four equal parts of each octave, a boundary belonging to
/// the upper part.
fn bucket(micros: u64) -> usize {
    let millis = micros / 1000;
    if millis == 0 {
        return 0;
    }
    let octave = millis.ilog2();
    if octave >= 16 {
        return BUCKETS - 1;
    }
    // Four times the fraction by which the octave's beginning is exceeded.
    let begin = 1000_u64 << octave;
    let part = (micros.saturating_sub(begin)) * 4 / begin;
    usize::try_from(u64::from(octave) * 4 + part).unwrap_or(BUCKETS - 1)
}

impl Histogram {
    /// An empty one.
    pub const fn new() -> Self {
        Histogram {
            total_micros: AtomicU64::new(0),
            least_micros: AtomicU64::new(u64::MAX),
            most_micros: AtomicU64::new(0),
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    /// Adds a duration.
    pub fn record(&self, micros: u64) {
        self.total_micros.fetch_add(micros, Ordering::Relaxed);
        self.least_micros.fetch_min(micros, Ordering::Relaxed);
        self.most_micros.fetch_max(micros, Ordering::Relaxed);
        if let Some(slot) = self.buckets.get(bucket(micros)) {
            slot.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes what was recorded, and begins anew.
    pub fn drain(&self) -> Distribution {
        let least = self.least_micros.swap(u64::MAX, Ordering::Relaxed);
        let most = self.most_micros.swap(0, Ordering::Relaxed);
        Distribution {
            total_micros: self.total_micros.swap(0, Ordering::Relaxed),
            extremes_micros: (least != u64::MAX).then_some((least, most)),
            buckets: std::array::from_fn(|index| {
                self.buckets
                    .get(index)
                    .map_or(0, |slot| slot.swap(0, Ordering::Relaxed))
            }),
        }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram::new()
    }
}

/// What a request's time was spent on, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// From httpd's reading of the request to the application's call, or to its wait for a worker.
    pub server: u64,
    /// Waiting for a worker.
    pub queue: u64,
    /// In the worker before the application's call.
    pub daemon: u64,
    /// From the application's call to its end.
    pub application: u64,
    /// Waiting for the GIL.
    pub gil_wait: u64,
    /// Waiting for the request's body.
    pub input_read: u64,
    /// Handing the response to the transport.
    pub output_write: u64,
}

/// One finished request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finished {
    /// Where its time went.
    pub spent: Spent,
    /// How often it waited for the GIL.
    pub gil_waits: u64,
    /// The status of its response.
    pub status: u16,
    /// Bytes and reads of its body.
    pub input: (u64, u64),
    /// Bytes and writes of its response.
    pub output: (u64, u64),
}

/// Sums over the finished requests of an interval.
#[derive(Debug, Default)]
pub struct Recorder {
    server: Histogram,
    queue: Histogram,
    daemon: Histogram,
    application: Histogram,
    request: Histogram,
    gil_wait: Histogram,
    input_read: Histogram,
    output_write: Histogram,
    counts: [AtomicU64; COUNTS],
}

const COUNTS: usize = 11;

/// What a [`Recorder`] held.
#[derive(Clone, Debug)]
pub struct Interval {
    /// From httpd's reading of a request to the application's call, or to its wait for a worker.
    pub server: Distribution,
    /// Waiting for a worker.
    pub queue: Distribution,
    /// In the worker before the application's call.
    pub daemon: Distribution,
    /// From the application's call to its end.
    pub application: Distribution,
    /// All of these together.
    pub request: Distribution,
    /// Waiting for the GIL.
    pub gil_wait: Distribution,
    /// Waiting for bodies.
    pub input_read: Distribution,
    /// Handing responses to the transport.
    pub output_write: Distribution,
    /// Finished requests.
    pub requests: u64,
    /// Responses of the classes 1xx to 5xx.
    pub statuses: [u64; 5],
    /// Bytes and reads of request bodies.
    pub input: (u64, u64),
    /// Bytes and writes of responses.
    pub output: (u64, u64),
    /// How often the GIL was waited for.
    pub gil_waits: u64,
}

impl Recorder {
    /// An empty one.
    pub const fn new() -> Self {
        Recorder {
            server: Histogram::new(),
            queue: Histogram::new(),
            daemon: Histogram::new(),
            application: Histogram::new(),
            request: Histogram::new(),
            gil_wait: Histogram::new(),
            input_read: Histogram::new(),
            output_write: Histogram::new(),
            counts: [const { AtomicU64::new(0) }; COUNTS],
        }
    }

    /// Adds a finished request.
    pub fn record(&self, finished: &Finished) {
        let Finished {
            spent,
            status,
            input,
            output,
            gil_waits,
        } = finished;
        self.server.record(spent.server);
        self.queue.record(spent.queue);
        self.daemon.record(spent.daemon);
        self.application.record(spent.application);
        let parts = [spent.server, spent.queue, spent.daemon, spent.application];
        self.request
            .record(parts.into_iter().fold(0, u64::saturating_add));
        self.gil_wait.record(spent.gil_wait);
        self.input_read.record(spent.input_read);
        self.output_write.record(spent.output_write);
        let class = |number: u16| u64::from(status / 100 == number);
        let added = [
            1,
            class(1),
            class(2),
            class(3),
            class(4),
            class(5),
            input.0,
            input.1,
            output.0,
            output.1,
            *gil_waits,
        ];
        for (count, more) in self.counts.iter().zip(added) {
            if more > 0 {
                count.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    /// Takes what was recorded, and begins anew. A request that ends at the same moment may be split between
    /// two intervals; none is lost or counted twice.
    pub fn drain(&self) -> Interval {
        let counts = self
            .counts
            .each_ref()
            .map(|count| count.swap(0, Ordering::Relaxed));
        let [
            requests,
            one,
            two,
            three,
            four,
            five,
            read,
            reads,
            written,
            writes,
            gil_waits,
        ] = counts;
        Interval {
            server: self.server.drain(),
            queue: self.queue.drain(),
            daemon: self.daemon.drain(),
            application: self.application.drain(),
            request: self.request.drain(),
            gil_wait: self.gil_wait.drain(),
            input_read: self.input_read.drain(),
            output_write: self.output_write.drain(),
            requests,
            statuses: [one, two, three, four, five],
            input: (read, reads),
            output: (written, writes),
            gil_waits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octave_has_four_equal_parts() {
        let expected = [
            (0, 0),
            (999, 0),
            (1000, 0),
            (1250, 1),
            (1500, 2),
            (1999, 3),
            (2000, 4),
            (2500, 5),
            (3999, 7),
            (4000, 8),
            (65_535_999, 63),
            (65_536_000, 64),
            (u64::MAX, 64),
        ];
        for (micros, slot) in expected {
            assert_eq!(bucket(micros), slot, "{micros} us");
        }
    }

    #[test]
    fn draining_gives_everything_once() {
        let histogram = Histogram::new();
        histogram.record(10);
        histogram.record(3000);
        let drained = histogram.drain();
        assert_eq!(drained.total_micros, 3010);
        assert_eq!(drained.extremes_micros, Some((10, 3000)));
        assert_eq!(drained.buckets.iter().sum::<u64>(), 2);
        let empty = histogram.drain();
        assert_eq!((empty.total_micros, empty.extremes_micros), (0, None));
        assert_eq!(empty.buckets, [0; BUCKETS]);
    }

    #[test]
    fn a_request_counts_in_its_status_class() {
        let recorder = Recorder::new();
        for status in [204, 302, 500, 503] {
            recorder.record(&Finished {
                status,
                spent: Spent {
                    server: 5,
                    application: 7,
                    ..Spent::default()
                },
                output: (11, 2),
                ..Finished::default()
            });
        }
        let interval = recorder.drain();
        assert_eq!(interval.requests, 4);
        assert_eq!(interval.statuses, [0, 1, 1, 0, 2]);
        assert_eq!(interval.output, (44, 8));
        assert_eq!(interval.request.total_micros, 48);
        assert_eq!(recorder.drain().requests, 0);
    }
}
