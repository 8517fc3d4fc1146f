//! What the scripts of hooks are told about a request.

use crate::app::Question;
use crate::config::scripts::HookScript;
use crate::config::target;
use crate::embedded::Bystander;
use crate::gateway::{BodyLength, Environ, Exchange, Key};
use crate::hooks::environ::{self, Credentials, Paths, Scratch};
use crate::hooks::target::Facts;
use crate::httpd::Request;

/// Lets `ask` put a question about the request to a script. It is told what the client and the server say,
/// never what a configuration or another module set.
pub(super) fn about<T>(
    request: &Request<'_>,
    script: &HookScript,
    ask: impl FnOnce(&Question<'_, '_>, &mut dyn Exchange) -> T,
) -> T {
    let paths = Paths::of(request);
    let group = target::hook_application_group(
        script.application_group.as_deref(),
        &Facts {
            request,
            script_name: paths.script_name,
        },
    );
    let scratch = Scratch::new(request);
    let mut variables = Environ::default();
    collect(&mut variables, request, &paths, &group, &scratch);
    put(request, script, &group, &variables, ask)
}

/// Lets `ask` put a question to a script that is told these variables.
pub(super) fn put<T>(
    request: &Request<'_>,
    script: &HookScript,
    application_group: &str,
    variables: &Environ<'_>,
    ask: impl FnOnce(&Question<'_, '_>, &mut dyn Exchange) -> T,
) -> T {
    let path = script.path.as_bytes();
    let question = Question {
        application_group,
        script: path,
        reload: request.dir_settings().script_reloading(),
        fold_case: !request.server_settings().case_sensitivity(),
        environ: variables,
    };
    ask(&question, &mut Bystander::of(*request, path))
}

/// Credentials are never shown, whatever the application may see.
fn collect<'r>(
    environ: &mut Environ<'r>,
    request: &Request<'r>,
    paths: &Paths<'r>,
    application_group: &'r str,
    scratch: &'r Scratch,
) {
    // The length is shown as it was sent: nobody reads a body by it.
    environ::add_headers(environ, request, Credentials::Hidden, BodyLength::Known(0));
    environ.server(Key::RequestMethod, request.method());
    environ.server(Key::ScriptName, paths.script_name);
    environ.server(Key::PathInfo, paths.path_info);
    environ.server(Key::QueryString, request.args().unwrap_or_default());
    environ.server(Key::RequestUri, environ::original_uri(request.request_line()));
    environ.server(Key::ServerProtocol, request.protocol());
    environ.server(Key::DocumentRoot, request.document_root());
    environ::add_peers(environ, request, scratch);
    environ.server(Key::ServerSignature, request.server_signature());
    if let Some(host) = request.client_host() {
        environ.server(Key::RemoteHost, host);
    }
    environ.server(Key::WsgiProcessGroup, b"");
    environ.server(Key::WsgiApplicationGroup, application_group.as_bytes());
}
