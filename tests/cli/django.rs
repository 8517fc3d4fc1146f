//! `manage.py runrwsgi`, from the package with the worker and with the command of the module under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use rwsgi_harness::{command_under_test, module_under_test};

use crate::folder::Folder;
use crate::running::start;

/// The environment with Django, if there is one.
fn django() -> Option<PathBuf> {
    let venv = std::env::var_os("RWSGI_TEST_VENV").filter(|path| !path.is_empty());
    if venv.is_none() {
        eprintln!("skipped: RWSGI_TEST_VENV names no virtual environment; `make test` makes one");
    }
    venv.map(PathBuf::from)
}

const SETTINGS: &str = "from pathlib import Path\nSECRET_KEY = 'x'\nROOT_URLCONF = 'site_.urls'\nALLOWED_HOSTS = ['*']\n\
    INSTALLED_APPS = ['django.contrib.staticfiles', 'rwsgi.django']\nSTATIC_URL = 'static/'\n\
    WSGI_APPLICATION = 'site_.wsgi.application'\n";

/// A project whose page tells its settings, its mount point and its working directory.
fn project(more_settings: &str) -> Folder {
    let settings = format!("{SETTINGS}{more_settings}");
    Folder::with(&[
        (
            "manage.py",
            "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n\
             from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
        ),
        ("site_/__init__.py", ""),
        ("site_/settings.py", &settings),
        ("site_/other.py", "from site_.settings import *\n"),
        (
            "site_/wsgi.py",
            "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n\
             from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
        ),
        (
            "site_/urls.py",
            "import os\nfrom django.conf import settings\nfrom django.http import HttpResponse\nfrom django.urls import path\n\
             def page(request):\n    return HttpResponse(' '.join([settings.SETTINGS_MODULE, request.path, os.getcwd()]))\n\
             urlpatterns = [path('', page)]\n",
        ),
        ("collected/site.css", "body {}"),
    ])
}

/// `manage.py runrwsgi` of the project, run in `working_directory`.
fn runrwsgi(venv: &Path, project: &Folder, working_directory: &Path) -> Command {
    let command = command_under_test();
    let folder = command.parent().expect("a folder");
    let libraries = std::fs::read_dir(venv.join("lib")).expect("an environment");
    let version = libraries.flatten().next().expect("pythonX.Y").file_name();
    let package = folder.join("worker").join(version);
    let mut manage = Command::new(venv.join("bin/python"));
    manage
        .arg(project.path("manage.py"))
        .arg("runrwsgi")
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("PYTHONPATH", package)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("RWSGI_MODULE", module_under_test())
        .env("TMPDIR", project.root())
        .current_dir(working_directory);
    manage
}

#[test]
fn a_project_is_served_with_its_static_files_and_the_options_of_serve() {
    let Some(venv) = django() else { return };
    let project = project("STATIC_ROOT = Path(__file__).parent.parent / 'collected'\n");
    let mut command = runrwsgi(&venv, &project, Path::new("/"));
    command.args([
        "--port",
        "0",
        "--mount-point",
        "/shop",
        "--settings",
        "site_.other",
    ]);
    let server = start(&mut command, project.root());
    let root = project.root().display();
    assert_eq!(server.text("/shop/"), format!("site_.other /shop/ {root}"));
    assert_eq!(server.text("/shop/static/site.css"), "body {}");
    server.finish();
}

#[test]
fn what_is_missing_is_said() {
    let Some(venv) = django() else { return };
    for (more, expected, goes_on) in [
        ("", "set STATIC_ROOT in site_.settings", true),
        (
            "STATIC_ROOT = '/none'\n",
            "STATIC_ROOT, /none, does not exist; run",
            true,
        ),
        (
            "WSGI_APPLICATION = 'gone.wsgi.app'\n",
            "there is no module 'gone.wsgi'",
            false,
        ),
        (
            "MIDDLEWARE = ['whitenoise.middleware.WhiteNoiseMiddleware']\n",
            "",
            true,
        ),
    ] {
        let project = project(more);
        let done = runrwsgi(&venv, &project, project.root())
            .args(["--port", "0", "--print-config"])
            .output()
            .expect("python runs");
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.success(), goes_on, "{more}: {told}");
        assert!(told.contains(expected), "{more}: {told}");
        assert_eq!(told.is_empty(), expected.is_empty(), "{more}: {told}");
    }
}

/// What the command line chooses is not chosen a second time.
#[test]
fn the_command_line_has_the_last_word() {
    let Some(venv) = django() else { return };
    let project = project("STATIC_ROOT = Path(__file__).parent.parent / 'collected'\n");
    let done = runrwsgi(&venv, &project, project.root())
        .args([
            "--port",
            "0",
            "--print-config",
            "--static",
            "/static=site_",
            "--working-directory",
            "/tmp",
        ])
        .output()
        .expect("python runs");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{told}");
    assert!(
        !text.contains("collected") && text.contains("Alias \"/static\""),
        "{text}"
    );
    assert!(text.contains(" home=\"/tmp\""), "{text}");
}

#[test]
fn a_project_that_names_no_application_has_djangos() {
    let Some(venv) = django() else { return };
    let project = project("WSGI_APPLICATION = None\n");
    let mut command = runrwsgi(&venv, &project, Path::new("/"));
    let server = start(command.args(["--port", "0"]), project.root());
    let root = project.root().display();
    assert_eq!(server.text("/"), format!("site_.settings / {root}"));
    server.finish();
}
