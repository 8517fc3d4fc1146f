//! A function of a script that is asked about a request: its environ, and the request's log.

use std::ffi::CStr;
use std::sync::Arc;

use super::errors::current_request;
use super::run::REQUEST_RECORD;
use super::state::{RequestObjects, State};
use super::transaction::Transaction;
use crate::gateway::{Environ, Exchange};
use crate::python::native::{Arguments, Call, Payload, Type, TypeBuilder};
use crate::python::{Attached, Capsule, ErrorKind, Object, PyResult, Raised};

/// Runs `ask` with an environ for a function that is asked about a request; an exception, when there is none.
///
/// The environ has the variables, `wsgi.errors` and what mod_ssl knows; no body can be read from it.
pub fn question<'py, R>(
    py: Attached<'py>,
    state: &State,
    exchange: &mut dyn Exchange,
    variables: &Environ<'_>,
    ask: impl FnOnce(&Object<'py>) -> R,
) -> Result<R, Object<'py>> {
    let objects = state.take_objects(py).map_err(Raised::take)?;
    let tls = match Tls::new(py, &state.tls, &objects.transaction) {
        Ok(tls) => tls,
        Err(raised) => {
            let exception = raised.take();
            state.put_back(py, objects);
            return Err(exception);
        }
    };
    let record = exchange.server_record().map(|record| Capsule::new(py, record));
    let environ = record
        .transpose()
        .and_then(|record| {
            let environ = environ(py, state, &objects, variables, &tls)?;
            if let Some(record) = &record {
                environ.set_item(py, &py.interned(REQUEST_RECORD)?, record.object())?;
            }
            Ok((environ, record))
        })
        .map_err(Raised::take);
    let answer = environ.map(|(environ, _record)| {
        let _current = current_request(&objects.transaction);
        objects.transaction.lease.lend(py, exchange, || {
            let answer = ask(&environ);
            state.flush_errors(py, &objects);
            answer
        })
    });
    // Who kept a function of mod_ssl's must not find another request behind it: a further reference to one
    // of the objects keeps them from being used again.
    let kept = tls.is_kept().then(|| objects.errors.get(py).clone());
    state.put_back(py, objects);
    drop(kept);
    answer
}

fn environ<'py>(
    py: Attached<'py>,
    state: &State,
    objects: &RequestObjects,
    variables: &Environ<'_>,
    tls: &Tls<'py>,
) -> PyResult<'py, Object<'py>> {
    let environ = py.dict()?;
    let common = state.base_environ(py);
    for name in ["mod_wsgi.version", "apache.version"] {
        let key = py.text(name)?;
        if let Some(value) = common.get_item(py, &key)? {
            environ.set_item(py, &key, &value)?;
        }
    }
    for variable in &variables.variables {
        let Some(key) = variable.name.key() else { continue };
        let value = if variable.name.is_file_name() {
            py.file_name(variable.value)?
        } else {
            py.latin1(variable.value)?
        };
        environ.set_item(py, &py.latin1(&key)?, &value)?;
    }
    environ.set_item(py, &py.text("wsgi.errors")?, objects.errors.get(py))?;
    environ.set_item(py, &py.text("mod_ssl.is_https")?, &tls.test)?;
    environ.set_item(py, &py.text("mod_ssl.var_lookup")?, &tls.lookup)?;
    Ok(environ)
}

/// The types of mod_ssl's functions in an interpreter.
pub(super) struct TlsTypes {
    test: Type<IsHttps>,
    lookup: Type<VarLookup>,
}

impl TlsTypes {
    pub(super) fn new<'py>(py: Attached<'py>, module: &Object<'py>) -> PyResult<'py, TlsTypes> {
        Ok(TlsTypes {
            test: TypeBuilder::default().callable::<IsHttps>().build(py, module)?,
            lookup: TypeBuilder::default().callable::<VarLookup>().build(py, module)?,
        })
    }
}

/// mod_ssl's functions for one request.
struct Tls<'py> {
    test: Object<'py>,
    lookup: Object<'py>,
}

impl<'py> Tls<'py> {
    fn new(py: Attached<'py>, types: &TlsTypes, transaction: &Arc<Transaction>) -> PyResult<'py, Self> {
        Ok(Tls {
            test: types.test.instance(py, IsHttps(Arc::clone(transaction)))?,
            lookup: types.lookup.instance(py, VarLookup(Arc::clone(transaction)))?,
        })
    }

    fn is_kept(&self) -> bool {
        !self.test.has_references(1) || !self.lookup.has_references(1)
    }
}

fn ended<'py>(py: Attached<'py>, name: &str) -> Raised<'py> {
    let message = format!("{name}() called after request completed");
    Raised::new(py, ErrorKind::RuntimeError, message)
}

/// `environ['mod_ssl.is_https']`
pub(super) struct IsHttps(Arc<Transaction>);

impl Payload for IsHttps {
    const NAME: &'static CStr = c"mod_wsgi.IsHttps";
    const DOC: &'static CStr = c"Tells whether the client's connection is encrypted.";
}

impl Call<IsHttps> for IsHttps {
    fn call<'py>(
        this: &Self,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        arguments.expect_count("mod_ssl.is_https", 0, 0)?;
        let told = this.0.lease.with_detached(py, |exchange| exchange.is_tls());
        py.int(told.ok_or_else(|| ended(py, "mod_ssl.is_https"))?.into())
    }
}

/// `environ['mod_ssl.var_lookup']`
pub(super) struct VarLookup(Arc<Transaction>);

impl Payload for VarLookup {
    const NAME: &'static CStr = c"mod_wsgi.VarLookup";
    const DOC: &'static CStr = c"Looks a variable of mod_ssl up.";
}

impl Call<VarLookup> for VarLookup {
    fn call<'py>(
        this: &Self,
        py: Attached<'py>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Object<'py>> {
        const NAME: &str = "mod_ssl.var_lookup";
        arguments.expect_count(NAME, 1, 1)?;
        let name = arguments
            .get(0)
            .and_then(|name| name.as_latin1().or_else(|| name.as_bytes()));
        let Some(name) = name else {
            let message = format!("{NAME}() argument must be str or bytes");
            return Err(Raised::new(py, ErrorKind::TypeError, message));
        };
        let found = this
            .0
            .lease
            .with_detached(py, |exchange| exchange.tls_variable(name));
        match found.ok_or_else(|| ended(py, NAME))? {
            Some(value) => py.latin1(&value),
            None => Ok(py.none()),
        }
    }
}
