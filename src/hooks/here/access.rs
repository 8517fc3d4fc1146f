//! Whether a client may see a place: `WSGIAccessScript`.

use super::question;
use crate::app::{self, Access};
use crate::gateway::{Code, Level};
use crate::httpd::{Request, Status, log};

/// Asks the place's access script, if there is one. A script that does not answer refuses.
pub(in super::super) fn check(request: Request<'_>) -> Status {
    let Some(script) = &request.dir_settings().access_script else {
        return Status::Declined;
    };
    let host = request.client_host().unwrap_or(request.client_ip());
    let answer = question::about(&request, script, |question, exchange| {
        app::allow_access(question, exchange, host)
    });
    match answer {
        Ok(Access::Allowed) => Status::Ok,
        Ok(Access::NoOpinion) => Status::Declined,
        Ok(Access::Refused) => {
            let text = format!(
                "client refused by access script '{}': {}",
                script.path,
                String::from_utf8_lossy(request.uri()).escape_debug()
            );
            log::request(
                &request,
                Level::Error,
                Some(Code::ACCESS_REFUSED),
                text.as_bytes(),
            );
            Status::Http(403)
        }
        Err(app::Unanswered) => Status::Http(403),
    }
}
