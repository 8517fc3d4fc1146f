//! Sub-interpreters with a GIL of their own, on a Python that has them.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use rwsgi_harness::Builder;

use crate::server;

/// A server with our module for a Python of 3.12 or later; `None`, with the reason printed, without one.
fn own_gil() -> Option<Builder> {
    let module = env::var_os("RWSGI_TEST_OWN_GIL_MODULE").map(PathBuf::from);
    let home = env::var("RWSGI_TEST_OWN_GIL_HOME").ok();
    let (Some(module), Some(home)) = (module, home) else {
        println!(
            "skipped: no module for Python 3.12 or later (RWSGI_TEST_OWN_GIL_MODULE, see tools/other-python.sh)"
        );
        return None;
    };
    Some(
        server()
            .without_module_under_test()
            .load_module("wsgi_module", module)
            .one_process()
            .config(&format!("WSGIPythonHome {home}\nWSGIPerInterpreterGIL On"))
            .config("WSGIScriptAlias /one ${APPS}/own_gil.py application-group=one")
            .config("WSGIScriptAlias /two ${APPS}/own_gil.py application-group=two")
            .config("WSGIScriptAlias /main ${APPS}/own_gil.py application-group=%{GLOBAL}"),
    )
}

#[test]
fn own_gil_interpreters_serve_and_start_threads() {
    let Some(builder) = own_gil() else { return };
    let server = builder.start();
    for (path, group) in [("/one", "one"), ("/two", "two"), ("/main", "")] {
        for _ in 0..20 {
            assert_eq!(server.get(path).text(), group);
        }
        assert_eq!(server.get(&format!("{path}/threads")).text(), "1");
    }
    server.graceful();
    assert_eq!(server.get("/one").text(), "one");
    server.finish();
}

/// Each of two requests waits for the other in a loop that never lets its GIL go, with a switch interval of an
/// hour: only interpreters with a GIL each can come to the end of it.
#[test]
fn own_gil_interpreters_run_at_the_same_time() {
    let Some(builder) = own_gil() else { return };
    let server = builder
        .config("WSGISwitchInterval 3600")
        .file("run/meeting", "\0\0")
        .config("SetEnv MEETING ${ROOT}/run/meeting")
        .start();
    fs::set_permissions(server.path("run/meeting"), Permissions::from_mode(0o666)).expect("permissions");
    let answers = thread::scope(|scope| {
        let other = scope.spawn(|| server.get("/two/meet?1"));
        let own = server.get("/one/meet?0");
        [own.text(), other.join().expect("the other request ends").text()]
    });
    assert_eq!(answers, ["met", "met"]);
    server.finish();
}

#[test]
fn own_gil_numpy_gets_a_diagnosis() {
    let Some(builder) = own_gil() else { return };
    let Some(packages) = env::var_os("RWSGI_TEST_OWN_GIL_PACKAGES") else {
        println!("skipped: no numpy for that Python (RWSGI_TEST_OWN_GIL_PACKAGES)");
        return;
    };
    let server = builder
        .config(&format!("WSGIPythonPath {}", packages.to_string_lossy()))
        // NumPy's own advice is long.
        .allow_log("^")
        .expect_log("WSGI1011: .*numpy.*WSGIApplicationGroup %\\{GLOBAL\\}")
        .start();
    assert_eq!(server.get("/one/numpy").status, 500);
    assert_eq!(server.get("/main/numpy").status, 200);
    assert_eq!(server.get("/one").text(), "one");
    server.finish();
}

/// On a Python that has none the administrator is told, and the application runs.
#[test]
fn own_gil_on_an_older_python_is_told() {
    let server = server()
        .config("WSGIPerInterpreterGIL On\nWSGIFreeThreading On")
        .config(
            "<WSGIInterpreterOptions application-group=one>\nWSGIFreeThreading On\n</WSGIInterpreterOptions>",
        )
        .config("WSGIScriptAlias /one ${APPS}/own_gil.py application-group=one")
        .expect_log("^WSGI0200: ")
        .expect_log("^WSGI0201: ")
        .allow_log("^WSGI0198: ")
        .start();
    assert_eq!(server.get("/one").text(), "one");
    server.finish();
}

/// Interpreters that share a GIL share its interval, so one of them cannot choose it.
#[test]
fn own_gil_or_not_a_switch_interval_of_a_group_is_told() {
    let server = server()
        .app(
            "interval.py",
            "import sys\n\
             def application(environ, start_response):\n    \
                 start_response('200 OK', [])\n    \
                 return [str(sys.getswitchinterval()).encode()]\n",
        )
        .config("WSGISwitchInterval 0.5")
        .config(
            "<WSGIInterpreterOptions application-group=one>\nWSGISwitchInterval 0.25\n</WSGIInterpreterOptions>\n\
             <WSGIInterpreterOptions process-group=other application-group=two>\nWSGISwitchInterval 0.25\n\
             </WSGIInterpreterOptions>",
        )
        .config("WSGIScriptAlias /one ${APPS}/interval.py application-group=one")
        .config("WSGIScriptAlias /two ${APPS}/interval.py application-group=two")
        .expect_log("^WSGI0199: .*'one'")
        .start();
    for group in ["/one", "/two"] {
        assert_eq!(server.get(group).text(), "0.5", "{group}");
    }
    server.finish();
}
