//! Python in httpd's own processes: embedded applications, and the scripts of hooks.
//!
//! A module that is built without Python has `hooks/absent.rs` in its place.

mod access;
mod authn;
mod authz;
mod dispatch;
mod limits;
mod question;
mod run;
mod start;

use std::path::PathBuf;

use crate::app;
use crate::config::finish::Finding;
use crate::config::python_home::{EmbeddedPython, SYSTEM_PROGRAM};
use crate::config::settings::ServerSettings;

pub(super) use access::check as check_access;
pub(super) use app::Unanswered;
pub(super) use authn::{check_password, realm_hash};
pub(super) use authz::membership;
pub(super) use dispatch::redirect;
pub(super) use run::run;
pub(super) use start::{child_exit, child_start, parent_configured};

/// What the configuration asks of httpd's own processes that this build cannot do: nothing.
pub(super) fn examine(_settings: &ServerSettings) -> Vec<Finding> {
    Vec::new()
}

/// The Python that the module contains.
pub(super) fn usual_python() -> EmbeddedPython {
    EmbeddedPython {
        version: app::built_with(),
        free_threaded: app::IS_FREE_THREADED,
    }
}

/// The executable for daemon groups that name none.
pub(super) fn usual_program() -> PathBuf {
    PathBuf::from(app::default_program().unwrap_or(SYSTEM_PROGRAM))
}
