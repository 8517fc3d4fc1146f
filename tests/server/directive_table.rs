//! Each directive in each place where it may stand, and in those where it may not.

use std::collections::BTreeSet;

use mod_rwsgi::config::directives::{Context, DIRECTIVES, Directive};
use rwsgi_harness::{ConfigCheck, Server};

/// Arguments that a directive accepts.
fn arguments(directive: &Directive) -> &'static str {
    match name(directive).as_str() {
        "WSGIScriptAlias" | "WSGIScriptAliasMatch" => "/mounted /a.wsgi",
        "WSGIHandlerScript" => "a-handler /a.wsgi",
        "WSGIImportScript" => "/a.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}",
        "WSGIAccessScript" => "${APPS}/lets_in.py",
        "WSGIAcceptMutex" => "fcntl",
        "WSGIPythonOptimize" | "WSGIPythonHashSeed" | "WSGISwitchInterval" | "WSGISlowRequests" => "1",
        "WSGITelemetryService" => "unix:/run/telemetry.sock",
        "WSGITelemetryOptions" => "None",
        "WSGITrustedProxies" => "127.0.0.1",
        "WSGIPythonHome" => "/usr",
        "<WSGIInterpreterOptions" => "application-group=a>\nWSGIRestrictStdin Off\n</WSGIInterpreterOptions>",
        _ => "On",
    }
}

fn name(directive: &Directive) -> String {
    directive.name.to_string_lossy().into_owned()
}

fn line(directive: &Directive) -> String {
    format!("{} {}\n", name(directive), arguments(directive))
}

fn check(text: &str) -> ConfigCheck {
    Server::builder().config(text).check_config()
}

fn in_host(lines: &str) -> String {
    format!("<VirtualHost *:${{PORT}}>\nServerName host.test\n{lines}</VirtualHost>\n")
}

fn in_directory(lines: &str) -> String {
    format!("<Directory ${{HTDOCS}}>\n{lines}</Directory>\n")
}

fn in_interpreter_options(lines: &str) -> String {
    format!("<WSGIInterpreterOptions process-group=%{{GLOBAL}}>\n{lines}</WSGIInterpreterOptions>\n")
}

fn all(allowed: impl Fn(Context) -> bool) -> Vec<&'static Directive> {
    DIRECTIVES
        .iter()
        .filter(|directive| allowed(directive.context))
        .collect()
}

fn lines(directives: &[&Directive]) -> String {
    directives.iter().map(|directive| line(directive)).collect()
}

fn is_global(context: Context) -> bool {
    matches!(context, Context::Global | Context::GlobalOrInterpreter)
}

fn is_for_sections(context: Context) -> bool {
    matches!(
        context,
        Context::Directory | Context::FileInfo | Context::AuthConfig
    )
}

#[test]
fn directives_are_accepted_where_they_may_stand() {
    let places = [
        lines(&all(|_| true)),
        in_host(&lines(&all(|context| !is_global(context)))),
        in_directory(&lines(&all(is_for_sections))),
        format!("<Location /x>\n{}</Location>\n", lines(&all(is_for_sections))),
        format!("<Files x>\n{}</Files>\n", lines(&all(is_for_sections))),
        format!("<If true>\n{}</If>\n", lines(&all(is_for_sections))),
        in_host(&in_directory(&lines(&all(is_for_sections)))),
        in_interpreter_options(&lines(&all(|context| context == Context::GlobalOrInterpreter))),
        "<WSGIInterpreterOptions>\nWSGIRestrictStdin On\n</WSGIInterpreterOptions>\n".to_string(),
    ];
    for text in places {
        let check = check(&text);
        assert!(check.accepted, "{text}\n{}", check.output);
    }
}

#[test]
fn directives_are_refused_where_they_may_not_stand() {
    for directive in DIRECTIVES {
        let mut places = Vec::new();
        if is_global(directive.context) {
            places.push(in_host(&line(directive)));
        }
        if !is_for_sections(directive.context) {
            places.push(in_directory(&line(directive)));
        }
        for text in places {
            let check = check(&text);
            assert!(!check.accepted, "accepted:\n{text}");
            let bare = name(directive);
            assert!(
                check.output.contains(bare.trim_start_matches('<')),
                "{text}\n{}",
                check.output
            );
        }
    }
}

#[test]
fn htaccess_takes_what_allow_override_allows() {
    let overrides = [
        ("file", "FileInfo", Some(Context::FileInfo)),
        ("auth", "AuthConfig", Some(Context::AuthConfig)),
        ("none", "Indexes", None),
    ];
    let mut builder = Server::builder();
    for (folder, allowed, _) in overrides {
        builder = builder.config(&format!(
            "<Directory ${{HTDOCS}}/{folder}>\nAllowOverride {allowed}\n</Directory>"
        ));
        for (index, directive) in DIRECTIVES.iter().enumerate() {
            let place = format!("htdocs/{folder}/{index}");
            builder = builder
                .file(format!("{place}/.htaccess"), line(directive))
                .file(format!("{place}/file.txt"), "served");
        }
    }
    let server = builder
        .app(
            "lets_in.py",
            "def allow_access(environ, host):\n    return True\n",
        )
        .allow_log("not allowed here")
        .start();
    for (folder, allowed, context) in overrides {
        for (index, directive) in DIRECTIVES.iter().enumerate() {
            let response = server.get(&format!("/{folder}/{index}/file.txt"));
            let expected = if Some(directive.context) == context {
                200
            } else {
                500
            };
            assert_eq!(
                response.status,
                expected,
                "AllowOverride {allowed}: {}",
                line(directive)
            );
        }
    }
    server.finish();
}

#[test]
fn httpd_lists_every_directive() {
    let listed = Server::builder().argument("-L").check_config().output;
    let names: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(" (mod_wsgi.c)"))
        .collect();
    let expected: Vec<&str> = "WSGIScriptAlias WSGIScriptAliasMatch WSGIDaemonProcess WSGIImportScript \
        WSGIProcessGroup WSGIApplicationGroup WSGICallableObject WSGIRestrictProcess WSGIDispatchScript \
        WSGIHandlerScript WSGISocketPrefix WSGISocketRotation WSGIAcceptMutex WSGIRestrictEmbedded \
        WSGIPythonHome WSGIPythonEggs WSGIPythonOptimize WSGIDontWriteBytecode WSGIPythonWarnings \
        WSGIPythonHashSeed WSGIPythonPath WSGISwitchInterval WSGIPerInterpreterGIL WSGIFreeThreading \
        WSGIRestrictStdin WSGIRestrictStdout WSGIRestrictSignal WSGIDestroyInterpreter WSGICaseSensitivity \
        WSGIPassAuthorization WSGIScriptReloading WSGIErrorOverride WSGIChunkedRequest WSGIMapHEADToGET \
        WSGIIgnoreActivity WSGIEnableSendfile WSGIPassApacheRequest WSGITrustedProxyHeaders \
        WSGITrustedProxies WSGIAccessScript WSGIAuthUserScript WSGIAuthGroupScript WSGIGroupAuthoritative \
        WSGIServerMetrics WSGITelemetryService WSGISlowRequests WSGITelemetryOptions \
        <WSGIInterpreterOptions WSGIVerboseDebugging RWSGIApplicationGroup"
        .split_whitespace()
        .collect();
    for name in expected {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
}

#[test]
fn lines_that_contradict_each_other_are_told_at_the_end() {
    let group = "WSGIDaemonProcess app threads=5\n";
    let alias = "WSGIScriptAlias / /a.wsgi process-group=app application-group=%{GLOBAL}\n";
    for (text, parts) in [
        (in_host(alias), ["WSGI1013", "WSGIScriptAlias", "\"app\""]),
        (
            in_host(group) + &in_host(alias).replace("host.test", "other.test"),
            ["WSGI1014", "other.test", "host.test"],
        ),
        (
            in_host(group) + &in_host("WSGIDaemonProcess app threads=6\n"),
            [
                "WSGI1015",
                "threads is 5 in one and 6 in the other",
                "httpd.conf:",
            ],
        ),
    ] {
        let check = check(&text);
        assert!(!check.accepted, "accepted:\n{text}");
        for part in parts {
            assert!(check.output.contains(part), "{part}: {}", check.output);
        }
        let error = Server::builder().config(&text).try_start().err();
        let report = error.expect("httpd does not start").report;
        assert!(report.contains(parts[0]), "{report}");
    }
}

#[test]
fn bad_sections_for_interpreters_are_refused() {
    for (first, part) in [
        ("<WSGIInterpreterOptions threads=5>", "Invalid option"),
        ("<WSGIInterpreterOptions process-group>", "Invalid option"),
        (
            "<WSGIInterpreterOptions process-group=a process-group=b>",
            "stands twice",
        ),
        (
            "<WSGIInterpreterOptions process-group=a>\n<WSGIInterpreterOptions>\n</WSGIInterpreterOptions>",
            "inside of",
        ),
        ("<WSGIInterpreterOptions>\nNoSuchDirective", "NoSuchDirective"),
    ] {
        let text = format!("{first}\n</WSGIInterpreterOptions>");
        let check = check(&text);
        assert!(
            !check.accepted && check.output.contains(part),
            "{text}\n{}",
            check.output
        );
    }
}

#[test]
fn sections_for_interpreters_are_for_the_groups_they_name() {
    let app = "\
import sys
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [':'.join(path for path in sys.path if path.startswith('/marked')).encode()]
";
    let server = Server::builder()
        .app("path.py", app)
        .config(
            "WSGIScriptAlias /main ${APPS}/path.py application-group=%{GLOBAL}\n\
             WSGIScriptAlias /own ${APPS}/path.py application-group=own\n\
             <WSGIInterpreterOptions application-group=own>\n\
             WSGIPythonPath /marked/own\n\
             </WSGIInterpreterOptions>\n\
             WSGIPythonPath /marked/all",
        )
        .start();
    assert_eq!(server.get("/main").text(), "/marked/all");
    assert_eq!(server.get("/own").text(), "/marked/own:/marked/all");
    server.finish();
}

#[test]
fn a_process_gives_its_first_application_the_main_interpreter() {
    let app = "\
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [repr(environ['mod_wsgi.application_group']).encode()]
";
    let server = Server::builder()
        .one_process()
        .app("one.py", app)
        .app("two.py", app)
        .config(
            "RWSGIApplicationGroup auto\n\
             WSGIScriptAlias /one ${APPS}/one.py\n\
             WSGIScriptAlias /two ${APPS}/two.py\n\
             WSGIScriptAlias /option ${APPS}/two.py application-group=auto",
        )
        .start();
    for _ in 0..2 {
        assert_eq!(server.get("/one").text(), "''");
        for path in ["/two", "/option"] {
            let group = server.get(path).text();
            assert!(group.ends_with(&format!("|{path}'")), "{group}");
        }
    }
    server.finish();
}
