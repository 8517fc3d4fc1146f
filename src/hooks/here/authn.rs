//! Whether a user is who he says: `WSGIAuthUserScript` as a provider of mod_auth_basic and mod_auth_digest.
//! No password and no hash reaches a log.

use super::question;
use crate::app::{self, Password};
use crate::config::scripts::HookScript;
use crate::gateway::{Code, Level};
use crate::httpd::{Login, RealmHash, Request, log};

/// Asks `check_password`. A script that does not answer lets nobody in.
pub(in super::super) fn check_password(request: Request<'_>, user: &[u8], password: &[u8]) -> Login {
    let Some(script) = script(&request, Code::USER_SCRIPT_NOT_SET) else {
        return Login::Failed;
    };
    let answer = question::about(&request, script, |question, exchange| {
        app::check_password(question, exchange, user, password)
    });
    match answer {
        Ok(Password::Granted(None)) => Login::Granted,
        Ok(Password::Granted(Some(name))) => {
            request.set_user(&name);
            Login::Granted
        }
        Ok(Password::Denied) => Login::Denied,
        Ok(Password::UnknownUser) => Login::UnknownUser,
        Err(app::Unanswered) => Login::Failed,
    }
}

/// Asks `get_realm_hash`.
pub(in super::super) fn realm_hash(request: Request<'_>, user: &[u8], realm: &[u8]) -> RealmHash {
    let Some(script) = script(&request, Code::DIGEST_SCRIPT_NOT_SET) else {
        return RealmHash::Failed;
    };
    let answer = question::about(&request, script, |question, exchange| {
        app::get_realm_hash(question, exchange, user, realm)
    });
    match answer {
        Ok(app::RealmHash::Known(hash)) => RealmHash::Known(hash),
        Ok(app::RealmHash::UnknownUser) => RealmHash::UnknownUser,
        Err(app::Unanswered) => RealmHash::Failed,
    }
}

fn script<'r>(request: &Request<'r>, missing: Code) -> Option<&'r HookScript> {
    let script = request.dir_settings().auth_user_script.as_deref();
    if script.is_none() {
        let text = format!(
            "WSGIAuthUserScript is not set for '{}'",
            String::from_utf8_lossy(request.uri()).escape_debug()
        );
        log::request(request, Level::Error, Some(missing), text.as_bytes());
    }
    script
}
