//! Scripts that are not mounted at a URL: hooks of a request, handlers and imports.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::place::Place;

/// A script whose functions answer questions about a request: `WSGIDispatchScript`,
/// `WSGIAccessScript`, `WSGIAuthUserScript` or `WSGIAuthGroupScript`.
///
/// It always runs in httpd's own processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookScript {
    /// The file.
    pub path: Arc<str>,
    /// `application-group=`, not expanded; the main interpreter unless set. `%{SERVER}` and
    /// `%{HOST}` expand here, `%{RESOURCE}` and `%{ENV:...}` do not.
    pub application_group: Option<Arc<str>>,
}

/// `WSGIHandlerScript`: a script that answers for other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerScript {
    /// The file; it defines `handle_request`.
    pub path: Arc<str>,
    /// `process-group=`, not expanded.
    pub process_group: Option<Arc<str>>,
    /// `application-group=`, not expanded.
    pub application_group: Option<Arc<str>>,
    /// `pass-authorization=`.
    pub pass_authorization: Option<bool>,
}

/// Handler scripts by the name that `SetHandler` knows them by.
pub type HandlerScripts = BTreeMap<Arc<str>, Arc<HandlerScript>>;

/// A script that is loaded when a process starts: `WSGIImportScript`, or an alias that names both
/// groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportScript {
    /// The file.
    pub path: Arc<str>,
    /// The process group; empty for httpd's own processes.
    pub process_group: Arc<str>,
    /// The application group; empty for the main interpreter. Nothing in it is expanded.
    pub application_group: Arc<str>,
    /// Name of the directive that asked for it.
    pub source: &'static str,
    /// Where that directive stands.
    pub place: Option<Place>,
}

impl ImportScript {
    /// Whether `other` loads the same file into the same interpreters.
    #[must_use]
    pub fn loads_the_same(&self, other: &Self) -> bool {
        self.path == other.path
            && self.process_group == other.process_group
            && self.application_group == other.application_group
    }
}

/// A group's name without a request: `%{GLOBAL}` is empty, anything else stands for itself.
#[must_use]
pub fn literal_group(value: &str) -> &str {
    if value == "%{GLOBAL}" { "" } else { value }
}
