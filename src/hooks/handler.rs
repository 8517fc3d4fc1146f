//! Answering a request: the checks before an application may run, then the application.

use super::delegate;
use super::environ;
use super::environ::{Paths, Scratch};
use super::here;
use super::target::Target;
use super::translate::HANDLER;
use crate::config::scripts::HandlerScript;
use crate::gateway::headers::parse_length;
use crate::gateway::{BodyLength, Code, Environ, Level};
use crate::httpd::{FileKind, Request, Status, log};

/// The handler's second name, from the days when a file's type chose it.
const MEDIA_TYPE_HANDLER: &[u8] = b"application/x-httpd-wsgi";

/// Why a request is not run.
pub(super) struct Refusal {
    status: u16,
    code: Code,
    reason: String,
}

/// Answers requests for our handler.
pub(super) fn handle(request: Request<'_>) -> Status {
    let handler = request.handler();
    let script = if handler == HANDLER.to_bytes() || handler == MEDIA_TYPE_HANDLER {
        None
    } else {
        match handler_script(&request, handler) {
            Some(script) => Some(script),
            None => return Status::Declined,
        }
    };
    if request.method() == b"CONNECT" {
        // A target of CONNECT is no path of ours.
        return Status::Http(405);
    }
    let checked = match script {
        // The file that the request maps to is no script, and need not exist.
        Some(_) => Ok(()),
        None => check_script(&request),
    };
    let body = match checked.and_then(|()| check_body(&request)) {
        Ok(body) => body,
        Err(refusal) => return refusal.answer(&request),
    };
    if is_too_large(&request, body) {
        // httpd closes the connection after it; reading the body here would make it answer twice.
        return Status::Http(413);
    }
    run(&request, body, script)
}

/// The handler script of this name, if the place has one.
fn handler_script<'r>(request: &Request<'r>, name: &[u8]) -> Option<&'r HandlerScript> {
    let settings = request.dir_settings();
    settings.handler_scripts.as_ref()?;
    settings.handler_script(std::str::from_utf8(name).ok()?)
}

impl Refusal {
    pub(super) fn new(status: u16, code: Code, reason: impl Into<String>) -> Self {
        Refusal {
            status,
            code,
            reason: reason.into(),
        }
    }

    pub(super) fn answer(self, request: &Request<'_>) -> Status {
        let text = format!("{}: {}", self.reason, String::from_utf8_lossy(request.filename()));
        log::request(request, Level::Error, Some(self.code), text.as_bytes());
        Status::Http(self.status)
    }
}

/// Whether the file may be run as a script.
fn check_script(request: &Request<'_>) -> Result<(), Refusal> {
    if request.alias().is_none() && !request.is_aliased() && !request.allows_exec_cgi() {
        return Err(Refusal::new(
            403,
            Code::EXEC_CGI_OFF,
            "Options ExecCGI is off in this directory",
        ));
    }
    match request.file_kind() {
        FileKind::Missing => Err(Refusal::new(
            404,
            Code::SCRIPT_MISSING,
            "target WSGI script not found",
        )),
        FileKind::Directory => Err(Refusal::new(
            403,
            Code::SCRIPT_IS_DIRECTORY,
            "target WSGI script is a directory",
        )),
        FileKind::Other => Err(Refusal::new(
            403,
            Code::SCRIPT_IS_DIRECTORY,
            "target WSGI script is not a regular file",
        )),
        FileKind::Regular if request.refuses_path_info() && !request.path_info().is_empty() => {
            Err(Refusal::new(
                404,
                Code::PATH_INFO_REFUSED,
                "AcceptPathInfo Off disallows the URL's extra path",
            ))
        }
        FileKind::Regular => Ok(()),
    }
}

/// What body the request has.
fn check_body(request: &Request<'_>) -> Result<BodyLength, Refusal> {
    if request.is_subrequest() {
        return Ok(BodyLength::None);
    }
    let headers = request.headers_in();
    if let Some(encoding) = headers.get(c"Transfer-Encoding") {
        return check_chunked(request, encoding);
    }
    match headers.get(c"Content-Length") {
        Some(value) => parse_length(value).map(BodyLength::Known).ok_or_else(|| {
            let value = String::from_utf8_lossy(value);
            Refusal::new(
                400,
                Code::CONTENT_LENGTH_INVALID,
                format!("invalid Content-Length '{value}'"),
            )
        }),
        None => Ok(BodyLength::None),
    }
}

fn check_chunked(request: &Request<'_>, encoding: &[u8]) -> Result<BodyLength, Refusal> {
    if !encoding.eq_ignore_ascii_case(b"chunked") {
        let encoding = String::from_utf8_lossy(encoding);
        let reason = format!("unexpected value '{encoding}' for Transfer-Encoding");
        return Err(Refusal::new(501, Code::TRANSFER_ENCODING_UNKNOWN, reason));
    }
    if !request.dir_settings().chunked_request() {
        let reason = "chunked request refused, as WSGIChunkedRequest is Off";
        return Err(Refusal::new(411, Code::CHUNKED_REFUSED, reason));
    }
    Ok(BodyLength::Open)
}

fn is_too_large(request: &Request<'_>, body: BodyLength) -> bool {
    match body {
        BodyLength::Known(length) => {
            let limit = request.body_limit();
            limit > 0 && length > limit
        }
        BodyLength::None | BodyLength::Open => false,
    }
}

fn run<'r>(request: &Request<'r>, body: BodyLength, handler_script: Option<&'r HandlerScript>) -> Status {
    let settings = request.dir_settings();
    let paths = Paths::of(request);
    let mut target = Target::of(request, settings, paths.script_name, handler_script);
    if let Some(script) = &settings.dispatch_script
        && let Err(here::Unanswered) = here::redirect(request, settings, script, &paths, body, &mut target)
    {
        let reason = format!("dispatch script '{}' gave no answer", script.path);
        return Refusal::new(500, Code::DISPATCH_FAILED, reason).answer(request);
    }
    if !settings.allows_process_group(&target.process_group) {
        let reason = format!(
            "WSGIRestrictProcess does not list process group '{}'",
            target.process_group
        );
        return Refusal::new(500, Code::GROUP_RESTRICTED, reason).answer(request);
    }
    if target.process_group.is_empty() {
        if request.server_settings().restrict_embedded() {
            let reason = "WSGIRestrictEmbedded On forbids to run the script in httpd's processes";
            return Refusal::new(500, Code::EMBEDDED_RESTRICTED, reason).answer(request);
        }
        return here::run(request, settings, &paths, target, body);
    }
    let scratch = Scratch::new(request);
    let mut variables = Environ::default();
    environ::collect(&mut variables, request, settings, &paths, &target, &scratch, body);
    delegate::run(request, settings, &target, &variables, body)
}
