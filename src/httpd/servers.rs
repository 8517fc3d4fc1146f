//! The main server and the virtual hosts, when all lines have been read.

use std::borrow::Cow;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use super::configuration::server_settings;
use super::module::module_index;
use super::table;
use crate::config::plan::LogLevel;
use crate::config::settings::ServerSettings;
use crate::ffi;

/// The main server or a virtual host.
#[derive(Clone, Copy)]
pub struct ServerView<'p> {
    record: &'p ffi::server_rec,
}

impl<'p> ServerView<'p> {
    /// Its `ServerName`.
    pub fn name(self) -> Cow<'p, str> {
        // SAFETY: a C string of the configuration, unless null.
        String::from_utf8_lossy(unsafe { table::bytes(self.record.server_hostname) })
    }

    /// Whether it is a virtual host.
    pub fn is_virtual(self) -> bool {
        self.record.is_virtual != 0
    }

    /// Its settings, laid over those of the main server.
    pub fn settings(self) -> &'p ServerSettings {
        // SAFETY: a vector of this server.
        unsafe { server_settings(self.record.module_config) }
    }

    /// `Timeout`.
    pub fn timeout(self) -> Duration {
        Duration::from_micros(u64::try_from(self.record.timeout).unwrap_or_default())
    }

    /// Its `ErrorLog`, once httpd has opened the logs; `None` where the system's log is meant.
    pub fn log(self) -> Option<BorrowedFd<'p>> {
        let file = self.record.error_log;
        if file.is_null() {
            return None;
        }
        let mut descriptor: RawFd = -1;
        // SAFETY: an open file of httpd and a valid out-parameter.
        let status = unsafe { ffi::apr_os_file_get(&raw mut descriptor, file) };
        // SAFETY: httpd keeps its logs open as long as the configuration.
        (status == 0 && descriptor >= 0).then(|| unsafe { BorrowedFd::borrow_raw(descriptor) })
    }

    /// `LogLevel wsgi:...`.
    pub fn log_level(self) -> LogLevel {
        // SAFETY: a live server; a plain query.
        let level = unsafe { ffi::rwsgi_server_log_level(self.record, module_index()) };
        LogLevel(u8::try_from(level).unwrap_or_default())
    }
}

/// All servers: the main server, then the virtual hosts as they were read.
///
/// # Safety
///
/// `main` is httpd's list of servers, which nobody changes for `'p`.
pub(super) unsafe fn servers<'p>(main: *mut ffi::server_rec) -> Vec<ServerView<'p>> {
    let mut all = Vec::new();
    let mut server = main;
    // SAFETY: caller's promise; the list ends with null.
    while let Some(record) = unsafe { server.as_ref() } {
        all.push(ServerView { record });
        server = record.next;
    }
    // httpd keeps the main server first, and behind it the virtual host it has read last.
    if let Some((_, hosts)) = all.split_first_mut() {
        hosts.reverse();
    }
    all
}
