//! `WSGIDaemonProcess` lines.

use super::super::super::daemon_group::{DAEMON_OPTIONS, DaemonGroup};
use super::*;

fn group(line: &str) -> DaemonGroup {
    let site = Site::accepts(&format!("WSGIDaemonProcess {line}"));
    DaemonGroup::clone(&site.server.daemon_groups[0])
}

fn refuses(options: &str) -> String {
    refused(&format!("WSGIDaemonProcess group {options}"))
}

#[test]
fn a_line_as_people_write_it() {
    let group = group(
        "'my app' user=site group=site processes=2 threads=10 display-name=\"%{GROUP}\" \
         home=/srv/app python-home=/srv/venv python-path=/srv/app:/srv/lib: lang='en_US.UTF-8'",
    );
    assert_eq!(&*group.name, "my app");
    let options = &group.options;
    assert_eq!(options.user.as_deref(), Some("site"));
    assert_eq!((options.processes(), options.threads), (2, 10));
    assert_eq!(options.display_name.as_deref(), Some("(wsgi:my app)"));
    assert_eq!(options.python_path, ["/srv/app", "/srv/lib"]);
    assert_eq!(options.lang.as_deref(), Some("en_US.UTF-8"));
    assert_eq!(group.place.unwrap().to_string(), "httpd.conf:7");
}

#[test]
fn names_are_any_word() {
    for name in ["127.0.0.1", "a.b:8080", "www-data", "me@host", "a b"] {
        assert_eq!(&*group(&format!("\"{name}\"")).name, name);
    }
    let site = Site::warns("WSGIDaemonProcess threads=5");
    assert_eq!(&*site.server.daemon_groups[0].name, "threads=5");
    assert_eq!(site.server.daemon_groups[0].options.threads, 15);
    Site::accepts("WSGIDaemonProcess a=b");
}

#[test]
fn writing_the_number_of_processes_tells_applications_of_others() {
    assert!(!group("g").options.multiprocess());
    assert!(group("g processes=1").options.multiprocess());
    assert_eq!(group("g").options.processes(), 1);
}

#[test]
fn the_last_of_repeated_options_counts_and_order_is_free() {
    assert_eq!(group("g threads=5 threads=7").options.threads, 7);
    assert_eq!(
        group("g threads=5 home=/a").options,
        group("g home=/a threads=5").options
    );
}

#[test]
fn unknown_options_are_refused_with_those_there_are() {
    for option in ["thread=5", "Threads=5", "threads"] {
        let error = refuses(option);
        assert!(
            error.contains("Invalid option to WSGI daemon process definition"),
            "{error}"
        );
        assert!(error.contains("threads=, display-name="), "{error}");
    }
}

#[test]
fn an_empty_value_is_refused_but_for_texts_that_need_not_be_there() {
    let optional = [
        "display-name",
        "lang",
        "locale",
        "python-home",
        "python-path",
        "python-eggs",
    ];
    for option in DAEMON_OPTIONS {
        let line = format!("{}=''", option.name);
        if optional.contains(&option.name) {
            assert_eq!(group(&format!("g {line}")).options, group("g").options);
            continue;
        }
        let error = refuses(&line);
        let expected = format!("Invalid {} for WSGI daemon process", option.name);
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn root_runs_no_application() {
    for user in ["root", "#0", "#00", "#x"] {
        assert!(refuses(&format!("user={user}")).contains("blocked from running as root"));
    }
    assert_eq!(group("g user=#33").options.user.as_deref(), Some("#33"));
}

#[test]
fn owner_and_group_of_scripts_exclude_each_other() {
    let error = refuses("script-user=a script-group=b");
    assert!(error.contains("exclude each other"), "{error}");
    Site::accepts("WSGIDaemonProcess g script-user=a");
    Site::accepts("WSGIDaemonProcess g script-group=a");
}

#[test]
fn numbers_are_read_leniently_with_a_warning() {
    let site = Site::warns("WSGIDaemonProcess g threads=10x");
    assert_eq!(site.server.daemon_groups[0].options.threads, 10);
    let site = Site::warns("WSGIDaemonProcess g threads=abc");
    assert_eq!(site.server.daemon_groups[0].options.threads, 0);
    let site = Site::warns("WSGIDaemonProcess g socket-timeout=99999999999");
    assert_eq!(
        site.server.daemon_groups[0]
            .options
            .socket_timeout
            .unwrap()
            .as_secs(),
        2_147_483_647
    );
}

#[test]
fn options_of_older_releases_are_ignored_with_a_warning() {
    for option in ["newrelic-config-file=/a", "newrelic-environment=production"] {
        let site = Site::warns(&format!("WSGIDaemonProcess g {option}"));
        assert_eq!(site.notices[0].code, Code::DIRECTIVE_REMOVED);
        assert_eq!(site.server.daemon_groups[0].options, group("g").options);
    }
}
