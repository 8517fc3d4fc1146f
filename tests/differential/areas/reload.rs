//! A script that changes between requests.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use rwsgi_harness::Server;

use super::server;
use crate::case::{Area, Case, get};

/// A script that tells its version, and how often this module answered.
fn script(version: &str) -> String {
    format!(
        "import sys\n\
         calls = []\n\
         def application(environ, start_response):\n\
         \x20   calls.append(1)\n\
         \x20   start_response('200 OK', [('Content-Type', 'text/plain')])\n\
         \x20   names = [name for name in sys.modules if name.startswith('_mod_wsgi_')]\n\
         \x20   return [f'{version} {{len(calls)}} {{__name__ in names}} {{type(__mtime__).__name__}}'.encode()]\n"
    )
}

/// Puts content in place of both copies, changed so many seconds after the epoch's first billion.
fn put(server: &Server, content: &str, seconds: u64) {
    for name in ["apps/on.py", "apps/off.py"] {
        let path = server.path(name);
        fs::write(&path, content).expect("the script is writable");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds);
        let file = File::options()
            .write(true)
            .open(&path)
            .expect("the script is there");
        file.set_modified(time).expect("the time can be set");
    }
}

fn newer(server: &Server) {
    put(server, &script("newer"), 20);
}

fn older(server: &Server) {
    put(server, &script("older"), 10);
}

fn same_time(server: &Server) {
    put(server, &script("same time"), 10);
}

fn broken(server: &Server) {
    put(server, "def application(\n", 30);
}

fn raising(server: &Server) {
    put(server, "1 / 0\n", 40);
}

fn mended(server: &Server) {
    put(server, &script("mended"), 50);
}

fn without_callable(server: &Server) {
    put(server, "app = 1\n", 60);
}

fn gone(server: &Server) {
    for name in ["apps/on.py", "apps/off.py"] {
        fs::remove_file(server.path(name)).expect("the script is there");
    }
}

fn back(server: &Server) {
    put(server, &script("back"), 70);
}

/// What happens, in this order, each followed by two requests to each mount.
/// What is done to the script, and its name.
type Step = (&'static str, fn(&Server));

const STEPS: [Step; 10] = [
    ("first", |_| {}),
    ("newer", newer),
    ("older", older),
    ("same time", same_time),
    ("broken", broken),
    ("raising", raising),
    ("mended", mended),
    ("without callable", without_callable),
    ("gone", gone),
    ("back", back),
];

pub(super) fn area() -> Area {
    let mut cases: Vec<Case> = Vec::new();
    for (name, change) in STEPS {
        cases.push(get("/on").named(format!("{name}, on")).after(change));
        for mount in ["/on", "/off", "/off"] {
            cases.push(get(mount).named(format!("{name}, {mount} {}", cases.len())));
        }
    }
    Area::embedded(
        "reload",
        server()
            .app("on.py", &script("first"))
            .app("off.py", &script("first"))
            .config(
                "WSGIScriptAlias /on ${APPS}/on.py\n\
                 WSGIScriptAlias /off ${APPS}/off.py\n\
                 <Location /off>\nWSGIScriptReloading Off\n</Location>",
            ),
        cases,
    )
}
