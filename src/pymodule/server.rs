//! The native functions of the module `mod_wsgi`.
//!
//! They are methods of one object that each interpreter has, so they find what is theirs without looking
//! anything up; the module has them as attributes, bound to it.

use std::ffi::CStr;
use std::sync::Arc;

use super::report;
use crate::gateway::server_report::ServerReport;
use crate::gateway::{Level, Origin};
use crate::python::native::{Arguments, Method, Payload, Type, TypeBuilder};
use crate::python::{Attached, ErrorKind, Object, PyResult, Raised};
use crate::wsgi::{self, Events, metrics};

/// Tells about the processes that serve: httpd's, or those of a daemon group. `None` when nobody keeps a record of
/// them.
pub type ServerReporter = Arc<dyn Fn() -> Option<ServerReport> + Send + Sync>;

/// What the functions of one interpreter work with.
pub(super) struct Server {
    pub(super) events: Arc<Events>,
    pub(super) log: wsgi::OriginLog,
    pub(super) reporter: Option<ServerReporter>,
    pub(super) capacity: report::Capacity,
}

impl Payload for Server {
    const NAME: &'static CStr = c"mod_wsgi.Server";
    const DOC: &'static CStr = c"The server, as one interpreter sees it.";
}

/// The functions, by the names of the module's attributes.
pub(super) const FUNCTIONS: [&CStr; 5] = [
    RequestData::NAME,
    ServerMetrics::NAME,
    ProcessMetrics::NAME,
    RequestMetrics::NAME,
    StartRecording::NAME,
];

pub(super) fn server_type<'py>(py: Attached<'py>, module: &Object<'py>) -> PyResult<'py, Type<Server>> {
    TypeBuilder::default()
        .method::<RequestData>()
        .method::<ActiveRequests>()
        .method::<ServerMetrics>()
        .method::<ProcessMetrics>()
        .method::<RequestMetrics>()
        .method::<StartRecording>()
        .method::<Log>()
        .build(py, module)
}

/// `request_data()`
struct RequestData;

impl Method<Server> for RequestData {
    const NAME: &'static CStr = c"request_data";

    fn call<'py>(
        this: &Server,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("request_data", 0, 0)?;
        this.events
            .request_data(py)?
            .ok_or_else(|| Raised::new(py, ErrorKind::RuntimeError, "no active request for thread"))
    }
}

/// What `mod_wsgi.active_requests` is.
pub(super) struct ActiveRequests;

impl Method<Server> for ActiveRequests {
    const NAME: &'static CStr = c"active_requests";

    fn call<'py>(
        this: &Server,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("active_requests", 0, 0)?;
        this.events.active_requests(py)
    }
}

/// `server_metrics()`
struct ServerMetrics;

impl Method<Server> for ServerMetrics {
    const NAME: &'static CStr = c"server_metrics";

    fn call<'py>(
        this: &Server,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("server_metrics", 0, 0)?;
        let told = this
            .reporter
            .as_ref()
            .and_then(|reporter| py.detach(|| reporter()));
        told.map_or_else(|| Ok(py.none()), |told| report::server(py, &told))
    }
}

/// `process_metrics()`
struct ProcessMetrics;

impl Method<Server> for ProcessMetrics {
    const NAME: &'static CStr = c"process_metrics";

    fn call<'py>(_: &Server, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("process_metrics", 0, 0)?;
        metrics::observe();
        report::process(py)
    }
}

/// `request_metrics()`
struct RequestMetrics;

impl Method<Server> for RequestMetrics {
    const NAME: &'static CStr = c"request_metrics";

    fn call<'py>(
        this: &Server,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("request_metrics", 0, 0)?;
        match metrics::interval_report() {
            Some(interval) => report::requests(py, &interval, this.capacity),
            None => Ok(py.none()),
        }
    }
}

/// `start_recording_metrics()`
struct StartRecording;

impl Method<Server> for StartRecording {
    const NAME: &'static CStr = c"start_recording_metrics";

    fn call<'py>(_: &Server, py: Attached<'py>, arguments: Arguments<'_, 'py>) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("start_recording_metrics", 0, 0)?;
        metrics::start_recording();
        Ok(py.none())
    }
}

/// `log(level, text, file, line)`, for `mod_wsgi.LogHandler`.
pub(super) struct Log;

impl Method<Server> for Log {
    const NAME: &'static CStr = c"log";

    fn call<'py>(
        this: &Server,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("log", 4, 4)?;
        let argument = |index| {
            arguments
                .get(index)
                .ok_or_else(|| Raised::new(py, ErrorKind::TypeError, "log() takes 4 arguments"))
        };
        let level = argument(0)?.to_size(py)?.unwrap_or_default();
        let text = argument(1)?.to_utf8_lossy(py).unwrap_or_default();
        let file = argument(2)?.to_utf8_lossy(py).unwrap_or_default();
        let line = argument(3)?.to_size(py)?.unwrap_or_default();
        let origin = Origin {
            file: &file,
            line: i32::try_from(line).unwrap_or_default(),
        };
        wsgi::log_from(py, level_of(level), origin, &text, this.log);
        Ok(py.none())
    }
}

/// httpd's level for a number of Python's `logging`; numbers in between belong to the level below.
fn level_of(number: i64) -> Level {
    match number {
        50.. => Level::Critical,
        40.. => Level::Error,
        30.. => Level::Warning,
        20.. => Level::Info,
        10.. => Level::Debug,
        _ => Level::Trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_in_between_is_that_below() {
        let cases = [
            (60, Level::Critical),
            (50, Level::Critical),
            (49, Level::Error),
            (30, Level::Warning),
            (25, Level::Info),
            (10, Level::Debug),
            (9, Level::Trace),
            (0, Level::Trace),
            (-1, Level::Trace),
        ];
        for (number, level) in cases {
            assert_eq!(level_of(number), level, "{number}");
        }
    }
}
