//! `WSGIDispatchScript`: who runs a request.

use super::{Module, ScriptError};
use crate::gateway::Code;
use crate::python::Object;

/// What a dispatch script chose; `None` leaves it as configured. Nothing is expanded yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// What `process_group` said.
    pub process_group: Option<String>,
    /// What `application_group` said.
    pub application_group: Option<String>,
    /// What `callable_object` said.
    pub callable_object: Option<String>,
}

/// Calls those of `process_group`, `application_group` and `callable_object` that the script has, each with
/// environ.
pub fn dispatch<'py>(module: &Module<'_, 'py>, environ: &Object<'py>) -> Result<Destination, ScriptError> {
    let choose = |name| choice(module, name, environ);
    Ok(Destination {
        process_group: choose("process_group")?,
        application_group: choose("application_group")?,
        callable_object: choose("callable_object")?,
    })
}

fn choice<'py>(
    module: &Module<'_, 'py>,
    name: &str,
    environ: &Object<'py>,
) -> Result<Option<String>, ScriptError> {
    let Some(function) = module.find(name)? else {
        return Ok(None);
    };
    let answer = function
        .call(module.py, [environ])
        .map_err(|raised| module.raised(name, raised))?;
    if answer.is_none() {
        return Ok(None);
    }
    if let Some(text) = answer.as_latin1() {
        return Ok(Some(from_bytes(text)));
    }
    match answer.as_bytes() {
        Some(bytes) => Ok(Some(from_bytes(bytes))),
        None => {
            let what = format!(
                "returned '{}' from '{name}', which may return None, bytes or a str that Latin-1 can hold",
                answer.type_name()
            );
            Err(module.wrong(Code::DISPATCH_ANSWER_UNKNOWN, &what))
        }
    }
}

/// The configuration is UTF-8, and a str may be the Latin-1 reading of it (PEP 3333, "native strings"); bytes that are
/// not UTF-8 stay different from one another.
fn from_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_bytes_are_different_names() {
        assert_eq!(from_bytes("gr\u{fc}n".as_bytes()), "gr\u{fc}n");
        assert_ne!(from_bytes(b"gr\xfcn"), from_bytes(b"gr\xf6n"));
    }
}
