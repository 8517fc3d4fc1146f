//! Which application answers, and who runs it.

use super::super::apply::set_name;
use super::super::{Directive, proxies, script_alias, scripts};
use super::directive;

pub(super) const ROWS: &[Directive] = &[
    directive!(
        "WSGIScriptAlias",
        Server,
        "URL-path file-or-directory [process-group=name] [application-group=name] [callable-object=name] \
         [pass-authorization=On|Off]",
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
        "regex file-or-directory [process-group=name] [application-group=name] [callable-object=name] \
         [pass-authorization=On|Off]",
        "",
        "As `WSGIScriptAlias`, with a regular expression for the path. `$1` to `$9` in the file's path \
         stand for what the groups of the expression matched, `$0` for the whole match. The mount point \
         is the path up to the end of the match.",
        script_alias::regex
    ),
    directive!(
        "WSGIHandlerScript",
        Directory,
        "handler path [process-group=name] [application-group=name] [pass-authorization=On|Off]",
        "",
        "Gives a script the name of a handler, for `SetHandler` and `AddHandler`. Its function \
         `handle_request(environ, start_response)` answers for the files that have the handler.",
        scripts::handler
    ),
    directive!(
        "WSGIImportScript",
        Server,
        "path process-group=name application-group=name",
        "",
        "Loads a script when a process of the group starts, before it takes requests. Both options must be \
         there; `%{GLOBAL}` means httpd's own processes and the main interpreter.",
        scripts::import
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
        "RWSGIApplicationGroup",
        Directory,
        "auto|name|%{GLOBAL}|%{RESOURCE}|%{SERVER}|%{HOST}|%{ENV:variable}",
        "",
        "As `WSGIApplicationGroup`, with `auto` as a further value: the first application of a process \
         runs in the main interpreter, which every package supports, and each further one in an \
         interpreter of its own.",
        scripts::application_group_directive
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
        "WSGIRestrictProcess",
        Directory,
        "name...",
        "",
        "The process groups that may run applications here; a request for any other gets a 500. \
         `%{GLOBAL}` stands for httpd's own processes.",
        proxies::restrict_process
    ),
    directive!(
        "WSGIDispatchScript",
        Directory,
        "path [application-group=name]",
        "",
        "A script whose functions `process_group(environ)`, `application_group(environ)` and \
         `callable_object(environ)`, each of which may be missing, choose who runs a request. It runs in \
         httpd's own processes.",
        |call| scripts::hook(call, "dispatch script", |dir| &mut dir.dispatch_script)
    ),
];
