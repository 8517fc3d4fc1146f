//! The symbol that httpd loads.

#![allow(unsafe_code, reason = "httpd finds the record by its name")]

use crate::hooks::Wsgi;
use crate::httpd::Module;

/// The record for `LoadModule wsgi_module`.
#[unsafe(no_mangle)]
#[allow(
    non_upper_case_globals,
    reason = "the name that every configuration for mod_wsgi has"
)]
pub static wsgi_module: Module = Module::new::<Wsgi>();

/// The record.
pub(crate) fn record() -> &'static Module {
    &wsgi_module
}
