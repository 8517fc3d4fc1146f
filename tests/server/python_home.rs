//! A WSGIPythonHome that Python cannot start from: httpd starts, and says once what is wrong.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::server;
use rwsgi_harness::{Server, process};
use tempfile::TempDir;

fn directory() -> TempDir {
    let directory = tempfile::Builder::new()
        .prefix("rwsgi-home-")
        .tempdir()
        .expect("a temporary directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("permissions");
    directory
}

/// Serves with this home; the line about it has the code and the named element.
fn told(home: &Path, code: &str, element: &Path) {
    let server = server()
        .listen("STATIC")
        .file("htdocs/page.txt", "page")
        .config(&format!("WSGIPythonHome {}", home.display()))
        .config("<VirtualHost *:${PORT}>\n  WSGIScriptAlias / ${APPS}/hello.py\n</VirtualHost>")
        .config("<VirtualHost *:${PORT_STATIC}>\n</VirtualHost>")
        .expect_log("^WSGI010[02]")
        .expect_log("^WSGI0210")
        .start();
    for _ in 0..2 {
        assert_eq!(server.get("/").status, 500);
        let mut other = server.connect_to(server.port_of("STATIC"));
        assert_eq!(
            other.get("/page.txt").text(),
            "page",
            "another virtual host goes on"
        );
    }
    assert_line(&server, code, element);
    server.finish();
}

#[track_caller]
fn assert_line(server: &Server, code: &str, element: &Path) {
    let lines = server.logs_matching("^WSGI010[02]");
    let of_parent = lines
        .iter()
        .filter(|line| line.pid == server.parent_pid())
        .count();
    assert_eq!(of_parent, 1, "{lines:?}");
    assert!(lines.len() <= 2, "at most one more, by the child: {lines:?}");
    for line in lines {
        assert!(line.message.starts_with(code), "{}", line.text);
        assert!(
            line.message.contains(&format!("{}", element.display())),
            "{}",
            line.text
        );
    }
}

#[test]
fn python_home_that_does_not_exist() {
    let place = directory();
    told(
        &place.path().join("no/venv"),
        "WSGI0100",
        &place.path().join("no"),
    );
}

#[test]
fn python_home_that_is_a_file() {
    let place = directory();
    let file = place.path().join("file");
    fs::write(&file, "").expect("written");
    told(&file, "WSGI0100", &file);
}

#[test]
fn python_home_that_is_empty() {
    let place = directory();
    told(place.path(), "WSGI0100", place.path());
}

#[test]
fn python_home_of_another_version() {
    let place = directory();
    let venv = place.path().join("venv");
    fs::create_dir_all(venv.join("lib/python3.9/site-packages")).expect("directories");
    fs::create_dir(venv.join("bin")).expect("a directory");
    fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\nversion = 3.9.2\n").expect("written");
    std::os::unix::fs::symlink("/usr/bin/python3", venv.join("bin/python")).expect("a link");
    told(&venv, "WSGI0100", &venv);
}

#[test]
fn python_home_closed_to_the_serving_account() {
    if !process::is_root() {
        eprintln!("skipped: only root serves under another account");
        return;
    }
    let place = directory();
    let closed = place.path().join("closed");
    fs::create_dir_all(closed.join("venv")).expect("directories");
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("permissions");
    told(&closed.join("venv"), "WSGI0102", &closed);
}

/// The folder of the programs stands for the prefix above it.
#[test]
fn python_home_that_is_right_is_used() {
    for home in ["/usr", "/usr/bin"] {
        let server = server()
            .app("prefix.py", PREFIX)
            .config(&format!(
                "WSGIPythonHome {home}\nWSGIScriptAlias / ${{APPS}}/prefix.py"
            ))
            .start();
        assert_eq!(server.get("/").text(), "/usr", "{home}");
        server.finish();
    }
}

const PREFIX: &str = "import sys

def application(environ, start_response):
    start_response('200 OK', [])
    return [sys.prefix.encode()]
";
