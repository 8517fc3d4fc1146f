//! Embedded mode: a request that this process runs itself.

use std::borrow::Cow;

use crate::app::{self, Job};
use crate::config::settings::DirSettings;
use crate::embedded::{self, Manner};
use crate::gateway::{BodyLength, Environ, source_stamp};
use crate::hooks::environ::{self, Paths, Scratch};
use crate::hooks::target::Target;
use crate::httpd::{Request, Status};
use crate::wsgi::Times;

/// Runs the target's script here.
pub(in super::super) fn run<'r>(
    request: &Request<'r>,
    settings: &DirSettings,
    paths: &Paths<'r>,
    mut target: Target<'r>,
    body: BodyLength,
) -> Status {
    if target.is_automatic && app::is_first_application(target.script) {
        target.application_group = Cow::Borrowed("");
    }
    let scratch = Scratch::new(request);
    let mut variables = Environ::default();
    environ::collect(&mut variables, request, settings, paths, &target, &scratch, body);
    let job = Job {
        application_group: &target.application_group,
        script: target.script,
        stamp: match target.handler_script {
            Some(_) => source_stamp(target.script),
            None => request.file_modified(),
        },
        resource: target.handler_script.map(|_| request.filename()),
        reload: settings.script_reloading(),
        fold_case: !request.server_settings().case_sensitivity(),
        callable: &target.callable,
        environ: &variables,
        // Microseconds since the epoch fit a float's 53 bits for centuries.
        times: Times {
            request: request.time() as f64 / 1e6,
            daemon: None,
        },
        watch: None,
    };
    embedded::serve(
        *request,
        &job,
        Manner {
            body,
            sendfile: settings.enable_sendfile(),
        },
    )
}
