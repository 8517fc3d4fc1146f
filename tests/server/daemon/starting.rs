//! Processes that take long to start, and what keeps them from starting (F-10, F-25).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::load::{Answer, Load};
use super::{group, id, is_root};
use crate::{assert_error_page, server};
use rwsgi_harness::{Builder, wait_until};

/// An application that takes so many seconds to be imported.
fn slow(seconds: u32) -> String {
    format!("import time\ntime.sleep({seconds})\n")
}

/// A group whose processes load `slow.py` before they take requests.
fn slowly_started(seconds: u32, options: &str) -> Builder {
    group(options)
        .app("slow.py", &slow(seconds))
        .config("WSGIImportScript ${APPS}/slow.py process-group=cases application-group=%{GLOBAL}")
}

/// As many wait as may, the others are refused at once; those who wait are served when the process is ready, not when
/// it listens.
#[test]
fn f10_requests_wait_for_a_slow_start_and_are_refused_beyond_the_limit() {
    let server = slowly_started(4, "threads=4 listen-backlog=16")
        .mpm_limits("StartServers 2\nServerLimit 4\nThreadsPerChild 32\nMaxRequestWorkers 128")
        .expect_log("^WSGI1133")
        .start();
    let load = Load {
        server: &server,
        rate: 100,
        request: &|number| (format!("/token?{number}"), String::new()),
        judge: &|number, answer| match answer {
            Ok(response) if response.status == 200 => {
                let is_own = response.text().starts_with(&format!("{number} "));
                if is_own {
                    Answer::Good
                } else {
                    Answer::Bad(response.text())
                }
            }
            Ok(response) if response.status == 503 && response.header("Retry-After").is_some() => {
                Answer::Allowed
            }
            Ok(response) => Answer::Bad(format!("{response:?}")),
            Err(error) => Answer::Bad(error.to_string()),
        },
    };
    let (refused, report) = load.run(|answered| {
        let is_ready = || !server.logs_matching("takes requests").is_empty();
        // Whoever is answered before the process is ready has been refused.
        assert!(wait_until(Duration::from_secs(3), || answered
            .load(Ordering::Acquire)
            > 50));
        let refused = if is_ready() {
            0
        } else {
            answered.load(Ordering::Acquire)
        };
        assert!(wait_until(Duration::from_secs(15), is_ready), "it is not ready");
        let before = answered.load(Ordering::Acquire);
        assert!(wait_until(Duration::from_secs(10), || {
            answered.load(Ordering::Acquire) > before + 200
        }));
        refused
    });
    report.assert_nothing_bad("a start of four seconds");
    assert!(refused > 50, "nobody is refused while 16 wait");
    assert!(report.allowed >= refused, "{} of {refused}", report.allowed);
    let longest = report.longest(|_| true);
    assert!(longest > Duration::from_secs(2), "nobody waited: {longest:?}");
    assert!(longest < Duration::from_secs(12), "{longest:?}");
    for _ in 0..20 {
        assert_eq!(server.get("/pid").status, 200);
    }
    server.finish();
}

#[test]
fn f10_a_start_that_takes_longer_than_startup_timeout_is_given_up_with_its_stacks() {
    let server = slowly_started(
        60,
        "threads=2 startup-timeout=1 connect-timeout=1 shutdown-timeout=1",
    )
    .expect_log("^WSGI1107.*was not ready within startup-timeout=")
    .expect_log(r"slow\.py.* in <module>")
    .allow_log(r"^WSGI(0116|11\d\d)|^Current thread|^Thread 0x|^ +File |^$")
    .start();
    assert_error_page(&server.get("/pid"), 503);
    server.wait_for_log("^WSGI1107");
    server.wait_for_log(r"slow\.py.* in <module>");
    server.finish();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

/// One thing that an account cannot get at: option and script of the group, and what the line about it has to say.
struct Closed {
    name: &'static str,
    make: fn(&Path) -> Group,
    status: u16,
    says: &'static [&'static str],
}

struct Group {
    options: String,
    script: PathBuf,
}

/// A script beside which everything is as it should be.
fn script(place: &Path) -> PathBuf {
    let script = place.join("hello.py");
    fs::copy(crate::apps().join("hello.py"), &script).expect("a copy");
    mode(&script, 0o644);
    script
}

const CLOSED: [Closed; 4] = [
    Closed {
        name: "a script of mode 000",
        make: |place| {
            let script = script(place);
            mode(&script, 0o000);
            Group {
                options: String::new(),
                script,
            }
        },
        status: 500,
        says: &["hello.py", "Permission denied"],
    },
    Closed {
        name: "a script that only httpd's user can read",
        make: |place| {
            let script = script(place);
            let httpd = rwsgi_harness::process::serving_account().expect("root serves as somebody");
            std::os::unix::fs::chown(&script, Some(httpd.user_id), Some(httpd.group_id)).expect("given");
            mode(&script, 0o400);
            Group {
                options: "user=daemon group=daemon".to_owned(),
                script,
            }
        },
        status: 500,
        says: &["hello.py", "Permission denied"],
    },
    Closed {
        name: "a home that is missing",
        make: |place| Group {
            options: format!("home={}", place.join("nowhere").display()),
            script: script(place),
        },
        status: 503,
        says: &["/nowhere", "No such file"],
    },
    Closed {
        name: "a home that is closed to the user",
        make: |place| {
            let closed = place.join("closed");
            fs::create_dir(&closed).expect("a folder");
            mode(&closed, 0o700);
            Group {
                options: format!("user=daemon group=daemon home={}", closed.display()),
                script: script(place),
            }
        },
        status: 503,
        says: &["/closed", "Permission denied"],
    },
];

/// Nothing runs as somebody else instead. A virtual environment that is closed to the user is one of the twelve
/// mistakes in `pythons`.
#[test]
fn f25_what_the_user_of_a_group_cannot_get_at_is_named_and_nobody_else_is_tried() {
    if !is_root() {
        return;
    }
    for Closed {
        name,
        make,
        status,
        says,
    } in CLOSED
    {
        let place = tempfile::tempdir().expect("a directory");
        mode(place.path(), 0o755);
        let Group { options, script } = make(place.path());
        let server = server()
            .config(&format!(
                "WSGIDaemonProcess closed threads=2 connect-timeout=2 {options}\n\
                 WSGIDaemonProcess open threads=2\n\
                 WSGIScriptAlias /closed {} process-group=closed\n\
                 WSGIScriptAlias /open ${{APPS}}/hello.py process-group=open",
                script.display()
            ))
            .allow_log(r"^WSGI|AH|Traceback|PermissionError|^\[script|^ ")
            .start();
        assert_error_page(&server.get("/closed"), status);
        assert_eq!(server.get("/open").text(), "Hello world!\n", "{name}");
        let lines = server.logs();
        let line = lines
            .iter()
            .find(|line| line.is_trouble() && says.iter().all(|part| line.message.contains(part)));
        let line = line.unwrap_or_else(|| panic!("{name}: not told\n{}", server.report()));
        println!("{name}: {}", line.message);
        server.finish();
    }
}

/// The user of a group is the one that the line about a closed environment names.
#[test]
fn f25_a_closed_environment_is_told_with_user_path_and_missing_bit() {
    if !is_root() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    mode(place.path(), 0o755);
    let closed = place.path().join("closed");
    fs::create_dir_all(closed.join("venv/bin")).expect("folders");
    fs::write(closed.join("venv/pyvenv.cfg"), "home = /usr/bin\n").expect("written");
    std::os::unix::fs::symlink("/usr/bin/python3", closed.join("venv/bin/python")).expect("a link");
    mode(&closed, 0o700);
    let server = group(&format!(
        "threads=2 connect-timeout=1 user=daemon group=daemon python-home={}/venv",
        closed.display()
    ))
    .allow_log("^WSGI")
    .start();
    assert_error_page(&server.get("/pid"), 503);
    let uid = id("/etc/passwd", "daemon").to_string();
    let line = server.wait_for_log(&closed.display().to_string());
    for part in [uid.as_str(), "o+x"] {
        assert!(line.message.contains(part), "{part} is not in: {}", line.text);
    }
    println!("{}", line.message);
    server.finish();
}
