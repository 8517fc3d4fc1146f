//! Directives about httpd's own processes and what of httpd applications get to see:
//! `WSGIPassApacheRequest`, `WSGIPythonEggs`, `WSGIDestroyInterpreter`.

use rwsgi_harness::Builder;

use crate::{GROUPS, mounted, server};

#[test]
fn pass_apache_request_is_off_unless_asked_for() {
    let server = mounted("apache_request.py").start();
    for group in GROUPS {
        assert_eq!(server.get(group).text(), "nothing");
    }
    server.finish();
}

#[test]
fn pass_apache_request_gives_httpds_record_for_as_long_as_the_request() {
    let server = mounted("apache_request.py")
        .one_process()
        .config("<Location /main>\nWSGIPassApacheRequest On\n</Location>")
        .config("<Location /sub>\nWSGIPassApacheRequest On\n</Location>")
        .config("WSGIScriptAlias /other ${APPS}/apache_request.py")
        .start();
    for group in GROUPS {
        for number in 0..3 {
            let target = format!("{group}/{number}");
            assert_eq!(server.get(&target).text(), format!("GET {target} HTTP/1.1"));
        }
        let refused = server.get(&format!("{group}?kept")).text();
        assert!(refused.contains("incorrect name"), "{refused}");
    }
    assert_eq!(server.get("/other").text(), "nothing");
    server.finish();
}

/// Functions that are asked about a request get it too.
#[test]
fn pass_apache_request_is_for_hook_scripts_as_well() {
    let server = mounted("apache_request.py")
        .one_process()
        .config(
            "<Location /main>\nWSGIPassApacheRequest On\n\
             WSGIAccessScript ${APPS}/apache_request.py application-group=%{GLOBAL}\n</Location>",
        )
        .start();
    assert_eq!(server.get("/main?asked").text(), "GET /main?asked HTTP/1.1");
    let refused = server.get("/main?kept").text();
    // The access function's own capsule for this request is over as well.
    assert!(
        refused.contains("incorrect name") && !refused.contains("alive"),
        "{refused}"
    );
    server.finish();
}

#[test]
fn python_eggs_is_a_variable_of_the_process() {
    let server = server()
        .app(
            "eggs.py",
            "import os, subprocess\n\
             def application(environ, start_response):\n    \
                 start_response('200 OK', [])\n    \
                 shown = subprocess.run(['printenv', 'PYTHON_EGG_CACHE'], capture_output=True).stdout\n    \
                 return [os.environ['PYTHON_EGG_CACHE'].encode(), b' ', shown]\n",
        )
        .config("WSGIPythonEggs /var/cache/eggs")
        .config("WSGIScriptAlias /main ${APPS}/eggs.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/eggs.py")
        .start();
    for group in GROUPS {
        assert_eq!(server.get(group).text(), "/var/cache/eggs /var/cache/eggs\n");
    }
    server.finish();
}

/// An application with a thread that nobody ends and a callback at the exit; both would be waited for.
fn with_a_thread_and_an_exit_callback() -> Builder {
    server()
        .app(
            "ending.py",
            "import atexit, sys, threading, mod_wsgi\n\
             END = threading.Event()\n\
             mod_wsgi.subscribe_shutdown(lambda name, **event: print('marker', name, file=sys.stderr))\n\
             mod_wsgi.subscribe_shutdown(lambda name, **event: AT_STOP and END.set())\n\
             atexit.register(lambda: print('marker atexit', file=sys.stderr))\n\
             AT_STOP = False\n\
             def application(environ, start_response):\n    \
                 global AT_STOP\n    \
                 AT_STOP = environ['QUERY_STRING'] == 'ends'\n    \
                 threading.Thread(target=END.wait).start()\n    \
                 start_response('200 OK', [])\n    \
                 return [b'fine']\n",
        )
        .one_process()
        .config("WSGIScriptAlias /main ${APPS}/ending.py application-group=%{GLOBAL}")
        .config("WSGIScriptAlias /sub ${APPS}/ending.py")
        .expect_log("marker process_stopping")
}

#[test]
fn destroy_interpreter_off_ends_the_process_without_ending_python() {
    // A line "marker atexit" would fail the test: nothing allows it.
    let server = with_a_thread_and_an_exit_callback()
        .config("WSGIDestroyInterpreter Off")
        .start();
    for group in GROUPS {
        assert_eq!(server.get(group).text(), "fine");
    }
    server.finish();
}

#[test]
fn destroy_interpreter_on_ends_python_in_order() {
    let server = with_a_thread_and_an_exit_callback()
        .expect_log("marker atexit")
        .start();
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}?ends")).text(), "fine");
    }
    server.finish();
}
