//! The variables of a request, straight from httpd's record.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::lifecycle;
use super::target::Target;
use crate::config::settings::{DirSettings, MapHead};
use crate::gateway::environ::{collapse_slashes, script_name_length};
use crate::gateway::forwarded::{self, TrustedHeaders};
use crate::gateway::{BodyLength, Code, Environ, Key, Level, Name};
use crate::httpd::{Request, log, server_banner};

/// Where the script ends in the path.
pub(super) struct Paths<'r> {
    pub(super) script_name: &'r [u8],
    pub(super) path_info: &'r [u8],
}

impl<'r> Paths<'r> {
    pub(super) fn of(request: &Request<'r>) -> Self {
        let (uri, path_info) = (request.uri(), request.path_info());
        let script_name = uri.get(..script_name_length(uri, path_info)).unwrap_or_default();
        Paths {
            script_name: request.keep(collapse_slashes(script_name)),
            path_info: request.keep(collapse_slashes(path_info)),
        }
    }
}

/// Numbers as text, for as long as the environ.
pub(super) struct Scratch {
    client_port: Decimal,
    server_port: Decimal,
    listener_port: Decimal,
}

impl Scratch {
    pub(super) fn new(request: &Request<'_>) -> Self {
        let (server_port, listener_port) = (request.server_port(), request.listener().1);
        let server = Decimal::new(server_port);
        Scratch {
            client_port: Decimal::new(request.client_port()),
            listener_port: if listener_port == server_port {
                server
            } else {
                Decimal::new(listener_port)
            },
            server_port: server,
        }
    }
}

/// A number of up to five digits, without an allocation.
#[derive(Clone, Copy)]
struct Decimal {
    digits: [u8; 5],
    start: usize,
}

impl Decimal {
    fn new(number: u16) -> Self {
        let (ten_thousands, rest) = (number / 10_000, number % 10_000);
        let ([thousands, hundreds], [tens, ones]) = (two_digits(rest / 100), two_digits(rest % 100));
        let leading = [number < 10, number < 100, number < 1_000, number < 10_000];
        Decimal {
            digits: [two_digits(ten_thousands)[1], thousands, hundreds, tens, ones],
            start: leading.into_iter().map(usize::from).sum(),
        }
    }

    fn text(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// A number below 100.
fn two_digits(number: u16) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| {
        let [digit, _] = digit.to_le_bytes();
        b'0' | digit
    })
}

/// Adds all variables. What the server computes comes last, and so wins.
pub(super) fn collect<'r>(
    environ: &mut Environ<'r>,
    request: &Request<'r>,
    settings: &DirSettings,
    paths: &Paths<'r>,
    target: &'r Target<'r>,
    scratch: &'r Scratch,
    body: BodyLength,
) {
    let https = add_variables(environ, request);
    add_headers(environ, request, Credentials::of(target.pass_authorization), body);
    add_request(environ, request, settings, paths, target);
    add_peers(environ, request, scratch);
    add_user(environ, request);
    add_redirect(environ, request);
    add_target(environ, request, paths, target, scratch);
    let told = apply_forwarded(environ, request, settings);
    let scheme: &[u8] = if told.unwrap_or_else(|| https || request.is_tls()) {
        b"https"
    } else {
        b"http"
    };
    environ.server(Key::WsgiUrlScheme, scheme);
    for name in environ.set_in_vain() {
        tell_set_in_vain(request, name);
    }
}

/// Tells, once for each name, that a variable has no effect.
#[cold]
fn tell_set_in_vain(request: &Request<'_>, name: &[u8]) {
    /// Most names that are remembered: a configuration can make them of what clients send.
    const MOST: usize = 100;
    static TOLD: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
    // Handlers of other modules set the usual variables for the requests that they are made for.
    if request.is_subrequest() {
        return;
    }
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.len() < MOST && told.insert(name.to_vec()) {
        let text = format!(
            "the variable {} that the configuration or a module sets is computed by the server, and keeps that value",
            String::from_utf8_lossy(name)
        );
        log::request(
            request,
            Level::Warning,
            Some(Code::VARIABLE_IGNORED),
            text.as_bytes(),
        );
    }
}

/// Variables of configuration and other modules. Whether one of them, `HTTPS`, says that the client's
/// connection is encrypted.
fn add_variables<'r>(environ: &mut Environ<'r>, request: &Request<'r>) -> bool {
    let mut https = false;
    for (name, value) in request.subprocess_env().iter() {
        if name == b"HTTPS" {
            https = value == b"1" || value.eq_ignore_ascii_case(b"on");
        }
        environ.push(Name::Set(name), value);
    }
    https
}

/// Which headers with credentials are shown.
#[derive(Clone, Copy)]
pub(super) enum Credentials {
    /// None, whatever is configured.
    #[cfg_attr(
        not(feature = "python"),
        expect(dead_code, reason = "scripts of hooks alone are told so little")
    )]
    Hidden,
    /// Those that `CGIPassAuth` shows.
    ByServer,
    /// Those, and Authorization by `WSGIPassAuthorization`.
    ByApplication,
}

impl Credentials {
    fn of(pass_authorization: bool) -> Self {
        if pass_authorization {
            Credentials::ByApplication
        } else {
            Credentials::ByServer
        }
    }

    fn shows_authorization(self, request: &Request<'_>) -> bool {
        matches!(self, Credentials::ByApplication) || self.shows_all(request)
    }

    fn shows_all(self, request: &Request<'_>) -> bool {
        !matches!(self, Credentials::Hidden) && request.passes_cgi_authorization()
    }
}

pub(super) fn add_headers<'r>(
    environ: &mut Environ<'r>,
    request: &Request<'r>,
    shown: Credentials,
    body: BodyLength,
) {
    for (name, value) in request.headers_in().iter() {
        // Most names are told apart by their length.
        let kind = match name.len() {
            12 if name.eq_ignore_ascii_case(b"content-type") => Some(Name::Server(Key::ContentType)),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                matches!(body, BodyLength::Known(_)).then_some(Name::Server(Key::ContentLength))
            }
            13 if name.eq_ignore_ascii_case(b"authorization") => {
                shown.shows_authorization(request).then_some(Name::Header(name))
            }
            19 if name.eq_ignore_ascii_case(b"proxy-authorization") => {
                shown.shows_all(request).then_some(Name::Header(name))
            }
            _ => Some(Name::Header(name)),
        };
        if let Some(name) = kind {
            environ.push(name, value);
        }
    }
}

fn add_request<'r>(
    environ: &mut Environ<'r>,
    request: &Request<'r>,
    settings: &DirSettings,
    paths: &Paths<'r>,
    target: &Target<'r>,
) {
    let filename = match target.handler_script {
        Some(_) => request.filename(),
        None => target.script,
    };
    let document_root = request.document_root();
    environ.server_all([
        (Key::RequestMethod, method(request, settings)),
        (Key::ScriptName, paths.script_name),
        (Key::PathInfo, paths.path_info),
        (Key::QueryString, request.args().unwrap_or_default()),
        (Key::RequestUri, original_uri(request.request_line())),
        (Key::ServerProtocol, request.protocol()),
        (Key::RequestScheme, request.scheme()),
        (Key::ScriptFilename, filename),
        (Key::DocumentRoot, document_root),
        (Key::ContextPrefix, request.context_prefix()),
        (
            Key::ContextDocumentRoot,
            request.context_document_root(document_root),
        ),
    ]);
}

/// HEAD may be shown as GET, so that output filters see the body that they would see for GET.
fn method<'r>(request: &Request<'r>, settings: &DirSettings) -> &'r [u8] {
    let map = match settings.map_head_to_get() {
        MapHead::Off => false,
        MapHead::On => request.is_head(),
        MapHead::Auto => request.is_head() && request.has_content_filter(),
    };
    if map { b"GET" } else { request.method() }
}

/// The target of the request line as the client sent it.
pub(super) fn original_uri(request_line: &[u8]) -> &[u8] {
    let mut parts = request_line
        .split(|byte| *byte == b' ')
        .filter(|part| !part.is_empty());
    parts.nth(1).unwrap_or_default()
}

pub(super) fn add_peers<'r>(environ: &mut Environ<'r>, request: &Request<'r>, scratch: &'r Scratch) {
    environ.server_all([
        (Key::ServerName, request.escape_html(request.server_name())),
        (Key::ServerPort, scratch.server_port.text()),
        (Key::ServerAddr, request.local_ip()),
        (Key::ServerSoftware, server_banner()),
        (Key::RemoteAddr, request.client_ip()),
        (Key::RemotePort, scratch.client_port.text()),
    ]);
    environ.server_if_set(Key::ServerAdmin, request.server_admin());
}

fn add_user<'r>(environ: &mut Environ<'r>, request: &Request<'r>) {
    environ.server_if_set(Key::AuthType, request.auth_type());
    let user = request.user();
    if !user.is_empty() {
        environ.server(Key::RemoteUser, user);
        return;
    }
    let mut previous = request.previous();
    while let Some(earlier) = previous {
        if !earlier.user().is_empty() {
            environ.server(Key::RedirectRemoteUser, earlier.user());
            return;
        }
        previous = earlier.previous();
    }
}

fn add_redirect<'r>(environ: &mut Environ<'r>, request: &Request<'r>) {
    let Some(previous) = request.previous() else {
        return;
    };
    environ.server(Key::RedirectUrl, previous.uri());
    if let Some(args) = previous.args() {
        environ.server(Key::RedirectQueryString, args);
    }
}

fn add_target<'r>(
    environ: &mut Environ<'r>,
    request: &Request<'r>,
    paths: &Paths<'r>,
    target: &'r Target<'r>,
    scratch: &'r Scratch,
) {
    environ.server_all([
        (Key::WsgiProcessGroup, target.process_group.as_bytes()),
        (Key::WsgiApplicationGroup, target.application_group.as_bytes()),
        (Key::WsgiRequestHandler, request.handler()),
        (
            Key::WsgiHandlerScript,
            target.handler_script.map_or(&[][..], |_| target.script),
        ),
        (Key::WsgiScriptName, paths.script_name),
        (Key::WsgiPathInfo, paths.path_info),
        (Key::WsgiListenerHost, request.listener().0),
        (Key::WsgiListenerPort, scratch.listener_port.text()),
        (Key::WsgiServerPid, lifecycle::pid_text()),
    ]);
    environ.server_if_set(Key::WsgiCallableObject, target.callable.as_bytes());
    environ.server_if_set(Key::WsgiRequestId, request.log_id());
    environ.server_if_set(Key::WsgiConnectionId, request.connection_log_id());
}

/// Lets trusted proxies speak for the client that they serve. Whether its connection is encrypted, if they
/// tell.
fn apply_forwarded<'r>(
    environ: &mut Environ<'r>,
    request: &Request<'r>,
    settings: &DirSettings,
) -> Option<bool> {
    let keys = settings.trusted_proxy_headers();
    if keys.is_empty() {
        return None;
    }
    let trusted = TrustedHeaders::of_keys(keys);
    let proxies = settings.trusted_proxies.as_deref();
    // The address as mod_remoteip may have corrected it, so that a proxy it has seen through is no peer.
    let told = forwarded::read(
        &trusted,
        proxies,
        request.headers_in().iter(),
        request.client_ip(),
    );
    told.apply_to(environ);
    told.https
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn the_target_of_a_request_line_is_kept_raw() {
        assert_eq!(original_uri(b"GET /a%20b//c?d=e HTTP/1.1"), b"/a%20b//c?d=e");
        assert_eq!(original_uri(b"GET /only"), b"/only");
        assert_eq!(
            original_uri(b"GET http://host:80/a?b HTTP/1.1"),
            b"http://host:80/a?b"
        );
        assert_eq!(original_uri(b"OPTIONS * HTTP/1.1"), b"*");
        assert_eq!(original_uri(b""), b"");
    }

    #[test]
    fn numbers_need_no_allocation() {
        for number in [0, 7, 9, 10, 80, 99, 100, 443, 1000, 8080, 9999, 10000, 65535] {
            assert_eq!(Decimal::new(number).text(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn borrowed_text_stays_borrowed() {
        assert!(matches!(collapse_slashes(b"/a/b"), Cow::Borrowed(_)));
    }
}
