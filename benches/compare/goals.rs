//! What rwsgi has to reach, as ratios within one run.

use crate::compare::results::{Results, Row, Turn};
use crate::own_gil;
use crate::systems::System;
use crate::systems::case::Case;

/// A goal and what became of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    /// Such as `<= 1.15`; `-` where a figure is only to be known.
    pub(crate) goal: String,
    /// `None` where something it needs was not measured.
    pub(crate) measured: Option<f64>,
    pub(crate) held: Option<bool>,
}

#[derive(Clone, Copy)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

impl Goal {
    fn verdict(self, what: impl Into<String>, measured: Option<f64>) -> Verdict {
        let (goal, held): (String, fn(f64, f64) -> bool) = match self {
            Goal::AtMost(goal) => (format!("<= {goal}"), |value, goal| value <= goal),
            Goal::AtLeast(goal) => (format!(">= {goal}"), |value, goal| value >= goal),
            Goal::Below(goal) => (format!("< {goal}"), |value, goal| value < goal),
        };
        let (Goal::AtMost(limit) | Goal::AtLeast(limit) | Goal::Below(limit)) = self;
        Verdict {
            what: what.into(),
            goal,
            measured,
            held: measured.map(|value| held(value, limit)),
        }
    }
}

/// Every goal, measured or not.
pub(crate) fn verdicts(results: &Results) -> Vec<Verdict> {
    let mut verdicts = embedded(results);
    verdicts.extend(daemon(results));
    let memory = |system| Some(results.row(system, Case::Hello, 16)?.median(Turn::memory));
    let to_floor = ratio(memory(System::RwsgiMain), memory(System::Floor));
    verdicts.push(Verdict {
        what: "embedded hello, PSS of httpd with two Pythons / httpd's alone".to_string(),
        goal: "-".to_string(),
        measured: to_floor,
        held: None,
    });
    let to_peer = ratio(memory(System::RwsgiMain), memory(System::ModWsgiMain));
    verdicts.push(Goal::Below(1.0).verdict("embedded hello, PSS / mod_wsgi's", to_peer));
    verdicts.push(Goal::AtLeast(own_gil::GOAL).verdict(
        "two own-GIL groups at once, speed-up on two processors",
        results.own_gil_speed_up,
    ));
    verdicts
}

fn embedded(results: &Results) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (system, mode) in [(System::Rwsgi, "sub-interpreter"), (System::RwsgiMain, "main")] {
        for connections in [16, 64] {
            let cpu = against(
                results,
                Turn::cpu,
                (system, System::Floor),
                Case::Hello,
                connections,
            );
            let what = format!("embedded ({mode}) hello, CPU / floor, {connections} connections");
            verdicts.push(Goal::AtMost(1.15).verdict(what, cpu));
        }
        let p99 = against(results, Turn::p99, (system, System::Floor), Case::Hello, 64);
        let what = format!("embedded ({mode}) hello, p99 / floor's p99, 64 connections");
        verdicts.push(Goal::AtMost(1.5).verdict(what, p99));
    }
    verdicts
}

fn daemon(results: &Results) -> Vec<Verdict> {
    let floor = (System::RwsgiDaemon, System::Floor);
    let peer = (System::RwsgiDaemon, System::ModWsgiDaemon);
    let cpu = |pair, case| against(results, Turn::cpu, pair, case, 16);
    let django = against(results, Turn::requests_per_second, peer, Case::Django, 16);
    let waiting = results
        .row(System::RwsgiDaemon, Case::Wait, 64)
        .and_then(share_of_ideal);
    vec![
        Goal::AtMost(1.75).verdict("daemon hello, CPU / floor", cpu(floor, Case::Hello)),
        Goal::AtMost(0.5).verdict(
            "daemon 64 KiB body, CPU / mod_wsgi daemon's",
            cpu(peer, Case::Body),
        ),
        Goal::AtMost(0.5).verdict(
            "daemon stream of 16 x 1 KiB, CPU / mod_wsgi daemon's",
            cpu(peer, Case::Stream),
        ),
        Goal::AtLeast(1.3).verdict("daemon Django page, requests/s / mod_wsgi daemon's", django),
        Goal::AtLeast(0.95).verdict(
            "daemon 5 ms wait, 16 threads, 64 connections, share of the ideal",
            waiting,
        ),
    ]
}

/// Requests a second as a share of what threads that only wait could do; `None` where nothing limits them.
pub(crate) fn share_of_ideal(row: &Row) -> Option<f64> {
    let at_once = row.system.threads()?.min(row.connections);
    let ideal = f64::from(at_once) / row.case.waiting()?;
    Some(row.median(Turn::requests_per_second) / ideal)
}

/// One system's median over another's.
fn against(
    results: &Results,
    figure: fn(&Turn) -> f64,
    (ours, other): (System, System),
    case: Case,
    connections: u32,
) -> Option<f64> {
    let of = |system| Some(results.row(system, case, connections)?.median(figure));
    ratio(of(ours), of(other))
}

fn ratio(ours: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(ours? / other?).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::made_up;

    fn verdict(results: &Results, what: &str) -> Verdict {
        let mut found = verdicts(results);
        found.retain(|verdict| verdict.what.starts_with(what));
        assert_eq!(found.len(), 1, "{what}");
        found.remove(0)
    }

    #[test]
    fn a_goal_is_a_ratio_within_one_run() {
        let results = made_up(&[
            (System::Floor, Case::Hello, 16, 30.0),
            (System::RwsgiMain, Case::Hello, 16, 33.0),
            (System::RwsgiDaemon, Case::Hello, 16, 60.0),
        ]);
        let embedded = verdict(&results, "embedded (main) hello, CPU / floor, 16");
        assert!((embedded.measured.expect("measured") - 1.1).abs() < 1e-9);
        assert_eq!(embedded.held, Some(true));
        assert_eq!(verdict(&results, "daemon hello").held, Some(false));
        assert_eq!(verdict(&results, "daemon Django").held, None);
    }

    #[test]
    fn waiting_is_measured_against_what_its_threads_could_do() {
        // 1,000 requests a second of 16 threads that need 5.2 ms each.
        let results = made_up(&[(System::RwsgiDaemon, Case::Wait, 64, 200.0)]);
        let waiting = verdict(&results, "daemon 5 ms wait").measured.expect("measured");
        assert!((waiting - 0.325).abs() < 1e-9, "{waiting}");
    }
}
