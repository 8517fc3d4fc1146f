//! Processes of daemon groups, and telemetry.

use super::super::apply::set_server_switch;
use super::super::{Directive, daemon, server};
use super::directive;

pub(super) const ROWS: &[Directive] = &[
    directive!(
        "WSGIDaemonProcess",
        Server,
        "name [option=value ...]",
        "",
        "Defines a group of processes that run applications. Defined in a virtual host, it is for the \
         virtual hosts of the same `ServerName`. Two definitions of one name must agree in every option.",
        daemon::process
    ),
    directive!(
        "WSGISocketPrefix",
        Global,
        "path",
        "wsgi in the directory of httpd's run-time files",
        "Beginning of the names of the sockets to daemon processes, relative to the server root.",
        server::socket_prefix
    ),
    directive!(
        "WSGISocketRotation",
        Global,
        "On|Off",
        "On",
        "Whether a restart of the server may change the names of those sockets.",
        |call| set_server_switch(call, |server| &mut server.sockets.rotation)
    ),
    directive!(
        "WSGIAcceptMutex",
        Global,
        "default|flock|fcntl|sysvsem|posixsem|pthread",
        "default",
        "The kind of lock between daemon processes of a group.",
        server::accept_mutex
    ),
    directive!(
        "RWSGICommand",
        Global,
        "path",
        "rwsgi beside the module, or in /usr/bin or /usr/local/bin",
        "The command that starts daemon processes, relative to the server root. The folder `worker` beside it \
         is one of those where workers are looked for.",
        server::command
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
        "WSGIServerMetrics",
        Global,
        "On|Off",
        "Off",
        "Whether `mod_wsgi.server_metrics()` answers in httpd's own processes. Daemon groups have the \
         option `server-metrics=`.",
        |call| set_server_switch(call, |server| &mut server.server_metrics)
    ),
    directive!(
        "WSGITelemetryService",
        Global,
        "unix:/path [interval=seconds]",
        "",
        "The UNIX datagram socket to which mod_wsgi sends figures about processes and requests: accepted with a \
         warning, and without effect.",
        server::telemetry_service
    ),
    directive!(
        "WSGISlowRequests",
        Global,
        "seconds",
        "",
        "From which duration on a request counts as slow for `WSGITelemetryService`; 0 for none. Without effect.",
        server::slow_requests
    ),
    directive!(
        "WSGITelemetryOptions",
        Global,
        "[+|-]CaptureUserAgent ...|None|All",
        "None",
        "What the figures of `WSGITelemetryService` hold besides numbers. Without effect.",
        server::telemetry_options
    ),
];
