//! Panics at every entry of the module: caught, told in one line, and answered by the declared fallback.
//!
//! A debug build of the module panics where the environment variable `RWSGI_FAULT` says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::hooks::DENIED;
use crate::server;
use rwsgi_harness::{Builder, Mpm, Server, command_of, process};

/// The application of the main server, a static file there, the application of another virtual host.
const SERVING: [u16; 3] = [200, 200, 200];
const NO_PYTHON: [u16; 3] = [500, 200, 500];
const NOTHING: [u16; 3] = [500, 500, 500];

/// Every entry with what it leaves working, and how often its panic is told by one child and three requests
/// (`None`: at least once).
const SERVED: [(&str, [u16; 3], Option<usize>); 13] = [
    ("access_checker", NOTHING, Some(3)),
    ("child_init", NO_PYTHON, Some(1)),
    ("dealloc", SERVING, None),
    ("handler", NOTHING, Some(3)),
    ("last_post_config", SERVING, None),
    ("merge_dir_config", SERVING, None),
    ("merge_server_config", SERVING, None),
    ("pool_action", SERVING, Some(1)),
    ("pool_cleanup", SERVING, None),
    ("post_config", SERVING, None),
    ("python_call", NO_PYTHON, None),
    ("python_method", NO_PYTHON, None),
    ("translate_name", NOTHING, Some(3)),
];

/// Entries that Python reaches only by what an application does, with the path of tests/apps/native_slots.py.
const SLOTS: [(&str, &str); 3] = [
    ("python_attribute", "attribute"),
    ("python_construct", "construct"),
    ("python_next", "next"),
];

/// Entered when the supervisor of daemon processes has ended.
const PROCESS_ENDED: &str = "process_ended";

/// Entries without which a directive would be passed over, or a wrong one taken: the configuration is refused.
const REFUSED: [&str; 5] = [
    "check_config",
    "create_dir_config",
    "create_server_config",
    "directive",
    "register_hooks",
];

#[test]
fn panics_every_entry_of_the_source_is_listed() {
    let listed: BTreeSet<String> = SERVED
        .iter()
        .map(|(point, ..)| *point)
        .chain(REFUSED)
        .chain(DENIED.map(|(point, ..)| point))
        .chain(SLOTS.map(|(point, _)| point))
        .chain([PROCESS_ENDED])
        .map(str::to_string)
        .collect();
    assert_eq!(points_in(&source()), listed);
}

#[test]
fn panics_leave_the_server_serving() {
    let Some(module) = debug_module() else { return };
    for (point, statuses, told) in SERVED {
        let server = faulty(&module, point)
            .expect_log("WSGI1001")
            .allow_log("WSGI100[23]|WSGI0210|WSGI0174|^Traceback|^  ")
            .start();
        let children = server.children();
        assert_eq!(answers(&server), statuses, "{point}");
        assert_eq!(server.children(), children, "{point}: a child died");
        server.allow_log("WSGI1001");
        if let Some(told) = told {
            // One more is told when the child ends.
            let lines = server.logs_matching(&told_by(point)).len() + usize::from(point == "pool_action");
            assert_eq!(lines, told, "{point}");
        }
        server.finish();
    }
}

#[test]
fn panics_in_what_an_application_reaches_leave_the_child_alive() {
    let Some(module) = debug_module() else { return };
    for (point, path) in SLOTS {
        let server = faulty(&module, point)
            .config("WSGIScriptAlias /slots ${APPS}/native_slots.py")
            .expect_log("RuntimeError: WSGI1001: internal error")
            .allow_log("WSGI0174|^Traceback|^\\s|^RuntimeError")
            .start();
        let children = server.children();
        for (_, other) in SLOTS {
            let expected = if other == path { 500 } else { 200 };
            assert_eq!(
                server.get(&format!("/slots/{other}")).status,
                expected,
                "{point} {other}"
            );
        }
        assert_eq!(server.children(), children, "{point}: a child died");
        server.finish();
    }
}

/// No other supervisor is started then, but the processes go on serving.
#[test]
fn panics_at_the_end_of_the_supervisor_leave_daemon_processes_serving() {
    let Some(module) = debug_module() else { return };
    command_of(&module);
    let server = faulty(&module, PROCESS_ENDED)
        .config(
            "WSGIDaemonProcess hello threads=2\nWSGIScriptAlias /daemon ${APPS}/hello.py process-group=hello",
        )
        .expect_log("WSGI1001")
        .allow_log("^WSGI11")
        .start();
    assert_eq!(server.get("/daemon").status, 200);
    let supervisor = server.supervisor().expect("a supervisor");
    process::signal(supervisor, libc::SIGKILL).expect("it runs");
    server.wait_for_log(&told_by(PROCESS_ENDED));
    assert_eq!(answers(&server), SERVING);
    assert_eq!(server.get("/daemon").status, 200);
    // Nobody is left to do it.
    let sockets = format!("run/wsgi.{}", server.parent_pid());
    fs::remove_dir_all(server.path(&sockets)).expect("the sockets are there");
    server.finish();
}

#[test]
fn panics_while_restarting_leave_the_server_serving() {
    let Some(module) = debug_module() else { return };
    for (point, statuses, _) in SERVED {
        let server = faulty(&module, point)
            .expect_log("WSGI1001")
            .allow_log("WSGI100[23]|WSGI0210|WSGI0174|^Traceback|^  ")
            .start();
        for _ in 0..2 {
            server.graceful();
            assert_eq!(answers(&server), statuses, "{point}");
        }
        server.finish();
    }
}

#[test]
fn panics_in_the_configuration_refuse_it() {
    let Some(module) = debug_module() else { return };
    for point in REFUSED {
        let check = faulty(&module, point).check_config();
        assert!(!check.accepted, "{point}: {}", check.output);
        let line = format!("WSGI1001: a panic was caught in {point}");
        assert!(check.output.contains(&line), "{point}: {}", check.output);
    }
}

/// The line that tells of a panic, wherever it was caught.
pub(crate) fn told_by(point: &str) -> String {
    format!("^WSGI1001: a panic was caught in {point} at ")
}

fn answers(server: &Server) -> [u16; 3] {
    let mut other = server.connect_to(server.port_of("OTHER"));
    [
        server.get("/app").status,
        server.get("/static.txt").status,
        other.get("/app").status,
    ]
}

/// The names of all guards and fault points in a source text.
fn points_in(source: &str) -> BTreeSet<String> {
    let calls = ["guard(", "fault::point(", "guarded(py, "];
    let ends = calls
        .iter()
        .flat_map(|call| source.match_indices(call).map(|(at, _)| at + call.len()));
    let literals = ends.filter_map(|at| source[at..].trim_start().strip_prefix('"')?.split('"').next());
    literals.map(str::to_string).collect()
}

fn source() -> String {
    fn collect(directory: &Path, text: &mut String) {
        for entry in fs::read_dir(directory).expect("a directory of sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).expect("a source"));
            }
        }
    }
    let mut text = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    text
}

/// The debug build of the module that was made with this program; another build has no fault points.
pub(crate) fn debug_module() -> Option<PathBuf> {
    let program = std::env::current_exe().expect("the running program has a path");
    let beside = program.parent().expect("a directory");
    let found = [beside.join("libmod_rwsgi.so"), beside.join("../libmod_rwsgi.so")]
        .into_iter()
        .filter(|file| cfg!(debug_assertions) && file.exists())
        .max_by_key(|file| file.metadata().and_then(|data| data.modified()).ok());
    if found.is_none() {
        eprintln!(
            "skipped: no debug build of the module beside {}",
            program.display()
        );
    }
    found
}

fn faulty(module: &Path, point: &str) -> Builder {
    server()
        .without_module_under_test()
        .load_module("wsgi_module", module)
        .mpm(Mpm::Event)
        .env("RWSGI_FAULT", point)
        .file("htdocs/static.txt", "static")
        .listen("OTHER")
        .config("WSGIScriptAlias /app ${APPS}/hello.py")
        .config("<Directory ${APPS}>\n  WSGIScriptReloading Off\n</Directory>")
        .config("<VirtualHost *:${PORT_OTHER}>\n  ServerName other\n  WSGIScriptAlias /app ${APPS}/hello.py\n</VirtualHost>")
}
