//! The checks at the end of the configuration, before anything is served and under `httpd -t`.

use std::borrow::Cow;
use std::ffi::c_int;
use std::sync::Arc;

use super::boundary::guard;
use super::commands::is_first_reading;
use super::configuration::server_settings;
use super::log;
use super::module::module;
use super::table;
use crate::config::finish::{self, Finding, Finished, ServerEntry};
use crate::config::settings::ServerSettings;
use crate::ffi;
use crate::gateway::Level;

/// Refuses a configuration whose lines contradict each other.
pub(super) unsafe extern "C" fn check_config(
    _configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
    main: *mut ffi::server_rec,
) -> c_int {
    guard("check_config", ffi::HTTP_INTERNAL_SERVER_ERROR, || {
        // SAFETY: called by httpd with its servers, when all lines have been read, on its main thread.
        let finished = unsafe { check(main) };
        for finding in &finished.findings {
            tell(finding);
        }
        if finished.has_errors() {
            return ffi::HTTP_INTERNAL_SERVER_ERROR;
        }
        let finished = Arc::new(finished);
        // SAFETY: as above; what was read from the servers is no longer borrowed.
        unsafe { keep(main, &finished) };
        ffi::OK
    })
}

/// # Safety
///
/// `main` is httpd's list of servers, which nobody changes meanwhile.
unsafe fn check(main: *mut ffi::server_rec) -> Finished {
    let mut names = Vec::new();
    let mut server = main;
    // SAFETY: caller's promise; the list ends with null.
    while let Some(record) = unsafe { server.as_ref() } {
        // SAFETY: a C string of the configuration, unless null; a vector of this server.
        let (name, settings) = unsafe {
            (
                String::from_utf8_lossy(table::bytes(record.server_hostname)),
                server_settings(record.module_config),
            )
        };
        names.push((name, record.is_virtual != 0, settings));
        server = record.next;
    }
    // httpd keeps the main server first, and behind it the virtual host it has read last.
    if let Some((_, hosts)) = names.split_first_mut() {
        hosts.reverse();
    }
    let entries: Vec<ServerEntry<'_>> = names
        .iter()
        .map(
            |(name, is_virtual, settings): &(Cow<'_, str>, bool, _)| ServerEntry {
                name,
                is_virtual: *is_virtual,
                settings,
            },
        )
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
    if finding.level == Level::Error || !is_first_reading() {
        log::server(finding.level, Some(finding.code), finding.to_string().as_bytes());
    }
}
