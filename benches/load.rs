//! Many connections at once: throughput, errors, response times, and what the server's CPUs spend.
//!
//! The systems take turns, so that a slow minute of the machine falls on all of them. CPU time a
//! request is the steady figure; requests a second depend on the client, which shares the machine.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rwsgi_harness::LogLine;

use crate::Failure;
use crate::cpu::{self, Clock};
use crate::systems::{self, Ready, System};
use crate::table;
use crate::wrk::{self, Load, Seen};

/// Processes from start to end: a count that changes would be measured too.
const PROCESSES: u32 = 2;

/// The most that rwsgi's p99 may be in embedded mode, as a multiple of the floor's.
const GOAL: f64 = 3.0;

/// The most that a request may cost in rwsgi's daemon mode, as a share of mod_wsgi's.
const DAEMON_GOAL: f64 = 0.5;

/// How long a server may live beyond its load.
const MARGIN: Duration = Duration::from_secs(60);

/// Options of `rwsgi-bench load`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fail on any error, when rwsgi's p99 in embedded mode is over 3 times the floor's, or when its daemon mode
    /// costs over half of mod_wsgi's
    #[arg(long)]
    check: bool,
    /// Systems to measure; all when left out
    #[arg(long, value_delimiter = ',', value_enum)]
    systems: Vec<System>,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Seconds of load on each system in each round
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Rounds; the medians are printed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The Python that mod_wsgi is built for
    #[arg(long, env = "PYTHON", default_value = "/usr/bin/python3")]
    python: PathBuf,
}

/// One system in one round.
#[derive(Debug)]
struct Turn {
    seen: Seen,
    /// All processes of the server, for the whole load.
    cpu: Duration,
    /// Lines of level warn or worse in the server's logs.
    complaints: Vec<String>,
}

/// One system over all rounds.
struct Row {
    ready: Ready,
    turns: Vec<Turn>,
}

/// Measures, prints, and says whether the goals hold (always, without `--check`).
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    wrk::check_installed()?;
    let clock = Clock::read()?;
    let (ready, mut failed) = systems::set_up(&options.systems, systems::all, &options.python);
    let mut rows: Vec<Row> = ready
        .into_iter()
        .map(|ready| Row {
            ready,
            turns: Vec::new(),
        })
        .collect();
    for round in 1..=options.rounds {
        for row in &mut rows {
            eprint!("[round {round}/{}] {} ... ", options.rounds, row.ready.described);
            match turn(&row.ready, options, clock) {
                Ok(turn) => {
                    eprintln!("{}", described(&turn));
                    row.turns.push(turn);
                }
                Err(failure) => {
                    eprintln!("failed");
                    failed.push((row.ready.system, format!("round {round}: {failure}")));
                }
            }
        }
    }
    rows.retain(|row| !row.turns.is_empty());
    print(&rows, options);
    for (system, failure) in &failed {
        println!("\nnot measured: {system:?}: {failure}");
    }
    if !options.check {
        return Ok(true);
    }
    judge(&rows).map(|held| held && failed.is_empty())
}

fn turn(ready: &Ready, options: &Options, clock: Clock) -> Result<Turn, Failure> {
    let load = Load {
        connections: options.connections,
        seconds: options.seconds,
    };
    let server = ready
        .server()
        .mpm_limits(&limits(options.connections))
        .limit(Duration::from_secs(u64::from(options.seconds)) + MARGIN)
        .try_start()
        .map_err(|error| error.to_string())?;
    // Every process loads the application, and every thread has had a turn.
    wrk::run(server.port(), Load { seconds: 1, ..load })?;
    let before = cpu::of_server(&server, clock)?;
    let seen = wrk::run(server.port(), load)?;
    let after = cpu::of_server(&server, clock)?;
    let complaints = server
        .logs()
        .into_iter()
        .filter(LogLine::is_trouble)
        .map(|line| line.message)
        .collect();
    server.finish();
    if seen.requests == 0 {
        return Err("no request was answered".to_string());
    }
    Ok(Turn {
        seen,
        cpu: after.saturating_sub(before),
        complaints,
    })
}

/// Connections are not shared out evenly, and a process without a free thread closes kept connections,
/// which the client would take for errors: each process can take them all, and those just closed.
fn limits(connections: u32) -> String {
    let threads = connections + connections / 4;
    let all = PROCESSES * threads;
    format!(
        "StartServers {PROCESSES}\nServerLimit {PROCESSES}\nThreadLimit {threads}\n\
         ThreadsPerChild {threads}\nMaxRequestWorkers {all}\nMinSpareThreads 1\nMaxSpareThreads {all}"
    )
}

impl Turn {
    fn requests_per_second(&self) -> f64 {
        self.seen.requests as f64 / self.seen.duration.as_secs_f64()
    }

    /// Microseconds of CPU a request.
    fn cpu_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.seen.requests as f64
    }
}

impl Row {
    /// The median of a figure over the rounds.
    fn median(&self, figure: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(figure).collect())
    }

    fn p99(&self) -> f64 {
        self.median(|turn| milliseconds(turn.seen.p99))
    }

    fn errors(&self) -> u64 {
        self.turns.iter().map(|turn| turn.seen.errors()).sum()
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
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

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn described(turn: &Turn) -> String {
    format!(
        "{} requests/s, {:.1} us CPU a request, p99 {:.1} ms, {} errors",
        table::grouped(turn.requests_per_second().round() as u64),
        turn.cpu_per_request(),
        milliseconds(turn.seen.p99),
        turn.seen.errors()
    )
}

fn print(rows: &[Row], options: &Options) {
    let floor = rows.iter().find(|row| row.ready.system == System::Floor);
    println!(
        "\n{} connections, {} s, medians of {} rounds (errors: sum)\n",
        options.connections, options.seconds, options.rounds
    );
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let cpu = row.median(Turn::cpu_per_request);
            let ratio = |own: f64, of_floor: fn(&Row) -> f64| {
                floor.map_or_else(
                    || "?".to_string(),
                    |floor| format!("{:.2}", own / of_floor(floor)),
                )
            };
            let sum = |count: fn(&Seen) -> u64| {
                row.turns
                    .iter()
                    .map(|turn| count(&turn.seen))
                    .sum::<u64>()
                    .to_string()
            };
            vec![
                row.ready.described.clone(),
                table::grouped(row.median(Turn::requests_per_second).round() as u64),
                sum(|seen| seen.bad_status),
                sum(|seen| seen.socket_errors),
                format!("{cpu:.1}"),
                ratio(cpu, |floor| floor.median(Turn::cpu_per_request)),
                format!("{:.2}", row.median(|turn| milliseconds(turn.seen.p50))),
                format!("{:.2}", row.p99()),
                ratio(row.p99(), Row::p99),
            ]
        })
        .collect();
    table::print(
        &[
            "system",
            "requests/s",
            "status >= 400",
            "socket errors",
            "CPU us/request",
            "to floor",
            "p50 ms",
            "p99 ms",
            "to floor",
        ],
        &cells,
    );
    for row in rows {
        print_complaints(row);
    }
}

fn print_complaints(row: &Row) {
    let complaints: Vec<&String> = row.turns.iter().flat_map(|turn| &turn.complaints).collect();
    if let Some(first) = complaints.first() {
        println!(
            "\n{}: {} warnings and errors logged, the first: {first}",
            row.ready.described,
            complaints.len()
        );
    }
}

/// Whether rwsgi answered everything, and within [`GOAL`] and [`DAEMON_GOAL`].
fn judge(rows: &[Row]) -> Result<bool, Failure> {
    let ours: Vec<&Row> = rows.iter().filter(|row| row.ready.system.is_ours()).collect();
    if ours.is_empty() {
        return Err("--check needs rwsgi, which was not measured".to_string());
    }
    let of = |system| {
        rows.iter()
            .find(|row| row.ready.system == system)
            .ok_or(format!("--check needs {system:?}, which was not measured"))
    };
    let mut held = true;
    println!();
    for row in ours {
        let (what, ratio, goal) = if row.ready.system.is_daemon() {
            let peer = of(System::ModWsgiDaemon)?.median(Turn::cpu_per_request);
            (
                "CPU of mod_wsgi's daemon mode",
                row.median(Turn::cpu_per_request) / peer,
                DAEMON_GOAL,
            )
        } else {
            ("the floor's p99", row.p99() / of(System::Floor)?.p99(), GOAL)
        };
        let verdict = if ratio <= goal { "within" } else { "NOT within" };
        let errors = row.errors();
        println!(
            "{}: {errors} errors, {ratio:.2} times {what}, {verdict} the goal of {goal}",
            row.ready.described
        );
        held &= ratio <= goal && errors == 0;
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
    }
}
