//! The environ dict (PEP 3333, "environ Variables").
//!
//! Requests of one site look alike: the same browser sends the same headers with few other values. So a
//! template keeps the dict and the raw values of an earlier request with the same variable names; only
//! values that differ are made anew, and the application gets a copy of the dict. The copy shares the
//! values, which are immutable, and the streams of the request objects that the template belongs to.

use std::collections::HashMap;

use super::run::Times;
use super::state::{RequestObjects, State};
use crate::gateway::bytes::same;
use crate::gateway::environ::is_file_name;
use crate::gateway::{Environ, Key, Name, Variable};
use crate::python::{Attached, Object, PyResult, Stored};
use crate::sys;

/// Most templates of one set of request objects.
const MAX_TEMPLATES: usize = 8;
/// Most bytes of values that a kept template may hold on to.
const MAX_TEMPLATE_BYTES: usize = 16 * 1024;

/// The dict of an earlier request, with the raw values that its objects were made from.
struct Template {
    /// The thread whose number is in the dict.
    thread: i64,
    /// Whether `wsgi.input` and `wsgi.errors` in the dict are those of the request objects it is kept with.
    refers: bool,
    /// Length of all values.
    bytes: usize,
    dict: Stored,
    request_start: Time,
    queue_start: Time,
    daemon_start: Time,
    application_start: Time,
    entries: Vec<Entry>,
}

/// A `float` in the dict of a template, used again as long as no application keeps it.
struct Time(Stored);

struct Entry {
    name: OwnedName,
    value: Vec<u8>,
    /// `None` for a variable that does not reach the application, or whose name a later one has too.
    key: Option<Stored>,
}

#[derive(PartialEq, Eq)]
enum OwnedName {
    Server(Key),
    Header(Vec<u8>),
    Set(Vec<u8>),
    Final(Vec<u8>),
}

impl OwnedName {
    fn new(name: Name<'_>) -> Self {
        match name {
            Name::Server(key) => OwnedName::Server(key),
            Name::Header(name) => OwnedName::Header(name.to_vec()),
            Name::Set(name) => OwnedName::Set(name.to_vec()),
            Name::Final(name) => OwnedName::Final(name.to_vec()),
        }
    }

    #[inline(always)]
    fn is(&self, name: Name<'_>) -> bool {
        match (self, name) {
            (OwnedName::Server(own), Name::Server(key)) => *own == key,
            (OwnedName::Header(own), Name::Header(name))
            | (OwnedName::Set(own), Name::Set(name))
            | (OwnedName::Final(own), Name::Final(name)) => same(own, name),
            _ => false,
        }
    }

    fn is_file_name(&self) -> bool {
        match self {
            OwnedName::Server(key) => key.is_file_name(),
            OwnedName::Final(name) => is_file_name(name),
            OwnedName::Header(_) | OwnedName::Set(_) => false,
        }
    }
}

/// What belongs to one request alone.
struct Own<'a> {
    state: &'a State,
    objects: &'a RequestObjects,
    times: Times,
}

/// The templates of one set of request objects, the latest used last. A set serves one request at a time, so
/// no thread waits for another's.
#[derive(Default)]
pub(super) struct Templates(Vec<Template>);

/// The environ for one request.
pub(super) fn build<'py>(
    py: Attached<'py>,
    state: &State,
    objects: &RequestObjects,
    environ: &Environ<'_>,
    times: Times,
) -> PyResult<'py, Object<'py>> {
    let mut templates = objects.templates.take();
    let own = Own {
        state,
        objects,
        times,
    };
    let copy = templates.copy(py, &own, &environ.variables);
    objects.templates.set(templates);
    copy
}

impl Templates {
    fn copy<'py>(
        &mut self,
        py: Attached<'py>,
        own: &Own<'_>,
        variables: &[Variable<'_>],
    ) -> PyResult<'py, Object<'py>> {
        // Nearly always the last one: filling finds out whether it fits.
        if let Some(last) = self.0.last_mut()
            && last.fill(py, variables)?
        {
            let copy = last.copy(py, own);
            self.drop_large(py);
            return copy;
        }
        self.copy_another(py, own, variables)
    }

    #[cold]
    fn copy_another<'py>(
        &mut self,
        py: Attached<'py>,
        own: &Own<'_>,
        variables: &[Variable<'_>],
    ) -> PyResult<'py, Object<'py>> {
        let position = self.0.iter().rposition(|template| template.fits(variables));
        let mut template = match position {
            Some(position) => self.0.remove(position),
            None => Template::new(py, own.state, variables)?,
        };
        template.fill(py, variables)?;
        let copy = template.copy(py, own);
        self.0.push(template);
        self.drop_large(py);
        if self.0.len() > MAX_TEMPLATES {
            self.0.remove(0).release(py);
        }
        copy
    }

    /// Drops the latest if it holds on to too much.
    fn drop_large(&mut self, py: Attached<'_>) {
        if let Some(large) = self.0.pop_if(|last| last.bytes > MAX_TEMPLATE_BYTES) {
            large.release(py);
        }
    }

    /// How many refer to the request objects.
    pub(super) fn references(&self) -> usize {
        self.0.iter().filter(|template| template.refers).count()
    }

    /// Makes them ready for another set of request objects. They let the old objects go when next used.
    pub(super) fn part(&mut self) {
        for template in &mut self.0 {
            template.refers = false;
        }
    }

    pub(super) fn release(self, py: Attached<'_>) {
        for template in self.0 {
            template.release(py);
        }
    }
}

impl Template {
    fn new<'py>(py: Attached<'py>, state: &State, variables: &[Variable<'_>]) -> PyResult<'py, Template> {
        let dict = state.base_environ(py).copy_dict(py)?;
        let keys: Vec<Option<Vec<u8>>> = variables.iter().map(|variable| variable.name.key()).collect();
        let last: HashMap<&[u8], usize> = keys
            .iter()
            .enumerate()
            .filter_map(|(index, key)| Some((key.as_deref()?, index)))
            .collect();
        let mut entries = Vec::with_capacity(variables.len());
        for (index, (variable, key)) in variables.iter().zip(&keys).enumerate() {
            let counts = key.as_deref().filter(|key| last.get(key) == Some(&index));
            let key = counts
                .map(|key| py.key(key, variable.name.is_common(key)))
                .transpose()?;
            let entry = Entry {
                name: OwnedName::new(variable.name),
                value: variable.value.to_vec(),
                key: key.map(Object::store),
            };
            entry.set(py, &dict)?;
            entries.push(entry);
        }
        Ok(Template {
            thread: 0,
            refers: false,
            bytes: entries.iter().map(|entry| entry.value.len()).sum(),
            dict: dict.store(),
            request_start: Time::new(py)?,
            queue_start: Time::new(py)?,
            daemon_start: Time::new(py)?,
            application_start: Time::new(py)?,
            entries,
        })
    }

    /// Whether the request has exactly the template's names, in its order.
    fn fits(&self, variables: &[Variable<'_>]) -> bool {
        self.entries.len() == variables.len()
            && self
                .entries
                .iter()
                .zip(variables)
                .all(|(entry, variable)| entry.name.is(variable.name))
    }

    /// Puts the request's values in where they differ; false when the names are others, and then some values
    /// may have been put in already.
    fn fill<'py>(&mut self, py: Attached<'py>, variables: &[Variable<'_>]) -> PyResult<'py, bool> {
        if self.entries.len() != variables.len() {
            return Ok(false);
        }
        let dict = self.dict.get(py);
        for (entry, variable) in self.entries.iter_mut().zip(variables) {
            if !entry.name.is(variable.name) {
                return Ok(false);
            }
            if !same(&entry.value, variable.value) {
                self.bytes = self.bytes - entry.value.len() + variable.value.len();
                entry.value.clear();
                entry.value.extend_from_slice(variable.value);
                entry.set(py, dict)?;
            }
        }
        Ok(true)
    }

    /// The environ, with what belongs to the objects and to the thread of this request.
    fn copy<'py>(&mut self, py: Attached<'py>, own: &Own<'_>) -> PyResult<'py, Object<'py>> {
        let (dict, names) = (self.dict.get(py), &own.state.names);
        if !self.refers {
            dict.set_item(py, names.input.get(py), own.objects.input.get(py))?;
            dict.set_item(py, names.errors.get(py), own.objects.errors.get(py))?;
            self.refers = true;
        }
        let thread = sys::process::thread_id();
        if self.thread != thread {
            dict.set_item(py, names.thread_id.get(py), &py.int(thread)?)?;
            self.thread = thread;
        }
        self.request_start
            .set(py, dict, &names.request_start, own.times.request)?;
        if let Some(daemon) = own.times.daemon {
            self.queue_start.set(py, dict, &names.queue_start, daemon.queue)?;
            self.daemon_start
                .set(py, dict, &names.daemon_start, daemon.start)?;
        }
        self.application_start
            .set(py, dict, &names.application_start, sys::clock::epoch_seconds())?;
        dict.copy_dict(py)
    }

    fn release(self, py: Attached<'_>) {
        drop(self.dict.release(py));
        for time in [
            self.request_start,
            self.queue_start,
            self.daemon_start,
            self.application_start,
        ] {
            drop(time.0.release(py));
        }
        for key in self.entries.into_iter().filter_map(|entry| entry.key) {
            drop(key.release(py));
        }
    }
}

impl Time {
    /// One that is not in the dict yet.
    fn new(py: Attached<'_>) -> PyResult<'_, Self> {
        Ok(Time(py.float(0.0)?.store()))
    }

    fn set<'py>(
        &mut self,
        py: Attached<'py>,
        dict: &Object<'py>,
        name: &Stored,
        value: f64,
    ) -> PyResult<'py, ()> {
        // Ours, and the dict's.
        if self.0.get(py).set_unseen_float(value, 2) {
            return Ok(());
        }
        let fresh = py.float(value)?;
        dict.set_item(py, name.get(py), &fresh)?;
        drop(std::mem::replace(&mut self.0, fresh.store()).release(py));
        Ok(())
    }
}

impl Entry {
    fn set<'py>(&self, py: Attached<'py>, dict: &Object<'py>) -> PyResult<'py, ()> {
        let Some(key) = &self.key else { return Ok(()) };
        let value = if self.name.is_file_name() {
            py.file_name(&self.value)?
        } else {
            py.latin1(&self.value)?
        };
        dict.set_item(py, key.get(py), &value)
    }
}
