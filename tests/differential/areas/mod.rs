//! One file an area: its configuration and its table of requests.

mod auth;
mod chunked;
mod dispatch;
mod environ;
mod errors;
mod file_wrapper;
mod head;
mod headers;
mod input;
mod paths;
mod proxies;
mod reload;
mod response;
mod start_response;

use std::path::Path;

use rwsgi_harness::{Builder, Mpm, Server};

use crate::case::{Area, Case, get};

/// Every area in each mode, in the order of the report.
pub(crate) fn all() -> Vec<Area> {
    let mut areas = tables();
    // A changed script is served by another process there, once that is ready: a table of answers in their order
    // cannot tell of it.
    let others = tables().into_iter().filter(|area| area.name != "reload");
    areas.extend(others.map(Area::in_daemon));
    areas
}

fn tables() -> Vec<Area> {
    vec![
        environ::area(),
        headers::area(),
        input::area(),
        chunked::area(),
        start_response::area(),
        response::area(),
        head::area(),
        paths::area(),
        proxies::area(),
        errors::area(),
        file_wrapper::area(),
        reload::area(),
        auth::area(),
        dispatch::area(),
    ]
}

/// A server with every file of `tests/apps` in `${APPS}`. Always the event MPM, with one child: applications keep
/// things from request to request, and the environ tells which MPM it is.
fn server() -> Builder {
    Server::builder()
        .mpm(Mpm::Event)
        .apps_from(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps"))
        // Where a response is shorter than it says, the client waits for as long as this.
        .config("KeepAliveTimeout 2")
}

/// A GET for each path below a prefix.
fn gets(prefix: &str, names: &str) -> Vec<Case> {
    names
        .split_whitespace()
        .map(|name| get(&format!("{prefix}{name}")))
        .collect()
}
