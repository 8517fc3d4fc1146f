//! Whether a user may see a place: `Require wsgi-group` and `WSGIAuthGroupScript`.

use super::question;
use crate::app;
use crate::gateway::{Code, Level};
use crate::httpd::{Membership, Request, log};

/// Asks `groups_for_user` and looks for one of the groups wanted, letter by letter. A script that does not
/// answer lets nobody in.
pub(in super::super) fn membership(request: Request<'_>, wanted: &[&[u8]]) -> Membership {
    let user = request.user();
    if user.is_empty() {
        return Membership::NoUser;
    }
    let Some(script) = &request.dir_settings().auth_group_script else {
        refuse(
            &request,
            Code::GROUP_SCRIPT_NOT_SET,
            "WSGIAuthGroupScript is not set",
        );
        return Membership::Denied;
    };
    let answer = question::about(&request, script, |question, exchange| {
        app::groups_for_user(question, exchange, user)
    });
    let Ok(groups) = answer else {
        return Membership::Denied;
    };
    if groups.iter().any(|group| wanted.contains(&group.as_slice())) {
        return Membership::Granted;
    }
    if groups.is_empty() {
        refuse(
            &request,
            Code::USER_WITHOUT_GROUPS,
            "the user is a member of no group",
        );
    } else {
        refuse(
            &request,
            Code::USER_NOT_IN_GROUP,
            "the user is a member of none of the groups required",
        );
    }
    Membership::Denied
}

fn refuse(request: &Request<'_>, code: Code, reason: &str) {
    let text = format!(
        "authorization of user '{}' to access '{}' failed: {reason}",
        String::from_utf8_lossy(request.user()).escape_debug(),
        String::from_utf8_lossy(request.uri()).escape_debug()
    );
    log::request(request, Level::Error, Some(code), text.as_bytes());
}
