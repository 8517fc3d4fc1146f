//! What httpd calls, in plain Rust.

mod daemons;
mod delegate;
mod environ;
mod handler;
#[cfg(feature = "python")]
mod here;
#[cfg(not(feature = "python"))]
#[path = "absent.rs"]
mod here;
mod lifecycle;
mod target;
mod translate;

use crate::config::finish::Finding;
use crate::httpd::{Child, Hooks, Login, Membership, Module, RealmHash, Request, Startup, Status};

/// The module's hooks.
#[derive(Debug)]
pub struct Wsgi;

impl Hooks for Wsgi {
    fn module() -> &'static Module {
        crate::module::record()
    }

    fn examine(startup: &Startup<'_>) -> Vec<Finding> {
        let mut findings = daemons::examine(startup);
        findings.extend(here::examine(startup.settings()));
        findings
    }

    fn parent_configured(startup: &Startup<'_>) {
        lifecycle::parent_configured(startup);
    }

    fn parent_serves(startup: &Startup<'_>) {
        daemons::parent_serves(startup);
    }

    fn child_start(child: &Child<'_>) -> bool {
        lifecycle::child_start(child)
    }

    fn child_exit() {
        here::child_exit();
    }

    fn translate(request: Request<'_>) -> Status {
        translate::translate(request)
    }

    fn access(request: Request<'_>) -> Status {
        here::check_access(request)
    }

    fn check_password(request: Request<'_>, user: &[u8], password: &[u8]) -> Login {
        here::check_password(request, user, password)
    }

    fn realm_hash(request: Request<'_>, user: &[u8], realm: &[u8]) -> RealmHash {
        here::realm_hash(request, user, realm)
    }

    fn membership(request: Request<'_>, groups: &[&[u8]]) -> Membership {
        here::membership(request, groups)
    }

    fn handle(request: Request<'_>) -> Status {
        handler::handle(request)
    }
}
