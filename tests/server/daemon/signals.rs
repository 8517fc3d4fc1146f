//! Signals and metrics that only daemon processes have.

use std::time::Duration;

use super::{group, json, pid};
use rwsgi_harness::{process, wait_until};

const SIGHUP: i32 = 1;
const SIGUSR2: i32 = 12;

const LISTENS: &str = "import sys, threading, mod_wsgi\n\
    @mod_wsgi.subscribe_signals\n\
    def heard(name, **event):\n    \
        main = threading.current_thread() is threading.main_thread()\n    \
        print('heard', repr(mod_wsgi.application_group), name, event['signame'], event['signum'], main, file=sys.stderr)\n\
    def application(environ, start_response):\n    \
        start_response('200 OK', [])\n    \
        return [b'listening']\n";

#[test]
fn signals_are_heard_in_every_interpreter_and_end_nothing() {
    let server = group("threads=2")
        .app("listens.py", LISTENS)
        .config_first("WSGIScriptAlias /one ${APPS}/listens.py process-group=cases application-group=one")
        .config_first("WSGIScriptAlias /two ${APPS}/listens.py process-group=cases application-group=two")
        .allow_log("^heard ")
        .start();
    let worker = pid(&server);
    for group in ["/one", "/two"] {
        assert_eq!(server.get(group).text(), "listening");
    }
    for (number, name) in [(SIGHUP, "SIGHUP"), (SIGUSR2, "SIGUSR2")] {
        process::signal(worker, number).expect("it runs");
        for group in ["one", "two"] {
            server.wait_for_log(&format!("^heard '{group}' process_signal {name} {number} False$"));
        }
    }
    assert_eq!(pid(&server), worker);
    server.finish();
}

#[test]
fn times_of_a_request_are_in_their_order() {
    let server = group("threads=2")
        .config_first("WSGIScriptAlias /dump ${APPS}/environ_dump.py process-group=cases")
        .start();
    let text = server.get("/dump").text();
    let time = |key: &str| -> f64 {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("no {key} in {text}"))
    };
    let keys = [
        "request_start",
        "queue_start",
        "daemon_start",
        "application_start",
    ];
    let times = keys.map(|key| time(&format!("mod_wsgi.{key}")));
    assert!(times[0] > 1_700_000_000.0, "{times:?}");
    assert!(
        times.windows(2).all(|pair| pair[0] <= pair[1] + 0.002),
        "{times:?}"
    );
    server.finish();
}

#[test]
fn server_metrics_are_those_of_the_group_if_it_wants_any() {
    const TELLS: &str = "import json, mod_wsgi\n\
        def application(environ, start_response):\n    \
            start_response('200 OK', [])\n    \
            return [json.dumps(mod_wsgi.server_metrics()).encode()]\n";
    let with = |option: &str| {
        group(&format!("processes=2 threads=3 {option}"))
            .app("tells.py", TELLS)
            .config_first("WSGIScriptAlias /tells ${APPS}/tells.py process-group=cases")
            .start()
    };
    let server = with("");
    assert_eq!(json(&server, "/tells"), serde_json::Value::Null);
    server.finish();
    let server = with("server-metrics=On");
    let mut told = serde_json::Value::Null;
    let both = wait_until(Duration::from_secs(10), || {
        told = json(&server, "/tells");
        let processes = told["processes"].as_array().expect("a list");
        processes.iter().filter(|process| process["pid"] != 0).count() == 2
    });
    assert!(both, "{told:#}");
    let processes = told["processes"].as_array().expect("a list");
    let mut pids: Vec<u64> = processes
        .iter()
        .filter_map(|process| process["pid"].as_u64())
        .collect();
    pids.retain(|pid| *pid != 0);
    let mut workers: Vec<u64> = server.workers().into_iter().map(u64::from).collect();
    pids.sort_unstable();
    workers.sort_unstable();
    assert_eq!(pids, workers);
    let places = processes
        .iter()
        .flat_map(|process| process["workers"].as_array().expect("a list"));
    let running: Vec<_> = places.filter(|place| place["status"] == "W").collect();
    assert_eq!(running.len(), 1, "{told:#}");
    assert_eq!(running[0]["request"], "GET /tells HTTP/1.1");
    server.finish();
}

#[test]
fn the_module_tells_of_its_group() {
    let server = group("processes=2 threads=3")
        .app(
            "tells.py",
            "import json, mod_wsgi, apache\n\
             def application(environ, start_response):\n    \
                 facts = [mod_wsgi.process_group, mod_wsgi.maximum_processes, mod_wsgi.threads_per_process,\n             \
                     apache.threads_per_process, apache.mpm_name]\n    \
                 start_response('200 OK', [])\n    \
                 return [json.dumps(facts).encode()]\n",
        )
        .config_first("WSGIScriptAlias /tells ${APPS}/tells.py process-group=cases")
        .start();
    assert_eq!(
        json(&server, "/tells"),
        serde_json::json!(["cases", 2, 3, 8, "event"])
    );
    server.finish();
}
