//! `reload_required` of a handler script: whether it is to be loaded again for a resource.

use super::{Module, ScriptError};

const FUNCTION: &str = "reload_required";

/// Calls `reload_required(resource)`; a script without it is never loaded again for a resource.
pub fn reload_required(module: &Module<'_, '_>, resource: &[u8]) -> Result<bool, ScriptError> {
    let py = module.py;
    let Some(function) = module.find(FUNCTION)? else {
        return Ok(false);
    };
    py.file_name(resource)
        .and_then(|resource| function.call(py, [&resource])?.is_true(py))
        .map_err(|raised| module.raised(FUNCTION, raised))
}
