//! Telling subscribed callbacks what happens, and the data that they share for one request.
//!
//! The registries are Python lists that applications see, so whether anybody listens is the length of a list.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::state::ProcessLog;
use super::transaction::Transaction;
use crate::gateway::{Code, Level};
use crate::python::{Attached, ErrorKind, Object, PyResult, Raised, Stored, format_exception};

/// The subscriptions of one interpreter, and the requests that run there.
pub struct Events {
    events: Stored,
    shutdown: Stored,
    signals: Stored,
    log: ProcessLog,
    /// `mod_wsgi.active_requests`, once somebody has asked for it.
    active: Mutex<Option<Stored>>,
    is_tracking: AtomicBool,
    /// Every set of request objects; those that are lent an exchange are running.
    transactions: Mutex<Vec<Weak<Transaction>>>,
}

/// The registries of callbacks, as `mod_wsgi` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// `event_callbacks`
    Events,
    /// `shutdown_callbacks`
    Shutdown,
    /// `signal_callbacks`
    Signals,
}

/// What callbacks and the application share for one request.
pub(super) struct Context {
    id: Stored,
    data: Stored,
}

/// The request's number and `request_data` dict.
pub(super) struct Shared<'py> {
    pub(super) id: Object<'py>,
    pub(super) data: Object<'py>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number for a request that httpd gave none: httpd numbers requests only when its own log shows it.
fn new_request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{next:x}", std::process::id())
}

/// Sets `dict[key] = value`.
pub(super) fn set<'py>(
    py: Attached<'py>,
    dict: &Object<'py>,
    key: &CStr,
    value: &Object<'py>,
) -> PyResult<'py, ()> {
    dict.set_item(py, &py.interned(key)?, value)
}

impl Events {
    pub(super) fn new(py: Attached<'_>, log: ProcessLog) -> PyResult<'_, Events> {
        Ok(Events {
            events: py.list()?.store(),
            shutdown: py.list()?.store(),
            signals: py.list()?.store(),
            log,
            active: Mutex::default(),
            is_tracking: AtomicBool::new(false),
            transactions: Mutex::default(),
        })
    }

    /// The list of a registry.
    pub fn registry<'a, 'py>(&'a self, py: Attached<'py>, registry: Registry) -> &'a Object<'py> {
        match registry {
            Registry::Events => self.events.get(py),
            Registry::Shutdown => self.shutdown.get(py),
            Registry::Signals => self.signals.get(py),
        }
    }

    /// Where lines go that belong to no request.
    pub fn process_log(&self) -> ProcessLog {
        self.log
    }

    /// Whether anybody has subscribed to the events of requests.
    #[inline]
    pub(super) fn has_subscribers(&self, py: Attached<'_>) -> bool {
        self.events.get(py).sequence_length() != Some(0)
    }

    /// Whether a request has to be looked at by us at all.
    #[inline]
    pub(super) fn is_watching(&self, py: Attached<'_>) -> bool {
        self.is_tracking.load(Ordering::Relaxed) || self.has_subscribers(py)
    }

    /// Notes a new set of request objects.
    pub(super) fn register(&self, transaction: &Arc<Transaction>) {
        let mut transactions = lock(&self.transactions);
        transactions.retain(|known| known.strong_count() > 0);
        transactions.push(Arc::downgrade(transaction));
    }

    /// What callbacks and the application share for the request, made at its first use. `id` is httpd's
    /// number for the request.
    pub(super) fn share<'py>(
        &self,
        py: Attached<'py>,
        transaction: &Transaction,
        id: Option<Object<'py>>,
    ) -> PyResult<'py, Shared<'py>> {
        if let Some(shared) = shared(py, transaction) {
            return Ok(shared);
        }
        let id = id.map_or_else(|| py.text(&new_request_id()), Ok)?;
        let made = Context {
            id: id.store(),
            data: py.dict()?.store(),
        };
        let spare = {
            let mut context = transaction.context();
            match &*context {
                Some(_) => Some(made),
                None => {
                    *context = Some(made);
                    None
                }
            }
        };
        if let Some(spare) = spare {
            spare.release(py);
        }
        transaction.note_context(true);
        let shared = shared(py, transaction)
            .ok_or_else(|| Raised::new(py, ErrorKind::RuntimeError, "the request has no data any more"))?;
        if let Some(active) = self.active(py) {
            active.set_item(py, &shared.id, &shared.data)?;
        }
        Ok(shared)
    }

    /// Takes back what was shared, at the end of the request.
    #[inline]
    pub(super) fn end(&self, py: Attached<'_>, transaction: &Transaction) {
        if transaction.has_context() {
            self.take_back(py, transaction);
        }
    }

    #[cold]
    fn take_back(&self, py: Attached<'_>, transaction: &Transaction) {
        transaction.note_context(false);
        let taken = transaction.context().take();
        if let Some(context) = taken {
            if let Some(active) = self.active(py) {
                drop(active.remove_item(py, context.id.get(py)));
            }
            context.release(py);
        }
    }

    fn active<'py>(&self, py: Attached<'py>) -> Option<Object<'py>> {
        lock(&self.active).as_ref().map(|dict| dict.get(py).clone())
    }

    /// `mod_wsgi.active_requests`: a dict that is kept up to date from the first call on.
    pub fn active_requests<'py>(&self, py: Attached<'py>) -> PyResult<'py, Object<'py>> {
        if let Some(active) = self.active(py) {
            return Ok(active);
        }
        let fresh = py.dict()?.store();
        let spare = {
            let mut active = lock(&self.active);
            match &*active {
                Some(_) => Some(fresh),
                None => {
                    *active = Some(fresh);
                    None
                }
            }
        };
        if let Some(spare) = spare {
            drop(spare.release(py));
        }
        self.is_tracking.store(true, Ordering::Relaxed);
        let running: Vec<Arc<Transaction>> = lock(&self.transactions)
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|transaction| transaction.lease.is_lent())
            .collect();
        let active = self.active(py).map_or_else(|| py.dict(), Ok)?;
        for transaction in running {
            let shared = self.share(py, &transaction, None)?;
            active.set_item(py, &shared.id, &shared.data)?;
            // Without a GIL the request may have ended meanwhile, and had nothing to take back then.
            if !transaction.lease.is_lent() {
                self.end(py, &transaction);
            }
        }
        Ok(active)
    }

    /// `mod_wsgi.request_data()`: the dict of the request that this thread runs; `None` when it runs none.
    pub fn request_data<'py>(&self, py: Attached<'py>) -> PyResult<'py, Option<Object<'py>>> {
        match super::errors::current() {
            Some(transaction) if std::ptr::eq(self, transaction.events.as_ref()) => {
                self.share(py, &transaction, None).map(|shared| Some(shared.data))
            }
            _ => Ok(None),
        }
    }

    /// Calls everybody who subscribed to the events of requests; what they return is in `event` then.
    pub(super) fn publish<'py>(
        &self,
        py: Attached<'py>,
        transaction: &Transaction,
        name: &str,
        event: &Object<'py>,
    ) {
        self.call_all(py, Registry::Events, name, event, |code, title, traceback| {
            let logged = transaction.lease.with_detached(py, |exchange| {
                exchange.log(Level::Error, Some(code), title.as_bytes());
                exchange.log(Level::Error, None, traceback);
            });
            if logged.is_none() {
                self.log_to_process(code, title, traceback);
            }
        });
    }

    /// Publishes an event about the process, to the subscribers of all events and to those of `registry`.
    pub fn publish_process<'py>(
        &self,
        py: Attached<'py>,
        registry: Registry,
        name: &str,
        event: &Object<'py>,
    ) {
        for registry in [Registry::Events, registry] {
            self.call_all(py, registry, name, event, |code, title, traceback| {
                self.log_to_process(code, title, traceback);
            });
        }
    }

    fn log_to_process(&self, code: Code, title: &str, traceback: &[u8]) {
        (self.log)(Level::Error, format!("{code}: {title}").as_bytes());
        traceback
            .strip_suffix(b"\n")
            .unwrap_or(traceback)
            .split(|byte| *byte == b'\n')
            .for_each(|line| (self.log)(Level::Error, line));
    }

    fn call_all<'py>(
        &self,
        py: Attached<'py>,
        registry: Registry,
        name: &str,
        event: &Object<'py>,
        log: impl Fn(Code, &str, &[u8]),
    ) {
        let callbacks = self.registry(py, registry);
        let Ok(title) = py.text(name) else { return };
        // Callbacks that subscribe others while they run do not make this endless.
        for index in 0..callbacks.sequence_length().unwrap_or_default() {
            let Some(callback) = callbacks.item(py, index) else {
                break;
            };
            let called = callback.call_with_keywords(py, &title, event).and_then(|answer| {
                if answer.is_dict() {
                    event.update(py, &answer)
                } else {
                    Ok(())
                }
            });
            if let Err(raised) = called {
                report(py, name, raised, &log);
            }
        }
    }

    /// Tells that an event could not be put together.
    pub(super) fn failed(&self, py: Attached<'_>, name: &str, raised: Raised<'_>) {
        let traceback = format_exception(py, &raised.take());
        self.log_to_process(
            Code::EVENT_FAILED,
            &format!("the event '{name}' could not be published"),
            &traceback,
        );
    }
}

fn report<'py>(py: Attached<'py>, name: &str, raised: Raised<'py>, log: impl Fn(Code, &str, &[u8])) {
    let (code, end) = if raised.is(ErrorKind::SystemExit) {
        (Code::EVENT_CALLBACK_EXIT, "; ignored")
    } else {
        (Code::EVENT_CALLBACK_RAISED, "")
    };
    let exception = raised.take();
    let class = exception.type_name();
    let title = format!("{class} exception raised by event callback for '{name}'{end}.");
    log(code, &title, &format_exception(py, &exception));
}

/// What is shared already.
fn shared<'py>(py: Attached<'py>, transaction: &Transaction) -> Option<Shared<'py>> {
    // Cloning makes no objects, so no collection can run Python code while the lock is held.
    transaction.context().as_ref().map(|context| Shared {
        id: context.id.get(py).clone(),
        data: context.data.get(py).clone(),
    })
}

impl Context {
    fn release(self, py: Attached<'_>) {
        drop(self.id.release(py));
        drop(self.data.release(py));
    }
}
