//! Scripts that every process of httpd loads before it serves: `WSGIImportScript`, and aliases that name both
//! groups.

use crate::server;
use rwsgi_harness::{Builder, Mpm};

/// Tells at its load which process, thread and interpreter it is in.
const TELLS: &str = "import os, sys, threading, mod_wsgi\n\
    MAIN = threading.current_thread() is threading.main_thread()\n\
    print('loaded', os.getpid(), MAIN, repr(mod_wsgi.application_group), __name__ != '__main__', file=sys.stderr)\n\
    def application(environ, start_response):\n    \
        start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
        return [b'served']\n";

fn importing(config: &str) -> Builder {
    server().app("own.py", TELLS).config(config).expect_log("loaded ")
}

/// How often each child has told, and what.
fn loads(server: &rwsgi_harness::Server, group: &str) -> Vec<(u32, usize)> {
    let children = server.children();
    let told = |pid: &u32| {
        let line = format!("loaded {pid} True '{group}' True$");
        (*pid, server.logs_matching(&line).len())
    };
    children.iter().map(told).collect()
}

#[test]
fn import_script_is_loaded_in_every_child_before_it_serves() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let server = importing(
            "WSGIImportScript ${APPS}/own.py process-group=%{GLOBAL} application-group=%{GLOBAL}\n\
             WSGIScriptAlias /app ${APPS}/own.py application-group=%{GLOBAL}",
        )
        .mpm(mpm)
        .start();
        for (pid, count) in loads(&server, "") {
            server.wait_for_log(&format!("loaded {pid} True"));
            assert!(count <= 1, "{mpm:?}: {pid} loaded it {count} times");
        }
        // A request finds it loaded.
        assert_eq!(server.get("/app").text(), "served");
        assert!(loads(&server, "").iter().all(|(_, count)| *count == 1), "{mpm:?}");
        server.finish();
    }
}

#[test]
fn import_script_in_an_application_group() {
    let server = importing(
        "WSGIImportScript ${APPS}/own.py process-group=%{GLOBAL} application-group=blue\n\
         WSGIScriptAlias /app ${APPS}/own.py application-group=blue",
    )
    .one_process()
    .start();
    assert_eq!(server.get("/app").text(), "served");
    assert!(loads(&server, "blue").iter().all(|(_, count)| *count == 1));
    server.finish();
}

#[test]
fn import_script_that_fails_is_told_and_the_process_serves() {
    let server = server()
        .one_process()
        .app("own.py", "1/0\n")
        .config(
            "WSGIImportScript ${APPS}/own.py process-group=%{GLOBAL} application-group=%{GLOBAL}\n\
             WSGIScriptAlias /app ${APPS}/own.py application-group=%{GLOBAL}\n\
             WSGIScriptAlias /hello ${APPS}/hello.py",
        )
        .expect_log("^WSGI0109: ")
        .expect_log("^WSGI1041: .*own.py")
        .expect_exception("ZeroDivisionError: ")
        .start();
    assert_eq!(server.get("/hello").status, 200);
    std::fs::write(server.path("apps/own.py"), TELLS).expect("the script is writable");
    server.allow_log("loaded ");
    assert_eq!(server.get("/app").text(), "served", "the request tries again");
    server.finish();
}

#[test]
fn import_script_under_restrict_embedded() {
    let server = importing(
        "WSGIRestrictEmbedded On\n\
         WSGIImportScript ${APPS}/own.py process-group=%{GLOBAL} application-group=%{GLOBAL}",
    )
    .one_process()
    .start();
    server.wait_for_log("loaded ");
    server.finish();
}

#[test]
fn alias_with_both_groups_is_loaded_before_a_request() {
    let server =
        importing("WSGIScriptAlias /app ${APPS}/own.py process-group=%{GLOBAL} application-group=%{GLOBAL}")
            .one_process()
            .start();
    server.wait_for_log("loaded ");
    assert_eq!(server.access_log(), Vec::<String>::new(), "before any request");
    assert_eq!(server.get("/app").text(), "served");
    assert_eq!(server.logs_matching("loaded ").len(), server.children().len());
    server.finish();
}

#[test]
fn alias_that_leaves_a_group_to_the_request_is_loaded_by_the_request() {
    for options in [
        "process-group=%{GLOBAL}",
        "application-group=%{GLOBAL}",
        "process-group=%{GLOBAL} application-group=%{SERVER}",
    ] {
        let server = importing(&format!("WSGIScriptAlias /app ${{APPS}}/own.py {options}"))
            .one_process()
            .config("WSGIScriptAlias /hello ${APPS}/hello.py")
            .start();
        assert_eq!(server.get("/hello").status, 200);
        assert!(server.logs_matching("loaded ").is_empty(), "{options}");
        assert_eq!(server.get("/app").text(), "served");
        server.finish();
    }
}

#[test]
fn alias_of_a_directory_names_no_script_to_load() {
    let server = server()
        .config("WSGIScriptAlias /app ${APPS} process-group=%{GLOBAL} application-group=%{GLOBAL}")
        .start();
    assert_eq!(server.get("/app/hello.py").status, 200);
    server.finish();
}
