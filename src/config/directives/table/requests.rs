//! How a request is treated, and who may make it.

use super::super::apply::{map_head_to_get, set_switch};
use super::super::{Directive, proxies, scripts};
use super::directive;

pub(super) const ROWS: &[Directive] = &[
    directive!(
        "WSGIPassAuthorization",
        FileInfo,
        "On|Off",
        "Off",
        "Whether the application sees the Authorization header, as `HTTP_AUTHORIZATION`. Switch it on \
         where the application authenticates users itself.",
        |call| set_switch(call, |dir| &mut dir.pass_authorization)
    ),
    directive!(
        "WSGIScriptReloading",
        FileInfo,
        "On|Off",
        "On",
        "Whether a script is loaded again when its file has changed.",
        |call| set_switch(call, |dir| &mut dir.script_reloading)
    ),
    directive!(
        "WSGIChunkedRequest",
        FileInfo,
        "On|Off",
        "Off",
        "Whether a request body may come with `Transfer-Encoding: chunked`. The application then reads to \
         the end of its input, without a `CONTENT_LENGTH`. Off, such a request gets a 411.",
        |call| set_switch(call, |dir| &mut dir.chunked_request)
    ),
    directive!(
        "WSGIMapHEADToGET",
        FileInfo,
        "Auto|On|Off",
        "Auto",
        "Whether the application sees GET for a HEAD request, so that it makes the same headers. `Auto` \
         does so when an output filter such as DEFLATE may change the length of the body.",
        map_head_to_get
    ),
    directive!(
        "WSGIErrorOverride",
        FileInfo,
        "On|Off",
        "Off",
        "Whether httpd's `ErrorDocument` replaces the body of an application's response of status 400 and \
         above. Daemon mode only.",
        |call| set_switch(call, |dir| &mut dir.error_override)
    ),
    directive!(
        "WSGIEnableSendfile",
        FileInfo,
        "On|Off",
        "Off",
        "Whether a file that the application returns through `wsgi.file_wrapper` may be sent by the \
         kernel's sendfile; httpd's own `EnableSendfile` must be on as well.",
        |call| set_switch(call, |dir| &mut dir.enable_sendfile)
    ),
    directive!(
        "WSGIIgnoreActivity",
        FileInfo,
        "On|Off",
        "Off",
        "Whether requests here do not count as activity for `inactivity-timeout=`, as checks by a monitor \
         should not.",
        |call| set_switch(call, |dir| &mut dir.ignore_activity)
    ),
    directive!(
        "WSGIPassApacheRequest",
        Directory,
        "On|Off",
        "Off",
        "Whether environ has httpd's own record of the request, as a capsule, for extension modules. Not \
         for daemon processes.",
        |call| set_switch(call, |dir| &mut dir.pass_apache_request)
    ),
    directive!(
        "WSGITrustedProxyHeaders",
        FileInfo,
        "header...",
        "",
        "Headers such as X-Forwarded-For in which a proxy tells about its client. A second line adds to \
         the first; an inner scope replaces the list.",
        proxies::headers
    ),
    directive!(
        "WSGITrustedProxies",
        FileInfo,
        "address|network...",
        "any peer",
        "IP addresses, and networks such as 10.0.0.0/8, of the proxies whose headers count. Without it \
         those of any peer do. A second line adds to the first; an inner scope replaces the list.",
        proxies::trusted
    ),
    directive!(
        "WSGIAccessScript",
        AuthConfig,
        "path [application-group=name]",
        "",
        "A script whose function `allow_access(environ, host)` decides by the client's address who may \
         come in.",
        |call| scripts::hook(call, "access script", |dir| &mut dir.access_script)
    ),
    directive!(
        "WSGIAuthUserScript",
        AuthConfig,
        "path [application-group=name]",
        "",
        "A script whose function `check_password(environ, user, password)` or `get_realm_hash(environ, \
         user, realm)` knows users, for `AuthBasicProvider wsgi` and `AuthDigestProvider wsgi`.",
        |call| scripts::hook(call, "auth user script", |dir| &mut dir.auth_user_script)
    ),
    directive!(
        "WSGIAuthGroupScript",
        AuthConfig,
        "path [application-group=name]",
        "",
        "A script whose function `groups_for_user(environ, user)` knows the groups of users, for `Require \
         wsgi-group`.",
        |call| scripts::hook(call, "auth group script", |dir| &mut dir.auth_group_script)
    ),
    directive!(
        "WSGIGroupAuthoritative",
        AuthConfig,
        "On|Off",
        "On",
        "Has no effect; accepted as ever.",
        |call| set_switch(call, |dir| &mut dir.group_authoritative)
    ),
];
