//! Lines as they stand in configuration files, through the table.

use std::collections::HashSet;
use std::ops::Range;

use super::super::alias::{Matcher, UriPattern};
use super::super::interpreter::HashSeed;
use super::super::settings::{DirSettings, MapHead, ServerSettings};
use super::*;

mod daemon;
mod interpreters;
mod scripts;
mod server;

struct Fake(String);

impl UriPattern for Fake {
    fn captures(&self, _: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
        None
    }
    fn source(&self) -> &str {
        &self.0
    }
}

fn compile(pattern: &str) -> Result<Box<dyn UriPattern>, String> {
    if pattern.contains('(') && !pattern.contains(')') {
        return Err("missing closing parenthesis".into());
    }
    Ok(Box::new(Fake(pattern.into())))
}

#[derive(Default)]
struct Site {
    server: ServerSettings,
    dir: DirSettings,
    warnings: Vec<String>,
    notices: Vec<Notice>,
    needs_python: bool,
}

impl Site {
    fn line(&mut self, line: &str) -> Result<(), ConfigError> {
        self.run(line, true)
    }

    fn line_in_section(&mut self, line: &str) -> Result<(), ConfigError> {
        self.run(line, false)
    }

    fn run(&mut self, line: &str, at_server_level: bool) -> Result<(), ConfigError> {
        let (name, arguments) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let directive = find(name);
        let server = at_server_level.then_some(&mut self.server);
        let mut scope = Scope {
            server,
            dir: &mut self.dir,
            place: Some(Place {
                file: "httpd.conf".into(),
                line: 7,
            }),
            compile: &compile,
            notices: Vec::new(),
            needs_python: false,
        };
        let outcome = (directive.apply)(&mut scope, arguments);
        self.warnings = scope.notices.iter().map(|notice| notice.text.clone()).collect();
        self.notices = scope.notices;
        self.needs_python = scope.needs_python;
        outcome
    }

    #[track_caller]
    fn accepts(line: &str) -> Self {
        let mut site = Self::default();
        site.line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(site.warnings, Vec::<String>::new(), "{line}");
        site
    }

    #[track_caller]
    fn warns(line: &str) -> Self {
        let mut site = Self::default();
        site.line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(site.warnings.len(), 1, "{line}: {:?}", site.warnings);
        let name = line.split(' ').next().unwrap_or_default();
        assert!(site.warnings[0].starts_with(name), "{:?}", site.warnings);
        site
    }
}

#[track_caller]
fn refused(line: &str) -> String {
    let mut site = Site::default();
    let error = site.line(line).expect_err(line).to_string();
    assert!(error.starts_with(line.split(' ').next().unwrap()), "{error}");
    assert!(!error.contains('\n'), "{error}");
    assert!(
        site.server.is_empty() && site.dir.is_empty(),
        "{line} left something behind"
    );
    error
}

#[track_caller]
fn find(name: &str) -> &'static Directive {
    let found = DIRECTIVES
        .iter()
        .find(|directive| directive.name.to_bytes() == name.as_bytes());
    found.unwrap_or_else(|| panic!("no directive {name}"))
}

fn on_off() -> impl Iterator<Item = &'static Directive> {
    DIRECTIVES
        .iter()
        .filter(|directive| directive.usage.to_bytes() == b"On|Off" && !directive.default.is_empty())
}

#[test]
fn names_are_unique_and_begin_with_wsgi() {
    let mut seen = HashSet::new();
    for directive in DIRECTIVES {
        let name = directive.name.to_str().unwrap();
        let name = name.strip_prefix('<').unwrap_or(name);
        assert!(name.starts_with("WSGI") || name.starts_with("RWSGI"), "{name}");
        assert!(name.chars().all(char::is_alphanumeric), "{name}");
        assert!(seen.insert(name.to_ascii_lowercase()), "{name} twice");
    }
}

#[test]
fn usage_lists_arguments_and_help_is_prose() {
    for directive in DIRECTIVES {
        let name = directive.name.to_str().unwrap();
        let usage = directive.usage.to_str().unwrap();
        assert!(
            !usage.is_empty() && !usage.contains('\n') && !usage.contains("WSGI"),
            "{name}: {usage}"
        );
        assert!(directive.help.ends_with('.'), "{name}: {}", directive.help);
        assert!(!directive.help.contains("  "), "{name}: {}", directive.help);
    }
}

#[test]
fn every_directive_needs_its_arguments() {
    for directive in DIRECTIVES.iter().filter(|directive| !directive.is_section()) {
        let name = directive.name.to_str().unwrap();
        for arguments in ["", "   ", "\"\""] {
            let error = refused(&format!("{name} {arguments}"));
            assert!(error.contains(directive.usage.to_str().unwrap()), "{error}");
        }
    }
}

#[test]
fn directives_of_one_argument_take_no_second() {
    for directive in DIRECTIVES
        .iter()
        .filter(|directive| !directive.usage.to_bytes().contains(&b' '))
        .filter(|directive| !directive.usage.to_bytes().ends_with(b"..."))
    {
        refused(&format!("{} On On", directive.name.to_str().unwrap()));
    }
}

/// Each directive with its context and arguments that it accepts.
const SAMPLES: &[(&str, Context, &str)] = &[
    ("WSGIScriptAlias", Context::Server, "/a /b"),
    ("WSGIScriptAliasMatch", Context::Server, "^/a /b"),
    ("WSGIDaemonProcess", Context::Server, "group"),
    (
        "WSGIImportScript",
        Context::Server,
        "/a process-group=a application-group=b",
    ),
    ("WSGIProcessGroup", Context::Directory, "group"),
    ("WSGIApplicationGroup", Context::Directory, "%{GLOBAL}"),
    ("RWSGIApplicationGroup", Context::Directory, "auto"),
    ("WSGICallableObject", Context::FileInfo, "app"),
    ("WSGIRestrictProcess", Context::Directory, "a b"),
    ("WSGIDispatchScript", Context::Directory, "/a"),
    ("WSGIHandlerScript", Context::Directory, "name /a"),
    ("WSGISocketPrefix", Context::Global, "run/wsgi"),
    ("RWSGICommand", Context::Global, "bin/rwsgi"),
    ("WSGISocketRotation", Context::Global, "Off"),
    ("WSGIAcceptMutex", Context::Global, "fcntl"),
    ("WSGIRestrictEmbedded", Context::Global, "On"),
    ("WSGIPythonHome", Context::Global, "/a"),
    ("WSGIPythonEggs", Context::Global, "/a"),
    ("WSGIPythonOptimize", Context::Global, "1"),
    ("WSGIDontWriteBytecode", Context::Global, "On"),
    ("WSGIPythonWarnings", Context::Global, "ignore"),
    ("WSGIPythonHashSeed", Context::Global, "1"),
    ("WSGIPythonPath", Context::GlobalOrInterpreter, "/a"),
    ("WSGISwitchInterval", Context::GlobalOrInterpreter, "0.01"),
    ("WSGIPerInterpreterGIL", Context::GlobalOrInterpreter, "On"),
    ("WSGIFreeThreading", Context::GlobalOrInterpreter, "On"),
    ("WSGIRestrictStdin", Context::GlobalOrInterpreter, "On"),
    ("WSGIRestrictStdout", Context::GlobalOrInterpreter, "On"),
    ("WSGIRestrictSignal", Context::GlobalOrInterpreter, "Off"),
    ("WSGIDestroyInterpreter", Context::Global, "Off"),
    ("RWSGIUTF8Mode", Context::Global, "Off"),
    ("WSGICaseSensitivity", Context::Global, "On"),
    ("WSGIPassAuthorization", Context::FileInfo, "On"),
    ("WSGIScriptReloading", Context::FileInfo, "On"),
    ("WSGIErrorOverride", Context::FileInfo, "On"),
    ("WSGIChunkedRequest", Context::FileInfo, "On"),
    ("WSGIMapHEADToGET", Context::FileInfo, "Auto"),
    ("WSGIIgnoreActivity", Context::FileInfo, "On"),
    ("WSGIEnableSendfile", Context::FileInfo, "On"),
    ("WSGIPassApacheRequest", Context::Directory, "On"),
    ("WSGITrustedProxyHeaders", Context::FileInfo, "X-Forwarded-For"),
    ("WSGITrustedProxies", Context::FileInfo, "127.0.0.1 10.0.0.0/8"),
    ("WSGIAccessScript", Context::AuthConfig, "/a"),
    (
        "WSGIAuthUserScript",
        Context::AuthConfig,
        "/a application-group=b",
    ),
    ("WSGIAuthGroupScript", Context::AuthConfig, "/a"),
    ("WSGIGroupAuthoritative", Context::AuthConfig, "Off"),
    ("WSGIServerMetrics", Context::Global, "On"),
    (
        "WSGITelemetryService",
        Context::Global,
        "unix:/run/t.sock interval=2",
    ),
    ("WSGISlowRequests", Context::Global, "2.5"),
    ("WSGITelemetryOptions", Context::Global, "+CaptureUserAgent"),
    ("<WSGIInterpreterOptions", Context::Global, "process-group=a>"),
    ("WSGIVerboseDebugging", Context::Global, "On"),
    ("WSGILazyInitialization", Context::Server, "Off"),
    ("WSGINewRelicConfigFile", Context::Server, "/a"),
    ("WSGINewRelicEnvironment", Context::Server, "production"),
    ("WSGIUserAuthoritative", Context::AuthConfig, "Off"),
    ("WSGIReloadMechanism", Context::FileInfo, "Process"),
    ("WSGIPythonExecutable", Context::Server, "/usr/bin/python"),
    ("WSGIOutputBuffering", Context::FileInfo, "On"),
    ("WSGIPy3kWarningFlag", Context::Server, "On"),
];

#[test]
fn contexts_are_those_of_the_contract() {
    for (name, context, arguments) in SAMPLES {
        assert_eq!(find(name).context, *context, "{name}");
        let outcome = Site::default().line(&format!("{name} {arguments}"));
        assert_eq!(outcome, Ok(()), "{name} {arguments}");
    }
    for directive in DIRECTIVES {
        let name = directive.name.to_str().unwrap();
        assert!(
            SAMPLES.iter().any(|(sample, ..)| *sample == name),
            "no sample of {name}"
        );
    }
}

#[test]
fn directives_of_servers_refuse_sections_and_others_do_not() {
    for (name, context, arguments) in SAMPLES {
        let removed = Site::default()
            .line(&format!("{name} {arguments}"))
            .is_ok_and(|()| find(name).help.starts_with("A name of older releases"));
        let outcome = Site::default().line_in_section(&format!("{name} {arguments}"));
        match context {
            Context::Global | Context::GlobalOrInterpreter => {
                assert_eq!(outcome.unwrap_err().problem, Problem::InSection, "{name}");
            }
            // Names without effect do none here; httpd itself refuses the place.
            Context::Server if removed => {}
            Context::Server => assert_eq!(outcome.unwrap_err().problem, Problem::InSection, "{name}"),
            Context::Directory | Context::FileInfo | Context::AuthConfig => {
                assert_eq!(outcome, Ok(()), "{name}");
            }
        }
    }
}

#[test]
fn switches_take_on_and_off_in_any_case_and_nothing_else() {
    assert_eq!(on_off().count(), 19);
    for directive in on_off() {
        let name = directive.name.to_str().unwrap();
        for word in ["On", "on", "OFF", "\"off\"", "'On'"] {
            let site = Site::accepts(&format!("{name}\t{word}"));
            assert!(
                !(site.server.is_empty() && site.dir.is_empty()),
                "{name} stored nothing"
            );
        }
        let error = refused(&format!("{name} yes"));
        assert!(
            error.starts_with(&format!("{name} must be one of: Off | On")),
            "{error}"
        );
        assert!(error.contains("\"yes\""), "{error}");
    }
}

#[test]
fn each_switch_sets_its_own_value() {
    let dir = |line: &str| Site::accepts(line).dir;
    assert_eq!(dir("WSGIPassAuthorization On").pass_authorization, Some(true));
    assert_eq!(dir("WSGIScriptReloading Off").script_reloading, Some(false));
    assert_eq!(dir("WSGIChunkedRequest On").chunked_request, Some(true));
    assert_eq!(dir("WSGIErrorOverride On").error_override, Some(true));
    assert_eq!(dir("WSGIEnableSendfile On").enable_sendfile, Some(true));
    assert_eq!(dir("WSGIIgnoreActivity On").ignore_activity, Some(true));
    assert_eq!(dir("WSGIPassApacheRequest On").pass_apache_request, Some(true));
    assert_eq!(dir("WSGIGroupAuthoritative Off").group_authoritative, Some(false));
    let server = |line: &str| Site::accepts(line).server;
    assert_eq!(server("WSGISocketRotation Off").sockets.rotation, Some(false));
    assert_eq!(server("WSGIServerMetrics On").server_metrics, Some(true));
    let destroy = server("WSGIDestroyInterpreter Off").python.destroy_interpreter;
    assert_eq!(destroy, Some(false));
    let options = |line: &str| Site::accepts(line).server.python.options;
    assert_eq!(
        options("WSGIPerInterpreterGIL On").per_interpreter_gil,
        Some(true)
    );
    assert_eq!(options("WSGIFreeThreading On").free_threading, Some(true));
    assert_eq!(server("WSGIRestrictEmbedded On").restrict_embedded, Some(true));
    assert_eq!(server("WSGICaseSensitivity Off").case_sensitivity, Some(false));
    assert_eq!(
        server("WSGIDontWriteBytecode On").python.dont_write_bytecode,
        Some(true)
    );
    assert_eq!(
        server("WSGIRestrictStdin On").python.options.restrict_stdin,
        Some(true)
    );
    assert_eq!(
        server("WSGIRestrictStdout On").python.options.restrict_stdout,
        Some(true)
    );
    assert_eq!(
        server("WSGIRestrictSignal Off").python.options.restrict_signal,
        Some(false)
    );
}

#[test]
fn names_are_stored_as_written() {
    let dir = |line: &str| Site::accepts(line).dir;
    assert_eq!(
        dir("WSGIProcessGroup 127.0.0.1").process_group.as_deref(),
        Some("127.0.0.1")
    );
    assert_eq!(
        dir("WSGIProcessGroup \"a b\"").process_group.as_deref(),
        Some("a b")
    );
    let group = dir("WSGIApplicationGroup %{GLOBAL}").application_group;
    assert_eq!(group.as_deref(), Some("%{GLOBAL}"));
    assert_eq!(
        dir("WSGICallableObject app").callable_object.as_deref(),
        Some("app")
    );
}

#[test]
fn head_to_get_has_three_words() {
    for (word, value) in [
        ("Auto", MapHead::Auto),
        ("ON", MapHead::On),
        ("off", MapHead::Off),
    ] {
        let site = Site::accepts(&format!("WSGIMapHEADToGET {word}"));
        assert_eq!(site.dir.map_head_to_get, Some(value));
    }
    assert!(refused("WSGIMapHEADToGET maybe").contains("Off | On | Auto"));
}

#[test]
fn python_settings_are_read() {
    let python = |line: &str| Site::accepts(line).server.python;
    assert_eq!(
        python("WSGIPythonHome \"/opt/my venv\"").home.as_deref(),
        Some("/opt/my venv")
    );
    assert_eq!(python("WSGIPythonPath /a:/b::/c:").path(), ["/a", "/b", "/c"]);
    assert_eq!(python("WSGIPythonPath :").options.path, Some(Vec::new()));
    assert_eq!(
        python("WSGIPythonHashSeed random").hash_seed,
        Some(HashSeed::Random)
    );
    assert_eq!(python("WSGIPythonHashSeed 0").hash_seed, Some(HashSeed::Fixed(0)));
    assert_eq!(
        python("WSGIPythonHashSeed 4294967295").hash_seed,
        Some(HashSeed::Fixed(u32::MAX))
    );
    for seed in ["4294967296", "-1", "1x", "soon"] {
        let error = refused(&format!("WSGIPythonHashSeed {seed}"));
        assert!(error.contains(seed) && error.contains("4294967295"), "{error}");
    }
}

#[test]
fn warnings_of_python_add_up_and_paths_replace() {
    let mut site = Site::default();
    for line in [
        "WSGIPythonWarnings ignore",
        "WSGIPythonWarnings error::DeprecationWarning",
        "WSGIPythonPath /a",
        "WSGIPythonPath /b",
    ] {
        site.line(line).unwrap();
    }
    assert_eq!(
        site.server.python.warnings,
        ["ignore", "error::DeprecationWarning"]
    );
    assert_eq!(site.server.python.path(), ["/b"]);
}

#[test]
fn optimisation_is_read_leniently_with_a_warning() {
    for (word, level) in [("0", 0), ("1", 1), ("2", 2)] {
        let site = Site::accepts(&format!("WSGIPythonOptimize {word}"));
        assert_eq!(site.server.python.optimize, Some(level));
    }
    for (word, level) in [("1x", 1), ("abc", 0), ("-1", 0), ("3", 3), ("1000", 255)] {
        let site = Site::warns(&format!("WSGIPythonOptimize {word}"));
        assert_eq!(site.server.python.optimize, Some(level), "{word}");
    }
}

#[test]
fn an_alias_with_all_its_options() {
    let mut site = Site::accepts(
        "WSGIScriptAlias \"/a b\" '/srv/x y.wsgi' pass-authorization=on  callable-object=\"app\" \
         application-group=%{GLOBAL}\tprocess-group='my group'",
    );
    let alias = site.server.aliases.pop().unwrap();
    assert!(matches!(&alias.matcher, Matcher::Prefix(prefix) if prefix == "/a b"));
    assert_eq!(alias.target, "/srv/x y.wsgi");
    assert_eq!(alias.source, "WSGIScriptAlias");
    assert_eq!(alias.options.process_group.as_deref(), Some("my group"));
    assert_eq!(alias.options.application_group.as_deref(), Some("%{GLOBAL}"));
    assert_eq!(alias.options.callable_object.as_deref(), Some("app"));
    assert_eq!(alias.options.pass_authorization, Some(true));
}

#[test]
fn the_last_of_repeated_options_counts() {
    let site = Site::accepts("WSGIScriptAlias / /srv/x process-group=a process-group=b");
    assert_eq!(site.server.aliases[0].options.process_group.as_deref(), Some("b"));
}

#[test]
fn aliases_stay_in_order_and_expressions_are_compiled() {
    let mut site = Site::default();
    site.line("WSGIScriptAlias /a /srv/a.wsgi").unwrap();
    site.line("WSGIScriptAliasMatch ^/u/(.*) $1 process-group=g")
        .unwrap();
    let sources: Vec<String> = site
        .server
        .aliases
        .iter()
        .map(|alias| alias.source_text())
        .collect();
    assert_eq!(sources, ["/a", "^/u/(.*)"]);
    assert!(matches!(site.server.aliases[1].matcher, Matcher::Regex(_)));
    assert_eq!(site.server.aliases[1].source, "WSGIScriptAliasMatch");
}

#[test]
fn bad_aliases_say_what_is_wrong() {
    for (line, expected) in [
        ("WSGIScriptAlias /", "URL-path file-or-directory"),
        ("WSGIScriptAlias / app.wsgi", "relative path"),
        (
            "WSGIScriptAlias / /x group",
            "Invalid option to WSGI script alias definition: \"group\"",
        ),
        ("WSGIScriptAlias / /x threads=5", "\"threads=5\""),
        ("WSGIScriptAlias / /x Process-Group=a", "process-group="),
        (
            "WSGIScriptAlias / /x process-group=",
            "Invalid name for WSGI process group",
        ),
        (
            "WSGIScriptAlias / /x application-group=\"\"",
            "Invalid name for WSGI application group",
        ),
        (
            "WSGIScriptAlias / /x callable-object=''",
            "Invalid name for WSGI callable object",
        ),
        (
            "WSGIScriptAlias / /x pass-authorization=maybe",
            "\"pass-authorization=maybe\"; it takes Off | On",
        ),
        ("WSGIScriptAliasMatch ^/( /x", "missing closing parenthesis"),
    ] {
        let error = refused(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn doubtful_lines_are_accepted_with_a_warning() {
    Site::warns("WSGIScriptAlias app /srv/app.wsgi");
    Site::warns("WSGIScriptAlias /app/ /srv/app.wsgi");
    Site::accepts("WSGIScriptAlias /app/ /srv/app/");
    Site::accepts("WSGIScriptAlias / /srv/app.wsgi");
    let spaced = Site::warns("WSGIScriptAlias / /srv/app.wsgi process-group= a");
    assert_eq!(
        spaced.server.aliases[0].options.process_group.as_deref(),
        Some("a")
    );
    let open = Site::warns("WSGIPythonHome \"/opt/venv");
    assert_eq!(open.server.python.home.as_deref(), Some("/opt/venv"));
}

#[test]
fn the_manual_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/directives.md");
    let made = docs::manual();
    if std::env::var_os("RWSGI_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/directives.md is out of date: run this test with RWSGI_BLESS=1"
    );
}
