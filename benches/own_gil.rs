//! Two application groups with a GIL each, against the same work in turn: how much faster two processors are.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rwsgi_harness::Server;

use crate::systems::build;
use crate::{Failure, compare};

/// How much faster two groups at once have to be than in turn.
pub(crate) const GOAL: f64 = 1.7;

/// Pure Python, about half a second of it.
const APPLICATION: &str = r#"
def application(environ, start_response):
    total = 0
    for number in range(8_000_000):
        total += number & 3
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
"#;

/// Options of `rwsgi-bench own-gil`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fail when two groups at once are less than 1.7 times as fast as in turn
    #[arg(long)]
    check: bool,
    /// Rounds; the median is printed
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Prints the ratio; whether it reaches the goal.
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    let median = speed_up(options.rounds)?;
    println!("two own-GIL groups at once: {median:.2} times as fast as in turn (goal {GOAL})");
    Ok(!options.check || median >= GOAL)
}

/// How much faster two groups at once are than in turn, the median of the rounds.
pub(crate) fn speed_up(rounds: u32) -> Result<f64, Failure> {
    let built = build::own_gil_module()?;
    let (Some(module), Some(home)) = (built.module, built.folder) else {
        return Err("the module for a second Python has no Python".to_string());
    };
    let server = Server::builder()
        .without_module_under_test()
        .load_module("wsgi_module", module)
        .file("apps/burn.py", APPLICATION)
        .config(&format!(
            "WSGIPythonHome {}\nWSGIPerInterpreterGIL On",
            home.display()
        ))
        .config("WSGIScriptAlias /one ${APPS}/burn.py application-group=one")
        .config("WSGIScriptAlias /two ${APPS}/burn.py application-group=two")
        .limit(Duration::from_secs(300))
        .try_start()
        .map_err(|error| error.to_string())?;
    let burn = |path: &str| server.get(path);
    burn("/one");
    burn("/two");
    let ratios = (1..=rounds).map(|round| {
        let ratio = measure(&burn);
        eprintln!("own-GIL groups, round {round} of {rounds}: {ratio:.2}");
        ratio
    });
    let median = compare::median(ratios.collect());
    server.try_finish()?;
    Ok(median)
}

/// Time of two requests in turn over time of the two at once.
fn measure<R: Send>(burn: &(impl Fn(&str) -> R + Sync)) -> f64 {
    let started = Instant::now();
    burn("/one");
    burn("/two");
    let in_turn = started.elapsed();
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| burn("/one"));
        burn("/two");
    });
    in_turn.as_secs_f64() / started.elapsed().as_secs_f64()
}
