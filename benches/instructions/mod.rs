//! Instructions a request: what callgrind counts with many requests, less what it counts with few.
//!
//! Both runs start, load the application, adapt and stop; only the requests in between differ. The
//! count is of the whole process, so work that a module moves to another thread stays in it.

mod baseline;
mod callgrind;
mod profile;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use crate::Failure;
use crate::instructions::baseline::{Baseline, Count as Known, Tools};
use crate::instructions::callgrind::Count;
use crate::systems::site::Site;
use crate::systems::{self, Ready, System};
use crate::table;

/// The most that the module may need, as a multiple of the floor.
const GOAL: f64 = 1.35;

/// What can be counted in one process: httpd's, or the one that runs Python for rwsgi's daemon mode.
const SYSTEMS: [System; 6] = [
    System::Floor,
    System::Rwsgi,
    System::RwsgiMain,
    System::RwsgiDaemon,
    System::ModWsgi,
    System::ModWsgiMain,
];

/// Options of `rwsgi-bench instructions`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fail unless rwsgi stays within the goal of 1.35 times the floor
    #[arg(long)]
    check: bool,
    /// Fail when rwsgi needs over 3 % more than the baseline in the repository says
    #[arg(long)]
    baseline: bool,
    /// Make what is measured now the baseline in the repository
    #[arg(long)]
    update_baseline: bool,
    /// Print this many of rwsgi's most expensive functions
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    top: usize,
    /// Systems to measure; all that can be counted when left out
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

impl Figure {
    /// Whether this is what httpd does for a request, as the floor's is.
    fn is_httpd(&self) -> bool {
        self.ready.system.threads().is_none()
    }

    fn described(&self) -> String {
        match self.is_httpd() {
            true => self.ready.described.clone(),
            false => format!("{}: the worker's share", self.ready.described),
        }
    }
}

/// Measures, prints, and says whether what was asked for holds.
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    let tools = Tools::here(&options.python)?;
    if options.baseline
        && let Some(reason) = Baseline::read()?.incomparable(&tools)
    {
        println!("not compared with the baseline: {reason}");
        return Ok(true);
    }
    let asked = match options.systems.as_slice() {
        [] => &SYSTEMS,
        asked => asked,
    };
    let (ready, missing) = systems::set_up(asked, &options.python);
    let (figures, missing) = measure_all(ready, missing, options)?;
    let floor = figures
        .iter()
        .find(|figure| figure.ready.system == System::Floor)
        .map(|figure| figure.instructions);
    print(&figures, floor);
    for (system, failure) in &missing {
        println!("\nnot measured: {}: {failure}", system.name());
    }
    if options.top > 0 {
        print_profiles(&figures, options)?;
    }
    let mut held = !options.check || judge(&figures, floor)?;
    if options.baseline {
        held &= !missing.iter().any(|(system, _)| system.is_ours());
        held &= Baseline::read()?.holds(&baseline_of(&figures, tools.clone(), options)?)?;
    }
    if options.update_baseline {
        baseline_of(&figures, tools, options)?.write()?;
    }
    Ok(held)
}

/// The counts of the baseline as a table.
pub(crate) fn last_count() -> Result<String, Failure> {
    let baseline = Baseline::read()?;
    let counts = baseline.systems.iter();
    let rows = counts.map(|(name, count)| {
        let name = if count.is_httpd {
            name.clone()
        } else {
            format!("{name}: the worker's share")
        };
        (name, count.instructions as f64, count.is_httpd)
    });
    let floor = baseline.systems.get(&System::Floor.name());
    Ok(counts_table(rows, floor.map(|floor| floor.instructions as f64)))
}

fn measure_all(
    ready: Vec<Ready>,
    mut missing: systems::Missing,
    options: &Options,
) -> Result<(Vec<Figure>, systems::Missing), Failure> {
    let site = Site::new(&options.python)?;
    let mut figures = Vec::new();
    let steps = ready.len();
    for (step, ready) in ready.into_iter().enumerate() {
        eprintln!("[{}/{steps}] {}", step + 1, ready.described);
        match measure(&ready, &site, options) {
            Ok(figure) => figures.push(figure),
            Err(failure) => missing.push((ready.system, failure)),
        }
    }
    Ok((figures, missing))
}

fn measure(ready: &Ready, site: &Site, options: &Options) -> Result<Figure, Failure> {
    let run = |requests: u32| {
        eprintln!("      {requests} requests below callgrind ...");
        callgrind::count(ready, site, &options.python, requests)
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

/// What was measured, in the form of the file; functions of this repository's module only.
fn baseline_of(figures: &[Figure], tools: Tools, options: &Options) -> Result<Baseline, Failure> {
    let mut systems = BTreeMap::new();
    for figure in figures {
        let functions = match figure.ready.system.is_ours() {
            true => figure.many.functions_since(&figure.few, options.requests)?,
            false => Default::default(),
        };
        let functions = functions.into_values();
        let known = Known {
            instructions: figure.instructions.round() as u64,
            is_httpd: figure.is_httpd(),
            functions: functions
                .map(|function| (function.name, function.exclusive))
                .collect(),
        };
        systems.insert(figure.ready.system.name(), known.without_trifles());
    }
    Ok(Baseline { tools, systems })
}

fn print(figures: &[Figure], floor: Option<f64>) {
    let rows = figures
        .iter()
        .map(|figure| (figure.described(), figure.instructions, figure.is_httpd()));
    print!("\n{}", counts_table(rows, floor));
}

/// Rows of a name, instructions a request, and whether the floor's part is in them.
fn counts_table(rows: impl Iterator<Item = (String, f64, bool)>, floor: Option<f64>) -> String {
    let rows: Vec<Vec<String>> = rows
        .map(|(name, instructions, is_httpd)| {
            let floor = floor.filter(|_| is_httpd);
            let above = floor.map(|floor| (instructions - floor).round().max(0.0) as u64);
            let ratio = floor.map(|floor| instructions / floor);
            vec![
                name,
                table::grouped(instructions.round() as u64),
                above.map_or_else(|| "-".to_string(), table::grouped),
                ratio.map_or_else(|| "-".to_string(), |ratio| format!("{ratio:.2}")),
            ]
        })
        .collect();
    let head = ["system", "instructions/request", "minus floor", "ratio to floor"];
    table::markdown(&head, &rows)
}

fn print_profiles(figures: &[Figure], options: &Options) -> Result<(), Failure> {
    let floor = figures.iter().find(|figure| figure.ready.system == System::Floor);
    let floor = floor.map(|floor| floor.many.functions_since(&floor.few, options.requests));
    let floor = floor.transpose()?.unwrap_or_default();
    for figure in figures.iter().filter(|figure| figure.ready.system.is_ours()) {
        let functions = figure.many.functions_since(&figure.few, options.requests)?;
        println!("\n{}: instructions a request by library", figure.described());
        profile::print_objects(&functions, &floor);
        println!(
            "\n{}: the {} most expensive functions",
            figure.ready.described, options.top
        );
        profile::print_functions(&functions, &floor, options.top);
        let name = format!("callgrind.out.{}", figure.ready.system.name());
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
        .filter(|figure| figure.ready.system.is_ours() && figure.is_httpd())
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
