//! What a request cost when it was last looked at: a file of the repository, so that an increase is seen.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::instructions::callgrind;
use crate::measure::machine::Machine;
use crate::systems::System;
use crate::systems::build;
use crate::table;

/// The most that a count may grow, as a share; counts repeat within 0.3 %.
const GROWTH: f64 = 0.03;

/// Functions below this many instructions a request are not kept.
const TRIFLE: u64 = 20;

/// How many of the functions that grew are named.
const NAMED: usize = 15;

/// The file, or what was measured now.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Baseline {
    pub(super) tools: Tools,
    /// By the system's name.
    pub(super) systems: BTreeMap<String, Count>,
}

/// What a count depends on beside this repository.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Tools {
    httpd: String,
    python: String,
    rustc: String,
    valgrind: String,
}

/// Instructions a request.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Count {
    pub(super) instructions: u64,
    /// Whether the floor's part is in it.
    pub(super) is_httpd: bool,
    /// By function, without what it calls.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) functions: BTreeMap<String, u64>,
}

/// How one system's count relates to the floor's.
#[derive(Clone, Copy, Debug)]
enum Measure {
    /// Instructions beyond the floor's: exact, where all else is the same.
    Above,
    /// As a multiple of the floor's.
    Ratio,
}

impl Tools {
    /// Those of this machine.
    pub(super) fn here(python: &Path) -> Result<Tools, Failure> {
        let machine = Machine::here(python);
        Ok(Tools {
            httpd: machine.httpd,
            python: machine.python,
            rustc: machine.rustc,
            valgrind: callgrind::version()?,
        })
    }

    /// `3.11` of `Python 3.11.2`.
    fn python_series(&self) -> Option<&str> {
        self.python.rsplit_once('.').map(|(series, _)| series)
    }

    fn described(&self) -> String {
        format!(
            "{}, {}, {}, {}",
            self.httpd, self.python, self.rustc, self.valgrind
        )
    }
}

impl Count {
    /// Only the functions that matter.
    pub(super) fn without_trifles(mut self) -> Count {
        self.functions.retain(|_, count| *count >= TRIFLE);
        self
    }
}

impl Measure {
    fn of(self, count: &Count, floor: u64) -> f64 {
        let (instructions, floor) = (count.instructions as f64, floor as f64);
        match self {
            Measure::Above if count.is_httpd => instructions - floor,
            Measure::Above => instructions,
            Measure::Ratio => instructions / floor,
        }
    }

    fn described(self, count: &Count) -> &'static str {
        match self {
            Measure::Above if count.is_httpd => "instructions beyond the floor's",
            Measure::Above => "instructions of the worker",
            Measure::Ratio => "times the floor's instructions",
        }
    }
}

impl Baseline {
    fn file() -> PathBuf {
        build::root().join("benches/instructions/baseline.json")
    }

    /// The file of the repository.
    pub(super) fn read() -> Result<Baseline, Failure> {
        let file = Baseline::file();
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Makes this the file of the repository.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let file = Baseline::file();
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(&file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
        eprintln!("written: {}", file.display());
        Ok(())
    }

    /// Why nothing can be compared with these tools.
    pub(super) fn incomparable(&self, tools: &Tools) -> Option<String> {
        (self.tools.python_series() != tools.python_series()).then(|| {
            format!(
                "it is of {} and this is {}, whose interpreter does other work",
                self.tools.python, tools.python
            )
        })
    }

    /// Compares and prints; whether no system of this repository grew by over [`GROWTH`].
    pub(super) fn holds(&self, now: &Baseline) -> Result<bool, Failure> {
        let measure = if self.tools == now.tools {
            Measure::Above
        } else {
            println!(
                "\nother versions than the baseline's, so only ratios are compared: {} against {}",
                now.tools.described(),
                self.tools.described()
            );
            Measure::Ratio
        };
        let floors = (
            self.instructions(System::Floor)?,
            now.instructions(System::Floor)?,
        );
        let mut held = true;
        println!();
        for (name, count) in &now.systems {
            let Some(known) = self.systems.get(name).filter(|known| !known.functions.is_empty()) else {
                continue;
            };
            let before = measure.of(known, floors.0);
            let after = measure.of(count, floors.1);
            let growth = after / before - 1.0;
            let what = measure.described(count);
            println!(
                "{name}: {after:.2} {what}, {:+.1} % against the baseline's {before:.2}",
                growth * 100.0
            );
            if growth > GROWTH {
                println!(
                    "This is over {:.0} % more. What grew, in instructions a request:",
                    GROWTH * 100.0
                );
                print!("{}", grown_table(known, count));
                held = false;
            }
        }
        Ok(held)
    }

    fn instructions(&self, system: System) -> Result<u64, Failure> {
        let count = self.systems.get(&system.name());
        count
            .map(|count| count.instructions)
            .ok_or_else(|| format!("the comparison needs {}, which was not measured", system.name()))
    }
}

/// Functions that cost more than before, the one that grew most first.
fn grown(before: &Count, after: &Count) -> Vec<(String, u64, u64)> {
    let mut grown: Vec<(String, u64, u64)> = after
        .functions
        .iter()
        .map(|(name, &count)| {
            (
                name.clone(),
                before.functions.get(name).copied().unwrap_or(0),
                count,
            )
        })
        .filter(|(_, before, after)| after > before)
        .collect();
    grown.sort_by_key(|(_, before, after)| std::cmp::Reverse(after - before));
    grown.truncate(NAMED);
    grown
}

fn grown_table(before: &Count, after: &Count) -> String {
    let rows: Vec<Vec<String>> = grown(before, after)
        .into_iter()
        .map(|(name, before, after)| {
            let more = table::grouped(after - before);
            vec![name, table::grouped(before), table::grouped(after), more]
        })
        .collect();
    table::markdown(&["function", "baseline", "now", "more"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(floor: u64, ours: u64, functions: &[(&str, u64)], python: &str) -> Baseline {
        let functions = functions
            .iter()
            .map(|(name, count)| ((*name).to_string(), *count));
        let ours = Count {
            instructions: ours,
            is_httpd: true,
            functions: functions.collect(),
        };
        let floor = Count {
            instructions: floor,
            is_httpd: true,
            functions: BTreeMap::new(),
        };
        Baseline {
            tools: Tools {
                python: python.to_string(),
                ..Tools::default()
            },
            systems: [("floor".to_string(), floor), ("rwsgi".to_string(), ours)].into(),
        }
    }

    #[test]
    fn three_percent_more_than_the_floor_fail() {
        let known = baseline(30_000, 40_000, &[("run", 500)], "Python 3.11.2");
        let with = |ours| baseline(30_000, ours, &[("run", 900)], "Python 3.11.2");
        assert_eq!(known.holds(&with(40_290)), Ok(true));
        assert_eq!(known.holds(&with(40_310)), Ok(false));
        assert_eq!(known.holds(&with(35_000)), Ok(true));
    }

    #[test]
    fn a_worker_is_compared_as_a_whole() {
        let worker = |instructions| {
            let mut made = baseline(30_000, instructions, &[("run", 500)], "Python 3.11.2");
            made.systems.get_mut("rwsgi").expect("made").is_httpd = false;
            made
        };
        assert_eq!(worker(16_000).holds(&worker(16_400)), Ok(true));
        assert_eq!(worker(16_000).holds(&worker(16_500)), Ok(false));
    }

    #[test]
    fn other_versions_compare_ratios_and_another_python_nothing() {
        let known = baseline(30_000, 40_000, &[("run", 500)], "Python 3.11.2");
        let patched = |ours| baseline(60_000, ours, &[("run", 500)], "Python 3.11.9");
        assert_eq!(known.holds(&patched(81_000)), Ok(true));
        assert_eq!(known.holds(&patched(85_000)), Ok(false));
        assert_eq!(known.incomparable(&patched(81_000).tools), None);
        let newer = baseline(30_000, 40_000, &[], "Python 3.13.0");
        assert!(known.incomparable(&newer.tools).is_some());
    }

    #[test]
    fn what_grew_most_comes_first() {
        let before = baseline(1, 2, &[("a", 10), ("b", 50), ("c", 30)], "");
        let after = baseline(1, 2, &[("a", 100), ("b", 40), ("c", 31), ("new", 20)], "");
        let names: Vec<String> = grown(&before.systems["rwsgi"], &after.systems["rwsgi"])
            .into_iter()
            .map(|(name, _, _)| name)
            .collect();
        assert_eq!(names, ["a", "new", "c"]);
    }

    #[test]
    fn the_file_of_the_repository_can_be_read() {
        let known = Baseline::read().expect("it can be read");
        assert!(known.instructions(System::Floor).is_ok());
        assert!(known.systems.contains_key("rwsgi-main"));
        assert!(!known.systems["rwsgi-daemon"].is_httpd);
    }
}
