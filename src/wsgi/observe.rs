//! One request that somebody watches: the events it publishes, and the numbers it leaves.
//!
//! Requests that nobody watches come nowhere near this file.

use std::ffi::CStr;
use std::time::Duration;

use super::events::{Shared, set};
use super::metrics::{self, now_micros};
use super::run::{Request, Times};
use super::transaction::{Phase, Transaction};
use crate::gateway::metrics::{Finished, Spent};
use crate::gateway::traffic::{Flow, Traffic, micros};
use crate::gateway::{Environ, Key, Outcome};
use crate::python::{Attached, GilWait, Object, PyResult, Raised, gil_wait, measure_gil_waits};
use crate::sys::process::{CpuTime, thread_cpu_time};

/// What is noted about a watched request.
pub(super) struct Observation<'a> {
    pub(super) traffic: &'a Traffic,
    times: Times,
    begun_micros: u64,
    cpu: CpuTime,
}

/// What a watched request needed.
struct Costs {
    finish_micros: u64,
    took_micros: u64,
    cpu: CpuTime,
    gil: GilWait,
    status: u16,
}

/// Microseconds as seconds.
fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

/// httpd's number for the request.
fn request_id<'py>(py: Attached<'py>, variables: &Environ<'_>) -> Option<Object<'py>> {
    py.latin1(variables.get(Key::WsgiRequestId)?).ok()
}

impl<'a> Observation<'a> {
    pub(super) fn begin(traffic: &'a Traffic, times: Times) -> Self {
        measure_gil_waits();
        let begun_micros = now_micros();
        metrics::begin_request(begun_micros);
        Observation {
            traffic,
            times,
            begun_micros,
            cpu: thread_cpu_time(),
        }
    }

    /// Publishes `request_started`; the callable that a callback wants in place of `application`.
    pub(super) fn started<'py>(
        &self,
        request: &Request<'_, 'py>,
        variables: &Environ<'_>,
        environ: &Object<'py>,
        application: &Object<'py>,
    ) -> Option<Object<'py>> {
        let py = request.py;
        let replaced = self.publish_started(request, request_id(py, variables), environ, application);
        replaced.unwrap_or_else(|raised| {
            request.state.events.failed(py, "request_started", raised);
            None
        })
    }

    fn publish_started<'py>(
        &self,
        request: &Request<'_, 'py>,
        id: Option<Object<'py>>,
        environ: &Object<'py>,
        application: &Object<'py>,
    ) -> PyResult<'py, Option<Object<'py>>> {
        let (py, events) = (request.py, &request.state.events);
        if !events.is_watching(py) {
            return Ok(None);
        }
        let shared = events.share(py, request.transaction(), id)?;
        set(py, environ, c"mod_wsgi.request_id", &shared.id)?;
        if !events.has_subscribers(py) {
            return Ok(None);
        }
        let event = py.dict()?;
        set(py, &event, c"request_id", &shared.id)?;
        self.set_origin(request, &event, environ)?;
        let connects = self.times.daemon.map_or(0, |daemon| daemon.connects);
        // A request is given to another process only when the one before has ended, or is about to.
        let restarts = connects.saturating_sub(1);
        set(py, &event, c"daemon_connects", &py.int(connects.into())?)?;
        set(py, &event, c"daemon_restarts", &py.int(restarts.into())?)?;
        copy(
            py,
            &event,
            c"application_start",
            environ,
            c"mod_wsgi.application_start",
        )?;
        copy(
            py,
            &event,
            c"callable_object",
            environ,
            c"mod_wsgi.callable_object",
        )?;
        set(py, &event, c"application_object", application)?;
        set(py, &event, c"request_environ", environ)?;
        set(py, &event, c"request_data", &shared.data)?;
        events.publish(py, request.transaction(), "request_started", &event);
        let wanted = event.get_item(py, &py.interned(c"application_object")?)?;
        Ok(wanted.filter(|wanted| !wanted.is(application)))
    }

    /// The keys that tell where and when a request came from.
    fn set_origin<'py>(
        &self,
        request: &Request<'_, 'py>,
        event: &Object<'py>,
        environ: &Object<'py>,
    ) -> PyResult<'py, ()> {
        let py = request.py;
        copy(py, event, c"thread_id", environ, c"mod_wsgi.thread_id")?;
        set(py, event, c"server_pid", &py.int(std::process::id().into())?)?;
        copy(py, event, c"request_start", environ, c"mod_wsgi.request_start")?;
        copy(py, event, c"queue_start", environ, c"mod_wsgi.queue_start")?;
        copy(py, event, c"daemon_start", environ, c"mod_wsgi.daemon_start")
    }

    /// Records and publishes the end of the request.
    pub(super) fn finished(&self, request: &Request<'_, '_>, outcome: Outcome) {
        let now = now_micros();
        let cpu = thread_cpu_time();
        let costs = Costs {
            finish_micros: now,
            took_micros: now.saturating_sub(self.begun_micros),
            cpu: CpuTime {
                user: cpu.user - self.cpu.user,
                system: cpu.system - self.cpu.system,
            },
            gil: gil_wait(),
            status: status(request.transaction(), outcome),
        };
        self.record(&costs);
        if !request.state.events.has_subscribers(request.py) {
            return;
        }
        if let Err(raised) = self.publish_finished(request, &costs) {
            request
                .state
                .events
                .failed(request.py, "request_finished", raised);
        }
    }

    fn record(&self, costs: &Costs) {
        let Traffic { input, output } = self.traffic;
        // Seconds since the epoch fit a float's 53 bits as microseconds.
        let micros_of = |seconds: f64| (seconds * 1e6) as u64;
        let begun = self.begun_micros;
        let (queue, daemon) = self.times.daemon.map_or((begun, begun), |daemon| {
            (micros_of(daemon.queue), micros_of(daemon.start))
        });
        let finished = Finished {
            spent: Spent {
                server: queue.saturating_sub(micros_of(self.times.request)),
                queue: daemon.saturating_sub(queue),
                daemon: begun.saturating_sub(daemon),
                application: costs.took_micros,
                gil_wait: micros(costs.gil.time),
                input_read: input.micros(),
                output_write: output.micros(),
            },
            gil_waits: costs.gil.count,
            status: costs.status,
            input: (input.bytes(), input.calls()),
            output: (output.bytes(), output.calls()),
        };
        metrics::end_request(&finished, costs.took_micros, costs.cpu);
    }

    fn publish_finished<'py>(&self, request: &Request<'_, 'py>, costs: &Costs) -> PyResult<'py, ()> {
        let (py, events) = (request.py, &request.state.events);
        let shared = events.share(py, request.transaction(), None)?;
        let event = py.dict()?;
        set(py, &event, c"request_id", &shared.id)?;
        set(
            py,
            &event,
            c"thread_id",
            &py.int(crate::sys::process::thread_id())?,
        )?;
        set(py, &event, c"server_pid", &py.int(std::process::id().into())?)?;
        let daemon = self.times.daemon.unwrap_or_default();
        let times: [(&CStr, f64); 9] = [
            (c"request_start", self.times.request),
            (c"queue_start", daemon.queue),
            (c"daemon_start", daemon.start),
            (c"application_finish", seconds(costs.finish_micros)),
            (c"application_time", seconds(costs.took_micros)),
            (c"cpu_user_time", costs.cpu.user),
            (c"cpu_system_time", costs.cpu.system),
            (c"cpu_time", costs.cpu.user + costs.cpu.system),
            (c"gil_wait_time", costs.gil.time.as_secs_f64()),
        ];
        for (key, value) in times {
            set(py, &event, key, &py.float(value)?)?;
        }
        set(py, &event, c"gil_wait_count", &py.count(costs.gil.count)?)?;
        set(py, &event, c"status", &py.int(costs.status.into())?)?;
        let Traffic { input, output } = self.traffic;
        set_flow(
            py,
            &event,
            input,
            [c"input_length", c"input_reads", c"input_time"],
        )?;
        set_flow(
            py,
            &event,
            output,
            [c"output_length", c"output_writes", c"output_time"],
        )?;
        set(py, &event, c"request_data", &shared.data)?;
        events.publish(py, request.transaction(), "request_finished", &event);
        Ok(())
    }
}

fn copy<'py>(
    py: Attached<'py>,
    event: &Object<'py>,
    key: &CStr,
    environ: &Object<'py>,
    source: &CStr,
) -> PyResult<'py, ()> {
    let value = environ.get_item(py, &py.interned(source)?)?;
    set(py, event, key, &value.unwrap_or_else(|| py.none()))
}

fn set_flow<'py>(
    py: Attached<'py>,
    event: &Object<'py>,
    flow: &Flow,
    [bytes, calls, time]: [&CStr; 3],
) -> PyResult<'py, ()> {
    set(py, event, bytes, &py.count(flow.bytes())?)?;
    set(py, event, calls, &py.count(flow.calls())?)?;
    set(py, event, time, &py.float(seconds(flow.micros()))?)
}

/// The status that the client gets, as far as it is decided here; 500 when the application never started a
/// response.
fn status(transaction: &Transaction, outcome: Outcome) -> u16 {
    let response = transaction.response();
    match (outcome, response.phase) {
        (_, Phase::Committed) => response.head.status(),
        (Outcome::Failed(status), _) => status,
        (_, Phase::Started) => response.head.status(),
        (_, Phase::Fresh) => 500,
    }
}

/// Publishes `response_started`.
#[cold]
pub(super) fn response_started<'py>(
    py: Attached<'py>,
    transaction: &Transaction,
    status: &Object<'py>,
    headers: &Object<'py>,
    exc_info: Option<&Object<'py>>,
) {
    let events = &transaction.events;
    let publish = || -> PyResult<'py, ()> {
        let shared = events.share(py, transaction, None)?;
        let event = py.dict()?;
        set(py, &event, c"request_id", &shared.id)?;
        set(py, &event, c"response_status", status)?;
        set(py, &event, c"response_headers", headers)?;
        let none = py.none();
        set(py, &event, c"exception_info", exc_info.unwrap_or(&none))?;
        set(py, &event, c"request_data", &shared.data)?;
        events.publish(py, transaction, "response_started", &event);
        Ok(())
    };
    if let Err(raised) = publish() {
        events.failed(py, "response_started", raised);
    }
}

/// Publishes `request_exception` when somebody listens.
pub(super) fn request_exception<'py>(py: Attached<'py>, transaction: &Transaction, exception: &Object<'py>) {
    let events = &transaction.events;
    let publish = || -> Result<(), Raised<'py>> {
        let shared: Shared<'py> = events.share(py, transaction, None)?;
        let event = py.dict()?;
        let class = exception.getattr_str(py, c"__class__")?;
        let traceback = exception.getattr_str(py, c"__traceback__")?;
        set(py, &event, c"request_id", &shared.id)?;
        set(
            py,
            &event,
            c"exception_info",
            &py.tuple([class, exception.clone(), traceback])?,
        )?;
        set(py, &event, c"request_data", &shared.data)?;
        events.publish(py, transaction, "request_exception", &event);
        Ok(())
    };
    if events.has_subscribers(py)
        && let Err(raised) = publish()
    {
        events.failed(py, "request_exception", raised);
    }
}
