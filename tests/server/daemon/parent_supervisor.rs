//! What httpd's parent does with the supervisor, to which a stub stands in here: it speaks the protocol and
//! starts no process.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mod_rwsgi::config::plan::VERSION;
use rwsgi_harness::{Builder, Server, process, wait_until};
use serde_json::Value;

use crate::server;

const LIMIT: Duration = Duration::from_secs(20);

/// A group, and a file that httpd serves itself.
fn stubbed(manner: &str) -> Builder {
    let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/rwsgi");
    server()
        .env("STUB", manner)
        .env("STUB_VERSION", VERSION)
        .config(&format!("RWSGICommand {}", stub.display()))
        .config("WSGIDaemonProcess site user=nobody group=#65534 threads=3\nWSGIScriptAlias /site ${APPS}/hello.py process-group=site")
        .file("htdocs/page.txt", "page")
        .allow_log("^WSGI1152")
}

/// What the stubs of a server were told: their process number, and the message.
fn told(server: &Server) -> Vec<(u32, String)> {
    let text = fs::read_to_string(server.path("run/told.txt")).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let (pid, message) = line.split_once(' ')?;
            Some((pid.parse().ok()?, message.to_owned()))
        })
        .collect()
}

fn starts(server: &Server) -> Vec<u32> {
    let told = told(server).into_iter();
    told.filter(|(_, message)| message == "started supervisor")
        .map(|(pid, _)| pid)
        .collect()
}

fn plans(server: &Server) -> Vec<Value> {
    let told = told(server).into_iter();
    told.filter_map(|(_, message)| {
        serde_json::from_str::<Value>(&message)
            .ok()?
            .get("Configure")
            .cloned()
    })
    .collect()
}

#[track_caller]
fn serves_files(server: &Server) {
    assert_eq!(server.get("/page.txt").text(), "page");
}

#[test]
fn it_gets_the_plan_and_nothing_else_of_httpd() {
    let server = stubbed("").start();
    let told = told(&server);
    let kinds: Vec<&str> = told.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(kinds[0], "started supervisor");
    let pid = told[0].0;
    let log = server.path("logs/error.log").display().to_string();
    let expected = format!("inherited 0=/dev/null 1={log} 2={log} 3=socket 4=pipe");
    assert_eq!(kinds[1], expected);
    assert_eq!(kinds[3..5], ["\"Log\"", "\"Generation\""]);

    let plan = &plans(&server)[0];
    assert_eq!(plan["httpd"]["pid"], server.parent_pid());
    assert_eq!(plan["generation"], 1);
    let directory = format!("{}/run/wsgi.{}", server.root().display(), server.parent_pid());
    assert_eq!(plan["directory"], directory);
    assert_eq!(plan["httpd"]["core_dumps"], true);
    assert_eq!(plan["httpd"]["timeout"]["secs"], 10);
    let group = &plan["groups"][0];
    assert_eq!(
        (&group["name"], &group["options"]["threads"]),
        (&"site".into(), &3.into())
    );
    let identity = &group["identity"];
    if process::is_root() {
        let nobody = super::id("/etc/passwd", "nobody");
        assert_eq!(
            (&identity["uid"], &identity["gid"]),
            (&nobody.into(), &65534.into())
        );
        assert_eq!(identity["user"], "nobody");
    }
    assert_eq!(identity["change"], process::is_root());
    serves_files(&server);
    server.finish();
    assert!(!process::exists(pid), "it ends with httpd");
}

#[test]
fn a_virtual_hosts_group_gets_its_log_and_level() {
    let server = stubbed("")
        .config("<VirtualHost *:${PORT}>\nErrorLog logs/host.log\nLogLevel wsgi:debug\nWSGIDaemonProcess hosted\n</VirtualHost>")
        .start();
    let plan = &plans(&server)[0];
    let logs = told(&server)
        .iter()
        .filter(|(_, message)| message == "\"Log\"")
        .count();
    assert_eq!(logs, 2);
    let of = |name: &str| {
        let groups = plan["groups"].as_array().expect("groups");
        let group = groups
            .iter()
            .find(|group| group["name"] == name)
            .expect("planned");
        (group["log"].clone(), group["log_level"].clone())
    };
    assert_eq!(of("site"), (0.into(), 6.into()));
    assert_eq!(of("hosted"), (1.into(), 7.into()));
    server.finish();
}

#[test]
fn one_that_is_killed_has_a_successor_that_gets_its_scoreboards_and_the_plan() {
    let server = stubbed("").expect_log("^WSGI1159: .*ended unasked").start();
    for killed in 1..=3 {
        let running = *starts(&server).last().expect("one runs");
        process::signal(running, libc::SIGKILL).expect("it runs");
        assert!(
            wait_until(LIMIT, || plans(&server).len() > killed),
            "{:?}",
            told(&server)
        );
    }
    let told = told(&server);
    let last = *starts(&server).last().expect("one runs");
    let keep =
        r#"{"Keep": {"group": "site", "number": 0, "layout": {"positions": 4, "slots": 8, "waiters": 16}}}"#;
    assert!(told.contains(&(last, keep.to_owned())), "{told:?}");
    let plans = plans(&server);
    assert!(plans.iter().all(|plan| plan == &plans[0]), "the same plan");
    server.finish();
}

/// The first successor comes at once, each further one of a row after twice the time.
#[test]
fn one_that_keeps_ending_is_started_less_and_less_often() {
    let server = stubbed("crashes").expect_log("^WSGI1159").start();
    assert!(
        wait_until(LIMIT, || starts(&server).len() >= 4),
        "{:?}",
        told(&server)
    );
    let times: Vec<f64> = told(&server)
        .iter()
        .filter_map(|(_, message)| message.strip_prefix("at ")?.parse().ok())
        .collect();
    let waits: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits[1] >= 1.0 && waits[2] >= 2.0, "{waits:?}");
    serves_files(&server);
    server.finish();
}

#[test]
fn restarts_of_httpd_keep_it_and_tell_it_the_new_configuration() {
    let server = stubbed("").start();
    let descriptors = || process::descriptors(server.parent_pid()).len();
    server.graceful();
    let before = (
        descriptors(),
        process::resident_kib(server.parent_pid()).expect("known"),
    );
    for _ in 0..30 {
        server.graceful();
    }
    server.restart();
    assert_eq!(starts(&server).len(), 1, "{:?}", told(&server));
    let generations: Vec<u64> = plans(&server)
        .iter()
        .filter_map(|plan| plan["generation"].as_u64())
        .collect();
    assert_eq!(generations, (1..=33).collect::<Vec<u64>>());
    assert_eq!(descriptors(), before.0, "descriptors of the parent");
    let grown = process::resident_kib(server.parent_pid())
        .expect("known")
        .saturating_sub(before.1);
    assert!(grown < 2048, "the parent has grown by {grown} KiB");
    server.rewrite_config(|text| {
        text.replace("WSGIDaemonProcess site", "#")
            .replace("process-group=site", "")
    });
    server.graceful();
    assert_eq!(
        plans(&server).last().expect("told")["groups"],
        Value::Array(Vec::new())
    );
    server.finish();
}

#[test]
fn without_groups_there_is_none() {
    let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/rwsgi");
    let server = server()
        .config(&format!("RWSGICommand {}", stub.display()))
        .start();
    server.graceful();
    assert!(told(&server).is_empty());
    server.finish();
}

#[test]
fn httpd_without_children_has_one_too() {
    let server = stubbed("").single_process().start();
    assert_eq!(plans(&server)[0]["httpd"]["pid"], server.parent_pid());
    serves_files(&server);
    server.finish();
}

/// Everything but the group is served, and one line says why the group is not.
#[track_caller]
fn fails_clearly(builder: Builder, line: &str) {
    let server = builder.expect_log(line).allow_log("^WSGI1135").start();
    serves_files(&server);
    let refused = server.get("/site");
    assert_eq!(refused.status, 503);
    assert!(refused.header("Retry-After").is_some(), "{refused:?}");
    assert_eq!(
        server.logs_matching(line).len(),
        1,
        "{:?}",
        server.logs_matching(line)
    );
    server.finish();
}

#[test]
fn a_command_that_is_missing_or_no_program_is_told() {
    fails_clearly(
        stubbed("").config("RWSGICommand bin/nothing"),
        "^WSGI1156: .*bin/nothing.*RWSGICommand",
    );
    fails_clearly(
        stubbed("").config("RWSGICommand conf/httpd.conf"),
        "^WSGI1156: .*cannot be started",
    );
}

#[test]
fn a_command_of_another_version_is_told() {
    fails_clearly(
        stubbed("old"),
        r"^WSGI1157: .* \(.*/stubs/rwsgi\) is of version 0\.0\.0; the module \(.*\.so\) is of version \S+: install both",
    );
}

#[test]
fn one_that_refuses_the_plan_is_told_with_its_reason() {
    fails_clearly(
        stubbed("refuses"),
        "^WSGI1158: .*the directory belongs to somebody else",
    );
}

#[test]
fn one_that_ends_at_once_is_told() {
    fails_clearly(stubbed("dies"), "^WSGI1158: .*has ended");
}

#[test]
fn one_that_is_silent_does_not_keep_httpd_from_serving() {
    fails_clearly(stubbed("silent"), "^WSGI1158: .*does not answer");
}

#[test]
fn one_that_does_not_end_is_killed_with_httpd() {
    let server = stubbed("stays")
        .config("WSGIDaemonProcess other shutdown-timeout=1")
        .expect_log("^WSGI1160: .*after 7 s")
        .start();
    let begin = Instant::now();
    server.finish();
    assert!(begin.elapsed() >= Duration::from_secs(7));
}

/// However httpd's parent ends, what it holds for the supervisor ends with it: none of its copies has that,
/// mod_cgid's among them, which is forked off anew at each restart.
#[test]
fn it_notices_the_death_of_httpds_parent_at_once() {
    let server = stubbed("").module("cgid").start();
    server.graceful();
    let copies = server.children();
    assert!(copies.len() >= 2, "a child and mod_cgid's process: {copies:?}");
    process::signal(server.parent_pid(), libc::SIGKILL).expect("it runs");
    let gone = wait_until(LIMIT, || {
        told(&server).iter().any(|(_, message)| message == "lost")
    });
    let alive = copies.iter().filter(|pid| process::exists(**pid)).count();
    for pid in copies {
        let _ = process::signal(pid, libc::SIGKILL);
    }
    assert!(gone && alive > 0, "noticed: {gone}, while {alive} copies lived");
    server.kill();
    fs::remove_file(server.path(&format!("run/cgisock.{}", server.parent_pid()))).expect("mod_cgid's");
    server.finish();
}
