//! Instructions a request: what callgrind counts with many requests, less what it counts with few.
//!
//! Both runs start, load the application, adapt and stop; only the requests in between differ. The
//! count is of the whole process, so work that a module moves to another thread stays in it.

use std::path::PathBuf;

use clap::Args;

use crate::Failure;
use crate::callgrind::{self, Count};
use crate::profile;
use crate::systems::{self, Ready, System};
use crate::table;

/// The most that the module may need, as a multiple of the floor.
const GOAL: f64 = 1.5;

/// Options of `rwsgi-bench instructions`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fail unless rwsgi stays within the goal of 1.5 times the floor
    #[arg(long)]
    check: bool,
    /// Print this many of rwsgi's most expensive functions
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    top: usize,
    /// Systems to measure; all when left out
    #[arg(long, value_delimiter = ',', value_enum)]
    systems: Vec<System>,
    /// Requests of the short run, which everything adapts in
    #[arg(long, default_value_t = 300)]
    warm: u32,
    /// Requests that are counted
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// The Python that mod_wsgi is built for
    #[arg(long, env = "PYTHON", default_value = "/usr/bin/python3")]
    python: PathBuf,
}

/// One system's figure.
struct Figure {
    ready: Ready,
    /// Instructions a request.
    instructions: f64,
    few: Count,
    many: Count,
}

/// Measures, prints, and says whether the goal holds (always, without `--check`).
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    callgrind::check_installed()?;
    let (ready, mut failed) = systems::set_up(&options.systems, systems::embedded, &options.python);
    let mut figures = Vec::new();
    let steps = ready.len();
    for (step, ready) in ready.into_iter().enumerate() {
        eprintln!("[{}/{steps}] {}", step + 1, ready.described);
        match measure(&ready, options) {
            Ok(figure) => figures.push(figure),
            Err(failure) => failed.push((ready.system, failure)),
        }
    }
    let floor = figures
        .iter()
        .find(|figure| figure.ready.system == System::Floor)
        .map(|figure| figure.instructions);
    print(&figures, floor);
    for (system, failure) in &failed {
        println!("\nnot measured: {system:?}: {failure}");
    }
    if options.top > 0 {
        print_profiles(&figures, options)?;
    }
    if !options.check {
        return Ok(true);
    }
    judge(&figures, floor)
}

fn measure(ready: &Ready, options: &Options) -> Result<Figure, Failure> {
    let run = |requests: u32| {
        eprintln!("      {requests} requests below callgrind ...");
        callgrind::count(ready, requests)
    };
    let few = run(options.warm)?;
    let many = run(options.warm + options.requests)?;
    let instructions = many.total.saturating_sub(few.total) as f64 / f64::from(options.requests);
    eprintln!(
        "      {} instructions a request",
        table::grouped(instructions.round() as u64)
    );
    Ok(Figure {
        ready: ready.clone(),
        instructions,
        few,
        many,
    })
}

fn print(figures: &[Figure], floor: Option<f64>) {
    println!();
    let rows: Vec<Vec<String>> = figures
        .iter()
        .map(|figure| {
            let above = floor.map(|floor| (figure.instructions - floor).round().max(0.0) as u64);
            let ratio = floor.map(|floor| figure.instructions / floor);
            vec![
                figure.ready.described.clone(),
                table::grouped(figure.instructions.round() as u64),
                above.map_or_else(|| "?".to_string(), table::grouped),
                ratio.map_or_else(|| "?".to_string(), |ratio| format!("{ratio:.2}")),
            ]
        })
        .collect();
    table::print(
        &["system", "instructions/request", "minus floor", "ratio to floor"],
        &rows,
    );
}

fn print_profiles(figures: &[Figure], options: &Options) -> Result<(), Failure> {
    let floor = figures.iter().find(|figure| figure.ready.system == System::Floor);
    let floor = floor.map(|floor| floor.many.functions_since(&floor.few, options.requests));
    let floor = floor.transpose()?.unwrap_or_default();
    for figure in figures.iter().filter(|figure| figure.ready.system.is_ours()) {
        let functions = figure.many.functions_since(&figure.few, options.requests)?;
        println!("\n{}: instructions a request by library", figure.ready.described);
        profile::print_objects(&functions, &floor);
        println!(
            "\n{}: the {} most expensive functions",
            figure.ready.described, options.top
        );
        profile::print_functions(&functions, &floor, options.top);
        let name = format!("callgrind.out.{:?}", figure.ready.system);
        let warm = figure.few.keep(&format!("{name}.warm"))?;
        let whole = figure.many.keep(&name)?;
        println!("profiles: {} less {}", whole.display(), warm.display());
    }
    Ok(())
}

/// Whether every measured form of rwsgi is within [`GOAL`].
fn judge(figures: &[Figure], floor: Option<f64>) -> Result<bool, Failure> {
    let floor = floor.ok_or("--check needs the floor, which was not measured")?;
    let ours: Vec<&Figure> = figures
        .iter()
        .filter(|figure| figure.ready.system.is_ours())
        .collect();
    if ours.is_empty() {
        return Err("--check needs rwsgi, which was not measured".to_string());
    }
    let mut held = true;
    println!();
    for figure in ours {
        let ratio = figure.instructions / floor;
        let verdict = if ratio <= GOAL { "within" } else { "NOT within" };
        println!(
            "{}: {ratio:.2} times the floor, {verdict} the goal of {GOAL}",
            figure.ready.described
        );
        held &= ratio <= GOAL;
    }
    Ok(held)
}
