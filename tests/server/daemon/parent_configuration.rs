//! What of a daemon group is refused, or told, where the configuration is read.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rwsgi_harness::{Builder, process};

use super::is_root;
use crate::server;

/// The line of `httpd -t` with this code, and whether the configuration was accepted.
#[track_caller]
fn checked(builder: Builder, code: &str) -> (bool, String) {
    let check = builder.check_config();
    let lines: Vec<&str> = check.output.lines().filter(|line| line.contains(code)).collect();
    assert_eq!(lines.len(), 1, "{}", check.output);
    (check.accepted, lines[0].to_owned())
}

#[track_caller]
fn refused(options: &str, code: &str, advice: &str) {
    let builder = server().config(&format!("WSGIDaemonProcess site {options}"));
    let (accepted, line) = checked(builder, code);
    assert!(!accepted, "{line}");
    assert!(line.contains(advice), "{line} does not say {advice:?}");
    assert!(line.contains("conf/httpd.conf:"), "{line} names no place");
}

#[test]
fn names_of_nobody_are_refused_with_option_and_place() {
    for option in [
        "user",
        "group",
        "supplementary-groups",
        "socket-user",
        "script-user",
        "script-group",
    ] {
        let name = format!("{option}=\"nosuch\"");
        refused(&format!("{option}=nosuch"), "WSGI1150", &name);
    }
}

#[test]
fn root_is_refused_however_it_is_written() {
    if let Some(other) = other_name_of_root() {
        refused(
            &format!("user={other}"),
            "WSGI1151",
            "blocked from running as root",
        );
    }
    for root in ["root", "#0"] {
        let check = server()
            .config(&format!("WSGIDaemonProcess site user={root}"))
            .check_config();
        assert!(
            !check.accepted && check.output.contains("blocked from running as root"),
            "{}",
            check.output
        );
    }
}

/// Another entry for user number 0, as BSD's `toor`.
fn other_name_of_root() -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").expect("readable");
    users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.len() > 2 && fields[2] == "0" && fields[0] != "root")
        .map(|fields| fields[0].to_owned())
}

#[test]
fn more_groups_than_a_process_can_have_are_refused() {
    let names: Vec<String> = (1..=65536).map(|number| format!("#{number}")).collect();
    refused(
        &format!("supplementary-groups={}", names.join(",")),
        "WSGI1153",
        "65537 groups",
    );
}

#[test]
fn a_path_too_long_for_sockets_is_refused() {
    let prefix = format!(
        "WSGIDaemonProcess site\nWSGISocketPrefix /run/{}",
        "w".repeat(100)
    );
    let (accepted, line) = checked(server().config(&prefix), "WSGI0064");
    assert!(!accepted && line.contains("WSGISocketPrefix"), "{line}");
    let alone = server().config(&format!("WSGISocketPrefix /run/{}", "w".repeat(100)));
    assert!(
        alone.check_config().accepted,
        "without groups there are no sockets"
    );
}

#[test]
fn more_processes_than_a_scoreboard_holds_are_refused() {
    refused("processes=3000", "WSGI1155", "processes=3000");
    refused("processes=2000 threads=60000", "WSGI1155", "threads=60000");
}

#[test]
fn a_new_root_directory_is_refused_where_httpd_is_not_root() {
    if process::is_root() {
        eprintln!("skipped: httpd is started by root here");
        return;
    }
    refused("chroot=/jail", "WSGI1154", "started by root");
}

/// The configuration is accepted, and the line names this element of a path.
#[track_caller]
fn told(options: &str, code: &str, element: &Path) {
    let builder = server().config(&format!("WSGIDaemonProcess site {options}"));
    let (accepted, line) = checked(builder, code);
    assert!(accepted, "other sites go on: {line}");
    assert!(
        line.contains(&element.display().to_string()),
        "{line} does not name {}",
        element.display()
    );
    assert!(
        line.contains("\"site\"") && line.contains("conf/httpd.conf:"),
        "{line}"
    );
}

#[test]
fn mistakes_in_a_groups_python_are_told_and_others_go_on() {
    let place = tempfile::Builder::new()
        .prefix("rwsgi-python-")
        .tempdir()
        .expect("a folder");
    let root = place.path();
    fs::set_permissions(root, Permissions::from_mode(0o755)).expect("permissions");
    let home = |path: &Path| format!("python-home={}", path.display());

    told(&home(&root.join("no/venv")), "WSGI0100", &root.join("no"));
    let file = root.join("file");
    fs::write(&file, "text").expect("written");
    told(&home(&file), "WSGI0100", &file);
    fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("permissions");
    told(&format!("python={}", file.display()), "WSGI0100", &file);
    told(
        &format!("python={}", root.join("gone").display()),
        "WSGI0100",
        &root.join("gone"),
    );

    let venv = |name: &str, version: &str, base: &str| {
        let venv = root.join(name);
        fs::create_dir_all(venv.join(format!("lib/python{version}/site-packages"))).expect("folders");
        fs::create_dir(venv.join("bin")).expect("a folder");
        fs::write(
            venv.join("pyvenv.cfg"),
            format!("home = {base}\nversion = {version}.0\n"),
        )
        .expect("written");
        symlink(format!("{base}/python3"), venv.join("bin/python")).expect("a link");
        venv
    };
    let old = venv("old", "3.9", "/usr/bin");
    told(&home(&old), "WSGI0100", &old);
    let lost = venv("lost", "3.13", "/gone/bin");
    told(&home(&lost), "WSGI0100", &lost.join("bin/python"));
    let pypy = venv("pypy", "3.11", "/usr/bin");
    fs::write(
        pypy.join("pyvenv.cfg"),
        "home = /usr/bin\nimplementation = PyPy\n",
    )
    .expect("written");
    told(&home(&pypy), "WSGI0100", &pypy);
    if is_root() {
        let closed = root.join("closed");
        fs::create_dir_all(closed.join("venv")).expect("folders");
        fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("permissions");
        told(&home(&closed.join("venv")), "WSGI0102", &closed);
    }
}
