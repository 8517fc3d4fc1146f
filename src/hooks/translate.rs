//! From a URL to a script: `WSGIScriptAlias`.

use std::ffi::CStr;

use crate::httpd::{Request, Status};

/// The name of our handler.
pub(super) const HANDLER: &CStr = c"wsgi-script";

/// Maps the request by the first alias that matches.
pub(super) fn translate(request: Request<'_>) -> Status {
    let uri = request.uri();
    // `OPTIONS *` and the target of CONNECT are no paths.
    if uri.first() != Some(&b'/') {
        return Status::Declined;
    }
    for alias in &request.server_settings().aliases {
        if let Some(mapped) = alias.resolve(uri) {
            request.set_filename([&mapped.target, mapped.rest]);
            request.set_handler(HANDLER);
            request.mark_as_aliased(HANDLER);
            request.set_alias(alias);
            return Status::Ok;
        }
    }
    Status::Declined
}
