//! The checks at the end of the configuration, before anything is served and under `httpd -t`.

use std::ffi::c_int;
use std::sync::Arc;

use super::boundary::guard;
use super::commands::is_first_reading;
use super::hook::{Hooks, Startup};
use super::log;
use super::module::module;
use super::servers::servers;
use crate::config::finish::{self, Finding, Finished, ServerEntry};
use crate::config::settings::ServerSettings;
use crate::ffi;

/// Refuses a configuration whose lines contradict each other.
pub(super) unsafe extern "C" fn check_config<H: Hooks>(
    configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
    main: *mut ffi::server_rec,
) -> c_int {
    guard("check_config", ffi::HTTP_INTERNAL_SERVER_ERROR, || {
        // SAFETY: called by httpd with its servers, when all lines have been read, on its main thread.
        let finished = unsafe { check(main) };
        finished.findings.iter().for_each(tell);
        if finished.has_errors() {
            return ffi::HTTP_INTERNAL_SERVER_ERROR;
        }
        let finished = Arc::new(finished);
        // SAFETY: as above; what was read from the servers is no longer borrowed.
        unsafe { keep(main, &finished) };
        // SAFETY: called by httpd with its configuration pool; its servers are only read from here on.
        let findings = unsafe { Startup::new(configuration, main) }.map(|startup| H::examine(&startup));
        let findings = findings.unwrap_or_default();
        findings.iter().for_each(tell);
        if findings.iter().any(|finding| finding.refuses) {
            return ffi::HTTP_INTERNAL_SERVER_ERROR;
        }
        ffi::OK
    })
}

/// # Safety
///
/// `main` is httpd's list of servers, which nobody changes meanwhile.
unsafe fn check(main: *mut ffi::server_rec) -> Finished {
    // SAFETY: passed on.
    let servers = unsafe { servers(main) };
    let names: Vec<_> = servers.iter().map(|server| server.name()).collect();
    let entries: Vec<ServerEntry<'_>> = servers
        .iter()
        .zip(&names)
        .map(|(server, name)| ServerEntry {
            name,
            is_virtual: server.is_virtual(),
            settings: server.settings(),
        })
        .collect();
    finish::check(&entries)
}

/// Writes the outcome into each server's record.
///
/// # Safety
///
/// `main` is httpd's list of servers, of which nobody borrows anything.
unsafe fn keep(main: *mut ffi::server_rec, finished: &Arc<Finished>) {
    let mut server = main;
    // SAFETY: caller's promise; the list ends with null.
    while let Some(record) = unsafe { server.as_ref() } {
        // SAFETY: caller's promise; the record is null or of this type.
        let settings = unsafe {
            ffi::ap_get_module_config(record.module_config, module())
                .cast::<ServerSettings>()
                .as_mut()
        };
        if let Some(settings) = settings {
            settings.finished = Some(finished.clone());
        }
        server = record.next;
    }
}

/// Tells the administrator; what does not keep the server from starting, once of httpd's two readings.
fn tell(finding: &Finding) {
    if finding.refuses || !is_first_reading() {
        log::server(finding.level, Some(finding.code), finding.to_string().as_bytes());
    }
}
