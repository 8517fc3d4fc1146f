//! `mod_wsgi.LogHandler`.

use rwsgi_harness::{Level, Server};

use super::super::GROUPS;
use super::with_source;

const APP: &str = "\
import logging, threading, mod_wsgi

log = logging.getLogger('marker')
log.setLevel(1)
handler = mod_wsgi.LogHandler()
handler.setFormatter(logging.Formatter('%(name)s %(message)s'))
log.addHandler(handler)

LEVELS = [('critical', 50), ('error', 40), ('warning', 30), ('notice', 25), ('info', 20), ('debug', 10), ('trace', 5)]

def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/levels':
        for name, number in LEVELS:
            log.log(number, name)
    elif path == '/lines':
        log.error('one\\nand two')
    elif path == '/thread':
        thread = threading.Thread(target=log.error, args=('from a thread',))
        thread.start()
        thread.join()
    elif path == '/bytes':
        log.error('na\\u00efve %% \\x00 \\udcff %n')
    elif path == '/broken':
        log.error('%d', 'no number')
    start_response('200 OK', [])
    return [b'']
";

fn start(config: &str) -> Server {
    with_source(APP).config(config).allow_log("marker").start()
}

fn levels(config: &str, expected: &[(&str, Level)]) {
    for group in GROUPS {
        let server = start(config);
        assert_eq!(server.get(&format!("{group}/levels")).status, 200);
        server.wait_for_log("marker warning");
        let lines = server.logs_matching("marker [a-z]+$");
        let found: Vec<(&str, Level)> = lines
            .iter()
            .map(|line| {
                assert!(
                    line.text.contains("[client 127.0.0.1") && line.module == "wsgi",
                    "{}",
                    line.text
                );
                // httpd shows the source of what is for developers.
                assert_eq!(line.level == Level::Debug, line.text.contains("own.py(15): "));
                let (_, name) = line.message.rsplit_once(' ').expect("a name");
                (name, line.level)
            })
            .collect();
        assert_eq!(found, expected);
        server.finish();
    }
}

#[test]
fn python_module_log_handler_obeys_the_module_log_level() {
    levels(
        "LogLevel warn wsgi:warn",
        &[
            ("critical", Level::Crit),
            ("error", Level::Error),
            ("warning", Level::Warn),
        ],
    );
}

#[test]
fn python_module_log_handler_maps_levels() {
    levels(
        "LogLevel warn wsgi:trace1",
        &[
            ("critical", Level::Crit),
            ("error", Level::Error),
            ("warning", Level::Warn),
            ("notice", Level::Info),
            ("info", Level::Info),
            ("debug", Level::Debug),
            ("trace", Level::Debug),
        ],
    );
}

#[test]
fn python_module_log_handler_writes_a_record_a_line() {
    let server = start("");
    for group in GROUPS {
        server.allow_log("^and two$");
        assert_eq!(server.get(&format!("{group}/lines")).status, 200);
    }
    server.wait_for_log("^and two$");
    assert_eq!(server.logs_matching("^marker one$").len(), 2);
    assert_eq!(server.logs_matching("^and two$").len(), 2);
    server.finish();
}

/// A thread that runs no request writes to the log of the process.
#[test]
fn python_module_log_handler_works_in_any_thread() {
    let server = start("");
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/thread")).status, 200);
    }
    let lines = server.logs_matching("^marker from a thread$");
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|line| !line.client && line.level == Level::Error)
    );
    server.finish();
}

#[test]
fn python_module_log_handler_takes_text_as_data() {
    let server = start("");
    assert_eq!(server.get("/main/bytes").status, 200);
    let line = server.wait_for_log("^marker na");
    // httpd itself escapes what is not ASCII; surrogates have no bytes.
    assert!(line.message.ends_with("%% \\\\x00 ? %n"), "{}", line.message);
    server.finish();
}

/// In a format that shows the source, as httpd's own does for levels debug and below.
#[test]
fn python_module_log_handler_tells_the_source() {
    let server = start("ErrorLogFormat \"[%{u}t] [%-m:%l] [pid %P:tid %T] [at %F] %M\"");
    assert_eq!(server.get("/main/lines").status, 200);
    let second = server.wait_for_log("and two");
    server.allow_log("and two");
    assert!(second.text.contains("[at own.py(17)] and two"), "{}", second.text);
    server.finish();
}

#[test]
fn python_module_log_handler_survives_a_broken_record() {
    let server = start("");
    server.expect_log("--- Logging error ---");
    server.expect_exception("TypeError: ");
    server.allow_log("Call stack|Message:|Arguments:|^\\[script");
    assert_eq!(server.get("/main/broken").status, 200);
    server.finish();
}
