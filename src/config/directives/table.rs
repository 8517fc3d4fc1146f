//! The rows.

use std::ffi::CStr;

use super::apply::{
    map_head_to_get, python_hash_seed, python_home, python_optimize, python_path, python_warnings, set_name,
    set_server_switch, set_switch, trusted_proxies, trusted_proxy_headers, utf8_mode,
};
use super::call::Call;
use super::{Context, Directive, script_alias};

/// A row; `$body` is a function or closure over the [`Call`].
macro_rules! directive {
    ($name:literal, $context:ident, $usage:literal, $default:literal, $help:literal, $body:expr) => {
        Directive {
            name: c_text(concat!($name, "\0")),
            context: Context::$context,
            usage: c_text(concat!($usage, "\0")),
            default: $default,
            help: $help,
            apply: |scope, line| Call::run($name, $usage, scope, line, $body),
        }
    };
}

/// Evaluated by the compiler only, so the error is one of the build.
#[allow(clippy::panic, reason = "in the compiler")]
const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a directive's name or usage contains a NUL"),
    }
}

/// All directives, in the order of the manual.
pub static DIRECTIVES: &[Directive] = &[
    directive!(
        "WSGIScriptAlias",
        Server,
        "URL-path file-or-directory [process-group=name] [application-group=name] [callable-object=name] [pass-authorization=On|Off]",
        "",
        "Mounts a script, or a directory of scripts, at a path of the URL. Within one virtual host the \
         first alias that matches wins, so list `/admin` before `/`; `Alias` always comes first, in \
         whichever order the lines stand. The script needs no `Options +ExecCGI`, but access to its \
         directory must be granted (`Require all granted`). The file's path must be absolute.\n\
         \n\
         The options choose who runs the script, and beat the directives of the same meaning in any scope.",
        script_alias::prefix
    ),
    directive!(
        "WSGIScriptAliasMatch",
        Server,
        "regex file-or-directory [process-group=name] [application-group=name] [callable-object=name] [pass-authorization=On|Off]",
        "",
        "As `WSGIScriptAlias`, with a regular expression for the path. `$1` to `$9` in the file's path \
         stand for what the groups of the expression matched, `$0` for the whole match. The mount point \
         is the path up to the end of the match.",
        script_alias::regex
    ),
    directive!(
        "WSGIProcessGroup",
        Directory,
        "name|%{GLOBAL}|%{RESOURCE}|%{SERVER}|%{HOST}|%{ENV:variable}",
        "%{GLOBAL}",
        "The daemon process group that runs the application; `%{GLOBAL}` means httpd's own processes. A \
         group that does not exist when a request comes gives a 500.",
        |call| set_name(call, |dir| &mut dir.process_group)
    ),
    directive!(
        "WSGIApplicationGroup",
        Directory,
        "name|%{GLOBAL}|%{RESOURCE}|%{SERVER}|%{HOST}|%{ENV:variable}",
        "%{RESOURCE}",
        "The Python interpreter, within a process, that runs the application. Applications of one group \
         share their modules; other groups see nothing of each other. `%{GLOBAL}` is the first \
         interpreter of the process, which packages such as numpy need. `%{SERVER}` is the name of the \
         virtual host and its port (80 and 443 left out), `%{RESOURCE}` that and the mount point, \
         `%{HOST}` what the client sent as Host, `%{ENV:variable}` a variable of the request or, failing \
         that, of the process.",
        |call| set_name(call, |dir| &mut dir.application_group)
    ),
    directive!(
        "WSGICallableObject",
        FileInfo,
        "name|%{ENV:variable}",
        "application",
        "The global name in the script that is called for each request.",
        |call| set_name(call, |dir| &mut dir.callable_object)
    ),
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
        "WSGITrustedProxyHeaders",
        FileInfo,
        "header ...",
        "",
        "Headers of a reverse proxy that tell about the client: its address, host, port, mount point and \
         scheme. Of several of one kind the one listed last counts, and the application sees no other of \
         that kind. Only list what the proxy itself sets or removes.",
        trusted_proxy_headers
    ),
    directive!(
        "WSGITrustedProxies",
        FileInfo,
        "address|network ...",
        "",
        "The proxies that `WSGITrustedProxyHeaders` is believed from, as addresses or networks. From anybody \
         else the application sees none of these headers. Without it they are believed from everybody.",
        trusted_proxies
    ),
    directive!(
        "WSGIRestrictEmbedded",
        Global,
        "On|Off",
        "Off",
        "Whether httpd's own processes run no application at all: a request meant for them gets an error, \
         and no Python starts in them.",
        |call| set_server_switch(call, |server| &mut server.restrict_embedded)
    ),
    directive!(
        "WSGICaseSensitivity",
        Global,
        "On|Off",
        "On (Off on macOS and Windows)",
        "Whether paths that differ in letter case name different scripts.",
        |call| set_server_switch(call, |server| &mut server.case_sensitivity)
    ),
    directive!(
        "WSGIPythonHome",
        Global,
        "directory",
        "",
        "A virtual environment, or the prefix of a Python installation, for the applications in httpd's \
         own processes. It must belong to the minor version that the module was built with, and be \
         readable by the user that httpd serves as.",
        python_home
    ),
    directive!(
        "WSGIPythonPath",
        Global,
        "directory[:directory...]",
        "",
        "Directories that come first in `sys.path` of the applications in httpd's own processes. `.pth` \
         files in them are followed.",
        python_path
    ),
    directive!(
        "WSGIPythonOptimize",
        Global,
        "0|1|2",
        "0",
        "Level of optimisation: 1 as `python -O`, which drops `assert`, 2 as `python -OO`, which drops \
         docstrings as well.",
        python_optimize
    ),
    directive!(
        "WSGIPythonWarnings",
        Global,
        "action[:message[:category[:module[:line]]]]",
        "",
        "A filter for Python's warnings, as `python -W` takes it. Use it repeatedly for several filters.",
        python_warnings
    ),
    directive!(
        "WSGIPythonHashSeed",
        Global,
        "random|0..4294967295",
        "random",
        "Seed of the hashes of strings. A number makes the order of sets the same in every process; 0 \
         switches randomisation off, and with it the protection against crafted keys.",
        python_hash_seed
    ),
    directive!(
        "WSGIDontWriteBytecode",
        Global,
        "On|Off",
        "Off",
        "Whether Python leaves `.pyc` files unwritten.",
        |call| set_server_switch(call, |server| &mut server.python.dont_write_bytecode)
    ),
    directive!(
        "WSGIRestrictStdin",
        Global,
        "On|Off",
        "Off",
        "Whether using `sys.stdin` raises an error.",
        |call| set_server_switch(call, |server| &mut server.python.options.restrict_stdin)
    ),
    directive!(
        "WSGIRestrictStdout",
        Global,
        "On|Off",
        "Off",
        "Whether using `sys.stdout` raises an error; otherwise it goes to the error log.",
        |call| set_server_switch(call, |server| &mut server.python.options.restrict_stdout)
    ),
    directive!(
        "WSGIRestrictSignal",
        Global,
        "On|Off",
        "On",
        "Whether `signal.signal` is without effect, so that no application takes away the signals that \
         httpd controls its processes with.",
        |call| set_server_switch(call, |server| &mut server.python.options.restrict_signal)
    ),
    directive!(
        "RWSGIUTF8Mode",
        Global,
        "On|Off|Auto",
        "Auto",
        "Whether Python takes UTF-8 for the encoding of file names, of files opened without `encoding=` and \
         of its standard streams, whatever the locale is. `Auto` does so under the C and POSIX locales, \
         where init scripts start httpd, and heeds the environment variable `PYTHONUTF8`. `Off` leaves it \
         all to the locale.",
        utf8_mode
    ),
];
