//! What httpd calls, as safe Rust.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::boundary::guard;
use super::configuration::server_settings;
use super::finish;
use super::module::Module;
use super::pool::Pool;
use super::request::Request;
use crate::config::settings::ServerSettings;
use crate::ffi;

/// A hook's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not ours.
    Declined,
    /// Done.
    Ok,
    /// The server answers with this status.
    Http(u16),
}

impl Status {
    fn code(self) -> c_int {
        match self {
            Status::Declined => ffi::DECLINED,
            Status::Ok => ffi::OK,
            Status::Http(status) => status.into(),
        }
    }
}

/// The hooks of a module.
pub trait Hooks: 'static {
    /// The module's record.
    fn module() -> &'static Module;
    /// In httpd's parent, when a configuration has been read and is about to be served.
    fn parent_configured(startup: &Startup<'_>);
    /// In a new child, before it serves. Whether [`child_exit`](Hooks::child_exit) is wanted.
    fn child_start(child: &Child<'_>) -> bool;
    /// In a child that stops, when its threads have ended.
    fn child_exit();
    /// Maps a URL to a file.
    fn translate(request: Request<'_>) -> Status;
    /// Answers a request.
    fn handle(request: Request<'_>) -> Status;
}

/// httpd's parent, about to serve a configuration.
pub struct Startup<'p> {
    pool: Pool<'p>,
    settings: &'p ServerSettings,
}

impl Startup<'_> {
    /// The main server's settings.
    pub fn settings(&self) -> &ServerSettings {
        self.settings
    }

    /// Adds a product to the server's banner.
    pub fn add_component(&self, name: &str, version: &str) {
        let text = self.pool.c_string(format!("{name}/{version}").as_bytes());
        // SAFETY: the configuration pool, on httpd's main thread.
        unsafe { ffi::ap_add_version_component(self.pool.as_ptr(), text) }
    }
}

/// A new child.
pub struct Child<'p> {
    settings: &'p ServerSettings,
}

impl Child<'_> {
    /// The main server's settings.
    pub fn settings(&self) -> &ServerSettings {
        self.settings
    }
}

/// A list of module names that httpd takes, ended by null.
struct ModuleNames<const N: usize>([*const c_char; N]);

// SAFETY: constant pointers to string literals.
unsafe impl<const N: usize> Sync for ModuleNames<N> {}

static BEFORE_TRANSLATE: ModuleNames<2> = ModuleNames([c"mod_alias.c".as_ptr(), ptr::null()]);
static AFTER_TRANSLATE: ModuleNames<3> = ModuleNames([
    c"mod_userdir.c".as_ptr(),
    c"mod_vhost_alias.c".as_ptr(),
    ptr::null(),
]);

pub(super) fn register<H: Hooks>() {
    // SAFETY: called by httpd on its main thread while modules register; the lists are static.
    unsafe {
        ffi::ap_hook_check_config(
            Some(finish::check_config),
            ptr::null(),
            ptr::null(),
            ffi::APR_HOOK_MIDDLE,
        );
        ffi::ap_hook_post_config(
            Some(post_config::<H>),
            ptr::null(),
            ptr::null(),
            ffi::APR_HOOK_MIDDLE,
        );
        ffi::ap_hook_child_init(
            Some(child_init::<H>),
            ptr::null(),
            ptr::null(),
            ffi::APR_HOOK_MIDDLE,
        );
        ffi::ap_hook_translate_name(
            Some(translate_name::<H>),
            BEFORE_TRANSLATE.0.as_ptr(),
            AFTER_TRANSLATE.0.as_ptr(),
            ffi::APR_HOOK_MIDDLE,
        );
        ffi::ap_hook_handler(Some(handler::<H>), ptr::null(), ptr::null(), ffi::APR_HOOK_MIDDLE);
    }
}

unsafe extern "C" fn post_config<H: Hooks>(
    configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
    server: *mut ffi::server_rec,
) -> c_int {
    guard("post_config", ffi::OK, || {
        // SAFETY: a plain query. httpd reads its configuration twice at start; the first one is not served.
        if unsafe { ffi::ap_state_query(ffi::AP_SQ_MAIN_STATE) } == ffi::AP_SQ_MS_CREATE_PRE_CONFIG {
            return ffi::OK;
        }
        // SAFETY: called by httpd with its configuration pool and main server, which is only read.
        let (pool, settings) =
            unsafe { (Pool::new(configuration), server_settings((*server).module_config)) };
        if let Some(pool) = pool {
            H::parent_configured(&Startup { pool, settings });
        }
        ffi::OK
    })
}

unsafe extern "C" fn child_init<H: Hooks>(pool: *mut ffi::apr_pool_t, server: *mut ffi::server_rec) {
    guard("child_init", (), || {
        // SAFETY: called by httpd with the child's pool and the main server, which is only read.
        let (pool, settings) = unsafe { (Pool::new(pool), server_settings((*server).module_config)) };
        if let Some(pool) = pool
            && H::child_start(&Child { settings })
        {
            pool.at_end(H::child_exit);
        }
    });
}

unsafe extern "C" fn translate_name<H: Hooks>(request: *mut ffi::request_rec) -> c_int {
    guard("translate_name", ffi::HTTP_INTERNAL_SERVER_ERROR, || {
        // SAFETY: called by httpd with a live request, on the thread that handles it.
        unsafe { Request::new(request) }
            .map_or(Status::Declined, H::translate)
            .code()
    })
}

unsafe extern "C" fn handler<H: Hooks>(request: *mut ffi::request_rec) -> c_int {
    guard("handler", ffi::HTTP_INTERNAL_SERVER_ERROR, || {
        // SAFETY: called by httpd with a live request, on the thread that handles it.
        unsafe { Request::new(request) }
            .map_or(Status::Declined, H::handle)
            .code()
    })
}
