//! What WSGI keeps for one interpreter: types, names, templates, and request objects to use again.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::environ::Templates;
use super::errors::{self, Buffer, Destination, Log, Sink};
use super::events::Events;
use super::file_wrapper::{self, FileWrapper};
use super::input::{self, Input};
use super::metrics;
use super::question::TlsTypes;
use super::start_response::{StartResponse, Write};
use super::transaction::Transaction;
use crate::gateway::{Level, Origin};
use crate::python::native::{Type, TypeBuilder};
use crate::python::{Attached, Object, PyResult, Raised, Stored};

/// Most sets of request objects kept for further requests. Each thread has its own as long as there are not more
/// threads: what a set refers to is in the cache of that thread's core, and the thread's number in the environ.
const MAX_SETS: usize = 64;

/// Writes a line to the log of the process.
pub type ProcessLog = fn(Level, &[u8]);

/// Writes lines to the log of the process, with the place in an application's source that they come from.
pub type OriginLog = fn(Level, Origin<'_>, &[u8]);

/// What is the same in every environ of a process.
#[derive(Clone, Debug)]
pub struct Constants {
    /// `wsgi.multithread`.
    pub multithread: bool,
    /// `wsgi.multiprocess`.
    pub multiprocess: bool,
    /// `wsgi.run_once`.
    pub run_once: bool,
    /// `mod_wsgi.version`.
    pub version: [i64; 3],
    /// `apache.version`.
    pub server_version: [i64; 3],
}

/// The names that a request looks up.
pub(super) struct Names {
    pub(super) close: Stored,
    pub(super) input: Stored,
    pub(super) errors: Stored,
    pub(super) request_start: Stored,
    pub(super) queue_start: Stored,
    pub(super) daemon_start: Stored,
    pub(super) application_start: Stored,
    pub(super) thread_id: Stored,
}

/// The state of one interpreter.
pub struct State {
    pub(super) names: Names,
    pub(super) events: Arc<Events>,
    pub(super) file_wrapper: Type<FileWrapper>,
    start_response: Type<StartResponse>,
    write: Type<Write>,
    input: Type<Input>,
    log: Type<Log>,
    buffer: Type<Buffer>,
    pub(super) tls: TlsTypes,
    request_timeout: OnceLock<Stored>,
    base_environ: Stored,
    shelf: [Mutex<Option<Box<RequestObjects>>>; MAX_SETS],
    /// Templates of request objects that were not kept.
    spare: Mutex<Vec<Templates>>,
}

/// The Python objects of one request.
pub(super) struct RequestObjects {
    pub(super) transaction: Arc<Transaction>,
    pub(super) start_response: Stored,
    pub(super) write: Stored,
    pub(super) input: Stored,
    pub(super) errors: Stored,
    /// The number of the thread that has them.
    thread: usize,
    pub(super) templates: Cell<Templates>,
}

impl State {
    /// The state for the attached interpreter; its types become members of `module`. `log` takes what has no
    /// request to belong to.
    pub fn new<'py>(
        py: Attached<'py>,
        module: &Object<'py>,
        constants: &Constants,
        log: ProcessLog,
    ) -> PyResult<'py, State> {
        let file_wrapper = TypeBuilder::default()
            .constructor()
            .iterator::<FileWrapper>()
            .method::<file_wrapper::CloseFile>()
            .attribute::<file_wrapper::FileLike>()
            .attribute::<file_wrapper::BlockSize>()
            .build(py, module)?;
        let base_environ = base_environ(py, constants, file_wrapper.class(py))?.store();
        Ok(State {
            names: Names::new(py)?,
            events: Arc::new(Events::new(py, log)?),
            start_response: TypeBuilder::default()
                .callable::<StartResponse>()
                .build(py, module)?,
            write: TypeBuilder::default().callable::<Write>().build(py, module)?,
            input: input_type(py, module)?,
            log: log_type(py, module)?,
            buffer: TypeBuilder::default()
                .method::<errors::WriteBytes>()
                .method::<errors::FlushBytes>()
                .build(py, module)?,
            tls: TlsTypes::new(py, module)?,
            file_wrapper,
            request_timeout: OnceLock::new(),
            base_environ,
            shelf: [const { Mutex::new(None) }; MAX_SETS],
            spare: Mutex::default(),
        })
    }

    /// The class `mod_wsgi.FileWrapper`.
    pub fn file_wrapper_class<'a, 'py>(&'a self, py: Attached<'py>) -> &'a Object<'py> {
        self.file_wrapper.class(py)
    }

    /// Sets the class `mod_wsgi.RequestTimeout`, once.
    pub fn set_request_timeout(&self, class: Object<'_>) {
        let _ = self.request_timeout.set(class.store());
    }

    /// The class `mod_wsgi.RequestTimeout`, which is raised in requests that take too long.
    pub fn request_timeout<'py>(&self, py: Attached<'py>) -> Option<Object<'py>> {
        self.request_timeout.get().map(|class| class.get(py).clone())
    }

    pub(super) fn is_request_timeout<'py>(&self, py: Attached<'py>, raised: &Raised<'py>) -> bool {
        self.request_timeout
            .get()
            .is_some_and(|class| raised.is_instance(class.get(py)))
    }

    /// The subscriptions of the interpreter.
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// A stream for `sys.stderr`, `sys.stdout` or what the module itself has to tell.
    pub fn process_stream<'py>(
        &self,
        py: Attached<'py>,
        name: &'static str,
        level: Level,
        log: ProcessLog,
    ) -> PyResult<'py, Object<'py>> {
        self.stream(py, Sink::new(name, level, Destination::Process(log)))
    }

    fn stream<'py>(&self, py: Attached<'py>, sink: Sink) -> PyResult<'py, Object<'py>> {
        let sink = Arc::new(sink);
        let buffer = self.buffer.instance(
            py,
            Buffer {
                sink: Arc::clone(&sink),
            },
        )?;
        self.log.instance(
            py,
            Log {
                sink,
                buffer: OnceLock::from(buffer.store()),
            },
        )
    }

    pub(super) fn base_environ<'a, 'py>(&'a self, py: Attached<'py>) -> &'a Object<'py> {
        self.base_environ.get(py)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Templates>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place for this thread's request objects.
    fn place(&self, thread: usize) -> Option<MutexGuard<'_, Option<Box<RequestObjects>>>> {
        let place = self.shelf.get(thread % MAX_SETS)?;
        Some(place.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Request objects that nobody else refers to.
    pub(super) fn take_objects<'py>(&self, py: Attached<'py>) -> PyResult<'py, Box<RequestObjects>> {
        let thread = metrics::thread_index();
        let kept = self.place(thread).and_then(|mut place| place.take());
        match kept {
            Some(objects) => Ok(objects),
            None => self.new_objects(py, thread),
        }
    }

    fn new_objects<'py>(&self, py: Attached<'py>, thread: usize) -> PyResult<'py, Box<RequestObjects>> {
        let transaction = Arc::new(Transaction::new(Arc::clone(&self.events)));
        self.events.register(&transaction);
        let write = self.write.instance(
            py,
            Write {
                transaction: Arc::clone(&transaction),
            },
        )?;
        let start = StartResponse {
            transaction: Arc::clone(&transaction),
            write: OnceLock::from(write.clone().store()),
        };
        let input = Input::new(Arc::clone(&transaction));
        let errors = Sink::new(
            "<wsgi.errors>",
            Level::Error,
            Destination::Request(Arc::clone(&transaction)),
        );
        Ok(Box::new(RequestObjects {
            start_response: self.start_response.instance(py, start)?.store(),
            write: write.store(),
            input: self.input.instance(py, input)?.store(),
            errors: self.stream(py, errors)?.store(),
            transaction,
            thread,
            templates: Cell::new(self.spare().pop().unwrap_or_default()),
        }))
    }

    /// Keeps the objects for a further request, unless the application kept one of them.
    pub(super) fn put_back(&self, py: Attached<'_>, mut objects: Box<RequestObjects>) {
        self.events.end(py, &objects.transaction);
        if objects.are_ours_alone(py) {
            objects.transaction.reset();
            if let Some(input) = self.input.payload(py, objects.input.get(py)) {
                input.reset();
            }
            if let Some(log) = self.log.payload(py, objects.errors.get(py)) {
                log.sink.reset();
            }
            // Another thread's may be there, where there are more threads than places.
            if let Some(mut place) = self.place(objects.thread).filter(|place| place.is_none()) {
                *place = Some(objects);
                return;
            }
        }
        self.discard(py, *objects);
    }

    /// Keeps nothing but the templates.
    #[cold]
    fn discard(&self, py: Attached<'_>, objects: RequestObjects) {
        for object in [
            objects.start_response,
            objects.write,
            objects.input,
            objects.errors,
        ] {
            drop(object.release(py));
        }
        let mut templates = objects.templates.into_inner();
        templates.part();
        let surplus = {
            let mut spare = self.spare();
            if spare.len() < MAX_SETS {
                spare.push(templates);
                None
            } else {
                Some(templates)
            }
        };
        if let Some(surplus) = surplus {
            surplus.release(py);
        }
    }

    /// Writes an unfinished line of `wsgi.errors`.
    pub(super) fn flush_errors(&self, py: Attached<'_>, objects: &RequestObjects) {
        if let Some(log) = self.log.payload(py, objects.errors.get(py)) {
            log.sink.finish(py);
        }
    }
}

impl RequestObjects {
    /// `write` is also held by `start_response`, and the streams by templates.
    fn are_ours_alone(&mut self, py: Attached<'_>) -> bool {
        let streams = 1 + self.templates.get_mut().references();
        self.start_response.get(py).has_references(1)
            && self.write.get(py).has_references(2)
            && self.input.get(py).has_references(streams)
            && self.errors.get(py).has_references(streams)
    }
}

impl Names {
    fn new(py: Attached<'_>) -> PyResult<'_, Names> {
        let name = |text| py.interned(text).map(Object::store);
        Ok(Names {
            close: name(c"close")?,
            input: name(c"wsgi.input")?,
            errors: name(c"wsgi.errors")?,
            request_start: name(c"mod_wsgi.request_start")?,
            queue_start: name(c"mod_wsgi.queue_start")?,
            daemon_start: name(c"mod_wsgi.daemon_start")?,
            application_start: name(c"mod_wsgi.application_start")?,
            thread_id: name(c"mod_wsgi.thread_id")?,
        })
    }
}

fn input_type<'py>(py: Attached<'py>, module: &Object<'py>) -> PyResult<'py, Type<Input>> {
    TypeBuilder::default()
        .iterator::<Input>()
        .method::<input::Read>()
        .method::<input::ReadLine>()
        .method::<input::ReadLines>()
        .method::<input::Close>()
        .build(py, module)
}

fn log_type<'py>(py: Attached<'py>, module: &Object<'py>) -> PyResult<'py, Type<Log>> {
    TypeBuilder::default()
        .method::<errors::WriteText>()
        .method::<errors::WriteLines>()
        .method::<errors::Flush>()
        .method::<errors::CloseLog>()
        .method::<errors::FileNumber>()
        .method::<errors::IsTty>()
        .method::<errors::Readable>()
        .method::<errors::Seekable>()
        .method::<errors::Writable>()
        .attribute::<errors::Name>()
        .attribute::<errors::Encoding>()
        .attribute::<errors::ErrorMode>()
        .attribute::<errors::Mode>()
        .attribute::<errors::Newlines>()
        .attribute::<errors::LineBuffering>()
        .attribute::<errors::Closed>()
        .attribute::<errors::BytesSide>()
        .build(py, module)
}

/// The part of an environ that is the same for every request of an interpreter, with places for what is
/// not, so that filling them never grows the dict.
fn base_environ<'py>(
    py: Attached<'py>,
    constants: &Constants,
    file_wrapper: &Object<'py>,
) -> PyResult<'py, Object<'py>> {
    let dict = py.dict()?;
    let set = |key: &str, value: &Object<'py>| dict.set_item(py, &py.key(key.as_bytes(), true)?, value);
    let version = |numbers: [i64; 3]| {
        let [major, minor, patch] = numbers;
        py.tuple([py.int(major)?, py.int(minor)?, py.int(patch)?])
    };
    set("wsgi.version", &py.tuple([py.int(1)?, py.int(0)?])?)?;
    set("wsgi.multithread", &py.bool(constants.multithread))?;
    set("wsgi.multiprocess", &py.bool(constants.multiprocess))?;
    set("wsgi.run_once", &py.bool(constants.run_once))?;
    set("wsgi.file_wrapper", file_wrapper)?;
    set("wsgi.input_terminated", &py.bool(true))?;
    set("mod_wsgi.version", &version(constants.version)?)?;
    // Applications take it for a sign of httpd.
    if constants.server_version != [0; 3] {
        set("apache.version", &version(constants.server_version)?)?;
    }
    set("mod_wsgi.queue_start", &py.float(0.0)?)?;
    set("mod_wsgi.daemon_start", &py.float(0.0)?)?;
    for later in [
        "wsgi.input",
        "wsgi.errors",
        "mod_wsgi.request_start",
        "mod_wsgi.application_start",
        "mod_wsgi.thread_id",
    ] {
        set(later, &py.none())?;
    }
    Ok(dict)
}
