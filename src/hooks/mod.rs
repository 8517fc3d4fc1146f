//! What httpd calls, in plain Rust.

mod access;
mod authn;
mod authz;
mod daemons;
mod delegate;
mod dispatch;
mod environ;
mod handler;
mod lifecycle;
mod python_limits;
mod question;
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
        daemons::examine(startup)
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
        lifecycle::child_exit();
    }

    fn translate(request: Request<'_>) -> Status {
        translate::translate(request)
    }

    fn access(request: Request<'_>) -> Status {
        access::check(request)
    }

    fn check_password(request: Request<'_>, user: &[u8], password: &[u8]) -> Login {
        authn::check_password(request, user, password)
    }

    fn realm_hash(request: Request<'_>, user: &[u8], realm: &[u8]) -> RealmHash {
        authn::realm_hash(request, user, realm)
    }

    fn membership(request: Request<'_>, groups: &[&[u8]]) -> Membership {
        authz::membership(request, groups)
    }

    fn handle(request: Request<'_>) -> Status {
        handler::handle(request)
    }
}
