//! What httpd calls, as safe Rust.

use std::ffi::{OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;

use super::boundary::guard;
use super::configuration::server_settings;
use super::finish;
use super::module::Module;
use super::pool::Pool;
use super::providers::{Login, Membership, RealmHash};
use super::request::Request;
use super::servers::{ServerView, servers};
use super::table::bytes;
use crate::config::finish::Finding;
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
    /// What is wrong with a configuration that has been read, also where it is only tested. It has no
    /// contradictions in itself.
    fn examine(startup: &Startup<'_>) -> Vec<Finding>;
    /// In httpd's parent, when a configuration has been read and is about to be served.
    fn parent_configured(startup: &Startup<'_>);
    /// In httpd's parent, when no other module can refuse that configuration any more.
    fn parent_serves(startup: &Startup<'_>);
    /// In a new child, before it serves. Whether [`child_exit`](Hooks::child_exit) is wanted.
    fn child_start(child: &Child<'_>) -> bool;
    /// In a child that stops, when its threads have ended.
    fn child_exit();
    /// Maps a URL to a file.
    fn translate(request: Request<'_>) -> Status;
    /// Whether the client may see the place, whoever its user is.
    fn access(request: Request<'_>) -> Status;
    /// Whether the password is the user's.
    fn check_password(request: Request<'_>, user: &[u8], password: &[u8]) -> Login;
    /// The hash of the user's password in a realm.
    fn realm_hash(request: Request<'_>, user: &[u8], realm: &[u8]) -> RealmHash;
    /// Whether the user is in one of these groups.
    fn membership(request: Request<'_>, groups: &[&[u8]]) -> Membership;
    /// Answers a request.
    fn handle(request: Request<'_>) -> Status;
}

/// httpd's parent with a configuration that has been read.
pub struct Startup<'p> {
    pool: Pool<'p>,
    servers: Vec<ServerView<'p>>,
    main: ServerView<'p>,
}

impl<'p> Startup<'p> {
    /// # Safety
    ///
    /// `pool` is httpd's configuration pool and `main` its list of servers, both alive for `'p`, on httpd's
    /// main thread; nobody changes the servers meanwhile.
    pub(super) unsafe fn new(pool: *mut ffi::apr_pool_t, main: *mut ffi::server_rec) -> Option<Self> {
        // SAFETY: passed on.
        let (pool, servers) = unsafe { (Pool::new(pool)?, servers(main)) };
        let main = *servers.first()?;
        Some(Startup { pool, servers, main })
    }

    /// The main server's settings.
    pub fn settings(&self) -> &'p ServerSettings {
        self.main.settings()
    }

    /// The main server.
    pub fn main(&self) -> ServerView<'p> {
        self.main
    }

    /// The main server, then the virtual hosts as they were read.
    pub fn servers(&self) -> &[ServerView<'p>] {
        &self.servers
    }

    /// A path below the server root; one that begins with a slash stays as it is.
    pub fn server_path(&self, path: &str) -> PathBuf {
        let text = self.pool.c_string(path.as_bytes());
        // SAFETY: the configuration pool, on httpd's main thread; the answer is null or text of that pool.
        unsafe { path_of(ffi::ap_server_root_relative(self.pool.as_ptr(), text)) }
    }

    /// A path below httpd's directory of run-time files.
    pub fn runtime_path(&self, path: &str) -> PathBuf {
        let text = self.pool.c_string(path.as_bytes());
        // SAFETY: as above.
        unsafe { path_of(ffi::ap_runtime_dir_relative(self.pool.as_ptr(), text)) }
    }

    /// Adds a product to the server's banner.
    pub fn add_component(&self, name: &str, version: &str) {
        let text = self.pool.c_string(format!("{name}/{version}").as_bytes());
        // SAFETY: the configuration pool, on httpd's main thread.
        unsafe { ffi::ap_add_version_component(self.pool.as_ptr(), text) }
    }
}

/// # Safety
///
/// Null or a C string.
unsafe fn path_of(text: *const c_char) -> PathBuf {
    // SAFETY: caller's promise.
    PathBuf::from(OsStr::from_bytes(unsafe { bytes(text) }))
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

static BEFORE_ACCESS: ModuleNames<2> = ModuleNames([c"mod_ssl.c".as_ptr(), ptr::null()]);
static AFTER_ACCESS: ModuleNames<2> = ModuleNames([c"mod_authz_host.c".as_ptr(), ptr::null()]);

pub(super) fn register<H: Hooks>() {
    // SAFETY: called by httpd on its main thread while modules register; the lists are static.
    unsafe {
        ffi::ap_hook_check_config(
            Some(finish::check_config::<H>),
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
        ffi::ap_hook_post_config(
            Some(last_post_config::<H>),
            ptr::null(),
            ptr::null(),
            ffi::APR_HOOK_REALLY_LAST,
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
        ffi::ap_hook_check_access(
            Some(access_checker::<H>),
            BEFORE_ACCESS.0.as_ptr(),
            AFTER_ACCESS.0.as_ptr(),
            ffi::APR_HOOK_MIDDLE,
            ffi::AP_AUTH_INTERNAL_PER_CONF,
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
        // SAFETY: called by httpd with its configuration pool and main server, which is only read.
        if let Some(startup) = unsafe { to_be_served(configuration, server) } {
            H::parent_configured(&startup);
        }
        ffi::OK
    })
}

unsafe extern "C" fn last_post_config<H: Hooks>(
    configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
    server: *mut ffi::server_rec,
) -> c_int {
    guard("last_post_config", ffi::OK, || {
        // SAFETY: as above.
        if let Some(startup) = unsafe { to_be_served(configuration, server) } {
            H::parent_serves(&startup);
        }
        ffi::OK
    })
}

/// httpd reads its configuration twice at start, and the first one is not served.
///
/// # Safety
///
/// As for [`Startup::new`].
unsafe fn to_be_served<'p>(
    configuration: *mut ffi::apr_pool_t,
    server: *mut ffi::server_rec,
) -> Option<Startup<'p>> {
    // SAFETY: a plain query.
    if unsafe { ffi::ap_state_query(ffi::AP_SQ_MAIN_STATE) } == ffi::AP_SQ_MS_CREATE_PRE_CONFIG {
        return None;
    }
    // SAFETY: passed on.
    unsafe { Startup::new(configuration, server) }
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

unsafe extern "C" fn access_checker<H: Hooks>(request: *mut ffi::request_rec) -> c_int {
    guard("access_checker", ffi::HTTP_INTERNAL_SERVER_ERROR, || {
        // SAFETY: called by httpd with a live request, on the thread that handles it.
        unsafe { Request::new(request) }
            .map_or(Status::Declined, H::access)
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
