//! httpd's threads against those of the applications.

use super::super::model::Model;
use super::super::report::{Finding, Severity};
use super::finding;

/// What httpd does without `ServerLimit` and `ThreadsPerChild` (mpm_common of its manual, event and worker).
const SERVER_LIMIT: u32 = 16;
const THREADS_PER_CHILD: u32 = 25;

pub(super) fn judge(model: &Model, findings: &mut Vec<Finding>) {
    let number = |name: &str| model.word(name).and_then(|word| word.parse::<u32>().ok());
    let wanted: u32 = model
        .finished
        .groups
        .iter()
        .map(|defined| {
            let options = &defined.group.options;
            options.processes().saturating_mul(options.threads)
        })
        .fold(0, u32::saturating_add);
    let usual = number("serverlimit")
        .unwrap_or(SERVER_LIMIT)
        .saturating_mul(number("threadsperchild").unwrap_or(THREADS_PER_CHILD));
    let there = number("maxrequestworkers")
        .or(number("maxclients"))
        .unwrap_or(usual);
    if wanted > there {
        let place = model.other("maxrequestworkers").map(|(_, place)| place);
        findings.push(finding(
            Severity::Warning,
            "mpm-small",
            place,
            format!("httpd handles {there} requests at once; the daemon groups have {wanted} threads"),
            "Each request in a daemon group takes a thread of httpd as well, so some of the groups' are never used.",
            format!("Raise MaxRequestWorkers to {wanted} and some more, or lower processes= and threads=."),
        ));
    }
}
