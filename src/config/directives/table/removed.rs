//! Names without effect.

use super::super::{Directive, server};
use super::directive;

pub(super) const ROWS: &[Directive] = &[
    directive!(
        "WSGIVerboseDebugging",
        Global,
        "On|Off",
        "",
        "Deprecated: accepted, and without effect.",
        server::verbose_debugging
    ),
    directive!(
        "WSGILazyInitialization",
        Server,
        "On|Off",
        "",
        "A name of older releases: accepted with a warning, and without effect. Remove it, as Python \
         always starts in the child.",
        |call| server::removed(call, "remove it, as Python always starts in the child")
    ),
    directive!(
        "WSGINewRelicConfigFile",
        Server,
        "path",
        "",
        "A name of older releases: accepted with a warning, and without effect. Remove it, and let the \
         application start its agent.",
        |call| server::removed(call, "remove it, and let the application start its agent")
    ),
    directive!(
        "WSGINewRelicEnvironment",
        Server,
        "name",
        "",
        "A name of older releases: accepted with a warning, and without effect. Remove it, and let the \
         application start its agent.",
        |call| server::removed(call, "remove it, and let the application start its agent")
    ),
    directive!(
        "WSGIUserAuthoritative",
        AuthConfig,
        "On|Off",
        "",
        "A name of older releases: accepted with a warning, and without effect. Use AuthBasicAuthoritative \
         of mod_auth_basic.",
        |call| server::removed(call, "use AuthBasicAuthoritative of mod_auth_basic")
    ),
    directive!(
        "WSGIReloadMechanism",
        FileInfo,
        "Module|Process|Interpreter",
        "",
        "A name of older releases: accepted with a warning, and without effect. Remove it, and see \
         WSGIScriptReloading.",
        |call| server::removed(call, "remove it, and see WSGIScriptReloading")
    ),
    directive!(
        "WSGIPythonExecutable",
        Server,
        "path",
        "",
        "A name of older releases: accepted with a warning, and without effect. Use WSGIPythonHome.",
        |call| server::removed(call, "use WSGIPythonHome")
    ),
    directive!(
        "WSGIOutputBuffering",
        FileInfo,
        "On|Off",
        "",
        "A name of older releases: accepted with a warning, and without effect. Remove it, as output is \
         sent as the application writes it.",
        |call| server::removed(call, "remove it, as output is sent as the application writes it")
    ),
    directive!(
        "WSGIPy3kWarningFlag",
        Server,
        "On|Off",
        "",
        "A name of older releases: accepted with a warning, and without effect. Remove it, as it was for \
         Python 2.",
        |call| server::removed(call, "remove it, as it was for Python 2")
    ),
];
