//! What directives store, and how an inner scope is laid over an outer one.
//!
//! An unset value stays `None` until a request asks, so that the scope merged later decides.

use std::sync::Arc;

use super::alias::ScriptAlias;
use super::daemon_group::DaemonGroup;
use super::finish::Finished;
use super::interpreter::{MergedOptions, PythonSettings};
use super::scripts::{HandlerScripts, HookScript, ImportScript};
use super::server_options::{SocketSettings, TelemetrySettings};
use super::trusted::Network;

/// `WSGIMapHEADToGET`: when an application sees GET for a HEAD request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MapHead {
    /// Only when an output filter may change the length of the body.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Settings that may differ from one directory or location to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirSettings {
    /// `WSGIProcessGroup`, not expanded.
    pub process_group: Option<Arc<str>>,
    /// `WSGIApplicationGroup`, not expanded.
    pub application_group: Option<Arc<str>>,
    /// `WSGICallableObject`, not expanded.
    pub callable_object: Option<Arc<str>>,
    /// `WSGIPassAuthorization`.
    pub pass_authorization: Option<bool>,
    /// `WSGIScriptReloading`.
    pub script_reloading: Option<bool>,
    /// `WSGIChunkedRequest`.
    pub chunked_request: Option<bool>,
    /// `WSGIErrorOverride`.
    pub error_override: Option<bool>,
    /// `WSGIEnableSendfile`.
    pub enable_sendfile: Option<bool>,
    /// `WSGIMapHEADToGET`.
    pub map_head_to_get: Option<MapHead>,
    /// `WSGIIgnoreActivity`.
    pub ignore_activity: Option<bool>,
    /// `WSGIPassApacheRequest`.
    pub pass_apache_request: Option<bool>,
    /// `WSGIRestrictProcess`: the process groups that may run a request, empty for httpd's own.
    pub restrict_process: Option<Arc<[Arc<str>]>>,
    /// `WSGITrustedProxyHeaders`, as environ keys such as `HTTP_X_FORWARDED_FOR`, in order.
    pub trusted_proxy_headers: Option<Arc<[Arc<str>]>>,
    /// `WSGITrustedProxies`; unset, any peer counts as a proxy.
    pub trusted_proxies: Option<Arc<[Network]>>,
    /// `WSGIDispatchScript`.
    pub dispatch_script: Option<Arc<HookScript>>,
    /// `WSGIHandlerScript`, by the name of the handler.
    pub handler_scripts: Option<Arc<HandlerScripts>>,
    /// `WSGIAccessScript`.
    pub access_script: Option<Arc<HookScript>>,
    /// `WSGIAuthUserScript`.
    pub auth_user_script: Option<Arc<HookScript>>,
    /// `WSGIAuthGroupScript`.
    pub auth_group_script: Option<Arc<HookScript>>,
    /// `WSGIGroupAuthoritative`: kept, without effect.
    pub group_authoritative: Option<bool>,
}

impl DirSettings {
    /// Whether no directive has set anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `overlay` where it says something, `base` elsewhere.
    ///
    /// A list of the overlay replaces that of the base; of handler scripts, only those of the same
    /// name.
    #[must_use]
    pub fn merge(base: &Self, overlay: &Self) -> Self {
        fn first<T: Clone>(over: &Option<T>, under: &Option<T>) -> Option<T> {
            over.as_ref().or(under.as_ref()).cloned()
        }
        macro_rules! overlay {
            ($($field:ident)*) => {
                Self {
                    handler_scripts: merge_handlers(&base.handler_scripts, &overlay.handler_scripts),
                    $($field: first(&overlay.$field, &base.$field),)*
                }
            };
        }
        overlay!(
            process_group application_group callable_object pass_authorization script_reloading
            chunked_request error_override enable_sendfile map_head_to_get ignore_activity
            pass_apache_request restrict_process trusted_proxy_headers trusted_proxies dispatch_script
            access_script auth_user_script auth_group_script group_authoritative
        )
    }

    /// Whether requests leave the clock of `inactivity-timeout=` alone; they do not unless set.
    #[must_use]
    pub fn ignore_activity(&self) -> bool {
        self.ignore_activity.unwrap_or(false)
    }

    /// Whether environ has httpd's request as a capsule; it has not unless set.
    #[must_use]
    pub fn pass_apache_request(&self) -> bool {
        self.pass_apache_request.unwrap_or(false)
    }

    /// Whether `WSGIRestrictProcess` lets this process group (empty: httpd's own) run a request.
    #[must_use]
    pub fn allows_process_group(&self, group: &str) -> bool {
        self.restrict_process
            .as_ref()
            .is_none_or(|groups| groups.iter().any(|allowed| **allowed == *group))
    }

    /// `WSGITrustedProxyHeaders`; none unless set.
    #[must_use]
    pub fn trusted_proxy_headers(&self) -> &[Arc<str>] {
        self.trusted_proxy_headers.as_deref().unwrap_or_default()
    }

    /// The script that stands behind a handler's name.
    #[must_use]
    pub fn handler_script(&self, name: &str) -> Option<&super::scripts::HandlerScript> {
        self.handler_scripts.as_ref()?.get(name).map(Arc::as_ref)
    }

    /// Whether an application sees the Authorization header; it does not unless set.
    #[must_use]
    pub fn pass_authorization(&self) -> bool {
        self.pass_authorization.unwrap_or(false)
    }

    /// Whether a changed script is loaded again; it is unless set.
    #[must_use]
    pub fn script_reloading(&self) -> bool {
        self.script_reloading.unwrap_or(true)
    }

    /// Whether a request body may come in chunks; it may not unless set.
    #[must_use]
    pub fn chunked_request(&self) -> bool {
        self.chunked_request.unwrap_or(false)
    }

    /// Whether httpd's error documents replace those of a daemon application; they do not unless set.
    #[must_use]
    pub fn error_override(&self) -> bool {
        self.error_override.unwrap_or(false)
    }

    /// Whether `wsgi.file_wrapper` may use sendfile; it may not unless set.
    #[must_use]
    pub fn enable_sendfile(&self) -> bool {
        self.enable_sendfile.unwrap_or(false)
    }

    /// When HEAD is shown as GET; `Auto` unless set.
    #[must_use]
    pub fn map_head_to_get(&self) -> MapHead {
        self.map_head_to_get.unwrap_or_default()
    }
}

fn merge_handlers(
    base: &Option<Arc<HandlerScripts>>,
    overlay: &Option<Arc<HandlerScripts>>,
) -> Option<Arc<HandlerScripts>> {
    match (base, overlay) {
        (Some(under), Some(over)) => {
            let mut all = HandlerScripts::clone(under);
            all.extend(over.iter().map(|(name, script)| (name.clone(), script.clone())));
            Some(Arc::new(all))
        }
        (under, over) => over.as_ref().or(under.as_ref()).cloned(),
    }
}

/// Settings of the main server or of one virtual host.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// Aliases in the order in which they are tried.
    pub aliases: Vec<Arc<ScriptAlias>>,
    /// `WSGIDaemonProcess`: those of a virtual host come before those of the main server.
    pub daemon_groups: Vec<Arc<DaemonGroup>>,
    /// Scripts to load when a process starts; those of a virtual host first.
    pub imports: Vec<Arc<ImportScript>>,
    /// Whether a line of the configuration, `.htaccess` files aside, names a script that runs in
    /// httpd's own processes: these need Python even under `WSGIRestrictEmbedded On`.
    pub hook_scripts: bool,
    /// Python: set by the main server only.
    pub python: PythonSettings,
    /// Sockets to daemon processes: set by the main server only.
    pub sockets: SocketSettings,
    /// Telemetry: set by the main server only.
    pub telemetry: TelemetrySettings,
    /// `WSGIRestrictEmbedded`: set by the main server only.
    pub restrict_embedded: Option<bool>,
    /// `WSGICaseSensitivity`: set by the main server only.
    pub case_sensitivity: Option<bool>,
    /// `WSGIServerMetrics`: set by the main server only.
    pub server_metrics: Option<bool>,
    /// What all lines together say; set when the last of them has been read.
    pub finished: Option<Arc<Finished>>,
}

impl ServerSettings {
    /// Whether no directive has set anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.aliases.is_empty()
            && self.daemon_groups.is_empty()
            && self.imports.is_empty()
            && !self.hook_scripts
            && self.python.is_empty()
            && self.sockets == SocketSettings::default()
            && self.telemetry == TelemetrySettings::default()
            && self.restrict_embedded.is_none()
            && self.case_sensitivity.is_none()
            && self.server_metrics.is_none()
    }

    /// A virtual host (`overlay`) laid over the main server (`base`).
    ///
    /// The host's own aliases are tried first; what only the main server can set stays its own.
    #[must_use]
    pub fn merge(base: &Self, overlay: &Self) -> Self {
        fn both<T>(over: &[Arc<T>], under: &[Arc<T>]) -> Vec<Arc<T>> {
            over.iter().chain(under).cloned().collect()
        }
        Self {
            aliases: both(&overlay.aliases, &base.aliases),
            daemon_groups: both(&overlay.daemon_groups, &base.daemon_groups),
            imports: both(&overlay.imports, &base.imports),
            hook_scripts: overlay.hook_scripts || base.hook_scripts,
            python: base.python.clone(),
            sockets: base.sockets.clone(),
            telemetry: base.telemetry.clone(),
            restrict_embedded: base.restrict_embedded,
            case_sensitivity: base.case_sensitivity,
            server_metrics: base.server_metrics,
            finished: None,
        }
    }

    /// What holds for the interpreter of `application_group` in the processes of `process_group`;
    /// empty names stand for httpd's own processes and for the main interpreter.
    #[must_use]
    pub fn interpreter_options(&self, process_group: &str, application_group: &str) -> MergedOptions {
        self.python.interpreter_options(process_group, application_group)
    }

    /// Whether Python must run in httpd's own processes although `WSGIRestrictEmbedded` keeps
    /// applications out of them.
    #[must_use]
    pub fn needs_embedded_python(&self) -> bool {
        self.finished
            .as_ref()
            .is_some_and(|finished| finished.hook_scripts || finished.imports_of("").next().is_some())
    }

    /// Whether `mod_wsgi.server_metrics()` answers in httpd's own processes; it does not unless set.
    #[must_use]
    pub fn server_metrics(&self) -> bool {
        self.server_metrics.unwrap_or(false)
    }

    /// Whether httpd's own processes may run no Python for requests; they may unless set.
    #[must_use]
    pub fn restrict_embedded(&self) -> bool {
        self.restrict_embedded.unwrap_or(false)
    }

    /// Whether paths that differ in letter case are different: depends on the platform unless set.
    #[must_use]
    pub fn case_sensitivity(&self) -> bool {
        self.case_sensitivity
            .unwrap_or(!cfg!(any(target_os = "macos", windows)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::alias::{AliasOptions, Matcher};
    use super::super::scripts::HandlerScript;
    use super::*;

    fn alias(prefix: &str) -> Arc<ScriptAlias> {
        Arc::new(ScriptAlias {
            matcher: Matcher::Prefix(prefix.into()),
            target: "/srv/app.wsgi".into(),
            options: AliasOptions::default(),
            source: "WSGIScriptAlias",
            place: None,
        })
    }

    fn script(path: &str) -> Arc<HookScript> {
        Arc::new(HookScript {
            path: path.into(),
            application_group: None,
        })
    }

    #[test]
    fn handlers_of_the_outer_scope_stay_and_lists_are_replaced() {
        let handlers = |names: &[&str], path: &str| {
            let script = Arc::new(HandlerScript {
                path: path.into(),
                process_group: None,
                application_group: None,
                pass_authorization: None,
            });
            let named = names.iter().map(|name| (Arc::from(*name), script.clone()));
            Some(Arc::new(named.collect::<HandlerScripts>()))
        };
        let outer = DirSettings {
            handler_scripts: handlers(&["a", "b"], "/outer"),
            restrict_process: Some(["".into(), "x".into()].into()),
            trusted_proxy_headers: Some(["HTTP_X_FORWARDED_FOR".into()].into()),
            ..Default::default()
        };
        let inner = DirSettings {
            handler_scripts: handlers(&["b"], "/inner"),
            restrict_process: Some(["y".into()].into()),
            ..Default::default()
        };
        let merged = DirSettings::merge(&outer, &inner);
        let path = |name| merged.handler_script(name).map(|script| &*script.path);
        assert_eq!(
            (path("a"), path("b"), path("c")),
            (Some("/outer"), Some("/inner"), None)
        );
        assert!(merged.allows_process_group("y") && !merged.allows_process_group("x"));
        assert!(outer.allows_process_group("") && !outer.allows_process_group("y"));
        assert!(DirSettings::default().allows_process_group("any"));
        assert_eq!(merged.trusted_proxy_headers().len(), 1);
    }

    #[test]
    fn unset_means_the_documented_default() {
        let unset = DirSettings::default();
        assert!(unset.is_empty());
        assert!(!unset.pass_authorization());
        assert!(unset.script_reloading());
        assert!(!unset.chunked_request());
        assert!(!unset.error_override());
        assert!(!unset.enable_sendfile());
        assert_eq!(unset.map_head_to_get(), MapHead::Auto);
        let server = ServerSettings::default();
        assert!(server.is_empty());
        assert!(!server.restrict_embedded());
        assert_eq!(server.case_sensitivity(), cfg!(target_os = "linux"));
    }

    #[test]
    fn the_inner_scope_wins_where_it_says_something() {
        let outer = DirSettings {
            process_group: Some("outer".into()),
            callable_object: Some("app".into()),
            script_reloading: Some(false),
            chunked_request: Some(true),
            map_head_to_get: Some(MapHead::Off),
            ..Default::default()
        };
        let inner = DirSettings {
            process_group: Some("inner".into()),
            chunked_request: Some(false),
            pass_authorization: Some(true),
            ..Default::default()
        };
        let merged = DirSettings::merge(&outer, &inner);
        assert_eq!(merged.process_group.as_deref(), Some("inner"));
        assert_eq!(merged.callable_object.as_deref(), Some("app"));
        assert_eq!(merged.application_group, None);
        assert!(!merged.script_reloading());
        assert!(!merged.chunked_request());
        assert!(merged.pass_authorization());
        assert_eq!(merged.map_head_to_get(), MapHead::Off);
    }

    #[test]
    fn nothing_laid_over_something_changes_nothing() {
        let all = DirSettings {
            process_group: Some("p".into()),
            application_group: Some("a".into()),
            callable_object: Some("c".into()),
            pass_authorization: Some(true),
            script_reloading: Some(false),
            chunked_request: Some(true),
            error_override: Some(true),
            enable_sendfile: Some(true),
            map_head_to_get: Some(MapHead::On),
            ignore_activity: Some(true),
            pass_apache_request: Some(true),
            restrict_process: Some(["a".into()].into()),
            trusted_proxy_headers: Some(["HTTP_X_HOST".into()].into()),
            trusted_proxies: Some(Network::parse("::1").into_iter().collect()),
            dispatch_script: Some(script("/dispatch")),
            handler_scripts: Some(Arc::default()),
            access_script: Some(script("/access")),
            auth_user_script: Some(script("/user")),
            auth_group_script: Some(script("/group")),
            group_authoritative: Some(false),
        };
        assert_eq!(DirSettings::merge(&all, &DirSettings::default()), all);
        assert_eq!(DirSettings::merge(&DirSettings::default(), &all), all);
    }

    #[test]
    fn aliases_of_the_virtual_host_come_first() {
        let base = ServerSettings {
            aliases: vec![alias("/"), alias("/x")],
            restrict_embedded: Some(true),
            case_sensitivity: Some(false),
            python: PythonSettings {
                home: Some("/opt/venv".into()),
                ..Default::default()
            },
            ..Default::default()
        };
        let host = ServerSettings {
            aliases: vec![alias("/host")],
            ..Default::default()
        };
        let merged = ServerSettings::merge(&base, &host);
        let order: Vec<String> = merged.aliases.iter().map(|alias| alias.source_text()).collect();
        assert_eq!(order, ["/host", "/", "/x"]);
        assert_eq!(merged.python.home.as_deref(), Some("/opt/venv"));
        assert!(merged.restrict_embedded());
        assert!(!merged.case_sensitivity());
    }
}
