//! What the scripts of hooks are told about a request (contract 3.9).

use super::environ::{self, Paths, Scratch};
use super::target::Facts;
use crate::app::Question;
use crate::config::scripts::HookScript;
use crate::config::target;
use crate::embedded::Bystander;
use crate::gateway::{Environ, Exchange};
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
    environ::collect_for_hook(&mut variables, request, &paths, &group, &scratch);
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
