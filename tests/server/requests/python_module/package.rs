//! Sub-modules of an installed package `mod_wsgi`.

use rwsgi_harness::Builder;
use serde_json::json;

use super::super::{server, server_with_path};
use super::answer;
use crate::mount;

fn with_package(server: Builder) -> Builder {
    mount(server, "python_module_cases.py")
        .one_process()
        .file(
            "site/mod_wsgi/__init__.py",
            "raise SystemExit('the server is the module')\n",
        )
        .file("site/mod_wsgi/express.py", "WORDS = 'from the package'\n")
}

#[test]
fn python_module_package_parts_can_be_imported() {
    let server = with_package(server_with_path("${ROOT}/site")).start();
    let path = server.path("site/mod_wsgi").display().to_string();
    assert_eq!(answer(&server, "package_path"), json!([path]));
    assert_eq!(answer(&server, "import_express"), json!("from the package"));
    assert_eq!(
        answer(&server, "import_missing"),
        json!(["ModuleNotFoundError", "No module named 'mod_wsgi.no_such_part'"])
    );
    assert_eq!(answer(&server, "facts")["version"], json!(true));
    server.finish();
}

#[test]
fn python_module_package_may_be_found_later() {
    let server = with_package(server())
        .config("SetEnv package.path ${ROOT}/site")
        .start();
    assert_eq!(answer(&server, "import_later"), json!("from the package"));
    server.finish();
}

#[test]
fn python_module_without_the_package_says_what_is_missing() {
    let server = super::start("python_module_cases.py");
    let answer = answer(&server, "import_express");
    assert_eq!(answer[0], "ModuleNotFoundError");
    assert_eq!(answer[1], "mod_wsgi.express");
    let text = answer[2].as_str().expect("a message");
    assert!(
        text.contains("No module named 'mod_wsgi.express'")
            && text.contains("package mod_wsgi, which is not installed"),
        "{text}"
    );
    server.finish();
}
