//! `rwsgi module-config`: lines that make any httpd serve by this installation.

use rwsgi_harness::{Server, command_under_test, module_under_test};

use crate::folder::{Folder, application};
use crate::running::rwsgi;

fn lines(folder: &Folder, arguments: &[&str], environment: &[(&str, &str)]) -> Result<String, String> {
    let done = rwsgi(folder.root())
        .arg("module-config")
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .expect("rwsgi runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    if done.status.success() {
        Ok(text(done.stdout))
    } else {
        Err(text(done.stderr))
    }
}

fn expected(home: Option<&str>) -> String {
    let home = home.map_or_else(String::new, |home| format!("WSGIPythonHome \"{home}\"\n"));
    format!(
        "LoadModule wsgi_module \"{}\"\nRWSGICommand \"{}\"\n{home}",
        module_under_test().display(),
        command_under_test().display()
    )
}

/// Arguments, environment, and the home that they lead to.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], Option<&'a str>);

#[test]
fn the_home_is_that_of_the_command_or_the_one_that_is_named() {
    let folder = Folder::with(&[
        ("venv/pyvenv.cfg", "home = /usr/bin\n"),
        ("venv/bin/python3", ""),
        ("active/pyvenv.cfg", "home = /usr/bin\n"),
        ("prefix/bin/python3.12", ""),
    ]);
    let at = |name: &str| folder.path(name).to_string_lossy().into_owned();
    let (venv, active, prefix) = (at("venv"), at("active"), at("prefix"));
    let own = at("venv/bin/python3");
    let other = at("prefix/bin/python3.12");
    let cases: &[Case<'_>] = &[
        (&[], &[], None),
        (&[], &[("VIRTUAL_ENV", &active)], Some(&active)),
        (
            &[],
            &[("VIRTUAL_ENV", &active), ("RWSGI_PYTHON", &own)],
            Some(&venv),
        ),
        (&[], &[("RWSGI_PYTHON", &other)], Some(&prefix)),
        (&[], &[("RWSGI_PYTHON", "/usr/bin/python3")], None),
        (&["--venv", "active"], &[("RWSGI_PYTHON", &own)], Some(&active)),
    ];
    for (arguments, environment, home) in cases {
        assert_eq!(
            lines(&folder, arguments, environment).as_deref(),
            Ok(expected(*home).as_str()),
            "{arguments:?} {environment:?}"
        );
    }
}

#[test]
fn a_server_serves_by_the_lines() {
    let folder = Folder::with(&[("app.wsgi", &application("application", "'by the lines'"))]);
    let lines = lines(&folder, &[], &[]).expect("lines");
    let script = folder.path("app.wsgi");
    let server = Server::builder()
        .without_module_under_test()
        .config(&format!(
            "{lines}WSGIDaemonProcess g\nWSGIScriptAlias / {} process-group=g application-group=%{{GLOBAL}}\n\
             <Directory {}>\nRequire all granted\n</Directory>\n",
            script.display(),
            folder.root().display()
        ))
        .start();
    assert_eq!(server.get("/").text(), "by the lines");
}

#[test]
fn mistakes_are_told_with_the_way_out() {
    let folder = Folder::with(&[("empty/file", "")]);
    for (arguments, expected) in [
        (["--venv", "empty"], "create it with python3 -m venv empty"),
        (["--module", "/none"], "--module"),
        (["--httpd", "/none"], "--httpd: /none is no file"),
    ] {
        let told = lines(&folder, &arguments, &[]).expect_err("refused");
        assert!(told.contains(expected), "{told}");
    }
}
