//! httpd's processes: who they are, how many there are, how they end.

use std::ffi::c_int;

use super::table::bytes;
use crate::ffi;

/// How the multi-processing module spreads requests.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Most processes; 1 when it does not fork.
    pub processes: i64,
    /// Most threads in each; 1 when it has no threads.
    pub threads: i64,
}

fn query(what: c_int) -> i64 {
    let mut answer = 0;
    // SAFETY: a plain query with a valid out-parameter.
    let status = unsafe { ffi::ap_mpm_query(what, &raw mut answer) };
    if status == 0 { i64::from(answer) } else { 0 }
}

/// How many processes and threads there can be.
pub fn capacity() -> Capacity {
    let count = |supported: c_int, most: c_int| match query(supported) {
        0 => 1,
        _ => query(most).max(1),
    };
    Capacity {
        processes: count(ffi::AP_MPMQ_IS_FORKED, ffi::AP_MPMQ_MAX_DAEMONS),
        threads: count(ffi::AP_MPMQ_IS_THREADED, ffi::AP_MPMQ_MAX_THREADS),
    }
}

/// User and group number that children serve as.
pub fn serving_user() -> (u32, u32) {
    // SAFETY: set by httpd while it reads its configuration, on this thread.
    unsafe { (ffi::ap_unixd_config.user_id, ffi::ap_unixd_config.group_id) }
}

/// The name of the user that children serve as.
pub fn serving_user_name() -> Vec<u8> {
    // SAFETY: as above; null or a C string of the configuration.
    unsafe { bytes(ffi::ap_unixd_config.user_name) }.to_vec()
}

/// Whether processes may leave cores: `CoreDumpDirectory` is set.
pub fn leaves_cores() -> bool {
    // SAFETY: set by httpd while it reads its configuration, on this thread.
    unsafe { ffi::ap_coredumpdir_configured != 0 }
}

/// The version of the running httpd.
pub fn server_version() -> [i64; 3] {
    let mut version = ffi::ap_version_t {
        major: 0,
        minor: 0,
        patch: 0,
        add_string: std::ptr::null(),
    };
    // SAFETY: a valid out-parameter.
    unsafe { ffi::ap_get_server_revision(&raw mut version) };
    [version.major.into(), version.minor.into(), version.patch.into()]
}

/// httpd's description of itself, with all components.
pub fn server_description() -> String {
    // SAFETY: text that lives as long as the configuration.
    String::from_utf8_lossy(unsafe { bytes(ffi::ap_get_server_description()) }).into_owned()
}

/// When httpd was built.
pub fn build_date() -> String {
    // SAFETY: static text.
    String::from_utf8_lossy(unsafe { bytes(ffi::ap_get_server_built()) }).into_owned()
}

/// The name of the multi-processing module.
pub fn mpm_name() -> String {
    // SAFETY: static text.
    String::from_utf8_lossy(unsafe { bytes(ffi::ap_show_mpm()) }).into_owned()
}

/// Whether httpd is stopping or restarting.
pub fn is_stopping() -> bool {
    query(ffi::AP_MPMQ_MPM_STATE) == i64::from(ffi::AP_MPMQ_STOPPING)
}

/// Whether httpd's parent is asked to end, and not to restart.
pub fn is_shutting_down() -> bool {
    // SAFETY: the one record that httpd's parent keeps as long as it lives; its own thread reads it, and signal
    // handlers write whole numbers.
    unsafe { ffi::ap_unixd_mpm_get_retained_data().as_ref() }
        .is_some_and(|retained| retained.shutdown_pending != 0)
}

/// Whether httpd serves in one process, for debugging (`-X`).
pub fn is_debugging() -> bool {
    let defined = |name: &std::ffi::CStr| {
        // SAFETY: a C string.
        unsafe { ffi::ap_exists_config_define(name.as_ptr()) != 0 }
    };
    defined(c"DEBUG") || defined(c"ONE_PROCESS")
}
