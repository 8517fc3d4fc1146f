//! `WSGIAuthGroupScript`: the groups of a user.

use super::{Module, ScriptError};
use crate::gateway::Code;
use crate::python::{ErrorKind, Object};

const FUNCTION: &str = "groups_for_user";

/// Calls `groups_for_user(environ, user)` and takes all names out of its answer.
///
/// An answer that breaks off counts for nothing: what came before the exception is not the whole truth.
pub fn groups_for_user<'py>(
    module: &Module<'_, 'py>,
    environ: &Object<'py>,
    user: &[u8],
) -> Result<Vec<Vec<u8>>, ScriptError> {
    let py = module.py;
    let function = module.need(FUNCTION, Code::GROUPS_FUNCTION_MISSING)?;
    let answer = py
        .latin1(user)
        .and_then(|user| function.call(py, [environ, &user]))
        .map_err(|raised| module.raised(FUNCTION, raised))?;
    let iterator = answer.iter(py).map_err(|raised| {
        if !raised.is(ErrorKind::TypeError) {
            return module.raised(FUNCTION, raised);
        }
        drop(raised);
        let what = format!(
            "returned '{}' from '{FUNCTION}', which has to return a sequence of names",
            answer.type_name()
        );
        module.wrong(Code::GROUPS_NOT_ITERABLE, &what)
    })?;
    let mut groups = Vec::new();
    while let Some(item) = iterator
        .next(py)
        .map_err(|raised| module.raised(FUNCTION, raised))?
    {
        groups.push(name(module, &item)?);
    }
    Ok(groups)
}

fn name<'py>(module: &Module<'_, 'py>, item: &Object<'py>) -> Result<Vec<u8>, ScriptError> {
    if let Some(name) = item.as_latin1().or_else(|| item.as_bytes()) {
        return Ok(name.to_vec());
    }
    if item.is_str() {
        let what = format!("returned from '{FUNCTION}' a name that Latin-1 cannot hold");
        return Err(module.wrong(Code::GROUP_NOT_LATIN1, &what));
    }
    let what = format!(
        "returned from '{FUNCTION}' an item of type '{}', which is no name",
        item.type_name()
    );
    Err(module.wrong(Code::GROUP_NOT_TEXT, &what))
}
