//! Our part in httpd's own authentication and authorisation: the provider `wsgi` of mod_auth_basic and
//! mod_auth_digest, and `Require wsgi-group`.

use std::ffi::{CStr, c_char, c_int, c_void};

use super::boundary::guard;
use super::hook::Hooks;
use super::request::Request;
use super::table::bytes;
use crate::ffi;

/// What is known of a user and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// The password is the user's.
    Granted,
    /// It is not.
    Denied,
    /// Another provider may know the user.
    UnknownUser,
    /// Nobody can say: the client gets 500.
    Failed,
}

impl Login {
    fn code(self) -> ffi::authn_status {
        match self {
            Login::Granted => ffi::authn_status_AUTH_GRANTED,
            Login::Denied => ffi::authn_status_AUTH_DENIED,
            Login::UnknownUser => ffi::authn_status_AUTH_USER_NOT_FOUND,
            Login::Failed => ffi::authn_status_AUTH_GENERAL_ERROR,
        }
    }
}

/// What is known of a user in a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealmHash {
    /// The MD5 sum of user, realm and password, in hexadecimal digits.
    Known(Vec<u8>),
    /// Another provider may know the user.
    UnknownUser,
    /// Nobody can say: the client gets 500.
    Failed,
}

/// Whether a user may see a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The user is in one of the groups.
    Granted,
    /// The user is in none of them, or nobody can say.
    Denied,
    /// There is no user yet: httpd asks for one.
    NoUser,
}

impl Membership {
    fn code(self) -> ffi::authz_status {
        match self {
            Membership::Granted => ffi::authz_status_AUTHZ_GRANTED,
            Membership::Denied => ffi::authz_status_AUTHZ_DENIED,
            Membership::NoUser => ffi::authz_status_AUTHZ_DENIED_NO_USER,
        }
    }
}

/// The name of our authentication provider.
const AUTHENTICATION: &CStr = c"wsgi";
/// The name of our requirement.
const AUTHORISATION: &CStr = c"wsgi-group";

/// The records of a module whose hooks are `H`.
struct Providers<H>(std::marker::PhantomData<H>);

impl<H: Hooks> Providers<H> {
    const AUTHENTICATION: ffi::authn_provider = ffi::authn_provider {
        check_password: Some(check_password::<H>),
        get_realm_hash: Some(get_realm_hash::<H>),
    };
    const AUTHORISATION: ffi::authz_provider = ffi::authz_provider {
        check_authorization: Some(check_authorization::<H>),
        parse_require_line: None,
    };
}

/// # Safety
///
/// Called by httpd on its main thread while modules register, with its pool.
pub(super) unsafe fn register<H: Hooks>(pool: *mut ffi::apr_pool_t) {
    let authentication: &'static ffi::authn_provider = &Providers::<H>::AUTHENTICATION;
    let authorisation: &'static ffi::authz_provider = &Providers::<H>::AUTHORISATION;
    let entries = [
        (
            ffi::AUTHN_PROVIDER_GROUP.as_ptr(),
            AUTHENTICATION,
            ffi::AUTHN_PROVIDER_VERSION.as_ptr(),
            std::ptr::from_ref(authentication).cast::<c_void>(),
        ),
        (
            ffi::AUTHZ_PROVIDER_GROUP.as_ptr(),
            AUTHORISATION,
            ffi::AUTHZ_PROVIDER_VERSION.as_ptr(),
            std::ptr::from_ref(authorisation).cast::<c_void>(),
        ),
    ];
    for (group, name, version, provider) in entries {
        // SAFETY: caller's promise; all strings and records live for ever.
        unsafe {
            ffi::ap_register_auth_provider(
                pool,
                group.cast(),
                name.as_ptr(),
                version.cast(),
                provider,
                ffi::AP_AUTH_INTERNAL_PER_CONF as c_int,
            );
        }
    }
}

unsafe extern "C" fn check_password<H: Hooks>(
    request: *mut ffi::request_rec,
    user: *const c_char,
    password: *const c_char,
) -> ffi::authn_status {
    guard("check_password", Login::Failed.code(), || {
        // SAFETY: called by httpd with a live request, on the thread that handles it, and with C strings of
        // that request.
        let (request, user, password) = unsafe { (Request::new(request), bytes(user), bytes(password)) };
        request
            .map_or(Login::Failed, |request| {
                H::check_password(request, user, password)
            })
            .code()
    })
}

unsafe extern "C" fn get_realm_hash<H: Hooks>(
    request: *mut ffi::request_rec,
    user: *const c_char,
    realm: *const c_char,
    hash: *mut *mut c_char,
) -> ffi::authn_status {
    guard("get_realm_hash", ffi::authn_status_AUTH_GENERAL_ERROR, || {
        // SAFETY: as for `check_password`.
        let (request, user, realm) = unsafe { (Request::new(request), bytes(user), bytes(realm)) };
        let Some(request) = request else {
            return ffi::authn_status_AUTH_GENERAL_ERROR;
        };
        match H::realm_hash(request, user, realm) {
            RealmHash::Known(found) => {
                // SAFETY: httpd's out-parameter; the copy lives as long as the request.
                unsafe { *hash = request.pool().c_string(&found) };
                ffi::authn_status_AUTH_USER_FOUND
            }
            RealmHash::UnknownUser => ffi::authn_status_AUTH_USER_NOT_FOUND,
            RealmHash::Failed => ffi::authn_status_AUTH_GENERAL_ERROR,
        }
    })
}

unsafe extern "C" fn check_authorization<H: Hooks>(
    request: *mut ffi::request_rec,
    line: *const c_char,
    _parsed: *const c_void,
) -> ffi::authz_status {
    guard("check_authorization", Membership::Denied.code(), || {
        // SAFETY: called by httpd with a live request, on the thread that handles it.
        let Some(request) = (unsafe { Request::new(request) }) else {
            return Membership::Denied.code();
        };
        // SAFETY: httpd passes the arguments of the line, which live as long as the configuration.
        let groups = unsafe { words(&request, line) };
        H::membership(request, &groups).code()
    })
}

/// The words of a line of the configuration.
///
/// # Safety
///
/// `line` is null or a C string that stays as it is for `'r`.
unsafe fn words<'r>(request: &Request<'r>, mut line: *const c_char) -> Vec<&'r [u8]> {
    let mut words = Vec::new();
    // SAFETY: caller's promise; `ap_getword_conf` moves `line` on inside the string, and its copies live in
    // the request's pool.
    unsafe {
        while !line.is_null() && *line != 0 {
            let word = bytes(ffi::ap_getword_conf(request.pool().as_ptr(), &raw mut line));
            if word.is_empty() {
                break;
            }
            words.push(word);
        }
    }
    words
}
