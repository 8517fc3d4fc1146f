//! `WSGIDispatchScript` and `WSGIHandlerScript`: where requests go, by each answer of a script.

use rwsgi_harness::Builder;

use super::{gets, server};
use crate::case::{Area, Case, get};

const FUNCTIONS: [&str; 3] = ["process", "application", "callable"];

/// Answers of any function, by the words of `hook_dispatch.py`.
const ANSWERS: &str = "None 7 wide list raise";

/// Query strings whose answers are names.
const NAMES: &str = "callable=other callable_bytes=other callable=absent callable=%25{ENV:CHOSEN} \
    application=blue application_bytes=blue application=blue&callable=other application=%25{GLOBAL} \
    application=%25{SERVER} application=%25{RESOURCE} application=%25{ENV:GROUP} application=gr%c3%bcn application=gr%c3%83%c2%bcn application_bytes=gr%c3%bcn \
    process=%25{GLOBAL} process_bytes=%25{GLOBAL} process=elsewhere process=%25{ENV:GROUP}";

/// Dispatch scripts that cannot answer, and one without functions; one that is not there is asked besides.
const SCRIPTS: [(&str, &str); 4] = [
    ("empty", ""),
    ("broken_raising", "1 / 0\n"),
    ("broken_malformed", "def\n"),
    ("broken_leaving", "import sys\nsys.exit()\n"),
];

/// Shows what a handler script sees, and how often it was loaded.
const HANDLER: &str = "import sys\n\
    sys.loads = loads = getattr(sys, 'loads', 0) + 1\n\
    KEYS = 'SCRIPT_FILENAME SCRIPT_NAME PATH_INFO PATH_TRANSLATED mod_wsgi.handler_script mod_wsgi.request_handler \
    mod_wsgi.callable_object mod_wsgi.application_group HTTP_AUTHORIZATION'\n\
    def reload_required(resource):\n    \
        if resource.endswith('raise.dat'):\n        \
            raise ValueError('not today')\n    \
        return resource.endswith('reload.dat')\n\
    def handle_request(environ, start_response):\n    \
        text = ''.join(f'{key} = {environ.get(key)!r}\\n' for key in KEYS.split())\n    \
        body = environ['wsgi.input'].read()\n    \
        start_response('200 OK', [('Content-Type', 'text/plain'), ('X-Method', environ['REQUEST_METHOD'])])\n    \
        return [f'{text}loads = {loads}\\nbody = {body!r}\\n'.encode()]\n\
    def application(environ, start_response):\n    \
        raise AssertionError('only handle_request is called')\n";

fn dispatched() -> Builder {
    let mut builder = server();
    for (name, source) in SCRIPTS {
        builder = with_script(builder.app(&format!("{name}.py"), source), name);
    }
    with_script(builder, "broken_absent").config(
        "SetEnv CHOSEN other\nSetEnv GROUP green\n\
         WSGIScriptAlias /app ${APPS}/hook_dispatch.py application-group=%{GLOBAL}\n\
         WSGIScriptAlias /umlaut ${APPS}/hook_dispatch.py application-group=gr\u{fc}n\n\
         <Location /app>\n  WSGIDispatchScript ${APPS}/hook_dispatch.py\n</Location>\n\
         WSGIScriptAlias /asked ${APPS}/hello.py\n\
         <Location /asked>\n  WSGIDispatchScript ${APPS}/hook_environ.py\n</Location>\n\
         WSGIScriptAlias /told ${APPS}/hook_environ.py application-group=%{GLOBAL}",
    )
}

fn with_script(builder: Builder, name: &str) -> Builder {
    builder.config(&format!(
        "WSGIScriptAlias /script/{name} ${{APPS}}/hello.py\n\
         <Location /script/{name}>\n  WSGIDispatchScript ${{APPS}}/{name}.py\n</Location>"
    ))
}

fn handled(builder: Builder) -> Builder {
    ["a.dat", "reload.dat", "raise.dat", "a.own", "a.absent", "a.lacking", "a.raising"]
        .iter()
        .fold(builder, |builder, name| builder.file(format!("htdocs/{name}"), "data"))
        .app("handler.py", HANDLER)
        .config(
            "WSGIHandlerScript dat ${APPS}/handler.py application-group=%{GLOBAL}\n\
             WSGIHandlerScript own ${APPS}/handler.py application-group=own pass-authorization=On\n\
             WSGIHandlerScript absent ${APPS}/broken_absent.py\n\
             WSGIHandlerScript lacking ${APPS}/empty.py\n\
             WSGIHandlerScript raising ${APPS}/broken_raising.py\n\
             AddHandler dat .dat\nAddHandler own .own\nAddHandler absent .absent\nAddHandler lacking .lacking\n\
             AddHandler raising .raising\n\
             <Directory ${HTDOCS}>\n  AcceptPathInfo On\n</Directory>\n\
             <Location /virtual>\n  SetHandler dat\n</Location>\n\
             <Location /unknown>\n  SetHandler unknown\n</Location>",
        )
}

/// Requests to files that handler scripts answer for, in an order in which the loads can be told.
fn files() -> Vec<Case> {
    let mut cases = gets(
        "/",
        "a.dat a.dat/more raise.dat a.lacking a.raising a.absent unknown",
    );
    cases.push(get("/a.dat").named("a.dat again"));
    cases.push(get("/reload.dat"));
    cases.push(get("/reload.dat").named("reload.dat again"));
    cases.push(get("/a.dat").named("a.dat after the others"));
    cases.push(Case::new("POST", "/virtual/x").body("posted"));
    for file in ["/a.dat", "/a.own"] {
        cases.push(
            get(file)
                .header("Authorization", "Bearer t")
                .named(format!("{file} authorized")),
        );
    }
    cases
}

pub(super) fn area() -> Area {
    let mut cases = vec![get("/app")];
    for function in FUNCTIONS {
        cases.extend(gets(&format!("/app?{function}="), ANSWERS));
    }
    cases.extend(gets("/app?", NAMES));
    cases.push(get("/umlaut"));
    cases.extend(gets(
        "/script/",
        "empty broken_raising broken_malformed broken_leaving broken_absent",
    ));
    cases.push(
        get("/asked/a%20b//c?q=1")
            .header("Proxy", "http://proxy.example/")
            .header("Authorization", "Bearer t")
            .header("X-One", "1")
            .named("asked"),
    );
    cases.extend(gets("/told/", "process_group application_group callable_object"));
    cases.extend(files());
    Area::embedded("dispatch", handled(dispatched()), cases)
}
