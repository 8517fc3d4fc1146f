//! Two application groups with a GIL each, against the same work in turn: how much faster two processors are.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rwsgi_harness::Server;

use crate::Failure;

/// How much faster two groups at once have to be than in turn.
const GOAL: f64 = 1.6;

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
    /// Fail when two groups at once are less than 1.6 times as fast as in turn
    #[arg(long)]
    check: bool,
    /// Rounds; the median is printed
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The module, built for a Python of 3.12 or later
    #[arg(long, env = "RWSGI_TEST_OWN_GIL_MODULE")]
    module: Option<PathBuf>,
    /// The prefix of that Python
    #[arg(long, env = "RWSGI_TEST_OWN_GIL_HOME")]
    home: Option<PathBuf>,
}

/// Prints the ratio; whether it reaches the goal.
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    let (Some(module), Some(home)) = (&options.module, &options.home) else {
        return Err("no module for Python 3.12 or later: run it by `make bench-own-gil`".to_string());
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
        .start();
    let burn = |path: &str| server.get(path);
    burn("/one");
    burn("/two");
    let mut ratios: Vec<f64> = (1..=options.rounds)
        .map(|round| {
            let ratio = measure(&burn);
            println!("round {round} of {}: {ratio:.2}", options.rounds);
            ratio
        })
        .collect();
    server.finish();
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    println!("two own-GIL groups at once: {median:.2} times as fast as in turn (goal {GOAL})");
    Ok(!options.check || median >= GOAL)
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
