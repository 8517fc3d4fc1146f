//! Django projects, as `django-admin startproject` makes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::{mode, test_venv};
use super::{Browser, open_directory, site, source};
use crate::modes::Mode;
use rwsgi_harness::{Builder, Framing};
use tempfile::TempDir;

/// A project of this name below `directory`, with its database.
struct Project {
    name: &'static str,
    directory: PathBuf,
}

impl Project {
    fn new(venv: &Path, home: &TempDir, name: &'static str) -> Project {
        let directory = home.path().join(name);
        fs::create_dir(&directory).expect("a directory");
        let project = Project { name, directory };
        let made = Command::new(venv.join("bin/django-admin"))
            .args(["startproject", name, "."])
            .current_dir(&project.directory)
            .output()
            .expect("django-admin runs");
        assert!(made.status.success(), "{made:?}");
        project
    }

    fn append(&self, file: &str, text: &str) {
        let path = self.directory.join(self.name).join(file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, before + text).expect("the project is writable");
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.directory.join(self.name).join(file), text).expect("the project is writable");
    }

    fn manage(&self, venv: &Path, arguments: &[&str]) {
        let done = Command::new(venv.join("bin/python"))
            .arg("manage.py")
            .args(arguments)
            .env("DJANGO_SUPERUSER_PASSWORD", "for tests only")
            .current_dir(&self.directory)
            .output()
            .expect("manage.py runs");
        assert!(done.status.success(), "{done:?}");
    }

    /// SQLite writes beside the database.
    fn open_to_all(&self) {
        let opened = Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(&self.directory)
            .status();
        assert!(opened.expect("chmod runs").success());
    }

    /// The virtual host of Django's page on mod_wsgi.
    fn host(&self, port: &str) -> String {
        let (directory, name) = (self.directory.display(), self.name);
        format!(
            "<VirtualHost *:{port}>
  ServerName localhost
  WSGIScriptAlias / {directory}/{name}/wsgi.py
  <Directory {directory}/{name}>
    <Files wsgi.py>
      Require all granted
    </Files>
  </Directory>
</VirtualHost>"
        )
    }
}

fn builder(venv: &Path, projects: &[&Project]) -> Builder {
    let paths: Vec<String> = projects
        .iter()
        .map(|project| project.directory.display().to_string())
        .collect();
    site(venv, &paths.join(":"))
        // Django warns of each answer with a status from 400.
        .allow_log("(Not Found|Bad Request|Internal Server Error|Forbidden.*): /")
}

#[test]
fn django_a_project_with_its_admin() {
    let Some(venv) = test_venv() else { return };
    let home = open_directory();
    let project = Project::new(&venv, &home, "shop");
    project.append("settings.py", "\nDEBUG = False\nALLOWED_HOSTS = ['localhost']\n");
    project.write("urls.py", &source("django_urls.py"));
    project.write("views.py", &source("django_views.py"));
    project.manage(&venv, &["migrate", "--verbosity", "0"]);
    project.manage(
        &venv,
        &[
            "createsuperuser",
            "--noinput",
            "--username",
            "admin",
            "--email",
            "admin@example.org",
        ],
    );
    project.open_to_all();
    let server = builder(&venv, &[&project])
        .config(&project.host("${PORT}"))
        .start();
    let mut browser = Browser::new(&server);
    logs_in(&mut browser);
    posts(&mut browser);
    transfers(&mut browser);
    refuses(&mut browser);
    assert_eq!(
        browser.get("/settings/").text(),
        "shop.settings shop.urls shop.settings"
    );
    server.graceful();
    assert_eq!(
        browser.get("/admin/").status,
        200,
        "the session outlives a restart"
    );
    server.finish();
}

fn logs_in(browser: &mut Browser<'_>) {
    let refused = browser.get("/admin/");
    assert_eq!(
        (refused.status, refused.header("Location")),
        (302, Some("/admin/login/?next=/admin/"))
    );
    let wrong = browser.submit(
        "/admin/login/?next=/admin/",
        &[("username", "admin"), ("password", "wrong")],
    );
    assert!(wrong.text().contains("correct username"), "{}", wrong.text());
    let right = [("username", "admin"), ("password", "for+tests+only")];
    let done = browser.submit("/admin/login/?next=/admin/", &right);
    assert_eq!(
        (done.status, done.header("Location")),
        (302, Some("/admin/")),
        "{}",
        done.text()
    );
    let admin = browser.get("/admin/").text();
    assert!(admin.contains("Site administration"), "{admin}");
    let added = browser.submit("/admin/auth/group/add/", &[("name", "Gr%C3%BC%C3%9Fe")]);
    assert_eq!(added.status, 302, "{}", added.text());
    assert!(browser.get("/admin/auth/group/").text().contains("Grüße"));
}

fn posts(browser: &mut Browser<'_>) {
    let done = browser.submit("/form/", &[("word", "caf%C3%A9+%26+more")]);
    assert_eq!((done.status, done.header("Location")), (302, Some("/form/")));
    assert!(browser.get("/form/").text().contains("<p>café &amp; more</p>"));
    let forged = browser.send(
        "/form/",
        Some(("application/x-www-form-urlencoded", b"word=forged")),
    );
    assert_eq!(forged.status, 403, "a form without its token");
}

fn transfers(browser: &mut Browser<'_>) {
    let digest = "fbbab289f7f94b25736c58be46a994c441fd02552cc6022352e3d86d2fab7c83";
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let stored = browser.upload("/upload/", ("word", "extra"), &bytes).text();
    assert_eq!(stored, format!("data.bin 1048576 {digest}\nextra"));
    // Beyond what Django keeps in memory.
    let large = browser
        .upload("/upload/", ("word", "extra"), &bytes.repeat(8))
        .text();
    assert!(large.starts_with("data.bin 8388608 "), "{large}");
    let download = browser.get("/download/");
    assert_eq!(download.framing, Framing::Length(1 << 20));
    assert_eq!(download.body, bytes);
    assert_eq!(
        download.header("Content-Disposition"),
        Some("attachment; filename=\"all bytes.bin\"")
    );
    let stream = browser.get("/stream/");
    // What has ended before the first piece is sent has a length.
    assert!(mode() == Mode::Daemon || stream.framing == Framing::Chunked);
    assert!(stream.text().starts_with("row 0\nrow 1\n") && stream.text().ends_with("row 999\n"));
}

fn refuses(browser: &mut Browser<'_>) {
    let missing = browser.get("/no/such/page/");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("Not Found"), "{}", missing.text());
    let crash = browser.get("/crash/");
    assert_eq!(crash.status, 500);
    assert!(
        crash.text().contains("Server Error (500)") && !crash.text().contains("secret"),
        "{}",
        crash.text()
    );
}

/// Nothing but the documented lines: each project in the interpreter of its own virtual host.
#[test]
fn django_two_projects_keep_their_own_settings() {
    let Some(venv) = test_venv() else { return };
    let home = open_directory();
    let projects = ["alpha", "beta"].map(|name| Project::new(&venv, &home, name));
    for project in &projects {
        project.open_to_all();
    }
    let server = builder(&venv, &[&projects[0], &projects[1]])
        .listen("BETA")
        .config(&projects[0].host("${PORT}"))
        .config(&projects[1].host("${PORT_BETA}"))
        .start();
    let ports = [server.port(), server.port_of("BETA")];
    for _ in 0..3 {
        for (project, port) in projects.iter().zip(ports) {
            let mut browser = Browser::at(&server, port);
            assert!(
                browser
                    .get("/")
                    .text()
                    .contains("The install worked successfully")
            );
            let page = browser.get("/no/such/page/").text();
            let urls = format!("{}.urls", project.name);
            assert!(
                page.contains(&urls),
                "{} is served with other settings",
                project.name
            );
            let login = browser.get("/admin/login/");
            assert!(login.text().contains("csrfmiddlewaretoken"), "{}", login.text());
        }
    }
    server.finish();
}
