//! `WSGIAccessScript`: whether a client may see a place.

use super::{Module, ScriptError};
use crate::gateway::Code;
use crate::python::Object;

const FUNCTION: &str = "allow_access";

/// What `allow_access` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// True: the client may come in.
    Allowed,
    /// False: it may not.
    Refused,
    /// None: that is for others to say.
    NoOpinion,
}

/// Calls `allow_access(environ, host)`.
pub fn allow_access<'py>(
    module: &Module<'_, 'py>,
    environ: &Object<'py>,
    host: &[u8],
) -> Result<Access, ScriptError> {
    let py = module.py;
    let function = module.need(FUNCTION, Code::ACCESS_FUNCTION_MISSING)?;
    let answer = py
        .latin1(host)
        .and_then(|host| function.call(py, [environ, &host]))
        .map_err(|raised| module.raised(FUNCTION, raised))?;
    if answer.is_none() {
        return Ok(Access::NoOpinion);
    }
    match answer.as_bool(py) {
        Some(true) => Ok(Access::Allowed),
        Some(false) => Ok(Access::Refused),
        None => {
            let what = format!(
                "returned '{}' from '{FUNCTION}', which may return True, False or None",
                answer.type_name()
            );
            Err(module.wrong(Code::ACCESS_ANSWER_UNKNOWN, &what))
        }
    }
}
