//! The same requests against mod_wsgi and against our module, under the same configuration: every difference is
//! explained in `docs/differences.md`, or a failure.
//!
//! `RWSGI_PEER_MODULE` names mod_wsgi's module file; without one the comparison says so and is skipped.
//! `RWSGI_DIFFERENTIAL_AREAS` restricts it to areas, separated by commas.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::thread;

use rwsgi_harness::{Builder, Server};

mod allowed;
mod areas;
mod case;
mod compare;
mod normalise;
mod observe;
mod peer;

use allowed::Allowed;
use case::Area;
use compare::differences;
use observe::{Observation, observe};

/// What came of an area, or of all.
#[derive(Default)]
struct Count {
    requests: usize,
    equal: usize,
    allowed: usize,
    failures: usize,
}

#[test]
fn the_same_requests_have_the_same_outcome() {
    let module = match peer::module() {
        Ok(module) => module,
        Err(reason) => return say(&format!("differential: skipped: {reason}")),
    };
    let areas = chosen();
    let allowed = Allowed::new();
    let (mut total, mut problems) = (Count::default(), Vec::new());
    let mut current = true;
    say("differential              requests  equal  allowed  failures");
    for area in &areas {
        let (peer, ours, version) = run(area, &module);
        current = peer::is_current(&version);
        let count = judge(area, (&peer, &ours), current, &allowed, &mut problems);
        report(&area.title(), &count);
        total.add(&count);
    }
    report("total", &total);
    say("differences explained in docs/differences.md");
    for (heading, count) in allowed.by_heading().iter().filter(|(_, count)| **count > 0) {
        say(&format!("  {count:>4}  {heading}"));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    if current {
        let unused = allowed.unused(&areas, areas.len() == areas::all().len());
        assert!(
            unused.is_empty(),
            "these rows allow nothing:\n{}",
            unused.join("\n")
        );
    } else {
        say("differential: an old mod_wsgi: compared by status, reason and framing only");
    }
}

/// All areas, or those asked for.
fn chosen() -> Vec<Area> {
    let asked = env::var("RWSGI_DIFFERENTIAL_AREAS").unwrap_or_default();
    let areas: Vec<Area> = areas::all()
        .into_iter()
        .filter(|area| asked.is_empty() || asked.split(',').any(|name| name == area.name))
        .collect();
    assert!(
        !areas.is_empty(),
        "RWSGI_DIFFERENTIAL_AREAS={asked}: no such area"
    );
    areas
}

/// The outcomes under mod_wsgi and under our module, case by case, and mod_wsgi's version.
fn run(area: &Area, module: &Path) -> (Vec<Observation>, Vec<Observation>, String) {
    let peer = area
        .server
        .clone()
        .without_module_under_test()
        .load_module("wsgi_module", module);
    thread::scope(|scope| {
        let ours = scope.spawn(|| serve(area, area.server.clone()).0);
        let (peer, version) = serve(area, peer);
        let version = version.expect("mod_wsgi says its version");
        (peer, ours.join().expect("our server answered"), version)
    })
}

/// One server's outcomes. What it logs is compared, so no line is unexpected.
fn serve(area: &Area, builder: Builder) -> (Vec<Observation>, Option<String>) {
    let server: Server = builder.allow_log("").start();
    let outcomes = area.cases.iter().map(|case| observe(&server, case)).collect();
    let version = peer::version(&server);
    server.finish();
    (outcomes, version)
}

fn judge(
    area: &Area,
    (peer, ours): (&[Observation], &[Observation]),
    current: bool,
    allowed: &Allowed,
    problems: &mut Vec<String>,
) -> Count {
    let mut count = Count::default();
    for (case, (peer, ours)) in area.cases.iter().zip(peer.iter().zip(ours)) {
        let found = differences(peer, ours, current);
        let unexplained: Vec<String> = found
            .iter()
            .filter(|difference| allowed.heading(area, &case.name, difference, current).is_none())
            .map(ToString::to_string)
            .collect();
        count.requests += 1;
        count.equal += usize::from(found.is_empty());
        count.allowed += usize::from(!found.is_empty() && unexplained.is_empty());
        count.failures += usize::from(!unexplained.is_empty());
        if !unexplained.is_empty() {
            problems.push(format!(
                "{}: {}\n{}",
                area.title(),
                case.name,
                unexplained.join("\n")
            ));
        }
    }
    count
}

impl Count {
    fn add(&mut self, other: &Count) {
        self.requests += other.requests;
        self.equal += other.equal;
        self.allowed += other.allowed;
        self.failures += other.failures;
    }
}

fn report(name: &str, count: &Count) {
    let Count {
        requests,
        equal,
        allowed,
        failures,
    } = count;
    say(&format!(
        "  {name:<24}{requests:>8}{equal:>7}{allowed:>9}{failures:>10}"
    ));
}

/// To the reader of a passing test too, whose output cargo keeps to itself.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[test]
fn there_are_enough_requests_and_no_two_of_a_name() {
    let areas = areas::all();
    let requests: usize = areas.iter().map(|area| area.cases.len()).sum();
    assert!(requests >= 300, "{requests}");
    for area in &areas {
        let mut names: Vec<&str> = area.cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert!(twice.is_none(), "{}: {twice:?}", area.title());
    }
}
