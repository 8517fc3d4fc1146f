//! Who runs a request: `WSGIDispatchScript`.

use std::borrow::Cow;

use super::question;
use crate::app;
use crate::config::scripts::HookScript;
use crate::config::settings::DirSettings;
use crate::config::target;
use crate::gateway::{BodyLength, Environ};
use crate::hooks::environ::{self, Paths, Scratch};
use crate::hooks::target::{Facts, Target};
use crate::httpd::Request;

/// Lets the dispatch script choose another target. Without an answer nobody can say who is to run the
/// request, so it must not be run.
pub(in super::super) fn redirect<'r>(
    request: &Request<'r>,
    settings: &DirSettings,
    script: &HookScript,
    paths: &Paths<'r>,
    body: BodyLength,
    chosen: &mut Target<'r>,
) -> Result<(), app::Unanswered> {
    let facts = Facts {
        request,
        script_name: paths.script_name,
    };
    // What the script itself is told of the target: where it runs.
    let here = Target {
        process_group: Cow::Borrowed(""),
        application_group: target::hook_application_group(script.application_group.as_deref(), &facts),
        callable: Cow::Borrowed(""),
        ..chosen.clone()
    };
    let scratch = Scratch::new(request);
    let mut variables = Environ::default();
    environ::collect(&mut variables, request, settings, paths, &here, &scratch, body);
    let answer = question::put(
        request,
        script,
        &here.application_group,
        &variables,
        |question, exchange| app::dispatch(question, exchange),
    )?;
    if let Some(group) = &answer.process_group {
        chosen.process_group = Cow::Owned(target::process_group(Some(group), &facts).into_owned());
    }
    if let Some(group) = &answer.application_group {
        chosen.is_automatic = false;
        chosen.application_group = Cow::Owned(target::application_group(Some(group), &facts).into_owned());
    }
    if let Some(name) = &answer.callable_object
        && chosen.handler_script.is_none()
    {
        chosen.callable = Cow::Owned(target::callable_object(Some(name), &facts).into_owned());
    }
    Ok(())
}
