//! Scripts that httpd asks about a request: access, users, groups, dispatch; and scripts that answer for other
//! files or are loaded when a process starts. One test a row of what they may answer.

mod access;
mod authentication;
mod digest;
mod dispatch;
mod groups;
mod import;
mod panics;

pub(crate) use panics::DENIED;

use rwsgi_harness::credentials::basic;
use rwsgi_harness::{Response, Server};

/// The password that `hook_user.py` takes.
const PASSWORD: &str = "open-5e5ame";

/// Asks as this user, with the password that is right for all.
fn ask(server: &Server, target: &str, user: impl AsRef<[u8]>) -> Response {
    server
        .request("GET", target)
        .header("Authorization", &basic(user, PASSWORD))
        .send()
}

/// The value of a line `key = value`.
#[track_caller]
pub(crate) fn value<'t>(text: &'t str, key: &str) -> &'t str {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    found.unwrap_or_else(|| panic!("no {key} in\n{text}"))
}

/// Credentials never reach a log.
#[track_caller]
fn assert_no_password_in_logs(server: &Server) {
    for line in server.logs() {
        assert!(!line.message.contains(PASSWORD), "{}", line.message);
    }
}
