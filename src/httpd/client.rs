//! Who the client of a request is, as httpd and mod_ssl know it.

use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;

use super::request::Request;
use super::table::bytes;
use crate::ffi;

impl<'r> Request<'r> {
    /// The client's name in the DNS, if `HostnameLookups` made httpd find one.
    pub fn client_host(&self) -> Option<&'r [u8]> {
        // SAFETY: a live request; the name lives as long as it.
        unsafe {
            let name = ffi::ap_get_useragent_host(self.as_ptr(), ffi::REMOTE_HOST as c_int, ptr::null_mut());
            (!name.is_null()).then(|| bytes(name))
        }
    }

    /// Sets the authenticated user.
    pub fn set_user(&self, name: &[u8]) {
        let name = self.pool().c_string(name);
        // SAFETY: a live request, handled by this thread.
        unsafe { (*self.as_ptr()).user = name }
    }

    /// The line that `ServerSignature` puts below pages of httpd's own; empty when it is off.
    pub fn server_signature(&self) -> &'r [u8] {
        // SAFETY: a live request; the text is static or lives as long as it.
        unsafe { bytes(ffi::ap_psignature(c"".as_ptr(), self.as_ptr())) }
    }

    /// A variable of mod_ssl's, `SSL_CLIENT_S_DN` for example; `None` without mod_ssl or such a variable.
    pub fn tls_variable(&self, name: &[u8]) -> Option<&'r [u8]> {
        static LOOKUP: OnceLock<ffi::rwsgi_tls_lookup> = OnceLock::new();
        // SAFETY: requests come after all modules are loaded, in a child that keeps them to its end.
        let lookup = (*LOOKUP.get_or_init(|| unsafe { ffi::rwsgi_find_tls_lookup() }))?;
        let pool = self.pool();
        // SAFETY: mod_ssl's own function with a live request, its connection and server, and a C string; the
        // answer is null or lives as long as the request.
        unsafe {
            let request = self.as_ptr();
            let value = lookup(
                pool.as_ptr(),
                (*request).server,
                (*request).connection,
                request,
                pool.c_string(name),
            );
            (!value.is_null()).then(|| bytes(value))
        }
    }
}
