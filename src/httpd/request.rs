//! A request as httpd knows it.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::configuration::{dir_settings, server_settings};
use super::module::module;
use super::pool::Pool;
use super::table::{Table, bytes};
use crate::config::alias::ScriptAlias;
use crate::config::settings::{DirSettings, ServerSettings};
use crate::ffi;
use crate::gateway::bytes::same;

/// A request, for as long as a hook runs.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// Invariant: a live request for 'r; its pool belongs to the thread that has this (rules 1 and 2).
    raw: NonNull<ffi::request_rec>,
    _lifetime: PhantomData<&'r ()>,
}

// SAFETY: httpd lets one thread at a time handle a request (rule 2), and whoever has a `Request` got it from
// that thread, which waits while another one uses it.
unsafe impl Send for Request<'_> {}

/// What a file is, as httpd's walk of the path found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Not there.
    Missing,
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A pipe, a device, a socket: never opened.
    Other,
}

impl<'r> Request<'r> {
    /// # Safety
    ///
    /// `raw` is null or a request that is live, and handled by this thread alone, for `'r`.
    pub(super) unsafe fn new(raw: *mut ffi::request_rec) -> Option<Self> {
        NonNull::new(raw).map(|raw| Request {
            raw,
            _lifetime: PhantomData,
        })
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::request_rec {
        self.raw.as_ptr()
    }

    fn rec(&self) -> &'r ffi::request_rec {
        // SAFETY: live for 'r (invariant). Fields are copied out at once, as httpd changes them.
        unsafe { &*self.raw.as_ptr() }
    }

    fn rec_ptr(&self) -> *mut ffi::request_rec {
        self.raw.as_ptr()
    }

    /// The record itself, where `WSGIPassApacheRequest` lets applications have it.
    pub fn record_for_applications(&self) -> Option<NonNull<c_void>> {
        self.dir_settings()
            .pass_apache_request()
            .then_some(self.raw.cast())
    }

    fn connection(&self) -> *mut ffi::conn_rec {
        self.rec().connection
    }

    fn text(&self, text: *const c_char) -> &'r [u8] {
        // SAFETY: strings of a request or connection live as long as it (rule 1).
        unsafe { bytes(text) }
    }

    pub(super) fn pool(&self) -> Pool<'r> {
        // SAFETY: the request's own pool, live for 'r and ours alone (invariant).
        unsafe { Pool::new(self.rec().pool) }.unwrap_or_else(|| unreachable!("a request has a pool"))
    }

    fn table(&self, raw: *mut ffi::apr_table_t) -> Table<'r> {
        // SAFETY: a table of this request.
        unsafe { Table::new(raw, self.pool()) }
    }

    /// Settings of the place that the request maps to.
    pub fn dir_settings(&self) -> &'r DirSettings {
        // SAFETY: the request's own configuration vector, only read from now on (rule 3).
        unsafe { dir_settings(self.rec().per_dir_config) }
    }

    /// Settings of the virtual host.
    pub fn server_settings(&self) -> &'r ServerSettings {
        // SAFETY: the server's configuration vector, only read from now on (rule 3).
        unsafe { server_settings((*self.rec().server).module_config) }
    }

    /// The path of the URL, decoded.
    pub fn uri(&self) -> &'r [u8] {
        self.text(self.rec().uri)
    }

    /// The query string; `None` without `?`.
    pub fn args(&self) -> Option<&'r [u8]> {
        let args = self.rec().args;
        (!args.is_null()).then(|| self.text(args))
    }

    /// The request line.
    pub fn request_line(&self) -> &'r [u8] {
        self.text(self.rec().the_request)
    }

    /// The method.
    pub fn method(&self) -> &'r [u8] {
        self.text(self.rec().method)
    }

    /// The protocol, `HTTP/1.1` for example.
    pub fn protocol(&self) -> &'r [u8] {
        self.text(self.rec().protocol)
    }

    /// The file that the request maps to.
    pub fn filename(&self) -> &'r [u8] {
        self.text(self.rec().filename)
    }

    /// Maps the request to a file, whose name is that of two parts.
    pub fn set_filename(&self, name: [&[u8]; 2]) {
        let name = self.pool().joined_c_string(name);
        // SAFETY: live and ours (invariant).
        unsafe { (*self.rec_ptr()).filename = name }
    }

    /// What follows the file in the path.
    pub fn path_info(&self) -> &'r [u8] {
        self.text(self.rec().path_info)
    }

    /// The handler's name.
    pub fn handler(&self) -> &'r [u8] {
        self.text(self.rec().handler)
    }

    /// Chooses the handler by a name that lives for ever.
    pub fn set_handler(&self, name: &'static CStr) {
        // SAFETY: live and ours (invariant).
        unsafe { (*self.rec_ptr()).handler = name.as_ptr() }
    }

    /// Marks the request as mapped to its file by an alias (`alias-forced-type`).
    pub fn mark_as_aliased(&self, handler: &'static CStr) {
        // SAFETY: the notes of a live request; both strings live for ever.
        unsafe { ffi::apr_table_setn(self.rec().notes, c"alias-forced-type".as_ptr(), handler.as_ptr()) }
    }

    /// Whether an alias mapped the request.
    pub fn is_aliased(&self) -> bool {
        self.notes().get(c"alias-forced-type").is_some()
    }

    /// Remembers which of our aliases mapped the request.
    pub fn set_alias(&self, alias: &'r ScriptAlias) {
        let alias = std::ptr::from_ref(alias).cast_mut().cast();
        // SAFETY: the request's own vector; the alias lives as long as the configuration, which the
        // request does not outlive.
        unsafe { ffi::ap_set_module_config(self.rec().request_config, module(), alias) }
    }

    /// Which of our aliases mapped the request.
    pub fn alias(&self) -> Option<&'r ScriptAlias> {
        // SAFETY: nothing or what `set_alias` stored.
        unsafe {
            ffi::ap_get_module_config(self.rec().request_config, module())
                .cast::<ScriptAlias>()
                .as_ref()
        }
    }

    /// The request's headers.
    pub fn headers_in(&self) -> Table<'r> {
        self.table(self.rec().headers_in)
    }

    /// The response's headers.
    pub fn headers_out(&self) -> Table<'r> {
        self.table(self.rec().headers_out)
    }

    /// Headers that error responses have too.
    pub fn err_headers_out(&self) -> Table<'r> {
        self.table(self.rec().err_headers_out)
    }

    /// Variables set by configuration and other modules.
    pub fn subprocess_env(&self) -> Table<'r> {
        self.table(self.rec().subprocess_env)
    }

    /// Notes from module to module.
    pub fn notes(&self) -> Table<'r> {
        self.table(self.rec().notes)
    }

    /// The authenticated user.
    pub fn user(&self) -> &'r [u8] {
        self.text(self.rec().user)
    }

    /// How the user was authenticated.
    pub fn auth_type(&self) -> &'r [u8] {
        self.text(self.rec().ap_auth_type)
    }

    /// The request that was redirected to this one.
    pub fn previous(&self) -> Option<Request<'r>> {
        // SAFETY: null or live as long as this request, which it precedes.
        unsafe { Request::new(self.rec().prev) }
    }

    /// Whether this is a subrequest (SSI, mod_negotiation), which has no body of its own.
    pub fn is_subrequest(&self) -> bool {
        !self.rec().main.is_null()
    }

    /// Whether the client asked for the header only.
    pub fn is_head(&self) -> bool {
        self.rec().header_only != 0
    }

    /// The client's address, as mod_remoteip may have corrected it.
    pub fn client_ip(&self) -> &'r [u8] {
        self.text(self.rec().useragent_ip)
    }

    /// The client's port.
    pub fn client_port(&self) -> u16 {
        // SAFETY: null or an address that lives as long as the connection.
        unsafe { self.rec().useragent_addr.as_ref() }.map_or(0, |address| address.port)
    }

    /// Our address on this connection.
    pub fn local_ip(&self) -> &'r [u8] {
        // SAFETY: a request has a live connection.
        unsafe { self.text((*self.connection()).local_ip) }
    }

    /// Host (empty for any) and port of the listener that took the connection.
    pub fn listener(&self) -> (&'r [u8], u16) {
        // SAFETY: a request has a live connection; its address is null or lives as long.
        unsafe { (*self.connection()).local_addr.as_ref() }
            .map_or((&[], 0), |address| (self.text(address.hostname), address.port))
    }

    /// `ServerAdmin`.
    pub fn server_admin(&self) -> &'r [u8] {
        // SAFETY: a request has a live server.
        unsafe { self.text((*self.rec().server).server_admin) }
    }

    /// The canonical name of the server, by `UseCanonicalName`.
    pub fn server_name(&self) -> &'r [u8] {
        // SAFETY: a live request; the name lives as long.
        self.text(unsafe { ffi::ap_get_server_name_for_url(self.as_ptr()) })
    }

    /// `ServerName` of the virtual host.
    pub fn configured_server_name(&self) -> &'r [u8] {
        // SAFETY: a request has a live server.
        unsafe { self.text((*self.rec().server).server_hostname) }
    }

    /// The port, by `UseCanonicalName` and `UseCanonicalPhysicalPort`.
    pub fn server_port(&self) -> u16 {
        // SAFETY: a live request.
        unsafe { ffi::ap_get_server_port(self.as_ptr()) }
    }

    /// Host part of the Host header or of the request line.
    pub fn hostname(&self) -> &'r [u8] {
        self.text(self.rec().hostname)
    }

    /// `DocumentRoot`.
    pub fn document_root(&self) -> &'r [u8] {
        // SAFETY: a live request; the text lives as long.
        self.text(unsafe { ffi::ap_document_root(self.as_ptr()) })
    }

    /// Path of the URL that maps to [`context_document_root`](Self::context_document_root).
    pub fn context_prefix(&self) -> &'r [u8] {
        // SAFETY: a live request; the text lives as long.
        self.text(unsafe { ffi::ap_context_prefix(self.as_ptr()) })
    }

    /// Document root of what mapped the request; mostly it is [`document_root`](Self::document_root) itself.
    pub fn context_document_root(&self, document_root: &'r [u8]) -> &'r [u8] {
        // SAFETY: a live request; the text lives as long.
        let root = unsafe { ffi::ap_context_document_root(self.as_ptr()) };
        if std::ptr::eq(root.cast(), document_root.as_ptr()) {
            document_root
        } else {
            self.text(root)
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'r [u8] {
        // SAFETY: a live request; the answer is static text.
        self.text(unsafe { ffi::ap_run_http_scheme(self.as_ptr()) })
    }

    /// Whether mod_ssl says that the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        static TEST: OnceLock<ffi::rwsgi_tls_test> = OnceLock::new();
        // SAFETY: requests come after all modules are loaded, in a child that keeps them to its end.
        let test = TEST.get_or_init(|| unsafe { ffi::rwsgi_find_tls_test() });
        // SAFETY: mod_ssl's own function, and a live connection.
        test.is_some_and(|test| unsafe { test(self.connection()) != 0 })
    }

    /// httpd's number for the request's log lines, if it made one.
    pub fn log_id(&self) -> &'r [u8] {
        self.text(self.rec().log_id)
    }

    /// httpd's number for the connection's log lines, if it made one.
    pub fn connection_log_id(&self) -> &'r [u8] {
        // SAFETY: a request has a live connection.
        unsafe { self.text((*self.connection()).log_id) }
    }

    /// When the request came, in microseconds since the epoch.
    pub fn time(&self) -> i64 {
        self.rec().request_time
    }

    /// What the file is that the request maps to.
    pub fn file_kind(&self) -> FileKind {
        match self.rec().finfo.filetype {
            ffi::apr_filetype_e_APR_NOFILE => FileKind::Missing,
            ffi::apr_filetype_e_APR_REG => FileKind::Regular,
            ffi::apr_filetype_e_APR_DIR => FileKind::Directory,
            _ => FileKind::Other,
        }
    }

    /// When that file was changed, in microseconds since the epoch.
    pub fn file_modified(&self) -> i64 {
        self.rec().finfo.mtime
    }

    /// Whether `Options ExecCGI` is set.
    pub fn allows_exec_cgi(&self) -> bool {
        // SAFETY: a live request.
        unsafe { ffi::ap_allow_options(self.as_ptr()) & ffi::OPT_EXECCGI != 0 }
    }

    /// Whether `AcceptPathInfo Off` is set.
    pub fn refuses_path_info(&self) -> bool {
        self.rec().used_path_info == ffi::AP_REQ_REJECT_PATH_INFO
    }

    /// `LimitRequestBody`; 0 means none.
    pub fn body_limit(&self) -> u64 {
        // SAFETY: a live request.
        u64::try_from(unsafe { ffi::ap_get_limit_req_body(self.as_ptr()) }).unwrap_or(0)
    }

    /// Whether a filter between us and the protocol may change the length of a body.
    pub fn has_content_filter(&self) -> bool {
        // SAFETY: null, or the first filter of a live request.
        unsafe {
            self.rec()
                .output_filters
                .as_ref()
                .and_then(|filter| filter.frec.as_ref())
        }
        .is_some_and(|filter| filter.ftype < ffi::ap_filter_type_AP_FTYPE_PROTOCOL)
    }

    /// Whether the client still waits to be told to send its body.
    pub fn expects_continue(&self) -> bool {
        self.rec().expecting_100 != 0
    }

    /// Makes this the last response of its connection.
    pub fn close_connection_after(&self) {
        // SAFETY: a request has a live connection, handled by this thread.
        unsafe { (*self.connection()).keepalive = ffi::ap_conn_keepalive_e_AP_CONN_CLOSE }
    }

    /// Whether the connection is known to be broken.
    pub fn is_aborted(&self) -> bool {
        // SAFETY: a request has a live connection.
        unsafe { (*self.connection()).aborted != 0 }
    }

    /// The client's socket, of a connection that carries one request at a time.
    pub fn client_socket(&self) -> Option<RawFd> {
        if self.shares_connection() {
            return None;
        }
        // SAFETY: a live connection with a socket of its own.
        unsafe {
            let socket = ffi::ap_get_conn_socket(self.connection());
            let mut descriptor = -1;
            let found = !socket.is_null() && ffi::apr_os_sock_get(&raw mut descriptor, socket) == 0;
            found.then_some(descriptor)
        }
    }

    /// Sets the status line; `line` begins with the three digits of `status`.
    pub fn set_status(&self, status: u16, line: &[u8]) {
        // SAFETY: takes any number; the answer is static text.
        let usual = self.text(unsafe { ffi::ap_get_status_line(i32::from(status)) });
        let line = if same(usual, line) {
            // httpd's own line need not be kept, nor checked by httpd.
            std::ptr::null()
        } else {
            self.pool().c_string(line).cast_const()
        };
        // SAFETY: live and ours (invariant).
        unsafe {
            (*self.rec_ptr()).status = i32::from(status);
            (*self.rec_ptr()).status_line = line;
        }
    }

    /// The response's status.
    pub(super) fn status(&self) -> u16 {
        u16::try_from(self.rec().status).unwrap_or_default()
    }

    /// Sets the content type, which output filters go by.
    pub fn set_content_type(&self, value: &[u8]) {
        // SAFETY: a live request; the copy lives in its pool.
        unsafe { ffi::ap_set_content_type(self.as_ptr(), self.pool().c_string(value)) }
    }

    /// Sets the length of the response's body.
    pub fn set_content_length(&self, length: u64) {
        // SAFETY: a live request.
        unsafe { ffi::ap_set_content_length(self.as_ptr(), ffi::apr_off_t::try_from(length).unwrap_or(0)) }
    }

    /// Takes status and headers of a response back that was not sent. Headers for error responses that other
    /// modules have set stay.
    pub fn withdraw_response(&self) {
        // SAFETY: live and ours (invariant); the table is the request's own.
        unsafe {
            (*self.rec_ptr()).status = ffi::HTTP_OK;
            (*self.rec_ptr()).status_line = std::ptr::null();
            ffi::apr_table_clear(self.rec().headers_out);
        }
        self.err_headers_out().unset(c"WWW-Authenticate");
    }

    /// httpd's own settings of the place that the request maps to.
    fn core_settings(&self) -> Option<&'r ffi::core_dir_config> {
        // SAFETY: the core module's own record of a live request's configuration, only read from now on (rule 3).
        unsafe {
            ffi::ap_get_core_module_config(self.rec().per_dir_config)
                .cast::<ffi::core_dir_config>()
                .as_ref()
        }
    }

    /// Whether `CGIPassAuth On` is set.
    pub fn passes_cgi_authorization(&self) -> bool {
        self.core_settings()
            .is_some_and(|core| core.cgi_pass_auth() == ffi::AP_CGI_PASS_AUTH_ON.cast_unsigned())
    }

    /// Whether files of applications may go by the kernel's sendfile: httpd's `EnableSendfile` and
    /// `WSGIEnableSendfile` are on.
    pub(super) fn may_use_sendfile(&self) -> bool {
        let is_on =
            |core: &ffi::core_dir_config| core.enable_sendfile() == ffi::ENABLE_SENDFILE_ON.cast_unsigned();
        self.dir_settings().enable_sendfile() && self.core_settings().is_some_and(is_on)
    }

    /// Whether files may be mapped into memory: `EnableMMAP` is on, and nobody but the kernel reads them. A filter
    /// that does (DEFLATE, TLS, HTTP/2) would end the process with the first page that is gone because the file
    /// was cut short; the kernel breaks the response off.
    pub(super) fn may_map_files(&self) -> bool {
        let is_off = |core: &ffi::core_dir_config| core.enable_mmap() == ffi::ENABLE_MMAP_OFF.cast_unsigned();
        !self.core_settings().is_some_and(is_off)
            && !self.has_content_filter()
            && !self.shares_connection()
            && !self.is_tls()
    }

    /// Whether the connection carries other requests at the same time (HTTP/2).
    fn shares_connection(&self) -> bool {
        // SAFETY: a request has a live connection.
        unsafe { !(*self.connection()).master.is_null() }
    }

    /// Text for an environ, HTML-escaped where it needs to be.
    pub fn escape_html(&self, text: &'r [u8]) -> &'r [u8] {
        if !text.iter().fold(false, |found, byte| {
            found | matches!(byte, b'<' | b'>' | b'&' | b'"')
        }) {
            return text;
        }
        let copy = self.pool().c_string(text);
        // SAFETY: a live pool and a C string in it.
        self.text(unsafe { ffi::ap_escape_html2(self.pool().as_ptr(), copy, 0) })
    }

    /// A copy of a text that lives as long as the request.
    pub fn keep_text(&self, text: &str) -> &'r str {
        self.pool().text(text)
    }

    /// Text that lives as long as the request.
    #[inline]
    pub fn keep(&self, text: Cow<'r, [u8]>) -> &'r [u8] {
        match text {
            Cow::Borrowed(text) => text,
            // A NUL would cut it, but no path or value of httpd has one.
            Cow::Owned(text) => self.text(self.pool().c_string(&text)),
        }
    }
}

/// httpd's banner, as `ServerTokens` makes it.
pub fn server_banner<'r>() -> &'r [u8] {
    // SAFETY: text that lives as long as the configuration.
    unsafe { bytes(ffi::ap_get_server_banner()) }
}
