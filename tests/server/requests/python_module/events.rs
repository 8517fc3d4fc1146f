//! Events of requests, in their order and with their keys.

use rwsgi_harness::Server;
use serde_json::{Value, json};

use super::super::GROUPS;
use super::{json, start, with_source};

/// The events of the one request that ran since they were taken last.
#[track_caller]
fn taken(server: &Server, group: &str) -> Vec<Value> {
    let groups = json(&server.get(&format!("{group}/take")));
    let groups = groups.as_array().expect("a list");
    assert_eq!(groups.len(), 1, "{groups:?}");
    groups[0].as_array().expect("a list").clone()
}

fn names(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect()
}

#[track_caller]
fn has_keys(event: &Value, keys: &str) {
    let mut expected: Vec<&str> = keys.split_whitespace().chain(["event", "shared"]).collect();
    expected.sort_unstable();
    let mut found: Vec<&String> = event.as_object().expect("an event").keys().collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}

/// Runs a case in each group and looks at its events.
#[track_caller]
fn observe(case: &str, status: u16, look: impl Fn(&[Value])) -> Server {
    let server = start("event_cases.py");
    for group in GROUPS {
        // The first request loads the script, and with it the subscription.
        assert_eq!(server.get(&format!("{group}/take")).status, 200);
        assert_eq!(server.get(&format!("{group}/{case}")).status, status);
        look(&taken(&server, group));
    }
    server
}

#[test]
fn python_module_events_of_a_plain_request() {
    observe("hello", 200, |events| {
        assert_eq!(
            names(events),
            ["request_started", "response_started", "request_finished"]
        );
        let [started, response, finished] = events else {
            panic!("three events: {events:?}");
        };
        has_keys(
            started,
            "request_id thread_id daemon_connects daemon_restarts server_pid request_start queue_start daemon_start \
             application_start application_object callable_object request_environ request_data",
        );
        has_keys(
            response,
            "request_id response_status response_headers exception_info request_data",
        );
        has_keys(
            finished,
            "request_id thread_id server_pid request_start queue_start daemon_start input_reads input_length \
             input_time output_length output_writes output_time cpu_user_time cpu_system_time cpu_time \
             application_finish application_time status gil_wait_time gil_wait_count request_data",
        );
        assert_eq!(started["callable_object"], "application");
        assert_eq!(started["application_object"], "function");
        assert_eq!(started["request_environ"], "dict");
        assert_eq!(response["response_status"], "200 OK");
        assert_eq!(
            response["response_headers"],
            json!([["Content-Type", "text/plain"], ["Content-Length", "5"]])
        );
        assert_eq!(response["exception_info"], Value::Null);
        assert_eq!(finished["status"], 200);
        assert_eq!(finished["output_length"], 5);
        assert_eq!(finished["output_writes"], 1);
        assert_eq!(finished["input_length"], 0);
        // One dict went through all three.
        assert_eq!(
            (&started["shared"], &response["shared"], &finished["shared"]),
            (&json!(1), &json!(2), &json!(3))
        );
        let number = |event: &Value, key: &str| event[key].as_f64().expect("a number");
        let (start, finish) = (number(started, "application_start"), number(finished, "application_finish"));
        assert!(number(started, "request_start") <= start + 0.001 && start <= finish + 0.001);
        assert!(number(finished, "application_time") < 10.0);
        assert!(number(finished, "gil_wait_count") >= 1.0);
        assert_eq!(started["thread_id"], finished["thread_id"]);
        assert_eq!(started["server_pid"], finished["server_pid"]);
    })
    .finish();
}

#[test]
fn python_module_events_count_what_is_read() {
    let server = start("event_cases.py");
    for group in GROUPS {
        assert_eq!(server.get(&format!("{group}/take")).status, 200);
        let response = server
            .request("POST", &format!("{group}/read"))
            .body(vec![b'x'; 100_000])
            .send();
        assert_eq!(response.text(), "100000");
        let events = taken(&server, group);
        let finished = events.last().expect("an event");
        assert_eq!(finished["input_length"], 100_000);
        assert!(finished["input_reads"].as_u64() >= Some(2), "{finished}");
    }
    server.finish();
}

#[test]
fn python_module_events_count_what_is_written() {
    observe("write", 200, |events| {
        let finished = events.last().expect("an event");
        assert_eq!(finished["output_length"], 11);
        assert_eq!(finished["output_writes"], 3);
    })
    .finish();
}

#[test]
fn python_module_events_of_an_exception() {
    let server = observe("raise", 500, |events| {
        assert_eq!(
            names(events),
            ["request_started", "request_exception", "request_finished"]
        );
        has_keys(&events[1], "request_id exception_info request_data");
        assert_eq!(
            events[1]["exception_info"],
            json!(["ValueError", "marker in the application", "traceback"])
        );
        assert_eq!(events[2]["status"], 500);
    });
    server.expect_exception("ValueError: marker in the application");
    server.finish();
}

#[test]
fn python_module_events_of_an_exception_while_iterating() {
    let server = observe("raise_in_iteration", 500, |events| {
        assert_eq!(
            names(events),
            [
                "request_started",
                "response_started",
                "request_exception",
                "request_finished"
            ]
        );
        // Nothing had been sent, so the client gets the server's own page.
        assert_eq!(events[3]["status"], 500);
    });
    server.expect_exception("KeyError: 'marker in the iteration'");
    server.finish();
}

#[test]
fn python_module_events_of_an_exception_in_close() {
    let server = observe("raise_in_close", 200, |events| {
        assert_eq!(
            names(events),
            [
                "request_started",
                "response_started",
                "request_exception",
                "request_finished"
            ]
        );
        assert_eq!(events[2]["exception_info"][1], "marker in close");
        assert_eq!(events[3]["status"], 200);
    });
    server.expect_exception("OSError: marker in close");
    server.finish();
}

#[test]
fn python_module_events_tell_why_a_response_was_replaced() {
    observe("replaced_error", 503, |events| {
        assert_eq!(events[1]["event"], "response_started");
        assert_eq!(
            events[1]["exception_info"],
            json!(["LookupError", "marker that was caught", "traceback"])
        );
        assert_eq!(events[2]["status"], 503);
    })
    .finish();
}

#[test]
fn python_module_events_of_a_response_never_started() {
    let server = observe("never_started", 500, |events| {
        assert_eq!(
            names(events),
            ["request_started", "request_exception", "request_finished"]
        );
        assert_eq!(events[2]["status"], 500);
    });
    server.expect_exception("RuntimeError: ");
    server.finish();
}

#[test]
fn python_module_request_started_can_replace_the_application() {
    let server = with_source(
        "import mod_wsgi\n\
         @mod_wsgi.subscribe_events\n\
         def first(name, **event):\n    \
             if name == 'request_started':\n        \
                 inner = event['application_object']\n        \
                 def wrapped(environ, start_response):\n            \
                     return [b'wrapped '] + inner(environ, start_response)\n        \
                 return {'application_object': wrapped}\n\
         @mod_wsgi.subscribe_events\n\
         def second(name, **event):\n    \
             if name == 'request_started':\n        \
                 event['request_data']['name'] = event['application_object'].__name__\n\
         def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             return [mod_wsgi.request_data()['name'].encode()]\n",
    )
    .start();
    for group in GROUPS {
        for _ in 0..2 {
            assert_eq!(server.get(group).text(), "wrapped wrapped");
        }
    }
    server.finish();
}

#[test]
fn python_module_a_broken_event_callback_is_logged_and_ignored() {
    let server = with_source(
        "import sys, mod_wsgi\n\
         @mod_wsgi.subscribe_events\n\
         def broken(name, **event):\n    \
             if name == 'request_started':\n        \
                 raise ValueError('marker ' + name)\n    \
             if name == 'request_finished':\n        \
                 sys.exit('marker exit')\n    \
             return 'no dict'\n\
         @mod_wsgi.subscribe_events\n\
         def later(name, **event):\n    \
             if name == 'request_started':\n        \
                 event['request_data']['later'] = True\n\
         def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             return [str(mod_wsgi.request_data()['later']).encode()]\n",
    )
    .expect_log("WSGI0112: ValueError exception raised by event callback for 'request_started'")
    .expect_log("WSGI0190: SystemExit exception raised by event callback for 'request_finished'; ignored")
    .expect_exception("ValueError: marker request_started")
    .expect_exception("SystemExit: marker exit")
    .start();
    for group in GROUPS {
        let response = server.get(group);
        assert_eq!((response.status, response.text().as_str()), (200, "True"));
    }
    server.finish();
}

/// A callback that subscribes others in turn is called once for each event.
#[test]
fn python_module_callbacks_may_subscribe_others() {
    let server = with_source(
        "import mod_wsgi\n\
         def grow(name, **event):\n    \
             mod_wsgi.subscribe_events(grow)\n\
         mod_wsgi.subscribe_events(grow)\n\
         def application(environ, start_response):\n    \
             count = len(mod_wsgi.event_callbacks)\n    \
             mod_wsgi.event_callbacks.clear()\n    \
             start_response('200 OK', [])\n    \
             return [str(count).encode()]\n",
    )
    .start();
    for group in GROUPS {
        assert_eq!(server.get(group).text(), "2");
        assert_eq!(server.get(group).text(), "0");
    }
    server.finish();
}

/// Subscriptions of one interpreter are none of another's business.
#[test]
fn python_module_subscriptions_belong_to_their_interpreter() {
    let server = with_source(
        "import mod_wsgi\n\
         seen = []\n\
         if not mod_wsgi.application_group:\n    \
             mod_wsgi.subscribe_events(lambda name, **event: seen.append(name))\n\
         def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             return [repr((len(mod_wsgi.event_callbacks), len(seen))).encode()]\n",
    )
    .start();
    assert_eq!(server.get("/main").text(), "(1, 2)");
    assert_eq!(server.get("/sub").text(), "(0, 0)");
    assert_eq!(server.get("/main").text(), "(1, 5)");
    server.finish();
}

/// What callbacks share goes with the request, so no request's memory grows another's.
#[test]
fn python_module_request_data_ends_with_the_request() {
    let server = with_source(
        "import gc, weakref, mod_wsgi\n\
         class Kept: pass\n\
         alive = []\n\
         def application(environ, start_response):\n    \
             start_response('200 OK', [])\n    \
             before = sum(reference() is not None for reference in alive)\n    \
             kept = mod_wsgi.request_data()['kept'] = Kept()\n    \
             alive.append(weakref.ref(kept))\n    \
             return [str(before).encode()]\n",
    )
    .start();
    for group in GROUPS {
        for _ in 0..3 {
            assert_eq!(server.get(group).text(), "0");
        }
    }
    server.finish();
}
