//! Who runs a request: settings of its place and of its alias, expanded.

use std::borrow::Cow;
use std::cell::RefCell;

use crate::config::alias::AliasOptions;
use crate::config::scripts::HandlerScript;
use crate::config::settings::DirSettings;
use crate::config::target::{self, RequestFacts};
use crate::gateway::bytes::same;
use crate::httpd::Request;

/// The function of a handler script that is called.
const HANDLER_FUNCTION: &str = "handle_request";

/// Who runs a request.
#[derive(Clone)]
pub(super) struct Target<'r> {
    /// Empty for embedded mode.
    pub(super) process_group: Cow<'r, str>,
    /// Empty for the main interpreter.
    pub(super) application_group: Cow<'r, str>,
    /// Whether the first application of a process runs in the main interpreter instead
    /// (`RWSGIApplicationGroup auto`).
    pub(super) is_automatic: bool,
    pub(super) callable: Cow<'r, str>,
    pub(super) pass_authorization: bool,
    /// The file that is loaded.
    pub(super) script: &'r [u8],
    /// Set when that file answers for the one that the request maps to.
    pub(super) handler_script: Option<&'r HandlerScript>,
}

impl<'r> Target<'r> {
    pub(super) fn of(
        request: &Request<'r>,
        settings: &'r DirSettings,
        script_name: &'r [u8],
        handler_script: Option<&'r HandlerScript>,
    ) -> Self {
        static NO_OPTIONS: AliasOptions = AliasOptions {
            process_group: None,
            application_group: None,
            callable_object: None,
            pass_authorization: None,
        };
        let alias = request.alias().filter(|_| handler_script.is_none());
        let alias = alias.map_or(&NO_OPTIONS, |alias| &alias.options);
        let facts = Facts { request, script_name };
        let first = |option: &'r Option<std::sync::Arc<str>>, setting: &'r Option<std::sync::Arc<str>>| {
            option.as_deref().or(setting.as_deref())
        };
        let own = handler_script.map(|own| (own.process_group.as_deref(), own.application_group.as_deref()));
        let (own_process_group, own_application_group) = own.unwrap_or_default();
        let process_group = own_process_group.or(first(&alias.process_group, &settings.process_group));
        let application_group =
            own_application_group.or(first(&alias.application_group, &settings.application_group));
        let script = handler_script.map_or(request.filename(), |own| own.path.as_bytes());
        let callable = first(&alias.callable_object, &settings.callable_object);
        Target {
            process_group: target::process_group(process_group, &facts),
            application_group: match application_group {
                None | Some("%{RESOURCE}") => Cow::Borrowed(resource_group(&facts)),
                group => target::application_group(group, &facts),
            },
            is_automatic: application_group == Some(target::AUTOMATIC),
            callable: match handler_script {
                Some(_) => Cow::Borrowed(HANDLER_FUNCTION),
                None => target::callable_object(callable, &facts),
            },
            pass_authorization: handler_script
                .and_then(|own| own.pass_authorization)
                .or(alias.pass_authorization)
                .unwrap_or(settings.pass_authorization()),
            script,
            handler_script,
        }
    }
}

/// The group of `%{RESOURCE}`. A thread's requests are mostly for the same few, so it keeps the last name.
fn resource_group<'r>(facts: &Facts<'_, 'r>) -> &'r str {
    struct Last {
        server: Vec<u8>,
        port: u16,
        script: Vec<u8>,
        name: String,
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let (server, port, script) = (
        facts.request.configured_server_name(),
        facts.port(),
        facts.script_name,
    );
    LAST.with_borrow_mut(|last| match last {
        Some(last) if last.port == port && same(&last.server, server) && same(&last.script, script) => {
            facts.request.keep_text(&last.name)
        }
        last => {
            let name = target::application_group(None, facts).into_owned();
            let kept = facts.request.keep_text(&name);
            *last = Some(Last {
                server: server.into(),
                port,
                script: script.into(),
                name,
            });
            kept
        }
    })
}

pub(super) struct Facts<'a, 'r> {
    pub(super) request: &'a Request<'r>,
    pub(super) script_name: &'r [u8],
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
