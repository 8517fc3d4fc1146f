//! Daemon mode from the side of httpd's children: a request is given to a worker and its answer passed on.
//!
//! | part | what |
//! |---|---|
//! | [`Groups`] | what is known of the groups, from httpd's parent |
//! | `choose` | a slot of the scoreboard, or a place in the queue |
//! | `connect`, `kept` | connections to workers |
//! | `params`, `body` | the request, as it is sent |
//! | `relay`, `answer` | both directions at once, over the small trait `client` instead of httpd |
//! | `attempt` | the worker, and another one if the first did not start the request |
//! | `failure` | what the client gets, and the line in the log |
//! | `script` | whom scripts must belong to |

mod answer;
mod attempt;
mod body;
mod choose;
mod client;
mod connect;
mod failure;
mod groups;
mod httpd_client;
mod kept;
mod params;
mod relay;
mod script;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use attempt::Workspace;
use failure::Verdict;
use httpd_client::HttpdClient;

use crate::gateway::wire::RequestPlan;
use crate::gateway::{Code, Environ, Level};
use crate::httpd::{Request, Status, log};

pub use groups::{Group, GroupFacts, Groups, ScriptOwner};

/// A request for a group.
pub struct Call<'a, 'r> {
    /// All groups.
    pub groups: &'a Groups,
    /// The one that runs it.
    pub group: &'a Group,
    /// The request's variables.
    pub environ: &'a Environ<'r>,
    /// How it is to be run; when it began to wait for a worker, and whether that may hand over files, is noted here.
    pub plan: RequestPlan<'a>,
    /// Whether httpd answers in place of the application when that tells of an error (`WSGIErrorOverride`).
    pub replaces_errors: bool,
    /// The request line, for logs.
    pub request_line: &'a [u8],
    /// httpd's number for the request's log lines; empty without one.
    pub log_id: &'a [u8],
}

/// Lets a worker run the request and sends its response.
pub fn serve(request: Request<'_>, call: &Call<'_, '_>) -> Status {
    if let Err((status, code, reason)) = check(call) {
        log::request(&request, Level::Error, Some(code), reason.as_bytes());
        return Status::Http(status);
    }
    let patience = call.group.client_patience();
    let mut client = HttpdClient::new(request, call.plan.body, call.replaces_errors, patience);
    thread_local! {
        /// What the last request of this thread used. A subrequest within a request has its own.
        static WORKSPACE: Cell<Option<Box<Workspace>>> = const { Cell::new(None) };
    }
    let mut workspace = WORKSPACE.take().unwrap_or_default();
    let verdict = attempt::run(call, &mut client, &mut workspace);
    if workspace.is_worth_keeping() {
        WORKSPACE.set(Some(workspace));
    }
    conclude(client, verdict)
}

/// What keeps any worker from running the request.
fn check(call: &Call<'_, '_>) -> Result<(), (u16, Code, String)> {
    let group = call.group;
    if group.options().threads == 0 {
        let reason = format!("group '{}' runs no requests, as it has threads=0", group.name());
        return Err((500, Code::GROUP_WITHOUT_THREADS, reason));
    }
    match group.script_owner() {
        Some(owner) => script::check(call.plan.script, owner).map_err(|(code, reason)| (403, code, reason)),
        None => Ok(()),
    }
}

fn conclude(client: HttpdClient<'_>, verdict: Verdict) -> Status {
    match verdict {
        Verdict::Complete => client.finish(),
        Verdict::Replace(status) => client.replace(status),
        Verdict::BreakOff => client.break_off(),
        Verdict::Fail(status) => client.fail(status),
        Verdict::Later(seconds) => {
            client.retry_after(seconds);
            client.fail(503)
        }
        Verdict::Leave => client.leave(),
        Verdict::Body(error) => client.fail_body(&error),
    }
}

/// The plan of a request that begins to wait for a worker. `takes_files` is whether that may hand over files.
fn queued_now<'a>(plan: &RequestPlan<'a>, takes_files: bool) -> RequestPlan<'a> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    RequestPlan {
        queue_start_us: u64::try_from(now.as_micros()).unwrap_or_default(),
        takes_files,
        ..plan.clone()
    }
}
