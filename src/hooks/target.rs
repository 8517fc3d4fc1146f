//! Who runs a request: settings of its place and of its alias, expanded.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::config::alias::AliasOptions;
use crate::config::settings::DirSettings;
use crate::config::target::{self, RequestFacts};
use crate::httpd::Request;

/// Who runs a request.
pub(super) struct Target<'r> {
    /// Empty for embedded mode.
    pub(super) process_group: Cow<'r, str>,
    /// Empty for the main interpreter.
    pub(super) application_group: Cow<'r, str>,
    pub(super) callable: Cow<'r, str>,
    pub(super) pass_authorization: bool,
}

impl<'r> Target<'r> {
    pub(super) fn of(request: &Request<'r>, settings: &'r DirSettings, script_name: &'r [u8]) -> Self {
        static NO_OPTIONS: AliasOptions = AliasOptions {
            process_group: None,
            application_group: None,
            callable_object: None,
            pass_authorization: None,
        };
        let alias = request.alias().map_or(&NO_OPTIONS, |alias| &alias.options);
        let facts = Facts { request, script_name };
        let first = |option: &'r Option<std::sync::Arc<str>>, setting: &'r Option<std::sync::Arc<str>>| {
            option.as_deref().or(setting.as_deref())
        };
        let process_group = first(&alias.process_group, &settings.process_group);
        let application_group = first(&alias.application_group, &settings.application_group);
        let callable = first(&alias.callable_object, &settings.callable_object);
        Target {
            process_group: target::process_group(process_group, &facts),
            application_group: match application_group {
                Some(target::AUTOMATIC) if is_first_application(request.filename()) => Cow::Borrowed(""),
                group => target::application_group(group, &facts),
            },
            callable: target::callable_object(callable, &facts),
            pass_authorization: alias.pass_authorization.unwrap_or(settings.pass_authorization()),
        }
    }
}

/// Whether this is the script that `RWSGIApplicationGroup auto` gave the main interpreter of this process.
///
/// The file decides, not the group's name, in which a client may have a say.
fn is_first_application(script: &[u8]) -> bool {
    static FIRST: OnceLock<Box<[u8]>> = OnceLock::new();
    **FIRST.get_or_init(|| script.into()) == *script
}

struct Facts<'a, 'r> {
    request: &'a Request<'r>,
    script_name: &'r [u8],
}

impl RequestFacts for Facts<'_, '_> {
    fn server_name(&self) -> &str {
        std::str::from_utf8(self.request.configured_server_name()).unwrap_or_default()
    }

    fn port(&self) -> u16 {
        self.request.server_port()
    }

    fn host(&self) -> Option<Cow<'_, str>> {
        let host = self.request.hostname();
        (!host.is_empty()).then(|| String::from_utf8_lossy(host))
    }

    fn script_name(&self) -> &[u8] {
        self.script_name
    }

    fn lookup(&self, name: &str) -> Option<String> {
        let key = std::ffi::CString::new(name).ok()?;
        let found = self
            .request
            .notes()
            .get(&key)
            .or_else(|| self.request.subprocess_env().get(&key));
        match found {
            Some(value) => Some(String::from_utf8_lossy(value).into_owned()),
            None => std::env::var(name).ok(),
        }
    }

    fn case_insensitive(&self) -> bool {
        !self.request.server_settings().case_sensitivity()
    }
}
