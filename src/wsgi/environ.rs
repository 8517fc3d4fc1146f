//! The environ dict (PEP 3333, "environ Variables").
//!
//! Requests of one site look alike: the same browser sends the same headers with few other values. So a
//! template keeps the dict and the raw values of an earlier request with the same variable names; only
//! values that differ are made anew, and the application gets a copy of the dict. The copy shares the
//! values, which are immutable.

use std::collections::HashMap;

use super::state::State;
use crate::gateway::environ::is_file_name;
use crate::gateway::{Environ, Key, Name, Variable};
use crate::python::{Attached, Object, PyResult, Stored};
use crate::sys;

/// Most templates kept for one interpreter.
const MAX_TEMPLATES: usize = 16;
/// Most bytes of names and values that a kept template may hold on to.
const MAX_TEMPLATE_BYTES: usize = 64 * 1024;

/// The dict of an earlier request, with the raw values that its objects were made from.
pub(super) struct Template {
    /// The thread whose number is in the dict.
    thread: i64,
    dict: Stored,
    entries: Vec<Entry>,
}

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

    fn is(&self, name: Name<'_>) -> bool {
        match (self, name) {
            (OwnedName::Server(own), Name::Server(key)) => *own == key,
            (OwnedName::Header(own), Name::Header(name))
            | (OwnedName::Set(own), Name::Set(name))
            | (OwnedName::Final(own), Name::Final(name)) => own == name,
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

/// The environ for one request, without the objects that belong to it alone.
pub(super) fn build<'py>(
    py: Attached<'py>,
    state: &State,
    environ: &Environ<'_>,
) -> PyResult<'py, Object<'py>> {
    let mut template = match reuse(py, state, &environ.variables)? {
        Some(template) => template,
        None => Template::new(py, state, &environ.variables)?,
    };
    template.set_thread(py, state, sys::process::thread_id())?;
    let copy = template.dict.get(py).copy_dict(py);
    keep(py, state, template);
    copy
}

/// The latest template with the request's names, with the request's values. Templates are taken out while in
/// use, so that threads never wait for one another's.
fn reuse<'py>(
    py: Attached<'py>,
    state: &State,
    variables: &[Variable<'_>],
) -> PyResult<'py, Option<Template>> {
    // Nearly always the last one: filling finds out whether it fits.
    let Some(mut last) = state.templates().pop() else {
        return Ok(None);
    };
    if last.fill(py, variables)? {
        return Ok(Some(last));
    }
    let other = {
        let mut templates = state.templates();
        let position = templates.iter().rposition(|template| template.fits(variables));
        let other = position.map(|position| templates.remove(position));
        templates.push(last);
        other
    };
    let Some(mut other) = other else { return Ok(None) };
    let fits = other.fill(py, variables)?;
    Ok(fits.then_some(other))
}

fn keep(py: Attached<'_>, state: &State, template: Template) {
    if template.size() > MAX_TEMPLATE_BYTES {
        template.release(py);
        return;
    }
    let evicted = {
        let mut templates = state.templates();
        templates.push(template);
        (templates.len() > MAX_TEMPLATES).then(|| templates.remove(0))
    };
    if let Some(evicted) = evicted {
        evicted.release(py);
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
            dict: dict.store(),
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
            if entry.value != variable.value {
                entry.value.clear();
                entry.value.extend_from_slice(variable.value);
                entry.set(py, dict)?;
            }
        }
        Ok(true)
    }

    /// Puts the thread's number in if it is another.
    fn set_thread<'py>(&mut self, py: Attached<'py>, state: &State, thread: i64) -> PyResult<'py, ()> {
        if self.thread != thread {
            self.thread = thread;
            self.dict
                .get(py)
                .set_item(py, state.names.thread_id.get(py), &py.int(thread)?)?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.entries.iter().map(|entry| entry.value.capacity() + 64).sum()
    }

    fn release(self, py: Attached<'_>) {
        drop(self.dict.release(py));
        for key in self.entries.into_iter().filter_map(|entry| entry.key) {
            drop(key.release(py));
        }
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
