//! What httpd's own processes do in a module that is built without Python: they hand requests to daemon groups,
//! and refuse what only Python in this process could answer.

use std::path::{Path, PathBuf};

use super::environ::Paths;
use super::target::Target;
use crate::config::finish::{Finding, Finished};
use crate::config::place::Place;
use crate::config::python_home::{EmbeddedPython, SYSTEM_PROGRAM, version_of_program};
use crate::config::scripts::HookScript;
use crate::config::settings::{DirSettings, ServerSettings};
use crate::gateway::{BodyLength, Code, Level};
use crate::httpd::{Child, Login, Membership, RealmHash, Request, Startup, Status, log};

/// What to do about all of it.
const FIX: &str = "this build of mod_rwsgi has no Python in it and runs applications in daemon groups only; use a build \
                   that has, such as a distribution's package";

/// The oldest Python that a worker can be built for.
const OLDEST: EmbeddedPython = EmbeddedPython {
    version: (3, 11),
    free_threaded: false,
};

/// There is no answer.
#[derive(Debug)]
pub(super) struct Unanswered;

/// The scripts that httpd's own processes would have to run.
pub(super) fn examine(settings: &ServerSettings) -> Vec<Finding> {
    let Some(finished) = &settings.finished else {
        return Vec::new();
    };
    let imports = finished.imports_of("").map(|script| {
        let what = format!(
            "{} names no daemon group to load the script {}",
            script.source, script.path
        );
        finding(&what, script.place.clone())
    });
    imports.chain(hook_scripts(finished)).collect()
}

fn hook_scripts(finished: &Finished) -> Option<Finding> {
    let what = "a script is set for access, users, groups or dispatch, which httpd's own processes would have to ask";
    finished.hook_scripts.then(|| finding(what, None))
}

fn finding(what: &str, place: Option<Place>) -> Finding {
    Finding {
        level: Level::Error,
        refuses: true,
        code: Code::EMBEDDED_NOT_BUILT,
        text: format!("{what}: {FIX}"),
        place,
    }
}

/// Python is in no banner.
pub(super) fn parent_configured(_startup: &Startup<'_>) {}

/// Python does not run.
pub(super) fn child_start(_child: &Child<'_>) -> bool {
    false
}

/// Nothing was started.
pub(super) fn child_exit() {}

/// The Python that is looked for where a home tells no version: the system's.
pub(super) fn usual_python() -> EmbeddedPython {
    version_of_program(Path::new(SYSTEM_PROGRAM)).unwrap_or(OLDEST)
}

/// The executable for daemon groups that name none.
pub(super) fn usual_program() -> PathBuf {
    PathBuf::from(SYSTEM_PROGRAM)
}

/// Nobody comes in where a script would decide.
pub(super) fn check_access(request: Request<'_>) -> Status {
    if request.dir_settings().access_script.is_none() {
        return Status::Declined;
    }
    tell(&request, "WSGIAccessScript cannot be asked");
    Status::Http(403)
}

/// Nobody is who he says.
pub(super) fn check_password(request: Request<'_>, _user: &[u8], _password: &[u8]) -> Login {
    tell(&request, "WSGIAuthUserScript cannot be asked");
    Login::Failed
}

/// No hash is known.
pub(super) fn realm_hash(request: Request<'_>, _user: &[u8], _realm: &[u8]) -> RealmHash {
    tell(&request, "WSGIAuthUserScript cannot be asked");
    RealmHash::Failed
}

/// Nobody is a member.
pub(super) fn membership(request: Request<'_>, _wanted: &[&[u8]]) -> Membership {
    if request.user().is_empty() {
        return Membership::NoUser;
    }
    tell(&request, "WSGIAuthGroupScript cannot be asked");
    Membership::Denied
}

/// No script says who is to run the request.
pub(super) fn redirect<'r>(
    request: &Request<'r>,
    _settings: &DirSettings,
    _script: &HookScript,
    _paths: &Paths<'r>,
    _body: BodyLength,
    _chosen: &mut Target<'r>,
) -> Result<(), Unanswered> {
    tell(request, "WSGIDispatchScript cannot be asked");
    Err(Unanswered)
}

/// Refuses a request for no daemon group.
pub(super) fn run<'r>(
    request: &Request<'r>,
    _settings: &DirSettings,
    _paths: &Paths<'r>,
    target: Target<'r>,
    _body: BodyLength,
) -> Status {
    let script = String::from_utf8_lossy(target.script);
    tell(request, &format!("no WSGIProcessGroup is set for {script}"));
    Status::Http(500)
}

fn tell(request: &Request<'_>, what: &str) {
    let text = format!("{what}: {FIX}");
    log::request(
        request,
        Level::Error,
        Some(Code::EMBEDDED_NOT_BUILT),
        text.as_bytes(),
    );
}
