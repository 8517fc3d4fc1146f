//! What once made servers of this kind vulnerable, numbered as in the history of advisories.
//!
//! Rows about proxies, credentials and encodings have their tests beside the features they are about.

mod environ;
mod paths;
mod requests;
mod responses;
mod settings;

use rwsgi_harness::{Builder, Request, Response, Server};
use serde_json::Value;

use crate::server;

/// The source of the application.
const APPLICATION: &str = include_str!("../../apps/advisories.py");

/// Where each server of [`builder`] answers.
const MOUNTS: [&str; 2] = ["/app", "/sub"];

/// One process with the application under both of [`MOUNTS`].
fn builder() -> Builder {
    server()
        .one_process()
        .config("WSGIScriptAlias /app ${APPS}/advisories.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/advisories.py")
}

fn ask<'s>(server: &'s Server, case: &str, target: &str) -> Request<'s> {
    server.request("POST", target).header("X-Case", case)
}

/// The environ's text values.
#[track_caller]
fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    serde_json::from_slice(&response.body).expect("an environ")
}

/// Asserts that the server goes on in the process that it had.
#[track_caller]
fn goes_on(server: &Server, children: &[u32]) {
    for mount in MOUNTS {
        assert_eq!(server.get(mount).status, 200);
    }
    assert_eq!(server.children(), children, "a process ended");
}
