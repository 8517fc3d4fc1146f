//! Layouts as people have them.

use std::fs;
use std::path::Path;

use super::*;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        fs::write(file, text).expect("written");
    }
    folder
}

fn recognised(folder: &Path, text: &str) -> String {
    let folder = resolved(folder.to_owned());
    match Application::recognise(text, &folder) {
        Ok(found) => {
            let shown = found.to_string();
            shown.replace(&format!("{}/", folder.display()), "")
        }
        Err(problem) => format!("error: {problem}"),
    }
}

#[test]
fn scripts_and_names_mean_what_they_say() {
    let here = folder(&[
        ("hello.py", "from flask import Flask\napp = Flask(__name__)\n"),
        (
            "site.wsgi",
            "def application(environ, start_response):\n    app = 1\n",
        ),
        (
            "shop/__init__.py",
            "def create_app():\n    app = 1\n    return app\n",
        ),
        ("odd-name.py", "def make_app(): ...\n"),
        ("mysite/wsgi.py", "application = get_wsgi_application()\n"),
    ]);
    for (text, expected) in [
        ("hello.py", "hello.py:app"),
        ("./hello.py", "hello.py:app"),
        ("site.wsgi", "site.wsgi:application"),
        ("hello.py:other", "hello.py:other"),
        ("hello:app", "hello:app"),
        ("hello", "hello:app"),
        ("shop:create_app()", "shop:create_app()"),
        ("shop", "shop:create_app()"),
        ("shop:site.app", "shop:site.app"),
        ("odd-name.py", "odd-name.py:make_app()"),
        ("mysite.wsgi:application", "mysite.wsgi:application"),
        ("mysite.wsgi", "mysite.wsgi:application"),
        (
            "django.core.wsgi:get_wsgi_application()",
            "django.core.wsgi:get_wsgi_application()",
        ),
    ] {
        assert_eq!(recognised(here.path(), text), expected, "{text}");
    }
}

#[test]
fn what_is_no_application_is_told_with_what_to_write() {
    let here = folder(&[
        (
            "nothing.py",
            "x = 1\ndef f():\n    app = 2\n# app = 3\napplication == 4\n",
        ),
        ("events.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
        ("raw.py", "async def application(scope, receive, send): ...\n"),
        ("empty/readme", ""),
    ]);
    for (text, expected) in [
        ("missing.py", "missing.py does not exist"),
        ("missing.wsgi:app", "missing.wsgi does not exist"),
        ("hello:create_app(1)", "without arguments"),
        ("hello:", "no name of a callable"),
        ("nothing.py", "nothing.py:NAME"),
        ("events.py", "app in"),
        ("raw.py", "ASGI"),
        ("empty", "no project that is recognised"),
    ] {
        let found = recognised(here.path(), text);
        assert!(
            found.starts_with("error: ") && found.contains(expected),
            "{text}: {found}"
        );
    }
}

#[test]
fn the_ways_to_bind_a_name_are_seen() {
    for (source, expected) in [
        ("app: Flask = Flask(__name__)", "app"),
        ("from shop import app", "app"),
        (
            "from shop import (\n    views,\n    app as application,\n)",
            "application",
        ),
        ("from shop import website as app  # served", "app"),
        ("app = application = make()", "application"),
        (
            "if True:\n    application = one()\nelse:\n    application = two()",
            "application",
        ),
        (
            "try:\n    from a import application\nexcept ImportError:\n    pass",
            "application",
        ),
        ("class application:\n    pass", "application"),
        ("from shop.wsgi import *", "application"),
        (
            "def create_app():\n    app = Flask()\n    return app",
            "create_app",
        ),
    ] {
        let here = folder(&[("x.py", source)]);
        let found = Application::recognise("x.py", here.path()).expect(source);
        assert_eq!(found.callable.name, expected, "{source}");
    }
}

#[test]
fn projects_are_recognised_by_their_layout() {
    let manage = "import os\n# DJANGO_SETTINGS_MODULE 'x'\n\
                  os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"mysite.settings\")\n";
    let wsgi = "application = get_wsgi_application()\n";
    let django = folder(&[
        ("manage.py", manage),
        (
            "mysite/settings.py",
            "WSGI_APPLICATION = 'mysite.serving.application'\n",
        ),
        ("mysite/serving.py", wsgi),
    ]);
    assert_eq!(recognised(django.path(), "."), "mysite.serving:application");
    let without_setting = folder(&[
        ("manage.py", manage),
        ("mysite/settings/__init__.py", ""),
        ("mysite/wsgi.py", wsgi),
    ]);
    assert_eq!(recognised(without_setting.path(), "."), "mysite.wsgi:application");
    let broken = folder(&[("manage.py", manage)]);
    assert!(recognised(broken.path(), ".").contains("no module mysite.wsgi"));

    let flask = folder(&[("app.py", "app = Flask(__name__)\n"), ("setup.py", "")]);
    assert_eq!(recognised(flask.path(), "."), "app:app");
    let factory = folder(&[
        (
            "flaskr/__init__.py",
            "def create_app(test_config=None):\n    pass\n",
        ),
        ("tests/__init__.py", ""),
    ]);
    assert_eq!(recognised(factory.path(), "."), "flaskr:create_app()");
    let variable = folder(&[
        (".flaskenv", "export FLASK_APP='site_one:app'\n"),
        ("app.py", "app = 1\n"),
    ]);
    assert_eq!(recognised(variable.path(), "."), "site_one:app");
    let script = folder(&[("shop.wsgi", wsgi)]);
    assert_eq!(recognised(script.path(), "."), "shop.wsgi:application");
}

#[test]
fn a_plain_script_is_served_as_it_is_and_all_else_by_a_loader() {
    let here = folder(&[("a b.py", "def make_app(): ...\n"), ("c.py", "app = 1\n")]);
    let of = |text: &str| Application::recognise(text, here.path()).expect("recognised");
    let plain = of("c.py");
    assert_eq!(plain.script().map(|(_, callable)| callable), Some("app"));
    let factory = of("a b.py");
    assert_eq!(factory.script(), None);
    assert!(factory.loader().ends_with("application = _module.make_app()\n"));
    assert!(
        of("x.y:z.app")
            .loader()
            .contains("import_module(\"x.y\")\napplication = _module.z.app\n")
    );
}

#[test]
fn every_text_is_one_literal_of_python() {
    assert_eq!(python_string("a\"b\\c\nd"), "\"a\\\"b\\\\c\\U0000000ad\"");
}
