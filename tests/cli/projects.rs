//! Applications of all kinds, several at once, from arguments and from a file.

use rwsgi_harness::process;

use crate::folder::{Folder, application};
use crate::serve;

#[test]
fn modules_factories_and_folders_are_served() {
    let factory = format!(
        "{}\ndef create_app():\n    return inner\n",
        application("inner", "'made ' + __name__")
    );
    let folder = Folder::with(&[
        ("plain.py", &application("application", "__name__[:10]")),
        ("shop/__init__.py", &factory),
        ("site/app.py", &application("app", "__name__ + os.getcwd()[-5:]")),
    ]);
    for (app, expected) in [
        ("plain.py", "_mod_wsgi_"),
        ("plain:application", "plain"),
        ("shop:create_app()", "made shop"),
        ("shop", "made shop"),
        ("shop/__init__.py:create_app()", "made __init__"),
        ("site", "app/site"),
    ] {
        let server = serve(folder.root(), &[app]);
        let found = server.text("/");
        assert!(found.starts_with(expected), "{app}: {found}");
        server.finish();
    }
}

#[test]
fn the_traceback_of_a_mistake_names_the_users_file() {
    let folder = Folder::with(&[("shop.py", "import missing_module\napp = None\n")]);
    let server = serve(folder.root(), &["shop:app"]);
    assert_eq!(server.get("/").status, 500);
    let log = server.log();
    let line = format!("File \"{}\", line 1", folder.path("shop.py").display());
    assert!(
        log.contains(&line) && log.contains("No module named 'missing_module'"),
        "{log}"
    );
    server.finish();
}

#[test]
fn a_file_says_everything_and_each_application_has_its_own() {
    let shown = "os.environ.get('SHARED', '') + os.environ.get('OWN', '') + environ['SCRIPT_NAME'] \
                 + str(environ['wsgi.multiprocess']) + ' ' + str('colorsys' in __import__('sys').modules)";
    let folder = Folder::with(&[
        ("one/app.py", &application("app", shown)),
        ("two/app.py", &application("app", shown)),
        (
            "sites.toml",
            "threads = 3\n[env]\nSHARED = 'all '\n[[apps]]\napp = 'one'\n[[apps]]\napp = 'two'\nmount-point = '/two'\n\
             processes = 2\npreload = ['colorsys']\n[apps.env]\nOWN = 'two '\n",
        ),
    ]);
    let server = serve(folder.root(), &["--config", "sites.toml"]);
    assert_eq!(server.text("/"), "all False False");
    assert_eq!(server.text("/two/x"), "all two /twoTrue True");
    let workers = process::descendants_of(server.pid());
    let title = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let count = workers
        .iter()
        .filter(|found| title(found.pid).contains("rwsgi: two"))
        .count();
    assert_eq!(count, 2, "{workers:?}");
    server.finish();
}

#[test]
fn further_applications_are_mounted_from_the_command_line() {
    let folder = Folder::with(&[
        ("one.py", &application("app", "'one'")),
        ("two.py", &application("app", "'two ' + os.environ['NAME']")),
    ]);
    let arguments = ["one.py", "--mount", "/two=two.py", "--setenv", "NAME", "a b\"c"];
    let server = serve(folder.root(), &arguments);
    assert_eq!(
        (server.text("/"), server.text("/two")),
        ("one".into(), "two a b\"c".into())
    );
    server.finish();
}

#[test]
fn embedded_applications_run_in_httpds_own_processes() {
    let shown = "repr(environ['mod_wsgi.process_group']) + os.environ['NAME']";
    let folder = Folder::with(&[("app.py", &application("app", shown))]);
    let server = serve(folder.root(), &["app.py", "--embedded", "--env", "NAME=x"]);
    assert_eq!(server.text("/"), "''x");
    server.finish();
}
