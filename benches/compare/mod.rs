//! All systems under load: throughput, errors, response times, memory, and what their CPUs spend.
//!
//! The systems take turns, so that a slow minute of the machine falls on all of them. CPU time a
//! request is the steady figure; requests a second depend on the client, which shares the machine.

mod goals;
mod plot;
mod report;
mod results;
mod turn;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Failure;
use crate::compare::results::{Results, Row, Turn};
use crate::measure::cpu::Clock;
use crate::measure::machine::Machine;
use crate::measure::wrk::{self, Load};
use crate::own_gil;
use crate::systems::case::Case;
use crate::systems::site::Site;
use crate::systems::{self, Missing, Ready, System, build};
use crate::table;

pub(crate) use results::median;

/// What `--quick` measures, the most telling first.
const QUICK: [(Case, u32); 3] = [(Case::Hello, 16), (Case::Django, 16), (Case::Hello, 64)];

/// How long `--quick` begins new measurements.
const QUICK_LIMIT: Duration = Duration::from_secs(105);

/// Options of `rwsgi-bench compare`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// One round of a second in at most two minutes, not for publishing
    #[arg(long, conflicts_with_all = ["cases", "connections", "seconds", "rounds"])]
    quick: bool,
    /// Fail on any error of rwsgi's, and unless every goal that was measured is reached
    #[arg(long)]
    check: bool,
    /// Systems to measure; all when left out
    #[arg(long, value_delimiter = ',', value_enum)]
    systems: Vec<System>,
    /// Kinds of request; all when left out
    #[arg(long, value_delimiter = ',', value_enum)]
    cases: Vec<Case>,
    /// Connections, each with one request at a time; those usual for each case when left out
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1000))]
    connections: Vec<u32>,
    /// Seconds of load on each system in each round
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Rounds; the medians are printed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The Python for everything that is built here
    #[arg(long, env = "PYTHON", default_value = "/usr/bin/python3")]
    python: PathBuf,
    /// The folder with benchmarks.md to write into; docs for a whole run, else target/bench
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Options of `rwsgi-bench report`.
#[derive(Args, Debug)]
pub(crate) struct ReportOptions {
    /// What was measured
    #[arg(long, default_value_os_t = Results::file())]
    from: PathBuf,
    /// The folder with benchmarks.md to write into
    #[arg(long, default_value_os_t = build::root().join("docs"))]
    output: PathBuf,
}

/// Measures, writes the report, prints it, and says whether the goals hold (always, without `--check`).
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    let mut comparison = Comparison::set_up(options)?;
    for round in 1..=comparison.results.rounds {
        comparison.round(round);
        // An interrupted run leaves what it has.
        comparison.results.write(&Results::file())?;
    }
    let mut results = comparison.results;
    if !options.quick {
        eprintln!("two groups with a GIL each ...");
        match own_gil::speed_up(results.rounds) {
            Ok(speed_up) => results.own_gil_speed_up = Some(speed_up),
            Err(failure) => results
                .missing
                .push(("own-GIL groups at once".to_string(), failure)),
        }
    }
    results.write(&Results::file())?;
    let output = options
        .output
        .clone()
        .unwrap_or_else(|| match options.is_whole() {
            true => build::root().join("docs"),
            false => build::directory(),
        });
    report::write(&results, &output)?;
    println!("{}", report::text(&results));
    if !options.check {
        return Ok(true);
    }
    let ours = results.rows.iter().filter(|row| row.system.is_ours());
    let errors = ours.map(Row::errors).sum::<u64>();
    Ok(errors == 0
        && goals::verdicts(&results)
            .iter()
            .all(|verdict| verdict.held != Some(false)))
}

/// Writes the report again from what was kept.
pub(crate) fn report(options: &ReportOptions) -> Result<bool, Failure> {
    let results = Results::read(&options.from)?;
    report::write(&results, &options.output)?;
    Ok(true)
}

impl Options {
    /// Whether this is the run that `docs/benchmarks.md` shows.
    fn is_whole(&self) -> bool {
        !self.quick && self.systems.is_empty() && self.cases.is_empty() && self.connections.is_empty()
    }

    /// Cases with their connections.
    fn plan(&self) -> Vec<(Case, u32)> {
        if self.quick {
            return QUICK.to_vec();
        }
        let all = <Case as clap::ValueEnum>::value_variants();
        let cases = if self.cases.is_empty() { all } else { &self.cases };
        let with_connections = |&case: &Case| {
            let asked = match self.connections.as_slice() {
                [] => case.usual_connections(),
                asked => asked,
            };
            asked.iter().map(move |&connections| (case, connections))
        };
        cases.iter().flat_map(with_connections).collect()
    }

    /// Whether this part of the plan is for this system.
    fn asks(&self, system: System, case: Case, connections: u32) -> bool {
        let is_usual = system.usual_connections(case).contains(&connections);
        system.answers(case) && (is_usual || !self.connections.is_empty())
    }
}

/// A run in progress.
struct Comparison {
    results: Results,
    /// For each row of the results, in its order.
    ready: Vec<Ready>,
    site: Site,
    clock: Clock,
    started: Instant,
    limit: Option<Duration>,
}

impl Comparison {
    fn set_up(options: &Options) -> Result<Comparison, Failure> {
        let wrk = wrk::version()?;
        let clock = Clock::read()?;
        let machine = Machine::here(&options.python);
        let asked = match options.systems.as_slice() {
            [] if options.quick => systems::all()
                .into_iter()
                .filter(|system| !system.is_for_protocols())
                .collect(),
            [] => systems::all(),
            asked => asked.to_vec(),
        };
        let (systems, missing) = systems::set_up(&asked, &options.python);
        let mut missing = named(missing);
        let site = Site::new(&options.python)?;
        let mut plan = options.plan();
        if plan.iter().any(|(case, _)| *case == Case::Django)
            && let Err(failure) = site.prepare_guestbook(&options.python)
        {
            plan.retain(|(case, _)| *case != Case::Django);
            missing.push(("the Django page".to_string(), failure));
        }
        let (mut rows, mut ready) = (Vec::new(), Vec::new());
        for (case, connections) in plan {
            let asks = |ready: &&Ready| options.asks(ready.system, case, connections);
            for system in systems.iter().filter(asks) {
                ready.push(system.clone());
                rows.push(Row {
                    system: system.system,
                    described: system.described.clone(),
                    case,
                    connections,
                    turns: Vec::new(),
                    failures: Vec::new(),
                });
            }
        }
        let (seconds, rounds) = match options.quick {
            true => (1, 1),
            false => (options.seconds, options.rounds),
        };
        Ok(Comparison {
            results: Results {
                machine,
                wrk,
                command: command(),
                seconds,
                rounds,
                rows,
                missing,
                own_gil_speed_up: None,
            },
            ready,
            site,
            clock,
            started: Instant::now(),
            limit: options.quick.then_some(QUICK_LIMIT),
        })
    }

    /// Every system in every case once.
    fn round(&mut self, round: u32) {
        let count = self.ready.len();
        for (index, (row, ready)) in self.results.rows.iter_mut().zip(&self.ready).enumerate() {
            let done = (round as usize - 1) * count + index;
            let all = self.results.rounds as usize * count;
            if self.limit.is_some_and(|limit| self.started.elapsed() > limit) {
                row.failures.push("two minutes were over".to_string());
                continue;
            }
            eprint!(
                "[{}/{all}{}] {} x{}: {} ... ",
                done + 1,
                time_left(self.started.elapsed(), done, all),
                row.case.name(),
                row.connections,
                row.described
            );
            let load = Load {
                connections: row.connections,
                seconds: self.results.seconds,
            };
            match turn::run(ready, row.case, load, &self.site, self.clock) {
                Ok(turn) => {
                    eprintln!("{}", described(&turn));
                    row.turns.push(turn);
                }
                Err(failure) => {
                    let first = failure.lines().next().unwrap_or_default().to_string();
                    eprintln!("failed: {failure}");
                    row.failures.push(format!("round {round}: {first}"));
                }
            }
        }
    }
}

fn named(missing: Missing) -> Vec<(String, String)> {
    missing
        .into_iter()
        .map(|(system, failure)| (system.name(), failure))
        .collect()
}

/// How this run is repeated.
fn command() -> String {
    let mut arguments: Vec<String> = std::env::args().skip(2).collect();
    // `make` passes the Python in any case.
    if let Some(at) = arguments.iter().position(|argument| argument == "--python") {
        arguments.drain(at..(at + 2).min(arguments.len()));
    }
    match arguments.join(" ") {
        none if none.is_empty() => "make bench".to_string(),
        options => format!("make bench BENCH='{options}'"),
    }
}

/// `, 12 min left`, once that can be told.
fn time_left(elapsed: Duration, done: usize, all: usize) -> String {
    if done == 0 {
        return String::new();
    }
    let left = elapsed.as_secs_f64() / done as f64 * (all - done) as f64;
    format!(", {:.0} min left", (left / 60.0).ceil())
}

fn described(turn: &Turn) -> String {
    format!(
        "{} requests/s, {:.1} us CPU a request, p99 {:.1} ms, {} errors",
        table::grouped(turn.requests_per_second().round() as u64),
        turn.cpu(),
        turn.p99_ms,
        turn.errors
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_what_is_done() {
        assert_eq!(time_left(Duration::from_secs(60), 0, 10), "");
        assert_eq!(time_left(Duration::from_secs(60), 1, 3), ", 2 min left");
    }
}
