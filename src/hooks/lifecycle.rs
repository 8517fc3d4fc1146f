//! The start and the end of httpd's processes.

use std::sync::OnceLock;

use super::here;
use crate::gateway::COMPATIBLE_WITH;
use crate::httpd::{Child, Startup};
use crate::pool::Groups;

static PID: OnceLock<String> = OnceLock::new();

/// The number of this process, as text.
pub(super) fn pid_text() -> &'static [u8] {
    PID.get_or_init(|| std::process::id().to_string()).as_bytes()
}

/// Names us in the server's banner and looks at what the children will need.
pub(super) fn parent_configured(startup: &Startup<'_>) {
    let [major, minor, patch] = COMPATIBLE_WITH;
    startup.add_component("mod_wsgi", &format!("{major}.{minor}.{patch}"));
    startup.add_component("rwsgi", env!("CARGO_PKG_VERSION"));
    here::parent_configured(startup);
}

/// Takes over the daemon groups and starts Python; whether it runs.
pub(super) fn child_start(child: &Child<'_>) -> bool {
    Groups::child_take_over();
    here::child_start(child)
}
