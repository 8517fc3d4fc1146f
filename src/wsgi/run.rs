//! One request: environ, call, response, close.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use super::environ;
use super::errors::current_request;
use super::metrics;
use super::observe::{self, Observation};
use super::response::{self, Delivery};
use super::state::{RequestObjects, State};
use super::transaction::Transaction;
use crate::gateway::traffic::{CountedExchange, Traffic};
use crate::gateway::{BodyError, Code, Environ, Exchange, Level, Outcome};
use crate::python::{Attached, Capsule, ErrorKind, Object, Raised, format_exception};

/// The key of the server's own record of a request.
pub(super) const REQUEST_RECORD: &CStr = c"apache.request_rec";

/// When the stages of a request began, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// The server began to read it.
    pub request: f64,
    /// In a worker, what came between.
    pub daemon: Option<DaemonTimes>,
}

/// How a request came to a worker; times in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct DaemonTimes {
    /// It began to wait for one.
    pub queue: f64,
    /// The worker had it.
    pub start: f64,
    /// How many workers it was given to, this one included.
    pub connects: u32,
}

/// Runs one request against `application`.
///
/// When this returns, all Python work of the request is done: the response iterable is closed and gone,
/// and no Python object reaches `exchange` any more. What the response still has staged is the caller's to
/// send, without the GIL.
pub fn run<'py>(
    py: Attached<'py>,
    state: &State,
    exchange: &mut dyn Exchange,
    variables: &Environ<'_>,
    times: Times,
    application: &Object<'py>,
) -> Outcome {
    let objects = match state.take_objects(py) {
        Ok(objects) => objects,
        Err(raised) => {
            let text = format_exception(py, &raised.take());
            exchange.log(Level::Error, Some(Code::INTERNAL_ERROR), &text);
            return Outcome::Failed(500);
        }
    };
    let call = Call {
        variables,
        times,
        application,
    };
    let request = Request {
        py,
        state,
        objects: &objects,
        observation: None,
    };
    let outcome = if state.events.is_watching(py) || metrics::is_observed() {
        run_watched(request, exchange, &call)
    } else {
        request.run(exchange, &call)
    };
    metrics::count_request();
    state.put_back(py, objects);
    outcome
}

/// Runs a request that somebody wants to hear about.
#[cold]
fn run_watched<'py>(
    request: Request<'_, 'py>,
    exchange: &mut dyn Exchange,
    call: &Call<'_, '_, 'py>,
) -> Outcome {
    let traffic = Traffic::default();
    let observation = Observation::begin(&traffic, call.times);
    let request = Request {
        observation: Some(&observation),
        ..request
    };
    request.run(&mut CountedExchange::new(exchange, &traffic), call)
}

/// What is to be called, and with what.
struct Call<'a, 'r, 'py> {
    variables: &'a Environ<'r>,
    times: Times,
    application: &'a Object<'py>,
}

pub(super) struct Request<'a, 'py> {
    pub(super) py: Attached<'py>,
    pub(super) state: &'a State,
    pub(super) objects: &'a RequestObjects,
    /// Present when the request is watched.
    observation: Option<&'a Observation<'a>>,
}

impl<'py> Request<'_, 'py> {
    #[inline]
    fn run(&self, exchange: &mut dyn Exchange, call: &Call<'_, '_, 'py>) -> Outcome {
        let _current = current_request(&self.objects.transaction);
        let record = exchange.server_record();
        self.transaction().lease.lend(self.py, exchange, || {
            let outcome = match record {
                None => self.respond(call, None),
                Some(record) => self.respond_with_record(call, record),
            };
            if let Some(observation) = self.observation {
                observation.finished(self, outcome);
            }
            self.state.flush_errors(self.py, self.objects);
            outcome
        })
    }

    pub(super) fn transaction(&self) -> &Transaction {
        &self.objects.transaction
    }

    /// Lets the application have the server's record of the request until its response is closed.
    #[cold]
    fn respond_with_record(&self, call: &Call<'_, '_, 'py>, record: NonNull<c_void>) -> Outcome {
        match Capsule::new(self.py, record) {
            Ok(capsule) => self.respond(call, Some(&capsule)),
            Err(raised) => self.failed(raised),
        }
    }

    fn respond(&self, call: &Call<'_, '_, 'py>, record: Option<&Capsule<'py>>) -> Outcome {
        let py = self.py;
        let environ =
            environ::build(py, self.state, self.objects, call.variables, call.times).and_then(|environ| {
                if let Some(record) = record {
                    environ.set_item(py, &py.interned(REQUEST_RECORD)?, record.object())?;
                }
                Ok(environ)
            });
        let environ = match environ {
            Ok(environ) => environ,
            Err(raised) => return self.failed(raised),
        };
        let replaced = self
            .observation
            .and_then(|observation| observation.started(self, call.variables, &environ, call.application));
        let application = replaced.as_ref().unwrap_or(call.application);
        let start_response = self.objects.start_response.get(py);
        match application.call(py, [&environ, start_response]) {
            Err(raised) => self.failed(raised),
            Ok(result) => {
                let delivery = response::deliver(self, &result);
                let outcome = self.conclude(delivery);
                response::close(self, result);
                outcome
            }
        }
    }

    /// What has become of the response once the iterable has no more to give.
    fn conclude(&self, delivery: Delivery<'py>) -> Outcome {
        match delivery {
            Delivery::Done if self.transaction().is_complete() => Outcome::Complete,
            Delivery::Done => match self.transaction().finish(self.py) {
                Ok(()) => response::balance(self),
                Err(_) => self.not_started(),
            },
            Delivery::NotStarted => self.not_started(),
            Delivery::ClientGone => Outcome::ClientGone,
            Delivery::Raised(raised) => self.failed(raised),
        }
    }

    fn not_started(&self) -> Outcome {
        let message = "start_response() must be called before response content is produced";
        self.failed(Raised::new(self.py, ErrorKind::RuntimeError, message))
    }

    /// Logs what the application raised.
    fn failed(&self, raised: Raised<'py>) -> Outcome {
        if self.state.is_request_timeout(self.py, &raised) {
            observe::request_exception(self.py, self.transaction(), &raised.take());
            let text = b"the request took too long and was interrupted";
            self.log(Level::Info, Some(Code::REQUEST_INTERRUPTED), text);
            return Outcome::Failed(504);
        }
        let status = match self.client_fault(&raised) {
            Some(error) => {
                observe::request_exception(self.py, self.transaction(), &raised.take());
                self.log(
                    Level::Info,
                    Some(Code::CLIENT_BODY_FAILED),
                    format!("the request body could not be read: {error}").as_bytes(),
                );
                error.status()
            }
            None => {
                self.log_exception("processing", raised);
                500
            }
        };
        Outcome::Failed(status)
    }

    /// The reason when an exception comes from reading a body that the client broke off.
    fn client_fault(&self, raised: &Raised<'py>) -> Option<BodyError> {
        let error = self.transaction().response().input_error.clone()?;
        raised.is(ErrorKind::OsError).then_some(error)
    }

    /// Logs an exception with its traceback, one record a line.
    pub(super) fn log_exception(&self, doing: &str, raised: Raised<'py>) {
        let exited = raised.is(ErrorKind::SystemExit);
        let exception = raised.take();
        observe::request_exception(self.py, self.transaction(), &exception);
        let code = if exited {
            Code::APPLICATION_EXIT
        } else {
            Code::APPLICATION_RAISED
        };
        let name = exception.type_name();
        let text = format_exception(self.py, &exception);
        let group = self.py.interpreter().name();
        self.transaction().lease.with_detached(self.py, |exchange| {
            let script = String::from_utf8_lossy(exchange.script()).into_owned();
            let title = format!("[script {script}] {name} exception raised {doing} WSGI script '{script}'.");
            exchange.log_exception(code, &title, &text, group);
        });
    }

    pub(super) fn log(&self, level: Level, code: Option<Code>, text: &[u8]) {
        self.transaction()
            .lease
            .with_detached(self.py, |exchange| exchange.log(level, code, text));
    }
}
