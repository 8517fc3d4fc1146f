//! Where each directive may stand, what it may say, and which of several counts, asked of httpd itself.

use std::fs;
use std::path::Path;

use crate::server;
use rwsgi_harness::{Builder, Server};

/// A directive of the manual.
struct Directive {
    name: String,
    contexts: Vec<String>,
}

/// The table of `docs/directives.md`.
fn directives() -> Vec<Directive> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/directives.md");
    let text = fs::read_to_string(page).expect("the manual");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ["));
    let found: Vec<Directive> = rows
        .map(|row| {
            let (name, rest) = row.split_once(']').expect("a link");
            let contexts = rest.split('|').nth(1).expect("a second column");
            Directive {
                name: name.to_string(),
                contexts: contexts
                    .split(',')
                    .map(|context| context.trim().to_string())
                    .map(|context| match context.split_once(" (") {
                        Some((place, _override)) => place.to_string(),
                        None => context,
                    })
                    .collect(),
            }
        })
        .collect();
    assert!(found.len() > 20, "the table of the manual was not understood");
    found
}

impl Directive {
    /// A line that is right but for its place.
    fn line(&self) -> String {
        let value = match self.name.as_str() {
            "WSGIScriptAlias" => "/mounted ${APPS}/hello.py",
            "WSGIScriptAliasMatch" => "^/mounted ${APPS}/hello.py",
            "WSGIProcessGroup" | "WSGIApplicationGroup" => "%{GLOBAL}",
            "WSGICallableObject" => "application",
            "WSGIPythonHome" => "/usr",
            "WSGIPythonPath" => "${APPS}",
            "WSGIPythonOptimize" => "1",
            "WSGIPythonWarnings" => "ignore",
            "WSGIPythonHashSeed" => "random",
            "WSGISwitchInterval" | "WSGISlowRequests" => "0.005",
            "WSGITrustedProxies" => "127.0.0.1",
            "WSGITrustedProxyHeaders" => "X-Forwarded-For",
            "WSGIHandlerScript" => "name ${APPS}/hello.py",
            "WSGIImportScript" => "${APPS}/hello.py process-group=%{GLOBAL} application-group=%{GLOBAL}",
            "WSGIAccessScript" => "${APPS}/lets_in.py",
            "WSGIDispatchScript" | "WSGIAuthUserScript" | "WSGIAuthGroupScript" => "${APPS}/hello.py",
            "RWSGIApplicationGroup" => "auto",
            "WSGIDaemonProcess" => "group",
            "WSGISocketPrefix" => "${ROOT}/run/wsgi",
            "RWSGICommand" => "${ROOT}/bin/rwsgi",
            "WSGIAcceptMutex" => "default",
            "WSGITelemetryService" => "unix:${ROOT}/run/telemetry.sock",
            "WSGITelemetryOptions" => "None",
            "WSGIPythonEggs" => "${ROOT}/run",
            "WSGIInterpreterOptions" => {
                return "<WSGIInterpreterOptions application-group=a>\n</WSGIInterpreterOptions>".to_string();
            }
            _ => "On",
        };
        format!("{} {value}", self.name)
    }

    fn may_stand_in(&self, context: &str) -> bool {
        self.contexts.iter().any(|known| known == context)
    }
}

/// The line, in a place of this kind.
fn placed(line: &str, context: &str) -> String {
    match context {
        "virtual host" => format!("<VirtualHost *:${{PORT}}>\n{line}\n</VirtualHost>"),
        "directory" => format!("<Directory ${{HTDOCS}}>\n{line}\n</Directory>"),
        _ => line.to_string(),
    }
}

#[test]
fn directive_contexts_of_the_main_configuration() {
    for directive in directives() {
        for context in ["server config", "virtual host", "directory"] {
            let check = server()
                .config(&placed(&directive.line(), context))
                .check_config();
            let allowed = directive.may_stand_in(context);
            assert_eq!(
                check.accepted, allowed,
                "{} in {context}: {}",
                directive.name, check.output
            );
            if !allowed {
                let named = check.output.contains(&directive.name);
                assert!(
                    named,
                    "{} in {context} is not named: {}",
                    directive.name, check.output
                );
            }
        }
    }
}

#[test]
fn directive_contexts_of_htaccess() {
    let directives = directives();
    let mut builder = server()
        .app("lets_in.py", "def allow_access(environ, host):\n    return True\n")
        .config("AccessFileName .htaccess\n<Directory ${HTDOCS}>\n  AllowOverride FileInfo AuthConfig\n</Directory>")
        .allow_log("not allowed here|stands for a whole server|name of older releases");
    for directive in &directives {
        let directory = format!("htdocs/{}", directive.name);
        builder = builder
            .file(format!("{directory}/.htaccess"), directive.line() + "\n")
            .file(format!("{directory}/page.txt"), "page");
    }
    let server = builder.start();
    for directive in &directives {
        let allowed = directive.may_stand_in(".htaccess");
        let response = server.get(&format!("/{}/page.txt", directive.name));
        assert_eq!(
            response.status,
            if allowed { 200 } else { 500 },
            "{}",
            directive.name
        );
        if !allowed {
            server.wait_for_log(&format!("\\.htaccess: <?{}>? ", directive.name));
        }
    }
    server.finish();
}

#[test]
fn directive_in_htaccess_needs_fileinfo() {
    let server = server()
        .config("AccessFileName .htaccess\n<Directory ${HTDOCS}>\n  AllowOverride AuthConfig\n</Directory>")
        .file("htdocs/.htaccess", "WSGICallableObject other\n")
        .file("htdocs/page.txt", "page")
        .expect_log("WSGICallableObject not allowed here")
        .start();
    assert_eq!(server.get("/page.txt").status, 500);
    server.finish();
}

/// Lines that are refused, and what the refusal has to say beside the name of the directive.
const WRONG: &[(&str, &[&str])] = &[
    ("WSGIScriptAlias /only-one", &["arguments"]),
    (
        "WSGIScriptAlias / relative/path.py",
        &["relative/path.py", "full path"],
    ),
    (
        "WSGIScriptAlias / /x.py colour=blue",
        &["colour=blue", "application-group"],
    ),
    (
        "WSGIScriptAlias / /x.py pass-authorization=maybe",
        &["pass-authorization"],
    ),
    ("WSGIScriptAlias / /x.py application-group=", &["application"]),
    ("WSGIScriptAliasMatch ^(/x /x.py", &["^(/x", "regular expression"]),
    ("WSGIScriptReloading maybe", &["maybe", "Off | On"]),
    ("WSGIPassAuthorization 1", &["1", "Off | On"]),
    ("WSGIChunkedRequest", &["argument"]),
    ("WSGIMapHEADToGET sometimes", &["sometimes", "Auto"]),
    ("WSGIRestrictEmbedded On Off", &["argument"]),
    ("WSGIPythonHashSeed many", &["many", "random"]),
    ("WSGIPythonHashSeed 4294967296", &["4294967296", "4294967295"]),
];

#[test]
fn directive_values_that_are_refused() {
    for (line, parts) in WRONG {
        let check = server().config(line).check_config();
        assert!(!check.accepted, "{line} is accepted");
        let name = line.split(' ').next().expect("a word");
        for part in parts.iter().chain([&name]) {
            assert!(
                check.output.contains(part),
                "{line}: {part} is not in {}",
                check.output
            );
        }
    }
}

/// Older releases took these, so they are taken, with a warning.
#[test]
fn directive_values_that_are_read_leniently() {
    for line in [
        "WSGIPythonOptimize high",
        "WSGIPythonOptimize 1x",
        "WSGIPythonOptimize 9",
    ] {
        let check = server().config(line).check_config();
        assert!(
            check.accepted && check.output.contains("WSGI1009"),
            "{line}: {}",
            check.output
        );
        assert!(
            check.output.contains("WSGIPythonOptimize"),
            "{line}: {}",
            check.output
        );
    }
}

const WHICH: &str = "import mod_wsgi

def answer(name):
    def application(environ, start_response):
        body = f\"{name} {mod_wsgi.application_group or 'main'} {environ.get('HTTP_AUTHORIZATION', 'none')}\".encode()
        start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
        return [body]
    return application

application = answer('application')
other = answer('other')
third = answer('third')
";

fn which() -> Builder {
    server().app("which.py", WHICH)
}

fn text(server: &Server, target: &str) -> String {
    server
        .request("GET", target)
        .header("Authorization", "Basic eDp5")
        .send()
        .text()
}

/// Nearer places win; what a nearer place does not say comes from the next.
#[test]
fn merge_of_server_host_and_directory() {
    let server = which()
        .listen("PLAIN")
        .config("WSGIApplicationGroup of-server\nWSGICallableObject other\nWSGIPassAuthorization On")
        .config("WSGIScriptAlias /shared ${APPS}/which.py")
        .config(
            "<VirtualHost *:${PORT}>
  WSGIApplicationGroup of-host
  WSGIScriptAlias /own ${APPS}/which.py
  <Location /own/third>
    WSGICallableObject third
    WSGIPassAuthorization Off
  </Location>
  <Location /own/main>
    WSGIApplicationGroup %{GLOBAL}
  </Location>
</VirtualHost>
<VirtualHost *:${PORT_PLAIN}>
</VirtualHost>",
        )
        .start();
    for target in ["/own", "/shared"] {
        assert_eq!(text(&server, target), "other of-host Basic eDp5", "{target}");
    }
    assert_eq!(text(&server, "/own/third"), "third of-host none");
    assert_eq!(text(&server, "/own/main"), "other main Basic eDp5");
    let mut plain = server.connect_to(server.port_of("PLAIN"));
    assert_eq!(plain.get("/shared").text(), "other of-server none");
    server.finish();
}

/// The aliases of a virtual host are asked before those of the server, whatever their order.
#[test]
fn merge_of_aliases() {
    let server = which()
        .config("WSGIScriptAlias / ${APPS}/hello.py")
        .config("WSGIScriptAlias /server ${APPS}/hello.py")
        .config("<VirtualHost *:${PORT}>\n  WSGIScriptAlias /server ${APPS}/which.py application-group=host\n</VirtualHost>")
        .start();
    assert_eq!(text(&server, "/server"), "application host none");
    assert_eq!(text(&server, "/elsewhere"), "Hello world!\n");
    server.finish();
}

#[test]
fn handler_by_file_name_and_by_place() {
    let server = which()
        .copy(crate::apps(), "htdocs/plain")
        .file("htdocs/run/which.wsgi", WHICH)
        .file("htdocs/off/which.wsgi", WHICH)
        .config("AddHandler wsgi-script .wsgi\n<Directory ${HTDOCS}/run>\n  Options +ExecCGI\n</Directory>")
        .config("<Directory ${HTDOCS}/off>\n  Options -ExecCGI\n</Directory>")
        .config("<Directory ${APPS}>\n  Options +ExecCGI\n  SetHandler wsgi-script\n</Directory>\nAlias /set ${APPS}")
        .expect_log("^WSGI0134")
        .start();
    assert!(text(&server, "/run/which.wsgi/more").starts_with("application "));
    assert!(text(&server, "/set/which.py").starts_with("application "));
    assert_eq!(server.get("/off/which.wsgi").status, 403);
    assert!(
        server
            .get("/plain/hello.py")
            .text()
            .starts_with("\"\"\"The smallest"),
        "another file is a file"
    );
    server.finish();
}

#[test]
fn expansions_of_variables() {
    let server = which()
        .module("setenvif")
        .config("WSGIScriptAlias / ${APPS}/which.py")
        .config("SetEnvIf Request_URI ^/other chosen=other group=of-other")
        .config("SetEnv chosen_by_setenv third")
        .config("<Location /other>\n  WSGICallableObject %{ENV:chosen}\n  WSGIApplicationGroup %{ENV:group}\n</Location>")
        .config("<Location /third>\n  WSGICallableObject %{ENV:chosen_by_setenv}\n  WSGIApplicationGroup %{ENV:RWSGI_TEST_GROUP}\n</Location>")
        .env("RWSGI_TEST_GROUP", "of-process")
        .start();
    assert_eq!(text(&server, "/other"), "other of-other none");
    assert_eq!(text(&server, "/third"), "third of-process none");
    assert!(text(&server, "/").starts_with("application "));
    server.finish();
}

const HASH: &str = "def application(environ, start_response):
    body = str(hash('key')).encode()
    start_response('200 OK', [('Content-Length', str(len(body)))])
    return [body]
";

/// The hash of a text under a seed, of a server started for it.
fn hash_of_a_text(seed: &str) -> String {
    let server = server()
        .app("hash.py", HASH)
        .config(&format!(
            "WSGIPythonHashSeed {seed}\nWSGIScriptAlias / ${{APPS}}/hash.py"
        ))
        .start();
    let text = server.get("/").text();
    server.finish();
    text
}

#[test]
fn python_hash_seed_random_differs_from_start_to_start() {
    assert_ne!(hash_of_a_text("random"), hash_of_a_text("random"));
    assert_eq!(hash_of_a_text("7"), hash_of_a_text("7"));
}
