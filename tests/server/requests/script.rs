//! Scripts that cannot be loaded.

use super::{GROUPS, assert_error_page, server};

/// A script of its own that fails: the status, and what the log says.
#[track_caller]
fn script_fails(source: &str, status: u16, code: &str, exception: &str) {
    let server = server()
        .app("broken.py", source)
        .config("WSGIScriptAlias /main ${APPS}/broken.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/broken.py")
        .expect_log(code)
        .expect_exception(exception)
        .start();
    for group in GROUPS {
        for _ in 0..2 {
            assert_error_page(&server.get(group), status);
        }
    }
    server.finish();
}

#[test]
fn outcome_callable_missing() {
    script_fails("app = None\n", 404, "WSGI0089", "WSGI0089");
}

#[test]
fn outcome_callable_not_callable() {
    script_fails("application = 7\n", 500, "WSGI", "TypeError: ");
}

#[test]
fn outcome_script_raises_at_import() {
    script_fails(
        "raise ValueError('secret at import')\n",
        500,
        "WSGI0109",
        "ValueError: secret at import",
    );
}

#[test]
fn outcome_script_imports_what_is_missing() {
    script_fails(
        "import no_such_module\n",
        500,
        "WSGI0109",
        "ModuleNotFoundError: No module named 'no_such_module'",
    );
}

#[test]
fn outcome_script_has_a_syntax_error() {
    script_fails("def application(:\n", 500, "WSGI0105|WSGI0109", "SyntaxError: ");
}

#[test]
fn outcome_script_exits_at_import() {
    script_fails("import sys\nsys.exit(3)\n", 500, "WSGI", "SystemExit");
}

#[test]
fn outcome_script_missing() {
    let server = server()
        .config("WSGIScriptAlias / ${APPS}/no_such_file.py")
        .expect_log("WSGI0135|AH00128")
        .start();
    assert_error_page(&server.get("/"), 404);
    server.finish();
}

#[test]
fn outcome_script_mended_is_loaded_by_the_next_request() {
    let server = server()
        .app("broken.py", "raise ValueError('secret at import')\n")
        .config("WSGIScriptAlias / ${APPS}/broken.py")
        .expect_exception("ValueError: secret at import")
        .expect_log("WSGI0109")
        .start();
    assert_error_page(&server.get("/"), 500);
    std::fs::copy(server.path("apps/hello.py"), server.path("apps/broken.py"))
        .expect("the script is replaced");
    assert_eq!(server.get("/").text(), "Hello world!\n");
    server.finish();
}
