//! `process_metrics()`, `request_metrics()` and `server_metrics()`.

use std::collections::BTreeSet;

use rwsgi_harness::Server;
use serde_json::{Value, json};

use super::super::{GROUPS, mode, mounted, processes};
use super::{answer, json, start};
use crate::modes::Mode;

const APP: &str = "python_module_cases.py";

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} in {value}"))
}

#[track_caller]
fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .expect("a dict")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn python_module_process_metrics() {
    let server = start(APP);
    for _ in 0..3 {
        answer(&server, "data");
    }
    for (requests, group) in [6, 7].into_iter().zip(GROUPS) {
        let metrics = json(&server.get(&format!("{group}/process")));
        let expected = "pid request_busy_time request_count memory_rss memory_max_rss cpu_user_time cpu_system_time \
                        cpu_time restart_time current_time running_time request_threads active_requests threads";
        assert_eq!(keys(&metrics), expected.split_whitespace().collect());
        assert_eq!(number(&metrics, "pid"), f64::from(processes(&server)[0]));
        // All interpreters of the process are counted together.
        assert_eq!(number(&metrics, "request_count"), f64::from(requests));
        assert_eq!(number(&metrics, "active_requests"), 1.0);
        let threads = metrics["threads"].as_array().expect("a list");
        assert_eq!(threads.len() as f64, number(&metrics, "request_threads"));
        let sum: f64 = threads.iter().map(|thread| number(thread, "request_count")).sum();
        assert_eq!(sum, f64::from(requests));
        assert!(number(&metrics, "memory_rss") > 1e6);
        assert!(number(&metrics, "memory_max_rss") >= number(&metrics, "memory_rss") * 0.9);
        assert!(number(&metrics, "cpu_time") > 0.0);
        assert!(number(&metrics, "restart_time") <= number(&metrics, "current_time"));
    }
    server.finish();
}

/// Starts recording in one interpreter, and takes the metrics of a request in another.
fn recorded(run: impl Fn(&Server)) -> Value {
    let server = start(APP);
    assert_eq!(answer(&server, "metrics_before"), Value::Null);
    assert_eq!(answer(&server, "metrics_start"), Value::Null);
    json(&server.get("/main/metrics"));
    run(&server);
    let metrics = json(&server.get("/sub/metrics"));
    server.finish();
    metrics
}

#[test]
fn python_module_request_metrics_count_what_ended_since_the_last_call() {
    let metrics = recorded(|server| {
        let response = server.request("POST", "/main/work").body("abcdef").send();
        assert_eq!(response.text(), "\"abcdef\"");
        for status in ["404+Gone", "503+Busy", "302+There"] {
            server.get(&format!("/sub/data?{status}"));
        }
    });
    // The request that took the metrics before ended after it took them.
    assert_eq!(number(&metrics, "request_count"), 5.0);
    let statuses = [1, 2, 3, 4, 5].map(|class| number(&metrics, &format!("status_{class}xx")));
    assert_eq!(statuses, [0.0, 2.0, 1.0, 1.0, 1.0]);
    assert_eq!(number(&metrics, "input_bytes"), 6.0);
    assert_eq!(number(&metrics, "output_writes"), 5.0);
    assert!(number(&metrics, "output_bytes") > 8.0);
    let threads = metrics["request_threads_completed"].as_array().expect("a list");
    assert_eq!(threads.iter().filter_map(Value::as_u64).sum::<u64>(), 5);
    assert_eq!(threads.len() as f64, number(&metrics, "request_threads_maximum"));
    assert!(number(&metrics, "request_threads_active") >= 1.0);
}

#[test]
fn python_module_request_metrics_tell_where_time_went() {
    let metrics = recorded(|server| {
        server.request("POST", "/main/work").body("abc").send();
    });
    assert!(number(&metrics, "start_time") < number(&metrics, "stop_time"));
    let period = number(&metrics, "stop_time") - number(&metrics, "start_time");
    assert!((number(&metrics, "sample_period") - period).abs() < 1e-3);
    let throughput = number(&metrics, "request_count") / number(&metrics, "sample_period");
    assert!((number(&metrics, "request_throughput") - throughput).abs() < 1e-6 * throughput);
    assert!(number(&metrics, "cpu_utilization") > 0.0);
    assert_eq!(metrics["cpu_utilization"], metrics["cpu_time"]);
    assert!(number(&metrics, "capacity_utilization") > 0.0);
    for phase in [
        "server",
        "application",
        "request",
        "gil_wait",
        "input_read",
        "output_write",
    ] {
        let buckets = metrics[format!("{phase}_time_buckets")]
            .as_array()
            .expect("a list")
            .clone();
        assert_eq!(buckets.len(), 65, "{phase}");
        assert_eq!(
            buckets.iter().filter_map(Value::as_u64).sum::<u64>(),
            2,
            "{phase}"
        );
        let (least, most) = (
            number(&metrics, &format!("{phase}_time_min_us")),
            number(&metrics, &format!("{phase}_time_max_us")),
        );
        let mean = number(&metrics, &format!("{phase}_time")) * 1e6;
        assert!(
            least <= mean + 1.0 && mean <= most + 1.0,
            "{phase}: {least} {mean} {most}"
        );
    }
    // Two hundred thousand rounds take a while.
    assert!(number(&metrics, "application_time_max_us") > 1000.0);
    for phase in ["queue", "daemon"] {
        for key in ["time", "time_max_us"] {
            let found = &metrics[format!("{phase}_{key}")];
            assert_eq!(
                found.is_null(),
                mode() == Mode::Embedded,
                "{phase}_{key}: {found}"
            );
        }
    }
    for key in "request_threads_busy_time request_threads_cpu_time request_threads_current_elapsed \
                request_threads_max_duration request_threads_buckets"
        .split_whitespace()
    {
        let expected = number(&metrics, "request_threads_maximum");
        assert_eq!(
            metrics[key].as_array().expect(key).len() as f64,
            expected,
            "{key}"
        );
    }
}

#[test]
fn python_module_server_metrics_are_off_by_default() {
    let server = start(APP);
    assert_eq!(answer(&server, "server"), Value::Null);
    server.finish();
}

#[test]
fn python_module_server_metrics_show_the_scoreboard() {
    let builder = mounted(APP)
        .one_process()
        .config("WSGIServerMetrics On\nExtendedStatus On");
    let server = builder.start();
    if mode() == Mode::Daemon {
        // The directive is for httpd's own processes; see daemon::signals.
        assert_eq!(answer(&server, "server"), Value::Null);
        return;
    }
    for group in GROUPS {
        let metrics = json(&server.get(&format!("{group}/server")));
        let expected =
            "server_limit thread_limit running_generation restart_time current_time running_time processes";
        assert_eq!(keys(&metrics), expected.split_whitespace().collect());
        let processes = metrics["processes"].as_array().expect("a list");
        assert_eq!(processes.len() as f64, number(&metrics, "server_limit"));
        let own = processes
            .iter()
            .find(|process| number(process, "pid") == f64::from(server.children()[0]))
            .expect("our process");
        assert_eq!(
            keys(own),
            ["process_num", "pid", "generation", "quiescing", "workers"].into()
        );
        assert_eq!(own["quiescing"], json!(false));
        let workers = own["workers"].as_array().expect("a list");
        assert_eq!(workers.len() as f64, number(&metrics, "thread_limit"));
        let busy = workers
            .iter()
            .find(|worker| worker["status"] == "W")
            .expect("the thread that answers");
        let expected = "thread_num generation status access_count bytes_served start_time stop_time last_used client \
                        request vhost";
        assert_eq!(keys(busy), expected.split_whitespace().collect());
        assert_eq!(busy["client"], "127.0.0.1");
        assert_eq!(busy["request"], format!("GET {group}/server HTTP/1.1"));
    }
    server.finish();
}
