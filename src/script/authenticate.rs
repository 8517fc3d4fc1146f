//! `WSGIAuthUserScript`: whether a user is who he says.
//!
//! No message has a password or a hash in it.

use super::{Module, ScriptError};
use crate::gateway::Code;
use crate::python::Object;

const CHECK_PASSWORD: &str = "check_password";
const GET_REALM_HASH: &str = "get_realm_hash";

/// What `check_password` said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// None: the user is not known here.
    UnknownUser,
    /// True, or the name that the user is to have from now on, in UTF-8.
    Granted(Option<Vec<u8>>),
    /// False: not the user's password.
    Denied,
}

/// Calls `check_password(environ, user, password)`.
pub fn check_password<'py>(
    module: &Module<'_, 'py>,
    environ: &Object<'py>,
    user: &[u8],
    password: &[u8],
) -> Result<Password, ScriptError> {
    let answer = call(
        module,
        (CHECK_PASSWORD, Code::CHECK_PASSWORD_MISSING),
        environ,
        user,
        password,
    )?;
    if answer.is_none() {
        return Ok(Password::UnknownUser);
    }
    match answer.as_bool(module.py) {
        Some(true) => return Ok(Password::Granted(None)),
        Some(false) => return Ok(Password::Denied),
        None => {}
    }
    if !answer.is_str() {
        let what = format!(
            "returned '{}' from '{CHECK_PASSWORD}', which may return True, False, None or a user's name",
            answer.type_name()
        );
        return Err(module.wrong(Code::PASSWORD_ANSWER_UNKNOWN, &what));
    }
    let name = answer
        .encode_utf8(module.py)
        .map_err(|raised| module.raised(CHECK_PASSWORD, raised))?;
    match name.as_bytes() {
        Some(b"") | None => {
            let what = format!("returned an empty user name from '{CHECK_PASSWORD}'");
            Err(module.wrong(Code::USER_NAME_EMPTY, &what))
        }
        // httpd would take what comes before the NUL for the name, which may be another user's.
        Some(name) if name.contains(&0) => {
            let what = format!("returned a user name with a NUL from '{CHECK_PASSWORD}'");
            Err(module.wrong(Code::PASSWORD_ANSWER_UNKNOWN, &what))
        }
        Some(name) => Ok(Password::Granted(Some(name.to_vec()))),
    }
}

/// What `get_realm_hash` said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealmHash {
    /// None: the user is not known here.
    UnknownUser,
    /// The hexadecimal digits.
    Known(Vec<u8>),
}

/// Calls `get_realm_hash(environ, user, realm)`.
pub fn get_realm_hash<'py>(
    module: &Module<'_, 'py>,
    environ: &Object<'py>,
    user: &[u8],
    realm: &[u8],
) -> Result<RealmHash, ScriptError> {
    let answer = call(
        module,
        (GET_REALM_HASH, Code::REALM_HASH_MISSING),
        environ,
        user,
        realm,
    )?;
    if answer.is_none() {
        return Ok(RealmHash::UnknownUser);
    }
    match answer.as_latin1().or_else(|| answer.as_bytes()) {
        Some(b"") => {
            let what = format!("returned an empty hash from '{GET_REALM_HASH}'");
            Err(module.wrong(Code::REALM_HASH_EMPTY, &what))
        }
        Some(hash) if !hash.contains(&0) => Ok(RealmHash::Known(hash.to_vec())),
        _ => {
            let what = format!(
                "returned '{}' from '{GET_REALM_HASH}', which may return None or hexadecimal digits",
                answer.type_name()
            );
            Err(module.wrong(Code::REALM_HASH_UNKNOWN, &what))
        }
    }
}

/// Calls `function(environ, first, second)`; its number says that the script has none.
fn call<'py>(
    module: &Module<'_, 'py>,
    (name, missing): (&str, Code),
    environ: &Object<'py>,
    first: &[u8],
    second: &[u8],
) -> Result<Object<'py>, ScriptError> {
    let py = module.py;
    let function = module.need(name, missing)?;
    py.latin1(first)
        .and_then(|first| {
            let second = py.latin1(second)?;
            function.call(py, [environ, &first, &second])
        })
        .map_err(|raised| module.raised(name, raised))
}
