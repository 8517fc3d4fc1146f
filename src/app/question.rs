//! Asking the functions of a script about a request.

use super::{InterpreterState, MAX_INTERPRETERS, no_interpreter};
use crate::gateway::{Code, Environ, Exchange, Level, source_stamp};
use crate::python::runtime::{self, NoInterpreter};
use crate::python::{Attached, Object, format_exception};
use crate::script::{self, Access, Destination, Module, Password, RealmHash, ScriptError};
use crate::{sys, wsgi};

/// Who is asked, and about what.
pub struct Question<'a, 'r> {
    /// The application group; empty for the main interpreter.
    pub application_group: &'a str,
    /// The script's file name.
    pub script: &'a [u8],
    /// Whether a changed script is loaded again (`WSGIScriptReloading`).
    pub reload: bool,
    /// Whether file names that differ in letter case are the same (`WSGICaseSensitivity`).
    pub fold_case: bool,
    /// What the script is told about the request.
    pub environ: &'a Environ<'r>,
}

/// There is no answer; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered;

/// Whether a client may see a place (`WSGIAccessScript`); `host` is its name or address.
pub fn allow_access(
    question: &Question<'_, '_>,
    exchange: &mut dyn Exchange,
    host: &[u8],
) -> Result<Access, Unanswered> {
    ask(question, exchange, |module, environ| {
        script::allow_access(module, environ, host)
    })
}

/// Whether the password is the user's (`WSGIAuthUserScript`).
pub fn check_password(
    question: &Question<'_, '_>,
    exchange: &mut dyn Exchange,
    user: &[u8],
    password: &[u8],
) -> Result<Password, Unanswered> {
    ask(question, exchange, |module, environ| {
        script::check_password(module, environ, user, password)
    })
}

/// The hash of a user's password in a realm (`WSGIAuthUserScript`).
pub fn get_realm_hash(
    question: &Question<'_, '_>,
    exchange: &mut dyn Exchange,
    user: &[u8],
    realm: &[u8],
) -> Result<RealmHash, Unanswered> {
    ask(question, exchange, |module, environ| {
        script::get_realm_hash(module, environ, user, realm)
    })
}

/// The groups of a user (`WSGIAuthGroupScript`).
pub fn groups_for_user(
    question: &Question<'_, '_>,
    exchange: &mut dyn Exchange,
    user: &[u8],
) -> Result<Vec<Vec<u8>>, Unanswered> {
    ask(question, exchange, |module, environ| {
        script::groups_for_user(module, environ, user)
    })
}

/// Who is to run the request (`WSGIDispatchScript`).
pub fn dispatch(question: &Question<'_, '_>, exchange: &mut dyn Exchange) -> Result<Destination, Unanswered> {
    ask(question, exchange, |module, environ| {
        script::dispatch(module, environ)
    })
}

fn ask<T>(
    question: &Question<'_, '_>,
    exchange: &mut dyn Exchange,
    call: impl for<'py> FnOnce(&Module<'_, 'py>, &Object<'py>) -> Result<T, ScriptError>,
) -> Result<T, Unanswered> {
    let group = question.application_group;
    let (interpreter, _active) = match runtime::interpreter(group, MAX_INTERPRETERS) {
        Ok(found) => found,
        Err(reason) => {
            no_interpreter(group, exchange, &reason);
            return Err(Unanswered);
        }
    };
    let answer = interpreter.attach(|py| match interpreter.state::<InterpreterState>() {
        Some(state) => ask_attached(py, state, question, exchange, call),
        None => Err(Unanswered),
    });
    if sys::process::is_forked_copy() {
        // The script forked and its copy came back to us: the request is the original's.
        sys::process::end_forked_copy();
    }
    answer.unwrap_or_else(|| {
        no_interpreter(group, exchange, &NoInterpreter::NotRunning);
        Err(Unanswered)
    })
}

fn ask_attached<'py, T>(
    py: Attached<'py>,
    state: &InterpreterState,
    question: &Question<'_, '_>,
    exchange: &mut dyn Exchange,
    call: impl FnOnce(&Module<'_, 'py>, &Object<'py>) -> Result<T, ScriptError>,
) -> Result<T, Unanswered> {
    let path = question.script;
    let stamp = py.detach(|| source_stamp(path));
    let answer = state
        .scripts
        .load(py, path, stamp, question.reload, question.fold_case)
        .and_then(|globals| {
            let module = Module { py, path, globals };
            wsgi::question(py, &state.wsgi, exchange, question.environ, |environ| {
                call(&module, environ)
            })
            .map_err(|exception| ScriptError {
                code: Code::INTERNAL_ERROR,
                title: "the environ for a script could not be made".into(),
                traceback: format_exception(py, &exception),
            })
            .and_then(|answer| answer)
        });
    answer.map_err(|error| {
        tell(exchange, &error, question.application_group);
        Unanswered
    })
}

fn tell(exchange: &mut dyn Exchange, error: &ScriptError, group: &str) {
    if error.traceback.is_empty() {
        exchange.log(Level::Error, Some(error.code), error.title.as_bytes());
    } else {
        exchange.log_exception(error.code, &error.title, &error.traceback, group);
    }
}
