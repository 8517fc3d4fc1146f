//! Metrics as dicts.

use crate::gateway::metrics::Distribution;
use crate::gateway::server_report::{ProcessReport, ServerReport, WorkerReport};
use crate::python::{Attached, Object, PyResult, runtime};
use crate::sys::process;
use crate::wsgi::metrics::{self, IntervalReport, ThreadInterval};

/// A dict under construction.
struct Dict<'py> {
    py: Attached<'py>,
    dict: Object<'py>,
}

impl<'py> Dict<'py> {
    fn new(py: Attached<'py>) -> PyResult<'py, Self> {
        Ok(Dict { py, dict: py.dict()? })
    }

    fn set(&self, key: &str, value: &Object<'py>) -> PyResult<'py, ()> {
        self.dict.set_item(self.py, &self.py.text(key)?, value)
    }

    fn int(&self, key: &str, value: i64) -> PyResult<'py, ()> {
        self.set(key, &self.py.int(value)?)
    }

    fn count(&self, key: &str, value: u64) -> PyResult<'py, ()> {
        self.set(key, &self.py.count(value)?)
    }

    fn float(&self, key: &str, value: f64) -> PyResult<'py, ()> {
        self.set(key, &self.py.float(value)?)
    }

    fn list<T>(
        &self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        make: impl Fn(T) -> PyResult<'py, Object<'py>>,
    ) -> PyResult<'py, ()> {
        let list = self.py.list()?;
        for item in items {
            list.append(self.py, &make(item)?)?;
        }
        self.set(key, &list)
    }
}

/// Microseconds as seconds. Times since the epoch lose nothing: they fit a float's 53 bits.
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn signed_seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// `process_metrics()`
pub(super) fn process<'py>(py: Attached<'py>) -> PyResult<'py, Object<'py>> {
    let result = Dict::new(py)?;
    let threads = metrics::process_report();
    let cpu = process::process_cpu_time();
    let (begin, now) = (metrics::process_start_micros(), metrics::now_micros());
    let requests = threads.iter().map(|thread| thread.requests).sum();
    result.int("pid", std::process::id().into())?;
    result.float("request_busy_time", seconds(metrics::busy_micros()))?;
    result.count("request_count", requests)?;
    result.count("memory_max_rss", process::most_resident_bytes())?;
    result.count("memory_rss", process::resident_bytes())?;
    result.float("cpu_user_time", cpu.user)?;
    result.float("cpu_system_time", cpu.system)?;
    result.float("cpu_time", cpu.user + cpu.system)?;
    result.float("restart_time", seconds(begin))?;
    result.float("current_time", seconds(now))?;
    result.count("running_time", now.saturating_sub(begin) / 1_000_000)?;
    result.int(
        "request_threads",
        i64::try_from(threads.len()).unwrap_or(i64::MAX),
    )?;
    let active = i64::try_from(runtime::active_requests()).unwrap_or(i64::MAX);
    result.int("active_requests", active)?;
    result.list("threads", threads, |thread| {
        let entry = Dict::new(py)?;
        entry.int("thread_id", thread.id)?;
        entry.count("request_count", thread.requests)?;
        Ok(entry.dict)
    })?;
    Ok(result.dict)
}

/// What a process is made for.
#[derive(Clone, Copy)]
pub(super) struct Capacity {
    /// Requests at once.
    pub(super) threads: i64,
    /// Whether it is a worker, whose requests wait for it.
    pub(super) is_worker: bool,
}

/// `request_metrics()`
pub(super) fn requests<'py>(
    py: Attached<'py>,
    interval: &IntervalReport,
    capacity: Capacity,
) -> PyResult<'py, Object<'py>> {
    let Capacity {
        threads: maximum_threads,
        is_worker,
    } = capacity;
    let result = Dict::new(py)?;
    // An interval of no length has no rates; the least that the clock can tell stands in.
    let period = seconds(interval.end_micros.saturating_sub(interval.begin_micros).max(1));
    result.int("pid", std::process::id().into())?;
    result.float("start_time", seconds(interval.begin_micros))?;
    result.float("stop_time", seconds(interval.end_micros))?;
    result.float("sample_period", period)?;
    for (name, used) in [
        ("cpu_user", interval.cpu.user),
        ("cpu_system", interval.cpu.system),
        ("cpu", interval.cpu.user + interval.cpu.system),
    ] {
        result.float(&format!("{name}_utilization"), used / period)?;
        result.float(&format!("{name}_time"), used / period)?;
    }
    result.count("memory_rss", process::resident_bytes())?;
    result.count("memory_max_rss", process::most_resident_bytes())?;
    let busy = seconds(interval.busy_micros);
    let capacity = period * maximum_threads.max(1) as f64;
    result.float("capacity_utilization", busy / capacity)?;
    request_sums(&result, interval, period)?;
    request_times(&result, interval, is_worker)?;
    request_threads(&result, interval, maximum_threads)?;
    Ok(result.dict)
}

fn request_sums<'py>(result: &Dict<'py>, interval: &IntervalReport, period: f64) -> PyResult<'py, ()> {
    let sums = &interval.sums;
    result.count("request_count", sums.requests)?;
    result.float("request_throughput", sums.requests as f64 / period)?;
    for (class, count) in (1..).zip(sums.statuses) {
        result.count(&format!("status_{class}xx"), count)?;
    }
    result.count("input_bytes", sums.input.0)?;
    result.count("input_reads", sums.input.1)?;
    result.count("output_bytes", sums.output.0)?;
    result.count("output_writes", sums.output.1)?;
    result.count("gil_wait_count", sums.gil_waits)
}

fn request_times<'py>(result: &Dict<'py>, interval: &IntervalReport, is_worker: bool) -> PyResult<'py, ()> {
    let sums = &interval.sums;
    let phases: [(&str, Option<&Distribution>); 8] = [
        ("server", Some(&sums.server)),
        ("queue", is_worker.then_some(&sums.queue)),
        ("daemon", is_worker.then_some(&sums.daemon)),
        ("application", Some(&sums.application)),
        ("request", Some(&sums.request)),
        ("gil_wait", Some(&sums.gil_wait)),
        ("input_read", Some(&sums.input_read)),
        ("output_write", Some(&sums.output_write)),
    ];
    let (py, none) = (result.py, result.py.none());
    for (name, distribution) in phases {
        let Some(distribution) = distribution else {
            for key in ["time", "time_min_us", "time_max_us"] {
                result.set(&format!("{name}_{key}"), &none)?;
            }
            result.list(
                &format!("{name}_time_buckets"),
                [0; crate::gateway::metrics::BUCKETS],
                |count| py.count(count),
            )?;
            continue;
        };
        let mean = seconds(distribution.total_micros) / sums.requests.max(1) as f64;
        result.float(&format!("{name}_time"), mean)?;
        let (least, most) = match distribution.extremes_micros {
            Some((least, most)) => (py.count(least)?, py.count(most)?),
            None => (py.none(), py.none()),
        };
        result.set(&format!("{name}_time_min_us"), &least)?;
        result.set(&format!("{name}_time_max_us"), &most)?;
        result.list(&format!("{name}_time_buckets"), distribution.buckets, |count| {
            py.count(count)
        })?;
    }
    Ok(())
}

fn request_threads<'py>(
    result: &Dict<'py>,
    interval: &IntervalReport,
    maximum_threads: i64,
) -> PyResult<'py, ()> {
    let py = result.py;
    let threads = &interval.threads;
    let active = threads
        .iter()
        .filter(|thread| thread.completed > 0 || thread.current_micros > 0)
        .count();
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    result.int("request_threads_maximum", maximum_threads)?;
    result.int("request_threads_started", number(threads.len()))?;
    result.int("request_threads_active", number(active))?;
    // One entry for each thread that there can be, those that never ran a request included.
    let missing = usize::try_from(maximum_threads)
        .unwrap_or_default()
        .saturating_sub(threads.len());
    let all = || {
        threads
            .iter()
            .copied()
            .chain(std::iter::repeat_n(ThreadInterval::default(), missing))
    };
    for key in ["request_threads_completed", "request_threads_buckets"] {
        result.list(key, all(), |thread| py.count(thread.completed))?;
    }
    result.list("request_threads_busy_time", all(), |thread| {
        py.float(seconds(thread.busy_micros))
    })?;
    result.list("request_threads_cpu_time", all(), |thread| {
        py.float(seconds(thread.cpu_micros))
    })?;
    result.list("request_threads_current_elapsed", all(), |thread| {
        py.float(seconds(thread.current_micros))
    })?;
    result.list("request_threads_max_duration", all(), |thread| {
        py.float(seconds(thread.longest_micros))
    })
}

/// `server_metrics()`
pub(super) fn server<'py>(py: Attached<'py>, told: &ServerReport) -> PyResult<'py, Object<'py>> {
    let result = Dict::new(py)?;
    result.int("server_limit", told.server_limit)?;
    result.int("thread_limit", told.thread_limit)?;
    result.int("running_generation", told.running_generation)?;
    result.float("restart_time", signed_seconds(told.restart_micros))?;
    result.float("current_time", signed_seconds(told.current_micros))?;
    let running = (told.current_micros - told.restart_micros).max(0) / 1_000_000;
    result.int("running_time", running)?;
    result.list("processes", &told.processes, |process| {
        server_process(py, process)
    })?;
    Ok(result.dict)
}

fn server_process<'py>(py: Attached<'py>, process: &ProcessReport) -> PyResult<'py, Object<'py>> {
    let entry = Dict::new(py)?;
    entry.int("process_num", process.process_num)?;
    entry.int("pid", process.pid)?;
    entry.int("generation", process.generation)?;
    entry.set("quiescing", &py.bool(process.quiescing))?;
    entry.list("workers", &process.workers, |worker| server_worker(py, worker))?;
    Ok(entry.dict)
}

fn server_worker<'py>(py: Attached<'py>, worker: &WorkerReport) -> PyResult<'py, Object<'py>> {
    let entry = Dict::new(py)?;
    entry.int("thread_num", worker.thread_num)?;
    entry.int("generation", worker.generation)?;
    entry.set("status", &py.text(worker.status.encode_utf8(&mut [0; 4]))?)?;
    entry.int("access_count", worker.access_count)?;
    entry.int("bytes_served", worker.bytes_served)?;
    for (key, micros) in ["start_time", "stop_time", "last_used"]
        .into_iter()
        .zip(worker.times_micros)
    {
        entry.float(key, signed_seconds(micros))?;
    }
    entry.set("client", &py.latin1(&worker.client)?)?;
    entry.set("request", &py.latin1(&worker.request)?)?;
    entry.set("vhost", &py.latin1(&worker.vhost)?)?;
    Ok(entry.dict)
}
