//! `<WSGIInterpreterOptions>` and what may stand in it.

use std::time::Duration;

use super::super::super::interpreter::Utf8Mode;
use super::*;

/// A server with the lines inside of one section.
fn section(first: &str, lines: &[&str]) -> Site {
    let mut site = Site::default();
    site.line(first)
        .unwrap_or_else(|error| panic!("{first}: {error}"));
    for line in lines {
        site.line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    site.server.python.close_layer();
    site
}

#[test]
fn lines_of_a_section_are_for_the_groups_it_names() {
    let mut site = section(
        "<WSGIInterpreterOptions process-group=%{GLOBAL} application-group=\"my app\">",
        &[
            "WSGIPythonPath /section",
            "WSGISwitchInterval 0.5",
            "WSGIPerInterpreterGIL On",
            "WSGIFreeThreading On",
            "WSGIRestrictStdin On",
            "WSGIRestrictStdout On",
            "WSGIRestrictSignal Off",
        ],
    );
    site.line("WSGIPythonPath /base").unwrap();
    let chosen = site.server.interpreter_options("", "my app");
    assert_eq!(chosen.path, ["/section", "/base"]);
    assert_eq!(chosen.switch_interval, Some(Duration::from_millis(500)));
    assert!(chosen.per_interpreter_gil && chosen.free_threading_ignored);
    assert!(chosen.restrict_stdin && chosen.restrict_stdout && !chosen.restrict_signal);
    let other = site.server.interpreter_options("", "other");
    assert_eq!(other.path, ["/base"]);
    assert!(!other.per_interpreter_gil && !other.restrict_stdin && other.restrict_signal);
    assert!(
        !site
            .server
            .interpreter_options("daemon", "my app")
            .per_interpreter_gil
    );
}

#[test]
fn a_section_may_name_one_group_or_none() {
    for first in [
        "<WSGIInterpreterOptions process-group=p>",
        "<WSGIInterpreterOptions application-group=a>",
        "<WSGIInterpreterOptions >",
        "<WSGIInterpreterOptions",
        "<WSGIInterpreterOptions  application-group=a process-group='p' >",
    ] {
        let site = section(first, &["WSGIPerInterpreterGIL On"]);
        let chosen = site.server.interpreter_options("p", "a");
        assert!(chosen.per_interpreter_gil, "{first}");
    }
}

#[test]
fn bad_sections_are_refused() {
    for (line, expected) in [
        ("<WSGIInterpreterOptions process-group=a", "missing closing '>'"),
        (
            "<WSGIInterpreterOptions threads=5>",
            "Invalid option to WSGI interpreter options",
        ),
        ("<WSGIInterpreterOptions group>", "\"group\""),
        (
            "<WSGIInterpreterOptions process-group=>",
            "Invalid name for WSGI process group",
        ),
        (
            "<WSGIInterpreterOptions process-group=a process-group=b>",
            "process-group= stands twice",
        ),
    ] {
        let error = refused(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
    let mut site = section("<WSGIInterpreterOptions process-group=a>", &[]);
    site.server.python.in_layer = true;
    let error = site.line("<WSGIInterpreterOptions process-group=b>").unwrap_err();
    assert_eq!(error.problem, Problem::Nested);
}

#[test]
fn intervals_are_positive_numbers() {
    let site = Site::accepts("WSGISwitchInterval 0.005");
    let interval = site.server.python.options.switch_interval;
    assert_eq!(interval, Some(Duration::from_millis(5)));
    for word in ["0", "-1", "0.1s", "soon", "inf", "nan"] {
        let error = refused(&format!("WSGISwitchInterval {word}"));
        assert!(error.contains("above 0"), "{error}");
    }
}

#[test]
fn utf8_mode_is_on_off_or_auto() {
    for (word, mode) in [
        ("On", Utf8Mode::On),
        ("off", Utf8Mode::Off),
        ("AUTO", Utf8Mode::Auto),
    ] {
        let site = Site::accepts(&format!("RWSGIUTF8Mode {word}"));
        assert_eq!(site.server.python.utf8_mode, Some(mode), "{word}");
    }
    refused("RWSGIUTF8Mode 1");
}
