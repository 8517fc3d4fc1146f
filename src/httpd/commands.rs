//! httpd's table of commands, made from the one table of directives.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::boundary::guard;
use super::log;
use super::module::module;
use super::pool::Pool;
use super::regex;
use crate::config::directives::{Context, DIRECTIVES, Directive, Notice, Scope};
use crate::config::place::Place;
use crate::config::settings::{DirSettings, ServerSettings};
use crate::ffi;
use crate::gateway::Level;

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
        Context::Global | Context::GlobalOrInterpreter | Context::Server => ffi::RSRC_CONF,
        Context::Directory => ffi::RSRC_CONF | ffi::ACCESS_CONF,
        // httpd's OR_ constants include RSRC_CONF and ACCESS_CONF where the directive may stand everywhere.
        Context::FileInfo => ffi::OR_FILEINFO | ffi::RSRC_CONF | ffi::ACCESS_CONF,
        Context::AuthConfig => ffi::OR_AUTHCFG | ffi::RSRC_CONF | ffi::ACCESS_CONF,
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
                let refused = apply(
                    &mut *parms,
                    dir.cast::<DirSettings>().as_mut(),
                    CStr::from_ptr(arguments),
                );
                let directive = (*(*parms).cmd).cmd_data.cast::<Directive>();
                if refused.is_null() && (*directive).is_section() {
                    walk_section(parms)
                } else {
                    refused
                }
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
    if matches!(directive.context, Context::Global | Context::GlobalOrInterpreter) {
        // SAFETY: httpd's own parameters; the answer is null or text of its pool.
        let refused = unsafe { ffi::ap_check_cmd_context(parms, ffi::NOT_IN_VIRTUALHOST.cast_unsigned()) };
        if !refused.is_null() {
            return refused;
        }
    }
    // SAFETY: the server's own record, written by nobody else while it is parsed (rule 3).
    let mut server = unsafe {
        ffi::ap_get_module_config((*parms.server).module_config, module())
            .cast::<ServerSettings>()
            .as_mut()
    };
    let compile = |source: &str| regex::compile(pool, source);
    let mut scope = Scope {
        server: server.as_deref_mut().filter(|_| parms.path.is_null()),
        dir,
        place: place(parms),
        compile: &compile,
        notices: Vec::new(),
        needs_python: false,
    };
    let result = (directive.apply)(&mut scope, &arguments.to_string_lossy());
    let (notices, needs_python) = (scope.notices, scope.needs_python);
    tell(&notices, &place(parms));
    if let Err(error) = result {
        return pool.c_string(error.to_string().as_bytes());
    }
    // .htaccess files are read while requests use the server's record.
    if let Some(server) = server.filter(|_| needs_python && state() != ffi::AP_SQ_MS_RUN_MPM) {
        server.hook_scripts = true;
    }
    ptr::null()
}

/// Carries out the lines of a section, and ends it.
///
/// # Safety
///
/// As for [`apply`], with the section as the directive being read. No borrow of `parms` or of a record of
/// ours is left, as the lines borrow them in their turn.
unsafe fn walk_section(parms: *mut ffi::cmd_parms) -> *const c_char {
    // SAFETY: httpd's tree of directives and its vector for the place; all stays on this thread. The
    // server's record is borrowed by nobody else when its lines have been carried out (rule 3).
    unsafe {
        let section = (*parms).directive;
        let refused = ffi::ap_walk_config((*section).first_child, parms, (*parms).context);
        if refused.is_null() {
            (*parms).directive = section;
        }
        let server = ffi::ap_get_module_config((*(*parms).server).module_config, module());
        if let Some(server) = server.cast::<ServerSettings>().as_mut() {
            server.python.close_layer();
        }
        refused
    }
}

fn place(parms: &ffi::cmd_parms) -> Option<Place> {
    // SAFETY: null, or what httpd is reading.
    let directive = unsafe { parms.directive.as_ref() }?;
    // SAFETY: a C string of the configuration pool, unless null.
    let file = unsafe { super::table::bytes(directive.filename) };
    Some(Place {
        file: String::from_utf8_lossy(file).into(),
        line: u32::try_from(directive.line_num).unwrap_or_default(),
    })
}

fn state() -> c_int {
    // SAFETY: a plain query of httpd's state.
    unsafe { ffi::ap_state_query(ffi::AP_SQ_MAIN_STATE) }
}

/// Whether what is said about a line now is said again when httpd reads its configuration again.
pub(super) fn is_first_reading() -> bool {
    // SAFETY: a plain query of httpd's state.
    let mode = unsafe { ffi::ap_state_query(ffi::AP_SQ_RUN_MODE) };
    state() == ffi::AP_SQ_MS_CREATE_PRE_CONFIG && mode != ffi::AP_SQ_RM_CONFIG_TEST
}

/// Tells the administrator, once of httpd's two readings of its configuration.
fn tell(notices: &[Notice], place: &Option<Place>) {
    if is_first_reading() {
        return;
    }
    let place = place
        .as_ref()
        .map_or_else(String::new, |place| format!(" ({place})"));
    // An .htaccess file is read for each request.
    let is_request = state() == ffi::AP_SQ_MS_RUN_MPM;
    for Notice { level, code, text } in notices {
        let level = if is_request { Level::Info } else { *level };
        log::server(level, Some(*code), format!("{text}{place}").as_bytes());
    }
}
