//! httpd's table of commands, made from the one table of directives.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::boundary::guard;
use super::log;
use super::module::module;
use super::pool::Pool;
use super::regex;
use crate::config::directives::{Context, DIRECTIVES, Directive, Scope};
use crate::config::settings::{DirSettings, ServerSettings};
use crate::ffi;
use crate::gateway::{Code, Level};

const COUNT: usize = DIRECTIVES.len();

/// The rows, and an empty one that ends them.
pub(super) struct Commands([ffi::command_rec; COUNT + 1]);

// SAFETY: constant data; its pointers lead to constants.
unsafe impl Sync for Commands {}

pub(super) static COMMANDS: Commands = Commands(rows());

impl Commands {
    pub(super) const fn as_ptr(&'static self) -> *const ffi::command_rec {
        self.0.as_ptr()
    }
}

const END: ffi::command_rec = ffi::command_rec {
    name: ptr::null(),
    func: ffi::cmd_func { raw_args: None },
    cmd_data: ptr::null_mut(),
    req_override: 0,
    args_how: ffi::cmd_how_RAW_ARGS,
    errmsg: ptr::null(),
};

#[allow(clippy::indexing_slicing, reason = "in the compiler, within COUNT")]
const fn rows() -> [ffi::command_rec; COUNT + 1] {
    let mut rows = [END; COUNT + 1];
    let mut index = 0;
    while index < COUNT {
        let directive = &DIRECTIVES[index];
        rows[index] = ffi::command_rec {
            name: directive.name.as_ptr(),
            func: ffi::cmd_func { raw_args: Some(run) },
            cmd_data: ptr::from_ref(directive).cast_mut().cast(),
            req_override: places(directive.context),
            args_how: ffi::cmd_how_RAW_ARGS,
            errmsg: directive.usage.as_ptr(),
        };
        index += 1;
    }
    rows
}

const fn places(context: Context) -> c_int {
    match context {
        Context::Global | Context::Server => ffi::RSRC_CONF,
        Context::Directory => ffi::RSRC_CONF | ffi::ACCESS_CONF,
        // httpd's OR_ constants include RSRC_CONF and ACCESS_CONF where the directive may stand everywhere.
        Context::FileInfo => ffi::OR_FILEINFO | ffi::RSRC_CONF | ffi::ACCESS_CONF,
    }
}

/// Carries out one directive. Null means success, text an error.
unsafe extern "C" fn run(
    parms: *mut ffi::cmd_parms,
    dir: *mut c_void,
    arguments: *const c_char,
) -> *const c_char {
    guard(
        "directive",
        c"WSGI1001: internal error in mod_rwsgi".as_ptr(),
        || {
            // SAFETY: called by httpd for a row of ours, with its record for the place and a C string.
            unsafe {
                apply(
                    &mut *parms,
                    dir.cast::<DirSettings>().as_mut(),
                    CStr::from_ptr(arguments),
                )
            }
        },
    )
}

/// # Safety
///
/// `parms` is httpd's, for a row of ours, while it parses its configuration on this thread.
unsafe fn apply(
    parms: &mut ffi::cmd_parms,
    dir: Option<&mut DirSettings>,
    arguments: &CStr,
) -> *const c_char {
    // SAFETY: `cmd` is our row; the pool is the main thread's while it parses (rule 2).
    let (directive, pool) = unsafe { (&*(*parms.cmd).cmd_data.cast::<Directive>(), Pool::new(parms.pool)) };
    let (Some(dir), Some(pool)) = (dir, pool) else {
        return c"mod_rwsgi has no configuration here".as_ptr();
    };
    if matches!(directive.context, Context::Global) {
        // SAFETY: httpd's own parameters; the answer is null or text of its pool.
        let refused = unsafe { ffi::ap_check_cmd_context(parms, ffi::NOT_IN_VIRTUALHOST.cast_unsigned()) };
        if !refused.is_null() {
            return refused;
        }
    }
    // SAFETY: the server's own record, written by nobody else while it is parsed (rule 3).
    let server = unsafe {
        ffi::ap_get_module_config((*parms.server).module_config, module())
            .cast::<ServerSettings>()
            .as_mut()
    };
    let compile = |source: &str| regex::compile(pool, source);
    let mut scope = Scope {
        server: server.filter(|_| parms.path.is_null()),
        dir,
        compile: &compile,
        warnings: Vec::new(),
    };
    let result = (directive.apply)(&mut scope, &arguments.to_string_lossy());
    warn(parms, &scope.warnings);
    match result {
        Ok(()) => ptr::null(),
        Err(error) => pool.c_string(error.to_string().as_bytes()),
    }
}

/// Tells the administrator, once of httpd's two readings of its configuration.
fn warn(parms: &ffi::cmd_parms, warnings: &[String]) {
    // SAFETY: plain queries of httpd's state.
    let (state, mode) = unsafe {
        (
            ffi::ap_state_query(ffi::AP_SQ_MAIN_STATE),
            ffi::ap_state_query(ffi::AP_SQ_RUN_MODE),
        )
    };
    if state == ffi::AP_SQ_MS_CREATE_PRE_CONFIG && mode != ffi::AP_SQ_RM_CONFIG_TEST {
        return;
    }
    for warning in warnings {
        // SAFETY: null, or where httpd is reading.
        let place = unsafe { parms.directive.as_ref() }.map_or_else(String::new, |directive| {
            // SAFETY: a C string of the configuration pool, unless null.
            let file = unsafe { super::table::bytes(directive.filename) };
            format!(" ({}:{})", String::from_utf8_lossy(file), directive.line_num)
        });
        log::server(
            Level::Warning,
            Some(Code::ARGUMENT_LENIENT),
            format!("{warning}{place}").as_bytes(),
        );
    }
}
