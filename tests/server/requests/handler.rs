//! `WSGIHandlerScript`: `handle_request` and `reload_required`.

use std::time::Duration;

use super::{assert_error_page, mode, server};
use crate::hooks::value;
use crate::modes::Mode;
use rwsgi_harness::{Builder, wait_until};

fn handled() -> Builder {
    server()
        .one_process()
        .file("htdocs/a.dat", "data")
        .file("htdocs/reload.dat", "data")
        .file("htdocs/raise.dat", "data")
        .config(
            "WSGIHandlerScript dat ${APPS}/hook_handler.py\nAddHandler dat .dat\n\
             <Directory ${HTDOCS}>\n  AcceptPathInfo On\n</Directory>",
        )
}

#[test]
fn handler_script_answers_for_a_resource() {
    let server = handled().start();
    let text = server.get("/a.dat/more").text();
    let root = server.root().display();
    for (key, expected) in [
        ("SCRIPT_FILENAME", format!("'{root}/htdocs/a.dat'")),
        ("SCRIPT_NAME", "'/a.dat'".into()),
        ("PATH_INFO", "'/more'".into()),
        (
            "mod_wsgi.handler_script",
            format!("'{root}/apps/hook_handler.py'"),
        ),
        ("mod_wsgi.request_handler", "'dat'".into()),
        ("mod_wsgi.callable_object", "'handle_request'".into()),
    ] {
        assert_eq!(value(&text, key), expected, "{key}");
    }
    server.finish();
}

#[test]
fn handler_script_ignores_the_callable_configured_elsewhere() {
    let server = handled().config("WSGICallableObject application").start();
    assert_eq!(server.get("/a.dat").status, 200);
    server.finish();
}

#[test]
fn handler_script_takes_a_body_and_needs_no_file() {
    let server = handled()
        .config("<Location /virtual>\n  SetHandler dat\n</Location>")
        .start();
    let response = server.request("POST", "/virtual/x").body("posted").send();
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(value(&response.text(), "body"), "b'posted'");
    server.finish();
}

#[test]
fn handler_script_options_win() {
    let server = handled()
        .config(
            "WSGIHandlerScript other ${APPS}/hook_handler.py application-group=own pass-authorization=On\n\
             <Location /other>\n  SetHandler other\n</Location>",
        )
        .start();
    let shown = |target| {
        let request = server.request("GET", target).header("Authorization", "Bearer t");
        request.send().text()
    };
    let text = shown("/other");
    assert_eq!(value(&text, "mod_wsgi.application_group"), "'own'");
    assert_eq!(value(&text, "HTTP_AUTHORIZATION"), "'Bearer t'");
    let text = shown("/a.dat");
    assert_eq!(value(&text, "HTTP_AUTHORIZATION"), "None");
    server.finish();
}

#[test]
fn handler_name_of_nobody_is_left_to_others() {
    let server = handled()
        .file("htdocs/b.txt", "plain")
        .config("<Location /b.txt>\n  SetHandler unknown\n</Location>")
        .start();
    assert_eq!(server.get("/b.txt").text(), "plain");
    server.finish();
}

#[test]
fn handle_request_missing_is_404() {
    let server = handled()
        .app("own.py", "application = None\n")
        .config("WSGIHandlerScript dat ${APPS}/own.py")
        .expect_log("^WSGI0089: .*'handle_request'")
        .start();
    assert_error_page(&server.get("/a.dat"), 404);
    server.finish();
}

#[test]
fn reload_required_loads_again() {
    let server = handled().start();
    // The path counts for the group, so that one file has one interpreter.
    let load = |target| value(&server.get(target).text(), "load").to_string();
    let first = load("/reload.dat");
    match mode() {
        Mode::Embedded => assert_ne!(load("/reload.dat"), first),
        // Another process takes the place of this one.
        Mode::Daemon => assert!(wait_until(Duration::from_secs(10), || load("/reload.dat") != first)),
    }
    // The last question above may have a further process replaced; the file that needs no reload has none.
    let stays = wait_until(Duration::from_secs(10), || {
        let first = load("/a.dat");
        (0..50).all(|_| load("/a.dat") == first)
    });
    assert!(stays, "it is loaded again and again");
    server.finish();
}

#[test]
fn reload_required_is_not_asked_when_reloading_is_off() {
    let server = handled().config("WSGIScriptReloading Off").start();
    let load = || value(&server.get("/reload.dat").text(), "load").to_string();
    assert_eq!(load(), load());
    server.finish();
}

#[test]
fn reload_required_that_raises_counts_as_no() {
    let server = handled()
        .expect_log("^WSGI017[45]: .*'reload_required'")
        .expect_exception("ValueError: not today")
        .start();
    let load = || value(&server.get("/raise.dat").text(), "load").to_string();
    assert_eq!(load(), load());
    server.finish();
}

#[test]
fn handler_script_is_loaded_again_when_changed() {
    let script = |text: &str| {
        format!(
            "def handle_request(environ, start_response):\n    start_response('200 OK', [])\n    return [b'{text}']\n"
        )
    };
    let server = handled()
        .app("own.py", &script("one"))
        .config("WSGIHandlerScript dat ${APPS}/own.py")
        .start();
    assert_eq!(server.get("/a.dat").text(), "one");
    std::fs::write(server.path("apps/own.py"), script("two")).expect("the script is writable");
    match mode() {
        Mode::Embedded => assert_eq!(server.get("/a.dat").text(), "two"),
        Mode::Daemon => assert!(wait_until(Duration::from_secs(10), || server
            .get("/a.dat")
            .text()
            == "two")),
    }
    server.finish();
}
