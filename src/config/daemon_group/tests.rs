//! Each option: what holds without it, the least, the most, and what is refused.

use std::sync::Arc;

use super::*;

/// What `option=value` makes of the defaults, as text, and whether it warns.
fn set(option: &str, value: &str) -> Result<(String, bool), OptionError> {
    let row = find_option(option).unwrap_or_else(|| panic!("no option {option}"));
    let mut options = DaemonOptions::default();
    let mut reader = Reader {
        option: row.name,
        value: value.into(),
        group: Arc::from("g"),
        warning: None,
    };
    (row.set)(&mut options, &mut reader)?;
    Ok(((row.show)(&options), reader.warning.is_some()))
}

/// Option, default, accepted values with what they mean, refused values.
type Expected = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const SECONDS: [(&str, &str); 3] = [
    ("0", "None"),
    ("1", "Some(1s)"),
    ("2147483647", "Some(2147483647s)"),
];
const NEGATIVE: [&str; 1] = ["-1"];

const EXPECTED: &[Expected] = &[
    (
        "processes",
        "None",
        &[("1", "Some(1)"), ("2147483647", "Some(2147483647)")],
        &["0", "-1"],
    ),
    (
        "threads",
        "15",
        &[("0", "0"), ("65533", "65533")],
        &["-1", "65534"],
    ),
    (
        "display-name",
        "None",
        &[
            ("x", "Some(\"x\")"),
            ("%{GROUP}", "Some(\"(wsgi:g)\")"),
            ("", "None"),
        ],
        &[],
    ),
    (
        "user",
        "None",
        &[("site", "Some(\"site\")"), ("#1", "Some(\"#1\")")],
        &["root", "#0"],
    ),
    ("group", "None", &[("site", "Some(\"site\")")], &[""]),
    (
        "supplementary-groups",
        "None",
        &[("a,#2", "Some([\"a\", \"#2\"])")],
        &["", ","],
    ),
    (
        "umask",
        "None",
        &[("0", "Some(0)"), ("0027", "Some(23)"), ("777", "Some(511)")],
        &["-1", "8", "1000", "022x", "+22"],
    ),
    ("chroot", "None", &[("/a", "Some(\"/a\")")], &["a"]),
    ("home", "None", &[("/a", "Some(\"/a\")")], &["a", "~"]),
    (
        "lang",
        "None",
        &[("C.UTF-8", "Some(\"C.UTF-8\")"), ("", "None")],
        &[],
    ),
    (
        "locale",
        "None",
        &[("C.UTF-8", "Some(\"C.UTF-8\")"), ("", "None")],
        &[],
    ),
    (
        "python-home",
        "None",
        &[("/a", "Some(\"/a\")"), ("", "None")],
        &[],
    ),
    (
        "python-path",
        "[]",
        &[("/a:/b:", "[\"/a\", \"/b\"]"), (":", "[]"), ("", "[]")],
        &[],
    ),
    (
        "python-eggs",
        "None",
        &[("/a", "Some(\"/a\")"), ("", "None")],
        &[],
    ),
    (
        "switch-interval",
        "None",
        &[("0.001", "Some(1ms)"), ("2", "Some(2s)")],
        &["0", "-1", "x"],
    ),
    (
        "stack-size",
        "None",
        &[
            ("1", "Some(1)"),
            ("9223372036854775807", "Some(9223372036854775807)"),
        ],
        &["0", "-1"],
    ),
    (
        "maximum-requests",
        "None",
        &[
            ("0", "None"),
            ("1", "Some(1)"),
            ("2147483647", "Some(2147483647)"),
        ],
        &NEGATIVE,
    ),
    ("startup-timeout", "None", &SECONDS, &NEGATIVE),
    ("shutdown-timeout", "Some(5s)", &SECONDS, &NEGATIVE),
    ("deadlock-timeout", "Some(300s)", &SECONDS, &NEGATIVE),
    ("inactivity-timeout", "None", &SECONDS, &NEGATIVE),
    ("request-timeout", "None", &SECONDS, &NEGATIVE),
    ("interrupt-timeout", "None", &SECONDS, &NEGATIVE),
    ("graceful-timeout", "Some(15s)", &SECONDS, &NEGATIVE),
    ("eviction-timeout", "None", &SECONDS, &NEGATIVE),
    ("restart-interval", "None", &SECONDS, &NEGATIVE),
    (
        "connect-timeout",
        "15s",
        &[("0", "0ns"), ("2147483647", "2147483647s")],
        &NEGATIVE,
    ),
    ("socket-timeout", "None", &SECONDS, &NEGATIVE),
    ("queue-timeout", "None", &SECONDS, &NEGATIVE),
    (
        "listen-backlog",
        "None",
        &[("0", "Some(0)"), ("2147483647", "Some(2147483647)")],
        &NEGATIVE,
    ),
    ("socket-user", "None", &[("#33", "Some(\"#33\")")], &[""]),
    (
        "send-buffer-size",
        "None",
        &[("0", "None"), ("512", "Some(512)")],
        &["1", "511", "-1"],
    ),
    (
        "receive-buffer-size",
        "None",
        &[("0", "None"), ("512", "Some(512)")],
        &["1", "511", "-1"],
    ),
    (
        "header-buffer-size",
        "32768",
        &[("0", "32768"), ("8192", "8192")],
        &["1", "8191", "-1"],
    ),
    (
        "response-buffer-size",
        "8388608",
        &[("0", "8388608"), ("65536", "65536")],
        &["1", "65535", "-1"],
    ),
    ("response-socket-timeout", "None", &SECONDS, &NEGATIVE),
    (
        "response-flush-delay",
        "5ms",
        &[("0", "0ns"), ("250", "250ms")],
        &NEGATIVE,
    ),
    ("script-user", "None", &[("a", "Some(\"a\")")], &[""]),
    ("script-group", "None", &[("#1", "Some(\"#1\")")], &[""]),
    ("cpu-time-limit", "None", &SECONDS, &NEGATIVE),
    ("cpu-priority", "0", &[("-20", "-20"), ("19", "19")], &[""]),
    (
        "memory-limit",
        "None",
        &[("0", "None"), ("8589934592", "Some(8589934592)")],
        &NEGATIVE,
    ),
    (
        "virtual-memory-limit",
        "None",
        &[("0", "None"), ("8589934592", "Some(8589934592)")],
        &NEGATIVE,
    ),
    (
        "server-metrics",
        "false",
        &[("on", "true"), ("Off", "false")],
        &["1", "yes"],
    ),
    (
        "python",
        "None",
        &[("/usr/bin/python3", "Some(\"/usr/bin/python3\")")],
        &["python3", ""],
    ),
    (
        "env",
        "[]",
        &[("A=b=c", "[(\"A\", \"b=c\")]"), ("A=", "[(\"A\", \"\")]")],
        &["A", "=b", ""],
    ),
    ("env-file", "None", &[("/a", "Some(\"/a\")")], &["a"]),
    ("preload", "[]", &[("a,b.c", "[\"a\", \"b.c\"]")], &["", ","]),
    (
        "max-rss",
        "None",
        &[("0", "None"), ("1048576", "Some(1048576)")],
        &NEGATIVE,
    ),
    (
        "no-new-privs",
        "false",
        &[("On", "true"), ("off", "false")],
        &["1"],
    ),
    ("request-buffer", "65536", &[("0", "0"), ("1", "1")], &NEGATIVE),
];

#[test]
fn every_option_has_its_row_here() {
    let here: Vec<&str> = EXPECTED.iter().map(|(name, ..)| *name).collect();
    let there: Vec<&str> = DAEMON_OPTIONS.iter().map(|option| option.name).collect();
    assert_eq!(here, there);
}

#[test]
fn defaults_limits_and_what_lies_beyond() {
    for (option, default, accepted, refused) in EXPECTED {
        let row = find_option(option).unwrap();
        assert_eq!((row.show)(&DaemonOptions::default()), *default, "{option}");
        for (value, meaning) in *accepted {
            let set = set(option, value);
            assert_eq!(set, Ok(((*meaning).to_owned(), false)), "{option}={value}");
        }
        for value in *refused {
            let error = set(option, value).expect_err(option);
            let text = error.to_string();
            let expected = format!("Invalid {option} for WSGI daemon process: {value:?}; it takes ");
            assert!(text.starts_with(&expected), "{text}");
        }
    }
}

#[test]
fn variables_add_up_and_the_later_of_two_counts() {
    let row = find_option("env").unwrap();
    let mut options = DaemonOptions::default();
    for value in ["A=1", "B=2", "A=3"] {
        let mut reader = Reader {
            option: row.name,
            value: value.into(),
            group: Arc::from("g"),
            warning: None,
        };
        (row.set)(&mut options, &mut reader).unwrap();
    }
    let expected = [("B", "2"), ("A", "3")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(options.env, expected);
}

#[test]
fn the_time_after_usr1_is_that_of_a_restart_unless_set() {
    let mut options = DaemonOptions::default();
    assert_eq!(options.eviction_timeout(), Some(Duration::from_secs(15)));
    options.eviction_timeout = Some(Duration::from_secs(3));
    assert_eq!(options.eviction_timeout(), Some(Duration::from_secs(3)));
}

#[test]
fn a_difference_names_the_option() {
    let one = DaemonOptions::default();
    assert_eq!(one.difference(&one.clone()), None);
    let two = DaemonOptions {
        threads: 5,
        ..one.clone()
    };
    let text = one.difference(&two).unwrap().to_string();
    assert_eq!(text, "threads is 15 in one and 5 in the other");
}
