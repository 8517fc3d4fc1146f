//! The files of `apache-conf/`, started as they are but for the paths a reader would put in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rwsgi_harness::{Builder, Server, command_under_test, module_under_test, process, usual_python};
use tempfile::TempDir;

use crate::skips;

const SCRIPT: &str = "
import sys
from mysite import greeting

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return ['\\n'.join([greeting.TEXT, sys.prefix, environ['SCRIPT_NAME'] + '|' + environ['PATH_INFO']]).encode()]
";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn published(name: &str) -> String {
    fs::read_to_string(repository().join("apache-conf").join(name)).expect("a file of apache-conf")
}

/// The published line that loads the module, with the place of the module under test.
fn load_line() -> String {
    let module = module_under_test();
    published("rwsgi.load").replace(
        "/usr/lib/apache2/modules/mod_rwsgi.so",
        &module.display().to_string(),
    )
}

/// Where the command is that belongs to the module under test; an installed one is beside its module.
fn command_line() -> String {
    format!("RWSGICommand {}\n", command_under_test().display())
}

/// A server that loads nothing but what the published files load.
fn as_published() -> Builder {
    Server::builder().without_module_under_test().config(&load_line())
}

/// What stands in `/srv/mysite` in the published files: a virtual environment, code, static files.
struct Site(TempDir);

impl Site {
    fn new() -> Site {
        let directory = tempfile::Builder::new()
            .prefix("rwsgi-mysite-")
            .tempdir()
            .expect("a temporary directory");
        let site = Site(directory);
        // httpd's children read it under their own account.
        fs::set_permissions(site.path(""), Permissions::from_mode(0o755)).expect("permissions");
        site.make_venv();
        for (file, text) in [
            ("app/mysite/__init__.py", ""),
            ("app/mysite/greeting.py", "TEXT = 'Hello from the path'"),
            ("app/mysite/wsgi.py", SCRIPT),
            ("app/mysite/settings.py", "SECRET_KEY = 'not for the web'"),
            ("static/site.css", "body { margin: 0 }"),
        ] {
            let path = site.path(file);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        site
    }

    fn make_venv(&self) {
        let made = Command::new(usual_python())
            .args(["-m", "venv", "--without-pip"])
            .arg(self.path("venv"))
            .status();
        assert!(made.expect("Python runs").success());
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// A published file with this site's place in it.
    fn put_into(&self, text: &str) -> String {
        text.replace("/srv/mysite", &self.0.path().display().to_string())
            .replace("*:80", "127.0.0.1:${PORT}")
    }
}

#[test]
fn the_published_virtual_host_serves_the_site_it_describes() {
    let site = Site::new();
    let server = as_published()
        .config(&published("rwsgi.conf"))
        .config(&site.put_into(&published("embedded.conf")))
        .start();

    let response = server.get("/some/page");
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.text().lines().collect::<Vec<_>>(),
        [
            "Hello from the path",
            &site.path("venv").display().to_string(),
            "|/some/page"
        ]
    );
    assert_eq!(server.get("/static/site.css").text(), "body { margin: 0 }");
    // Not a file of the application: the whole address space belongs to the script.
    assert!(server.get("/settings.py").text().ends_with("|/settings.py"));
    server.finish();
}

#[test]
fn the_published_daemon_group_serves_the_site_it_describes() {
    let Some(account) =
        process::serving_account().or_else(|| skips("only root can start processes as another user"))
    else {
        return;
    };
    let site = Site::new();
    let text = site.put_into(&published("daemon.conf")).replace(
        "user=mysite group=mysite",
        &format!("user={} group={}", account.name, account.group),
    );
    let server = as_published().config(&command_line()).config(&text).start();

    let response = server.get("/some/page");
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.text().lines().collect::<Vec<_>>(),
        [
            "Hello from the path",
            &site.path("venv").display().to_string(),
            "|/some/page"
        ]
    );
    assert_eq!(server.get("/static/site.css").text(), "body { margin: 0 }");
    assert_eq!(server.workers().len(), 2, "as many processes as the group says");
    server.finish();
}

#[test]
fn every_directive_that_rwsgi_conf_shows_is_accepted_with_the_value_it_shows() {
    let site = Site::new();
    let shown: String = published("rwsgi.conf")
        .lines()
        .map(|line| line.replacen("#WSGI", "WSGI", 1) + "\n")
        .collect();
    assert!(
        shown
            .lines()
            .filter(|line| line.trim().starts_with("WSGI"))
            .count()
            > 5
    );
    let check = as_published().config(&site.put_into(&shown)).check_config();
    assert!(check.accepted, "{}", check.output);
}

#[test]
fn the_block_of_rwsgi_conf_is_read_when_the_module_is_loaded() {
    let text = published("rwsgi.conf").replace("</IfModule>", "NoSuchDirective\n</IfModule>");
    let with = as_published().config(&text).check_config();
    assert!(
        !with.accepted && with.output.contains("NoSuchDirective"),
        "{}",
        with.output
    );
    let without = Server::builder()
        .without_module_under_test()
        .config(&text)
        .check_config();
    assert!(without.accepted, "{}", without.output);
}

#[test]
fn installing_puts_a_loadable_module_and_its_configuration_under_destdir() {
    let destdir = TempDir::new().expect("a temporary directory");
    let installed = Command::new(repository().join("tools/install.sh"))
        .arg(module_under_test())
        .arg(destdir.path())
        .output()
        .expect("bash runs");
    assert!(installed.status.success(), "{installed:?}");

    let printed = String::from_utf8(installed.stdout).expect("text");
    let files: Vec<&Path> = printed
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .map(Path::new)
        .collect();
    let named = |end: &str| {
        let found = files.iter().find(|file| file.ends_with(end));
        *found.unwrap_or_else(|| panic!("no {end} was installed: {printed}"))
    };
    let (module, command) = (named("mod_rwsgi.so"), named("bin/rwsgi"));
    let load = files
        .iter()
        .find(|file| file.to_string_lossy().contains("rwsgi.load"));
    let load = load.or_else(|| {
        files
            .iter()
            .find(|file| file.to_string_lossy().contains("conf.modules.d"))
    });
    let (load, conf) = (load.expect("a file that loads the module"), named("rwsgi.conf"));
    assert!(
        files
            .iter()
            .all(|file| file.starts_with(destdir.path()) && file.is_file())
    );
    let version = Command::new(command).arg("--version").output().expect("it runs");
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        concat!("rwsgi ", env!("CARGO_PKG_VERSION"), "\n")
    );

    // The file names the final place, which is below DESTDIR for now.
    let final_place = Path::new("/").join(module.strip_prefix(destdir.path()).expect("below DESTDIR"));
    let load_text = fs::read_to_string(load).expect("the load file");
    assert!(
        load_text.contains(&final_place.display().to_string()),
        "{load_text}"
    );
    let check = Server::builder()
        .without_module_under_test()
        .config(&load_text.replace(&final_place.display().to_string(), &module.display().to_string()))
        .config(&format!("Include {}", conf.display()))
        .check_config();
    assert!(check.accepted, "{}", check.output);
}
