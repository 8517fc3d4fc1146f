//! Whole configurations, line by line through the table.

use super::super::directives::{DIRECTIVES, Scope};
use super::super::settings::DirSettings;
use super::*;

/// Main server and virtual hosts: name and lines of each.
struct Site(Vec<(&'static str, ServerSettings)>);

impl Site {
    fn new(main: &[&str], hosts: &[(&'static str, &[&str])]) -> Self {
        let base = read("httpd.conf", main);
        let mut servers = vec![("main.test", base.clone())];
        for (name, lines) in hosts {
            let own = read(name, lines);
            servers.push((name, ServerSettings::merge(&base, &own)));
        }
        Self(servers)
    }

    fn check(&self) -> Finished {
        let entries: Vec<ServerEntry<'_>> = self
            .0
            .iter()
            .enumerate()
            .map(|(index, (name, settings))| ServerEntry {
                name,
                is_virtual: index > 0,
                settings,
            })
            .collect();
        check(&entries)
    }

    #[track_caller]
    fn passes(&self) -> Finished {
        let finished = self.check();
        assert_eq!(finished.findings, Vec::new());
        finished
    }

    #[track_caller]
    fn finds(&self, level: Level, code: Code, parts: &[&str]) -> Finished {
        let finished = self.check();
        let [finding] = &finished.findings[..] else {
            panic!("one finding expected: {:?}", finished.findings);
        };
        assert_eq!((finding.level, finding.code), (level, code));
        let text = finding.to_string();
        assert!(!text.contains('\n'), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(finished.has_errors(), level == Level::Error);
        finished
    }
}

fn read(file: &str, lines: &[&str]) -> ServerSettings {
    let (mut server, mut dir) = (ServerSettings::default(), DirSettings::default());
    for (index, line) in lines.iter().enumerate() {
        let (name, arguments) = line.split_once(' ').unwrap();
        let directive = DIRECTIVES
            .iter()
            .find(|directive| directive.name.to_bytes() == name.as_bytes())
            .unwrap();
        let mut scope = Scope {
            server: Some(&mut server),
            dir: &mut dir,
            place: Some(Place {
                file: file.into(),
                line: u32::try_from(index + 1).unwrap(),
            }),
            compile: &|_| Err("no expressions here".into()),
            notices: Vec::new(),
            needs_python: false,
        };
        (directive.apply)(&mut scope, arguments).unwrap();
    }
    server
}

const ALIAS: &str = "WSGIScriptAlias / /app.wsgi process-group=app application-group=%{GLOBAL}";
const IMPORT: &str = "WSGIImportScript /app.wsgi process-group=app application-group=%{GLOBAL}";
const GROUP: &str = "WSGIDaemonProcess app threads=5";

#[test]
fn a_group_may_be_defined_after_what_names_it() {
    for line in [ALIAS, IMPORT] {
        let finished = Site::new(&[line, GROUP], &[]).passes();
        assert_eq!(finished.groups.len(), 1);
        let imports: Vec<_> = finished.imports_of("app").collect();
        assert_eq!(imports.len(), 1);
        assert_eq!(
            (&*imports[0].path, &*imports[0].application_group),
            ("/app.wsgi", "")
        );
        Site::new(&[], &[("a.test", &[line]), ("a.test", &[GROUP])]).passes();
    }
}

#[test]
fn what_is_to_be_loaded_names_a_group_that_there_is() {
    for line in [ALIAS, IMPORT] {
        let directive = line.split(' ').next().unwrap();
        Site::new(&[], &[("a.test", &["WSGIDaemonProcess other", line])]).finds(
            Level::Error,
            Code::GROUP_UNDEFINED,
            &[directive, "\"app\"", "(a.test:2)", "not yet configured"],
        );
        Site::new(&[], &[("a.test", &[GROUP]), ("b.test", &[line])]).finds(
            Level::Error,
            Code::GROUP_NOT_VISIBLE,
            &[
                directive,
                "\"app\"",
                "b.test",
                "virtual host a.test",
                "(b.test:1)",
            ],
        );
        Site::new(&[line], &[("a.test", &[GROUP])]).finds(
            Level::Error,
            Code::GROUP_NOT_VISIBLE,
            &[directive, "not accessible from main.test"],
        );
    }
}

#[test]
fn groups_named_by_a_request_only_are_its_own_matter() {
    Site::new(
        &[
            "WSGIScriptAlias / /app.wsgi process-group=app",
            "WSGIProcessGroup app",
            "WSGIScriptAlias /x /app.wsgi process-group=%{ENV:g} application-group=a",
        ],
        &[],
    )
    .passes();
}

#[test]
fn httpd_has_its_own_processes() {
    let finished = Site::new(
        &["WSGIImportScript /a process-group=%{GLOBAL} application-group=%{GLOBAL}"],
        &[],
    )
    .passes();
    assert_eq!(finished.imports_of("").count(), 1);
    assert!(!finished.hook_scripts);
}

#[test]
fn a_group_of_the_main_server_is_for_everyone() {
    let finished = Site::new(&[GROUP], &[("a.test", &[ALIAS]), ("b.test", &[IMPORT])]).passes();
    assert!(finished.group("app").unwrap().is_visible("anything"));
    // The same script twice in the same interpreter is loaded once.
    assert_eq!(finished.imports.len(), 1);
}

#[test]
fn a_group_of_a_host_is_for_hosts_of_its_name() {
    let finished = Site::new(&[], &[("a.test", &[GROUP]), ("A.test", &[ALIAS])]).passes();
    let group = finished.group("app").unwrap();
    assert!(group.is_visible("a.test") && !group.is_visible("b.test"));
    assert!(finished.group("other").is_none());
}

#[test]
fn equal_definitions_are_one_group() {
    let twins: [(&str, &[&str]); 2] = [
        ("a.test", &["WSGIDaemonProcess app threads=5 home=/srv", ALIAS]),
        ("a.test", &["WSGIDaemonProcess app home=/srv threads=5", ALIAS]),
    ];
    let finished = Site::new(&[], &twins).finds(Level::Info, Code::GROUP_REPEATED, &["\"app\"", "a.test:1"]);
    assert_eq!(finished.groups.len(), 1);
    // What is written as it would be anyway makes no difference.
    Site::new(
        &[GROUP, "WSGIDaemonProcess app threads=5 graceful-timeout=15"],
        &[],
    )
    .finds(
        Level::Info,
        Code::GROUP_REPEATED,
        &["(httpd.conf:2)", "at httpd.conf:1"],
    );
}

#[test]
fn other_definitions_are_a_conflict() {
    Site::new(
        &[],
        &[
            ("a.test", &[GROUP]),
            ("a.test", &["WSGIDaemonProcess app threads=6"]),
        ],
    )
    .finds(
        Level::Error,
        Code::GROUP_CONFLICT,
        &[
            "\"app\"",
            "at a.test:1",
            "threads is 5 in one and 6 in the other",
            "(a.test:1)",
        ],
    );
    Site::new(
        &["WSGIDaemonProcess app", "WSGIDaemonProcess app processes=1"],
        &[],
    )
    .finds(
        Level::Error,
        Code::GROUP_CONFLICT,
        &["processes is not set in one and 1 in the other"],
    );
}

#[test]
fn lines_of_the_main_server_are_told_once() {
    let hosts: [(&str, &[&str]); 2] = [("a.test", &["WSGIScriptAlias /a /a"]), ("b.test", &[])];
    Site::new(&[ALIAS], &hosts).finds(Level::Error, Code::GROUP_UNDEFINED, &["(httpd.conf:1)"]);
}
