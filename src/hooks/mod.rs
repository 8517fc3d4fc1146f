//! What httpd calls, in plain Rust.

mod environ;
mod handler;
mod lifecycle;
mod target;
mod translate;

use crate::httpd::{Child, Hooks, Module, Request, Startup, Status};

/// The module's hooks.
#[derive(Debug)]
pub struct Wsgi;

impl Hooks for Wsgi {
    fn module() -> &'static Module {
        crate::module::record()
    }

    fn parent_configured(startup: &Startup<'_>) {
        lifecycle::parent_configured(startup);
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

    fn handle(request: Request<'_>) -> Status {
        handler::handle(request)
    }
}
