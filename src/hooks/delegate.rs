//! Daemon mode: a request that a process group is to run.

use super::handler::Refusal;
use super::target::Target;
use crate::config::settings::DirSettings;
use crate::gateway::wire::RequestPlan;
use crate::gateway::{BodyLength, Code, Environ, source_stamp};
use crate::httpd::{Request, Status};
use crate::pool::{self, Call, Group, Groups};

/// When to try again what a restart of httpd has to mend.
const RETRY_AFTER: &[u8] = b"30";

/// Lets the target's group run the request.
pub(super) fn run(
    request: &Request<'_>,
    settings: &DirSettings,
    target: &Target<'_>,
    environ: &Environ<'_>,
    body: BodyLength,
) -> Status {
    let (groups, group) = match find(request, &target.process_group) {
        Ok(found) => found,
        Err(refusal) => return refusal.answer(request),
    };
    let plan = RequestPlan {
        script: target.script,
        stamp: match target.handler_script {
            Some(_) => source_stamp(target.script),
            None => request.file_modified(),
        },
        reload: settings.script_reloading(),
        fold_case: !request.server_settings().case_sensitivity(),
        is_head: request.is_head(),
        is_automatic: target.is_automatic,
        ignore_activity: settings.ignore_activity(),
        resource: target.handler_script.map(|_| request.filename()),
        body,
        request_start_us: u64::try_from(request.time()).unwrap_or_default(),
        queue_start_us: 0,
    };
    let call = Call {
        groups,
        group,
        environ,
        plan,
        replaces_errors: settings.error_override(),
        request_line: request.request_line(),
        log_id: request.log_id(),
    };
    pool::serve(*request, &call)
}

/// The group, if the request may use it and it was set up.
fn find(request: &Request<'_>, name: &str) -> Result<(&'static Groups, &'static Group), Refusal> {
    let finished = request.server_settings().finished.as_ref();
    let Some(defined) = finished.and_then(|finished| finished.group(name)) else {
        let reason = format!("no process group '{name}' is defined");
        return Err(Refusal::new(500, Code::NO_SUCH_GROUP, reason));
    };
    let server = String::from_utf8_lossy(request.configured_server_name());
    if !defined.is_visible(&server) {
        let owners = defined.server_names.join(", ");
        let reason = format!("process group '{name}' belongs to the virtual host {owners}, not to {server}");
        return Err(Refusal::new(500, Code::GROUP_INVISIBLE, reason));
    }
    let found = Groups::taken().and_then(|groups| Some((groups, groups.group(name)?)));
    found.ok_or_else(|| {
        request.err_headers_out().set(c"Retry-After", RETRY_AFTER);
        let reason = format!("the processes of group '{name}' were not started");
        Refusal::new(503, Code::GROUP_NOT_RUNNING, reason)
    })
}
