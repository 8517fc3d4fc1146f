//! What directives store, and how an inner scope is laid over an outer one.
//!
//! An unset value stays `None` until a request asks, so that the scope merged later decides.

use std::sync::Arc;

use super::alias::ScriptAlias;
use super::interpreter::PythonSettings;
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
    /// `WSGITrustedProxyHeaders`, as environ keys such as `HTTP_X_FORWARDED_FOR`, in order.
    pub trusted_proxy_headers: Option<Arc<[Arc<str>]>>,
    /// `WSGITrustedProxies`; unset, any peer counts as a proxy.
    pub trusted_proxies: Option<Arc<[Network]>>,
}

impl DirSettings {
    /// Whether no directive has set anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `overlay` where it says something, `base` elsewhere.
    #[must_use]
    pub fn merge(base: &Self, overlay: &Self) -> Self {
        let text =
            |over: &Option<Arc<str>>, under: &Option<Arc<str>>| over.as_ref().or(under.as_ref()).cloned();
        Self {
            process_group: text(&overlay.process_group, &base.process_group),
            application_group: text(&overlay.application_group, &base.application_group),
            callable_object: text(&overlay.callable_object, &base.callable_object),
            pass_authorization: overlay.pass_authorization.or(base.pass_authorization),
            script_reloading: overlay.script_reloading.or(base.script_reloading),
            chunked_request: overlay.chunked_request.or(base.chunked_request),
            error_override: overlay.error_override.or(base.error_override),
            enable_sendfile: overlay.enable_sendfile.or(base.enable_sendfile),
            map_head_to_get: overlay.map_head_to_get.or(base.map_head_to_get),
            trusted_proxy_headers: overlay
                .trusted_proxy_headers
                .as_ref()
                .or(base.trusted_proxy_headers.as_ref())
                .cloned(),
            trusted_proxies: overlay
                .trusted_proxies
                .as_ref()
                .or(base.trusted_proxies.as_ref())
                .cloned(),
        }
    }

    /// `WSGITrustedProxyHeaders`; none unless set.
    #[must_use]
    pub fn trusted_proxy_headers(&self) -> &[Arc<str>] {
        self.trusted_proxy_headers.as_deref().unwrap_or_default()
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

/// Settings of the main server or of one virtual host.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// Aliases in the order in which they are tried.
    pub aliases: Vec<Arc<ScriptAlias>>,
    /// The embedded Python: set by the main server only.
    pub python: PythonSettings,
    /// `WSGIRestrictEmbedded`: set by the main server only.
    pub restrict_embedded: Option<bool>,
    /// `WSGICaseSensitivity`: set by the main server only.
    pub case_sensitivity: Option<bool>,
}

impl ServerSettings {
    /// Whether no directive has set anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.aliases.is_empty()
            && self.python.is_empty()
            && self.restrict_embedded.is_none()
            && self.case_sensitivity.is_none()
    }

    /// A virtual host (`overlay`) laid over the main server (`base`).
    ///
    /// The host's own aliases are tried first; what only the main server can set stays its own.
    #[must_use]
    pub fn merge(base: &Self, overlay: &Self) -> Self {
        Self {
            aliases: overlay.aliases.iter().chain(&base.aliases).cloned().collect(),
            python: base.python.clone(),
            restrict_embedded: base.restrict_embedded,
            case_sensitivity: base.case_sensitivity,
        }
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
    use super::*;

    fn alias(prefix: &str) -> Arc<ScriptAlias> {
        Arc::new(ScriptAlias {
            matcher: Matcher::Prefix(prefix.into()),
            target: "/srv/app.wsgi".into(),
            options: AliasOptions::default(),
            source: "WSGIScriptAlias",
        })
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
            trusted_proxy_headers: Some(Arc::from([Arc::from("HTTP_X_REAL_IP")])),
            trusted_proxies: Network::parse("::1").map(|network| Arc::from([network])),
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
