//! What was measured, in the form it is kept in.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::measure::machine::Machine;
use crate::systems::System;
use crate::systems::build;
use crate::systems::case::Case;

/// One run of `compare`.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) wrk: String,
    /// The command that measures this again.
    pub(crate) command: String,
    /// Of load on each system in each round.
    pub(crate) seconds: u32,
    pub(crate) rounds: u32,
    pub(crate) rows: Vec<Row>,
    /// What could not be measured at all, with the reason.
    pub(crate) missing: Vec<(String, String)>,
    /// How much faster two groups with a GIL each are at once than in turn.
    pub(crate) own_gil_speed_up: Option<f64>,
}

/// One system that answered one case over some connections, in all rounds.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) system: System,
    pub(crate) described: String,
    pub(crate) case: Case,
    pub(crate) connections: u32,
    pub(crate) turns: Vec<Turn>,
    /// Rounds without a figure: why.
    pub(crate) failures: Vec<String>,
}

/// One of them in one round.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Turn {
    /// Responses of any status.
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Of all processes of the system, for the whole load.
    pub(crate) cpu_seconds: f64,
    /// Responses with a status of 400 or more, and everything that failed on a socket.
    pub(crate) errors: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    /// Proportional set size of all processes after the load.
    pub(crate) pss_kib: u64,
    /// Lines of level warn or worse in httpd's logs, and what was wrong at the end.
    pub(crate) complaints: Vec<String>,
}

impl Turn {
    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Microseconds of CPU a request.
    pub(crate) fn cpu(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.requests as f64
    }

    pub(crate) fn p99(&self) -> f64 {
        self.p99_ms
    }

    /// Memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        self.pss_kib as f64 / 1024.0
    }
}

impl Row {
    /// The median of a figure over the rounds.
    pub(crate) fn median(&self, figure: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(figure).collect())
    }

    /// The furthest that a round is from the median, as a share of it.
    pub(crate) fn spread(&self, figure: impl Fn(&Turn) -> f64) -> f64 {
        let middle = self.median(&figure);
        let furthest = self.turns.iter().map(|turn| (figure(turn) - middle).abs());
        furthest.fold(0.0, f64::max) / middle
    }

    /// The smallest and the largest of a figure.
    pub(crate) fn range(&self, figure: impl Fn(&Turn) -> f64) -> (f64, f64) {
        let figures = self.turns.iter().map(figure);
        figures.fold((f64::INFINITY, 0.0), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    }

    /// Over all rounds.
    pub(crate) fn errors(&self) -> u64 {
        self.turns.iter().map(|turn| turn.errors).sum()
    }
}

impl Results {
    /// A row that has figures.
    pub(crate) fn row(&self, system: System, case: Case, connections: u32) -> Option<&Row> {
        self.of(case, connections)
            .into_iter()
            .find(|row| row.system == system)
    }

    /// The rows of one case that have figures.
    pub(crate) fn of(&self, case: Case, connections: u32) -> Vec<&Row> {
        let rows = self.rows.iter();
        rows.filter(|row| row.case == case && row.connections == connections && !row.turns.is_empty())
            .collect()
    }

    /// Cases with their connections, in the order they were measured in.
    pub(crate) fn cases(&self) -> Vec<(Case, u32)> {
        let mut cases = Vec::new();
        for row in &self.rows {
            if !cases.contains(&(row.case, row.connections)) {
                cases.push((row.case, row.connections));
            }
        }
        cases
    }

    /// Where they are kept.
    pub(crate) fn file() -> PathBuf {
        build::directory().join("results.json")
    }

    /// Keeps them for `rwsgi-bench report`.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(&error))?;
        fs::create_dir_all(build::directory())
            .and_then(|()| fs::write(file, text + "\n"))
            .map_err(|error| failed(&error))
    }

    /// Reads what was kept.
    pub(crate) fn read(file: &Path) -> Result<Results, Failure> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
        serde_json::from_str(&text).map_err(|error| failed(&error))
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match (
        figures.get(middle),
        middle.checked_sub(1).and_then(|lower| figures.get(lower)),
    ) {
        (Some(upper), Some(lower)) if figures.len().is_multiple_of(2) => f64::midpoint(*upper, *lower),
        (Some(value), _) => *value,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Results in which each row used `cpu` microseconds a request, with one second of load.
    pub(crate) fn made_up(rows: &[(System, Case, u32, f64)]) -> Results {
        let rows = rows.iter().map(|&(system, case, connections, cpu)| Row {
            system,
            described: system.name(),
            case,
            connections,
            turns: vec![Turn {
                requests: 1000,
                seconds: 1.0,
                cpu_seconds: cpu / 1000.0,
                p99_ms: cpu / 10.0,
                pss_kib: 1024,
                ..Turn::default()
            }],
            failures: Vec::new(),
        });
        Results {
            machine: Machine::default(),
            wrk: "4.1.0".to_string(),
            command: "make bench".to_string(),
            seconds: 1,
            rounds: 1,
            rows: rows.collect(),
            missing: vec![("granian".to_string(), "no network".to_string())],
            own_gil_speed_up: None,
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
    }

    #[test]
    fn the_spread_is_the_furthest_from_the_median() {
        let mut row = made_up(&[(System::Floor, Case::Hello, 16, 10.0)]).rows.remove(0);
        row.turns = [90, 100, 130]
            .map(|requests| Turn {
                requests,
                seconds: 1.0,
                ..Turn::default()
            })
            .to_vec();
        assert_eq!(row.median(Turn::requests_per_second), 100.0);
        assert!((row.spread(Turn::requests_per_second) - 0.3).abs() < 1e-9);
        assert_eq!(row.range(Turn::requests_per_second), (90.0, 130.0));
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let results = made_up(&[(System::RwsgiDaemon, Case::UploadLarge, 16, 10.0)]);
        let file = tempfile::NamedTempFile::new().expect("a file");
        results.write(file.path()).expect("written");
        let read = Results::read(file.path()).expect("read");
        let row = read
            .row(System::RwsgiDaemon, Case::UploadLarge, 16)
            .expect("the row");
        assert!((row.median(Turn::cpu) - 10.0).abs() < 1e-9);
        assert_eq!(read.cases(), [(Case::UploadLarge, 16)]);
    }
}
