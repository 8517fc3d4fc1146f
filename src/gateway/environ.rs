//! The variables of a request, from whatever transport.

mod in_vain;
mod paths;

use std::cell::Cell;

pub use paths::{collapse_slashes, script_name_length};
use smallvec::SmallVec;

/// The variables of one request, in order of rising authority: of two with the same name the later counts,
/// so what the server computed wins over what a configuration or a client set.
pub struct Environ<'r> {
    /// All variables.
    pub variables: Vec<Variable<'r>>,
}

/// Most variables that a thread keeps memory for between requests.
const KEPT_VARIABLES: usize = 256;

thread_local! {
    /// The empty list of this thread's last request.
    static MEMORY: Cell<Vec<Variable<'static>>> = const { Cell::new(Vec::new()) };
}

impl Default for Environ<'_> {
    /// An empty one, with the memory of this thread's last.
    fn default() -> Self {
        Environ {
            variables: MEMORY.try_with(Cell::take).unwrap_or_default(),
        }
    }
}

impl Drop for Environ<'_> {
    fn drop(&mut self) {
        let mut variables = std::mem::take(&mut self.variables);
        variables.clear();
        if variables.capacity() <= KEPT_VARIABLES {
            // Of an empty list this makes one of another lifetime, in the same memory.
            let empty = variables.into_iter().map_while(|_| None).collect();
            // Not where the thread is ending.
            let _ = MEMORY.try_with(|memory| memory.set(empty));
        }
    }
}

/// One variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'r> {
    /// Its name.
    pub name: Name<'r>,
    /// Its value.
    pub value: &'r [u8],
}

/// Where a variable's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'r> {
    /// Computed by the server.
    Server(Key),
    /// A request header, by its name on the wire; becomes `HTTP_*`.
    Header(&'r [u8]),
    /// Set by configuration or by another module, by its own name.
    Set(&'r [u8]),
    /// Any of these, by the key that it has in the environ: as another process has passed it on.
    Final(&'r [u8]),
}

macro_rules! keys {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// The variables that a server computes for every request (RFC 3875 and common additions).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the name of each is its documentation")]
        pub enum Key { $($variant),+ }

        impl Key {
            /// The variable's name in an environ.
            pub const fn name(self) -> &'static str {
                match self { $(Key::$variant => $name),+ }
            }

            /// The names of all.
            const NAMES: &[&str] = &[$($name),+];

            /// Whether one of them has this name.
            fn is_name(name: &[u8]) -> bool {
                Key::NAMES.iter().any(|known| known.as_bytes() == name)
            }
        }
    };
}

keys! {
    AuthType = "AUTH_TYPE",
    ContentLength = "CONTENT_LENGTH",
    ContentType = "CONTENT_TYPE",
    ContextDocumentRoot = "CONTEXT_DOCUMENT_ROOT",
    ContextPrefix = "CONTEXT_PREFIX",
    DocumentRoot = "DOCUMENT_ROOT",
    PathInfo = "PATH_INFO",
    QueryString = "QUERY_STRING",
    RedirectQueryString = "REDIRECT_QUERY_STRING",
    RedirectRemoteUser = "REDIRECT_REMOTE_USER",
    RedirectUrl = "REDIRECT_URL",
    RemoteAddr = "REMOTE_ADDR",
    RemoteHost = "REMOTE_HOST",
    RemotePort = "REMOTE_PORT",
    RemoteUser = "REMOTE_USER",
    RequestMethod = "REQUEST_METHOD",
    RequestScheme = "REQUEST_SCHEME",
    RequestUri = "REQUEST_URI",
    ScriptFilename = "SCRIPT_FILENAME",
    ScriptName = "SCRIPT_NAME",
    ServerAddr = "SERVER_ADDR",
    ServerAdmin = "SERVER_ADMIN",
    ServerName = "SERVER_NAME",
    ServerPort = "SERVER_PORT",
    ServerProtocol = "SERVER_PROTOCOL",
    ServerSignature = "SERVER_SIGNATURE",
    ServerSoftware = "SERVER_SOFTWARE",
    HttpAuthorization = "HTTP_AUTHORIZATION",
    // mod_wsgi's own, as it names them.
    WsgiProcessGroup = "mod_wsgi.process_group",
    WsgiApplicationGroup = "mod_wsgi.application_group",
    WsgiCallableObject = "mod_wsgi.callable_object",
    WsgiRequestHandler = "mod_wsgi.request_handler",
    WsgiHandlerScript = "mod_wsgi.handler_script",
    WsgiScriptName = "mod_wsgi.script_name",
    WsgiPathInfo = "mod_wsgi.path_info",
    WsgiMountPoint = "mod_wsgi.mount_point",
    WsgiListenerHost = "mod_wsgi.listener_host",
    WsgiListenerPort = "mod_wsgi.listener_port",
    WsgiServerPid = "mod_wsgi.server_pid",
    WsgiRequestId = "mod_wsgi.request_id",
    WsgiConnectionId = "mod_wsgi.connection_id",
    WsgiUrlScheme = "wsgi.url_scheme",
}

impl Key {
    /// Whether the value is a file name, decoded as Python decodes those; all others are Latin-1.
    pub fn is_file_name(self) -> bool {
        matches!(self, Key::DocumentRoot | Key::ScriptFilename)
    }
}

impl<'r> Environ<'r> {
    /// Adds a variable; it wins over earlier ones of its name.
    pub fn push(&mut self, name: Name<'r>, value: &'r [u8]) {
        self.variables.push(Variable { name, value });
    }

    /// Adds one that the server computed.
    pub fn server(&mut self, key: Key, value: &'r [u8]) {
        self.push(Name::Server(key), value);
    }

    /// Adds several that the server computed.
    #[inline]
    pub fn server_all<const N: usize>(&mut self, variables: [(Key, &'r [u8]); N]) {
        self.variables
            .extend(variables.into_iter().map(|(key, value)| Variable {
                name: Name::Server(key),
                value,
            }));
    }

    /// Adds one that the server computed, unless it is empty.
    pub fn server_if_set(&mut self, key: Key, value: &'r [u8]) {
        if !value.is_empty() {
            self.server(key, value);
        }
    }

    /// The value of a computed variable.
    pub fn get(&self, key: Key) -> Option<&'r [u8]> {
        self.variables
            .iter()
            .rev()
            .find(|variable| variable.name.is_server(key))
            .map(|v| v.value)
    }
}

impl Name<'_> {
    /// The key in an environ; `None` for a name that must not reach an application: a header whose name
    /// has anything but ASCII letters, digits and `-` could be mistaken for another (`X_User`, `X-User`),
    /// and `Proxy` would become the variable that HTTP clients take their proxy from.
    pub fn key(&self) -> Option<Vec<u8>> {
        self.with_key(<[u8]>::to_vec)
    }

    /// What `use_key` makes of [`key`](Self::key), for which nothing is allocated unless the name is long.
    pub fn with_key<T>(&self, use_key: impl FnOnce(&[u8]) -> T) -> Option<T> {
        match self {
            Name::Server(key) => Some(use_key(key.name().as_bytes())),
            Name::Set(name) | Name::Final(name) => is_set_name_allowed(name).then(|| use_key(name)),
            Name::Header(name) => header_key(name).map(|key| use_key(&key)),
        }
    }
}

/// Headers that nearly every client sends, as keys.
const COMMON_HEADERS: [&[u8]; 16] = [
    b"HTTP_ACCEPT",
    b"HTTP_ACCEPT_ENCODING",
    b"HTTP_ACCEPT_LANGUAGE",
    b"HTTP_AUTHORIZATION",
    b"HTTP_CACHE_CONTROL",
    b"HTTP_CONNECTION",
    b"HTTP_COOKIE",
    b"HTTP_HOST",
    b"HTTP_IF_MODIFIED_SINCE",
    b"HTTP_IF_NONE_MATCH",
    b"HTTP_ORIGIN",
    b"HTTP_RANGE",
    b"HTTP_REFERER",
    b"HTTP_UPGRADE_INSECURE_REQUESTS",
    b"HTTP_USER_AGENT",
    b"HTTP_X_FORWARDED_FOR",
];

impl Name<'_> {
    /// Whether the value is a file name, decoded as Python decodes those.
    pub fn is_file_name(&self) -> bool {
        match self {
            Name::Server(key) => key.is_file_name(),
            Name::Final(name) => is_file_name(name),
            Name::Header(_) | Name::Set(_) => false,
        }
    }

    /// Whether this is the computed variable `key`.
    fn is_server(&self, key: Key) -> bool {
        match self {
            Name::Server(own) => *own == key,
            Name::Final(name) => *name == key.name().as_bytes(),
            Name::Header(_) | Name::Set(_) => false,
        }
    }

    /// Whether `key`, this name's key, is one of a known few, so that it can be interned: names that clients
    /// choose must not fill a table that is never emptied.
    pub fn is_common(&self, key: &[u8]) -> bool {
        match self {
            Name::Server(_) => true,
            Name::Final(_) => COMMON_HEADERS.contains(&key) || Key::is_name(key),
            Name::Header(_) | Name::Set(_) => COMMON_HEADERS.contains(&key),
        }
    }
}

/// Whether the value of the variable with this key is a file name.
pub fn is_file_name(key: &[u8]) -> bool {
    [Key::DocumentRoot, Key::ScriptFilename]
        .iter()
        .any(|known| known.name().as_bytes() == key)
}

/// Variables of the process that must not pass for variables of the request, and `HTTPS`, which is told
/// by `wsgi.url_scheme`.
const NEVER_PASSED: [&[u8]; 2] = [b"PATH", b"HTTPS"];

/// Keys whose values a server computes, and that a variable of the configuration must not take.
const COMPUTED: [&[u8]; 10] = [
    b"wsgi.version",
    b"wsgi.multithread",
    b"wsgi.multiprocess",
    b"wsgi.run_once",
    b"wsgi.file_wrapper",
    b"wsgi.input_terminated",
    b"mod_wsgi.version",
    b"apache.version",
    b"mod_wsgi.queue_start",
    b"mod_wsgi.daemon_start",
];

/// Names that mod_wsgi keeps to itself.
pub(super) const PRIVATE: &[u8] = b"mod_wsgi.x-";

fn is_set_name_allowed(name: &[u8]) -> bool {
    !(NEVER_PASSED.contains(&name) || COMPUTED.contains(&name) || name.starts_with(PRIVATE))
}

/// Longer than the name of any usual header.
const USUAL_KEY: usize = 64;

fn header_key(name: &[u8]) -> Option<SmallVec<[u8; USUAL_KEY]>> {
    let is_plain = !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if !is_plain || name.eq_ignore_ascii_case(b"proxy") {
        return None;
    }
    if name.eq_ignore_ascii_case(b"content-type") || name.eq_ignore_ascii_case(b"content-length") {
        return None;
    }
    let mut key = SmallVec::from_slice(b"HTTP_");
    key.extend(name.iter().map(|byte| {
        if *byte == b'-' {
            b'_'
        } else {
            byte.to_ascii_uppercase()
        }
    }));
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_thread_is_used_again() {
        let mut first = Environ::default();
        for _ in 0..100 {
            first.server(Key::ServerName, b"www.example.com");
        }
        let (memory, capacity) = (first.variables.as_ptr().cast::<u8>(), first.variables.capacity());
        drop(first);
        let second = Environ::default();
        assert!(second.variables.is_empty());
        assert_eq!(second.variables.as_ptr().cast::<u8>(), memory);
        assert_eq!(second.variables.capacity(), capacity);
    }

    #[test]
    fn headers_become_upper_case_keys() {
        assert_eq!(
            Name::Header(b"X-Forwarded-For").key().as_deref(),
            Some(&b"HTTP_X_FORWARDED_FOR"[..])
        );
        assert_eq!(Name::Header(b"a1").key().as_deref(), Some(&b"HTTP_A1"[..]));
    }

    #[test]
    fn ambiguous_and_dangerous_headers_are_dropped() {
        for name in [
            &b"X_User"[..],
            b"X.User",
            b".",
            b"",
            b"Proxy",
            b"proxy",
            b"PROXY",
            b"X User",
            b"\xe9",
        ] {
            assert_eq!(Name::Header(name).key(), None, "{name:?}");
        }
    }

    #[test]
    fn content_headers_are_not_repeated() {
        assert_eq!(Name::Header(b"Content-Type").key(), None);
        assert_eq!(Name::Header(b"content-length").key(), None);
    }

    #[test]
    fn process_variables_are_not_passed() {
        assert_eq!(Name::Set(b"PATH").key(), None);
        assert_eq!(Name::Set(b"HTTPS").key(), None);
        assert_eq!(
            Name::Set(b"APP_SECRET").key().as_deref(),
            Some(&b"APP_SECRET"[..])
        );
    }

    #[test]
    fn the_later_of_two_counts() {
        let mut environ = Environ::default();
        environ.server(Key::PathInfo, b"/one");
        environ.server(Key::PathInfo, b"/two");
        assert_eq!(environ.get(Key::PathInfo), Some(&b"/two"[..]));
        assert_eq!(environ.get(Key::AuthType), None);
    }

    #[test]
    fn a_final_name_is_its_key() {
        for name in [
            &b"HTTP_HOST"[..],
            b"X_User",
            b"SCRIPT_NAME",
            b"mod_wsgi.process_group",
        ] {
            assert_eq!(Name::Final(name).key().as_deref(), Some(name));
        }
        for name in [&b"PATH"[..], b"HTTPS", b"wsgi.version", b"mod_wsgi.x-plan"] {
            assert_eq!(Name::Final(name).key(), None, "{name:?}");
        }
    }

    #[test]
    fn a_final_name_is_treated_as_the_one_it_was_made_from() {
        for key in [
            Key::DocumentRoot,
            Key::ScriptFilename,
            Key::RemoteAddr,
            Key::WsgiRequestId,
        ] {
            let name = Name::Final(key.name().as_bytes());
            assert_eq!(name.is_file_name(), key.is_file_name(), "{key:?}");
            assert!(name.is_common(key.name().as_bytes()), "{key:?}");
            let mut environ = Environ::default();
            environ.push(name, b"value");
            assert_eq!(environ.get(key), Some(&b"value"[..]));
        }
        assert!(Name::Final(b"HTTP_HOST").is_common(b"HTTP_HOST"));
        assert!(!Name::Final(b"HTTP_X_OWN").is_common(b"HTTP_X_OWN"));
        assert!(!Name::Final(b"HTTP_HOST").is_file_name());
    }
}
