//! The variables of a request, from whatever transport.

/// The variables of one request, in order of rising authority: of two with the same name the later counts,
/// so what the server computed wins over what a configuration or a client set.
#[derive(Default)]
pub struct Environ<'r> {
    /// All variables.
    pub variables: Vec<Variable<'r>>,
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
    ServerSoftware = "SERVER_SOFTWARE",
    HttpAuthorization = "HTTP_AUTHORIZATION",
    // mod_wsgi's own, as contract 4.4 names them.
    WsgiProcessGroup = "mod_wsgi.process_group",
    WsgiApplicationGroup = "mod_wsgi.application_group",
    WsgiCallableObject = "mod_wsgi.callable_object",
    WsgiRequestHandler = "mod_wsgi.request_handler",
    WsgiHandlerScript = "mod_wsgi.handler_script",
    WsgiScriptName = "mod_wsgi.script_name",
    WsgiPathInfo = "mod_wsgi.path_info",
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

    /// The value of a computed variable.
    pub fn get(&self, key: Key) -> Option<&'r [u8]> {
        self.variables.iter().rev().find(|variable| variable.name == Name::Server(key)).map(|v| v.value)
    }
}

impl Name<'_> {
    /// The key in an environ; `None` for a name that must not reach an application: a header whose name
    /// has anything but ASCII letters, digits and `-` could be mistaken for another (`X_User`, `X-User`),
    /// and `Proxy` would become the variable that HTTP clients take their proxy from.
    pub fn key(&self) -> Option<Vec<u8>> {
        match self {
            Name::Server(key) => Some(key.name().into()),
            Name::Set(name) => is_set_name_allowed(name).then(|| name.to_vec()),
            Name::Header(name) => header_key(name),
        }
    }
}

/// Variables of the process that must not pass for variables of the request, and `HTTPS`, which is told
/// by `wsgi.url_scheme` (contract 4.2).
const NEVER_PASSED: [&[u8]; 2] = [b"PATH", b"HTTPS"];

fn is_set_name_allowed(name: &[u8]) -> bool {
    !NEVER_PASSED.contains(&name)
}

fn header_key(name: &[u8]) -> Option<Vec<u8>> {
    let is_plain = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if !is_plain || name.eq_ignore_ascii_case(b"proxy") {
        return None;
    }
    if name.eq_ignore_ascii_case(b"content-type") || name.eq_ignore_ascii_case(b"content-length") {
        return None;
    }
    let mut key = b"HTTP_".to_vec();
    key.extend(name.iter().map(|byte| if *byte == b'-' { b'_' } else { byte.to_ascii_uppercase() }));
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_upper_case_keys() {
        assert_eq!(Name::Header(b"X-Forwarded-For").key().as_deref(), Some(&b"HTTP_X_FORWARDED_FOR"[..]));
        assert_eq!(Name::Header(b"a1").key().as_deref(), Some(&b"HTTP_A1"[..]));
    }

    #[test]
    fn ambiguous_and_dangerous_headers_are_dropped() {
        for name in [&b"X_User"[..], b"X.User", b".", b"", b"Proxy", b"proxy", b"PROXY", b"X User", b"\xe9"] {
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
        assert_eq!(Name::Set(b"APP_SECRET").key().as_deref(), Some(&b"APP_SECRET"[..]));
    }

    #[test]
    fn the_later_of_two_counts() {
        let mut environ = Environ::default();
        environ.server(Key::PathInfo, b"/one");
        environ.server(Key::PathInfo, b"/two");
        assert_eq!(environ.get(Key::PathInfo), Some(&b"/two"[..]));
        assert_eq!(environ.get(Key::AuthType), None);
    }
}
