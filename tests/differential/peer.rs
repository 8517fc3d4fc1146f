//! The module to compare with.

use std::env;
use std::path::PathBuf;

use rwsgi_harness::Server;

/// The module file that `RWSGI_PEER_MODULE` names.
///
/// # Errors
/// Why there is none, for the reader of the test's output.
pub(crate) fn module() -> Result<PathBuf, String> {
    let named = env::var_os("RWSGI_PEER_MODULE").filter(|named| !named.is_empty());
    let Some(named) = named else {
        return Err("RWSGI_PEER_MODULE names no mod_wsgi (`make test` sets it)".to_string());
    };
    let module = PathBuf::from(named);
    module
        .canonicalize()
        .map_err(|error| format!("RWSGI_PEER_MODULE={}: {error}", module.display()))
}

/// The release of a running mod_wsgi, from the banner that httpd logs at start.
///
/// None when the banner does not name one.
pub(crate) fn version(server: &Server) -> Option<String> {
    let banner = server.wait_for_log("resuming normal operations").message;
    let mut words = banner.split_whitespace();
    words
        .find_map(|word| word.strip_prefix("mod_wsgi/"))
        .map(str::to_string)
}

/// Releases before 6 have other environ keys, error texts and log lines: of one of them only status, reason
/// and framing are compared.
pub(crate) fn is_current(version: &str) -> bool {
    version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major >= 6)
}
