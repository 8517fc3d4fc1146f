//! One system under load once.

use std::time::Duration;

use crate::Failure;
use crate::compare::results::Turn;
use crate::measure::cpu::{self, Clock};
use crate::measure::memory;
use crate::measure::wrk::{self, Load};
use crate::systems::case::Case;
use crate::systems::site::Site;
use crate::systems::{Ready, Running};

/// How long a server may live beyond its load.
const MARGIN: Duration = Duration::from_secs(60);

/// Errors as a share of all responses beyond which a figure is one of errors.
const TOLERABLE: f64 = 0.01;

/// How many of a server's complaints are kept.
const COMPLAINTS: usize = 5;

/// Starts the system, checks its answer, warms it up, measures and stops it.
pub(super) fn run(ready: &Ready, case: Case, load: Load, site: &Site, clock: Clock) -> Result<Turn, Failure> {
    let limit = Duration::from_secs(u64::from(load.seconds)) + MARGIN;
    let running = Running::start(ready, case, site, load.connections, limit)?;
    running.check(case)?;
    // Every process loads the application, and every thread has had a turn.
    wrk::run(running.port(), case, Load { seconds: 1, ..load })?;
    let roots = running.roots();
    let before = cpu::of(&roots, clock);
    let seen = wrk::run(running.port(), case, load)?;
    let cpu = cpu::of(&roots, clock).saturating_sub(before);
    let pss_kib = memory::proportional_kib(&roots);
    let mut complaints = running.complaints();
    complaints.truncate(COMPLAINTS);
    // The folder is another one in each run.
    let folder = site.path("").display().to_string();
    for complaint in &mut complaints {
        *complaint = complaint.replace(&folder, ".../");
    }
    if let Err(problems) = running.stop() {
        let first = problems.lines().next().unwrap_or_default();
        complaints.push(format!("when it was stopped: {first}"));
    }
    if seen.requests == 0 {
        return Err("no request was answered".to_string());
    }
    let errors = seen.bad_status + seen.socket_errors;
    if errors as f64 > seen.requests as f64 * TOLERABLE {
        let logged = complaints.first().map_or("nothing", String::as_str);
        return Err(format!(
            "{errors} errors among {} responses, the first line logged: {logged}",
            seen.requests
        ));
    }
    Ok(Turn {
        requests: seen.requests,
        seconds: seen.duration.as_secs_f64(),
        cpu_seconds: cpu.as_secs_f64(),
        errors,
        p50_ms: milliseconds(seen.p50),
        p99_ms: milliseconds(seen.p99),
        p999_ms: milliseconds(seen.p999),
        pss_kib,
        complaints,
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
