//! The time of day jumps (F-26): timers measure what has passed, and no clock that somebody can set.
//!
//! The jumps are made by `tests/stubs/clock.c`, which is preloaded into httpd, the supervisor and the processes.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::load::{Answer, LIMITS, Load};
use super::{group, number, pid, replaced, stopped_for};
use crate::assert_error_page;
use rwsgi_harness::{Builder, Server, wait_until};
use tempfile::TempDir;

const HOUR: i32 = 3600;

/// A clock that jumps, for one server.
struct Clock {
    place: TempDir,
}

impl Clock {
    /// `None` without a C compiler, which is said.
    fn new() -> Option<Clock> {
        let place = tempfile::tempdir().expect("a directory");
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("permissions");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/clock.c");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(place.path().join("clock.so"))
            .arg(source)
            .output();
        match made {
            Ok(output) => assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            ),
            Err(_) => {
                println!("skipped: no C compiler");
                return None;
            }
        }
        let clock = Clock { place };
        clock.jump_to(0);
        Some(clock)
    }

    fn file(&self) -> PathBuf {
        self.place.path().join("shift")
    }

    /// Everything is so many seconds ahead of the time from now on. The file stays the same, as it is mapped.
    fn jump_to(&self, seconds: i32) {
        use std::io::Write;
        let mut file = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.file())
            .expect("writable");
        file.write_all(&seconds.to_ne_bytes()).expect("written");
    }

    fn group(&self, options: &str) -> Builder {
        group(options)
            .env(
                "LD_PRELOAD",
                &self.place.path().join("clock.so").display().to_string(),
            )
            .env("CLOCK_SHIFT", &self.file().display().to_string())
    }

    /// Whether the processes of a server do see it; without that no test of it means anything.
    #[track_caller]
    fn assert_seen(&self, server: &Server, seconds: i32) {
        let text = server.get("/time_of_day").text();
        let seen: f64 = text.parse().unwrap_or_else(|_| panic!("no time: {text}"));
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs_f64();
        assert!(
            (seen - now - f64::from(seconds)).abs() < 10.0,
            "{seen} instead of {now} + {seconds}"
        );
    }
}

#[test]
fn f26_jumps_of_the_clock_replace_nobody_and_lose_nothing() {
    let Some(clock) = Clock::new() else { return };
    let server = clock
        .group(
            "processes=2 threads=4 request-timeout=30 interrupt-timeout=10 deadlock-timeout=20 queue-timeout=20 \
             inactivity-timeout=30 restart-interval=600 startup-timeout=20 connect-timeout=20 socket-timeout=20",
        )
        .mpm_limits(LIMITS)
        .start();
    assert!(wait_until(Duration::from_secs(10), || {
        server.logs_matching("takes requests").len() == 2
    }));
    let workers = server.workers();
    let load = Load {
        server: &server,
        rate: 100,
        request: &|number| (format!("/token?{number}"), String::new()),
        judge: &|number, answer| match answer {
            Ok(response) if response.status == 200 && response.text().starts_with(&format!("{number} ")) => {
                Answer::Good
            }
            Ok(response) => Answer::Bad(format!("{} {}", response.status_line, response.text())),
            Err(error) => Answer::Bad(error.to_string()),
        },
    };
    let ((), report) = load.run(|answered| {
        for jump in [HOUR, -HOUR, 0, 24 * HOUR, 0] {
            clock.jump_to(jump);
            clock.assert_seen(&server, jump);
            // Longer than the supervisor's step and the processes' heartbeat.
            let (before, since) = (answered.load(Ordering::Acquire), Instant::now());
            let going_on = wait_until(Duration::from_secs(20), || {
                since.elapsed() > Duration::from_millis(2_500)
                    && answered.load(Ordering::Acquire) > before + 100
            });
            assert!(going_on, "no answers after a jump to {jump}");
            assert_eq!(
                server.workers(),
                workers,
                "a jump to {jump} s has replaced a process"
            );
        }
    });
    report.assert_nothing_bad("jumps of the clock");
    server.finish();
}

/// A timer that runs when the clock jumps ends when it would have.
#[test]
fn f26_timers_that_run_during_a_jump_end_in_time() {
    let Some(clock) = Clock::new() else { return };
    for jump in [HOUR, -HOUR] {
        let server = clock
            .group("threads=1 request-timeout=2 interrupt-timeout=10 inactivity-timeout=3")
            .allow_log("WSGI(0145|0146|0084|11..|1008)|RequestTimeout|Traceback|^ |Thread 0x|Current thread|^$|stack")
            .start();
        let old = pid(&server);
        thread::scope(|scope| {
            let start = Instant::now();
            let stuck = scope.spawn(|| server.get("/sleeps?for=15"));
            server.wait_for_log("asleep in");
            clock.jump_to(jump);
            assert_error_page(&stuck.join().expect("an answer"), 504);
            let taken = start.elapsed();
            assert!(
                taken > Duration::from_secs(1) && taken < Duration::from_secs(6),
                "{taken:?}"
            );
        });
        clock.assert_seen(&server, jump);
        let process = number(&server.get("/pid"));
        assert_eq!(process, old, "{jump}");
        // Idle from now on.
        stopped_for(&server, old, "inactivity_timeout");
        replaced(&server, old, Duration::from_secs(5));
        clock.jump_to(0);
        server.finish();
    }
}
