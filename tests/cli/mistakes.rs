//! Mistakes are told before anything runs, with what to do.

use std::net::TcpListener;

use crate::folder::{Folder, application};
use crate::running::rwsgi;

#[test]
fn each_mistake_names_what_to_do() {
    let folder = Folder::with(&[
        ("app.py", &application("app", "1")),
        (
            "events.py",
            "from starlette import Starlette\napp = Starlette()\n",
        ),
        ("bad.toml", "app = 'app.py'\nprot = 80\n"),
        ("gone.toml", "app = 'app.py'\nenv-file = 'gone.env'\n"),
    ]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let cases: &[(&[&str], &str)] = &[
        (&["none.py"], "none.py does not exist; give a script"),
        (&["events.py"], "ASGI"),
        (&["app.py", "--port", &port], "cannot be listened at"),
        (&["app.py", "--venv", "gone"], "create it with python3 -m venv"),
        (&["app.py", "--mount", "/=app.py"], "are both at /"),
        (&["app.py", "--tls-key", "app.py"], "needs --tls-certificate"),
        (&["app.py", "--httpd", "/none"], "--httpd: /none is no file"),
        (&["app.py", "--module", "/none"], "--module"),
        (&["--config", "bad.toml"], "line 2"),
        (&["app.py", "--daemon-option", "x"], "equals sign"),
        (&["app.py", "--port", "0", "--threads", "0"], "needs a thread"),
        (&["app.py", "--httpd", "/bin/true"], "is no httpd"),
        (&["app.py", "--python", "/nope"], "--python: /nope does not exist"),
        (&["app.py", "--python", "app.py"], "--python: "),
        (
            &["app.py", "--python-path", "gone"],
            "gone does not exist; correct the path or create it",
        ),
        (
            &["app.py", "--env-file", "/nope"],
            "--env-file: /nope cannot be read: No such file",
        ),
        (&["app.py", "--env-file", "."], "--env-file: . is a folder"),
        (
            &["app.py", "--working-directory", "/nope"],
            "--working-directory: /nope does not exist",
        ),
        (
            &["app.py", "--document-root", "/nope"],
            "--document-root: /nope does not exist",
        ),
        (
            &["app.py", "--static", "/s=/nope"],
            "--static: /nope does not exist",
        ),
        (&["--config", "gone.toml"], "--env-file: "),
    ];
    for (arguments, expected) in cases {
        let done = rwsgi(folder.root())
            .arg("serve")
            .args(*arguments)
            .output()
            .expect("rwsgi runs");
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(
            !done.status.success() && told.contains(expected),
            "{arguments:?}: {told}"
        );
        assert!(done.stdout.is_empty(), "{arguments:?} says that it serves");
    }
}

#[test]
fn what_httpd_refuses_is_shown() {
    let folder = Folder::with(&[("app.py", &application("app", "1"))]);
    let done = rwsgi(folder.root())
        .args(["serve", "app.py", "--port", "0", "--daemon-option", "treads=5"])
        .output()
        .expect("rwsgi runs");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        told.contains("treads=5") && told.contains("httpd did not start"),
        "{told}"
    );
    assert_eq!(
        crate::running::private_folders(folder.root()),
        Vec::<String>::new()
    );
}
