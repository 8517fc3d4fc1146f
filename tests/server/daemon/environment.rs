//! What a process finds around it: directory, umask, language, variables, paths.

use std::fs;

use super::{group, is_root, json};
use serde_json::json;

#[test]
fn home_is_the_directory_and_the_first_of_the_path() {
    let server = group("threads=2 home=${HTDOCS} python-path=${ROOT}/conf:${ROOT}/nowhere:").start();
    let facts = json(&server, "/identity");
    let root = server.root().display().to_string();
    assert_eq!(facts["directory"], format!("{root}/htdocs"));
    let path: Vec<&str> = facts["path"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one.as_str())
        .collect();
    assert_eq!(path[0], format!("{root}/htdocs"), "{path:?}");
    assert!(path.contains(&format!("{root}/conf").as_str()), "{path:?}");
    assert!(path.contains(&format!("{root}/nowhere").as_str()), "{path:?}");
    assert!(!path.contains(&""), "{path:?}");
    server.finish();
}

#[test]
fn home_that_cannot_be_entered_never_serves() {
    let server = group("threads=2 home=/no/such/home connect-timeout=1")
        .expect_log("WSGI[01][01].*/no/such/home")
        .allow_log("WSGI")
        .start();
    assert_eq!(server.get("/pid").status, 503);
    server.finish();
}

#[test]
fn umask_is_set_or_inherited() {
    for (option, expected) in [("umask=0077", 0o077), ("umask=0002", 0o002)] {
        let server = group(&format!("threads=2 {option}")).start();
        assert_eq!(json(&server, "/identity")["umask"], expected, "{option}");
        server.finish();
    }
}

/// Variables named after the user are rewritten where they exist already.
#[test]
fn the_user_is_in_the_environment() {
    if !is_root() {
        return;
    }
    let server = group("threads=2 user=games group=games")
        .env("USER", "httpd's")
        .env("LOGNAME", "httpd's")
        .env("HOME", "/httpd")
        .start();
    let found = json(&server, "/environment");
    assert_eq!(found["USER"], "games");
    assert_eq!(found["LOGNAME"], "games");
    assert_eq!(found.get("USERNAME"), None, "it was not there before");
    assert_ne!(found["HOME"], "/httpd");
    server.finish();
}

/// Another user's process starts in that user's home directory.
#[test]
fn the_home_of_another_user_is_the_directory() {
    if !is_root() {
        return;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("the accounts");
    let home = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name));
        line.and_then(|line| line.split(':').nth(5))
            .expect("a home directory")
    };
    let server = group("threads=2 user=daemon group=daemon").start();
    assert_eq!(json(&server, "/identity")["directory"], home("daemon"));
    server.finish();
}

#[test]
fn language_and_locale_are_set() {
    let server = group("threads=2 lang=de_DE.UTF-8 locale=C.UTF-8").start();
    let found = json(&server, "/environment");
    assert_eq!(
        (&found["LANG"], &found["LC_ALL"]),
        (&json!("de_DE.UTF-8"), &json!("C.UTF-8"))
    );
    server.finish();
}

#[test]
fn a_locale_that_is_not_installed_is_told() {
    let server = group("threads=2 locale=xx_XX.UTF-8")
        .expect_log("^WSGI0079.*xx_XX")
        .start();
    assert_eq!(json(&server, "/environment")["LC_ALL"], "xx_XX.UTF-8");
    server.finish();
}

#[test]
fn variables_come_from_httpd_then_a_file_then_the_option() {
    let server = group(
        r#"threads=2 env-file=${ROOT}/conf/site.env env=LAST=option env="SPACED=two words" env=EMPTY="#,
    )
    .file(
        "conf/site.env",
        "# the site's own\nFIRST=file\nLAST=file\n\nQUOTED=\"a b\"\n",
    )
    .env("FIRST", "httpd")
    .env("GIVEN", "httpd")
    .start();
    let found = json(&server, "/environment");
    for (name, value) in [
        ("GIVEN", "httpd"),
        ("FIRST", "file"),
        ("LAST", "option"),
        ("SPACED", "two words"),
        ("EMPTY", ""),
        ("QUOTED", "a b"),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    assert_eq!(found.get("PYTHONHOME"), None);
    server.finish();
}

#[test]
fn options_of_python_reach_the_process() {
    let server = group("threads=2 switch-interval=0.25 stack-size=1048576 python-eggs=${ROOT}/run/eggs")
        .config("WSGIPythonHashSeed 7")
        .start();
    let facts = json(&server, "/identity");
    assert_eq!(facts["switch_interval"], 0.25);
    let found = json(&server, "/environment");
    assert_eq!(
        found["PYTHON_EGG_CACHE"],
        format!("{}/run/eggs", server.root().display())
    );
    server.finish();
}

/// Writing `processes=`, even as 1, says that others run the application too.
#[test]
fn multiprocess_follows_what_is_written() {
    for (options, multithread, multiprocess, once) in [
        ("", true, false, false),
        ("processes=1", true, true, false),
        ("threads=1", false, false, false),
        ("processes=2 threads=1", false, true, false),
        ("threads=1 maximum-requests=1", false, false, true),
    ] {
        let server = group(options).start();
        let facts = json(&server, "/configuration");
        assert_eq!(facts["multithread"], multithread, "{options}");
        assert_eq!(facts["multiprocess"], multiprocess, "{options}");
        assert_eq!(facts["run_once"], once, "{options}");
        assert_eq!(
            (&facts["process_group"], &facts["application_group"]),
            (&json!("cases"), &json!(""))
        );
        server.finish();
    }
}

#[test]
fn modules_are_loaded_before_the_first_request() {
    let server = group("threads=2 python-path=${APPS} preload=early,json")
        .app(
            "early.py",
            "import sys\nprint('early', __name__, file=sys.stderr)\n",
        )
        .expect_log("^early early$")
        .start();
    server.wait_for_log("^early early$");
    assert_eq!(server.access_log(), Vec::<String>::new(), "before any request");
    server.finish();
}

#[test]
fn display_name_is_what_ps_shows() {
    for (option, shown) in [
        ("display-name=%{GROUP}", "(wsgi:cases)"),
        ("display-name=shop", "shop"),
    ] {
        let server = group(&format!("threads=2 {option}")).start();
        let _ = super::pid(&server);
        let line = fs::read(format!("/proc/{}/cmdline", super::pid(&server))).expect("it runs");
        let name = line.split(|byte| *byte == 0).next().unwrap_or_default();
        assert!(
            String::from_utf8_lossy(name).starts_with(shown),
            "{:?}",
            String::from_utf8_lossy(&line)
        );
        server.finish();
    }
}

#[test]
fn crashes_leave_a_traceback_because_python_watches_for_them() {
    let server = group("threads=2").start();
    assert_eq!(server.get("/faults").text(), "True");
    server.finish();
}
