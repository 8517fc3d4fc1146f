//! The part of `benchmarks.md` that is made from figures.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::Failure;
use crate::compare::goals;
use crate::compare::plot::{self, Bar};
use crate::compare::results::{Results, Row, Turn};
use crate::systems::System;
use crate::systems::case::Case;
use crate::{instructions, table};

/// What is between these lines belongs to `make bench`.
const BEGIN: &str = "<!-- begin: made by `make bench` -->";
const END: &str = "<!-- end: made by `make bench` -->";

/// Puts the report into `benchmarks.md` of this folder, with its plots beside.
pub(super) fn write(results: &Results, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut pictures = String::new();
    for picture in pictures_of(results) {
        plot::draw(
            &folder.join(picture.file),
            &picture.title,
            picture.unit,
            &picture.bars,
        )?;
        let _ = writeln!(pictures, "![{}]({})\n", picture.title, picture.file);
    }
    let file = folder.join("benchmarks.md");
    let before = fs::read_to_string(&file).unwrap_or_else(|_| format!("{BEGIN}\n{END}\n"));
    let after = placed(&before, &format!("{pictures}{}", text(results)))
        .ok_or_else(|| format!("{} has no lines {BEGIN} and {END}", file.display()))?;
    fs::write(&file, after).map_err(|error| format!("{}: {error}", file.display()))?;
    eprintln!("written: {}", file.display());
    Ok(())
}

/// The page with new text between its two lines.
fn placed(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", text.trim()))
}

/// Machine, goals and tables, in Markdown.
pub(super) fn text(results: &Results) -> String {
    let mut text = machine(results);
    let _ = write!(text, "\n### Goals\n\n{}", goals_table(results));
    match instructions::last_count() {
        Ok(table) => {
            let _ = write!(text, "\n### Instructions a request\n\n{table}");
        }
        Err(failure) => eprintln!("no table of instructions: {failure}"),
    }
    for (case, connections) in results.cases() {
        let _ = write!(text, "\n{}", case_section(results, case, connections));
    }
    if !results.missing.is_empty() {
        text.push_str("\n### Not measured\n\n");
        for (what, why) in &results.missing {
            let why: Vec<&str> = why.split_whitespace().collect();
            let _ = writeln!(text, "* {what}: {}", why.join(" "));
        }
    }
    text
}

fn machine(results: &Results) -> String {
    let machine = &results.machine;
    format!(
        "Measured on {}: {}, {} MiB of memory, {}, Linux {}, {}, {}, wrk {}, {}; commit {}; load average at the \
         start {:.2}.\n\n    {}\n\nRounds: {}, with {} s of load on each system in each; medians, and how far the \
         furthest round is from them (+-).\n",
        machine.date,
        machine.processors,
        machine.memory_mib,
        machine.system,
        machine.kernel,
        machine.httpd,
        machine.python,
        results.wrk,
        machine.rustc,
        machine.commit,
        machine.load,
        results.command,
        results.rounds,
        results.seconds,
    )
}

fn goals_table(results: &Results) -> String {
    let rows: Vec<Vec<String>> = goals::verdicts(results)
        .into_iter()
        .map(|verdict| {
            let measured = verdict.measured.map(|value| format!("{value:.2}"));
            let reached = match (verdict.held, verdict.measured) {
                (Some(true), _) => "yes",
                (Some(false), _) => "NO",
                (None, Some(_)) => "-",
                (None, None) => "?",
            };
            vec![
                verdict.what,
                verdict.goal,
                measured.unwrap_or_else(|| "not measured".to_string()),
                reached.to_string(),
            ]
        })
        .collect();
    table::markdown(&["ratio", "goal", "measured", "reached"], &rows)
}

fn case_section(results: &Results, case: Case, connections: u32) -> String {
    let rows = results.of(case, connections);
    let floor = rows.iter().find(|row| row.system == System::Floor).copied();
    let mut head = vec![
        "system",
        "requests/s",
        "+-",
        "CPU us/request",
        "+-",
        "p50 ms",
        "p99 ms",
        "+-",
        "p99.9 ms",
        "errors",
        "PSS MiB",
    ];
    if floor.is_some() {
        head.insert(5, "to floor");
    }
    if case.waiting().is_some() {
        head.push("of the ideal");
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, floor)).collect();
    let mut text = format!(
        "### {}, {connections} connection{}\n\n{}.\n\n{}",
        case.name(),
        if connections == 1 { "" } else { "s" },
        case.described(),
        table::markdown(&head, &cells)
    );
    for row in results
        .rows
        .iter()
        .filter(|row| row.case == case && row.connections == connections)
    {
        text.push_str(&remarks(row));
    }
    text
}

fn cells(row: &Row, floor: Option<&Row>) -> Vec<String> {
    let cpu = row.median(Turn::cpu);
    let mut cells = vec![
        row.described.clone(),
        table::grouped(row.median(Turn::requests_per_second).round() as u64),
        percent(row.spread(Turn::requests_per_second)),
        format!("{cpu:.1}"),
        percent(row.spread(Turn::cpu)),
        format!("{:.2}", row.median(|turn| turn.p50_ms)),
        format!("{:.2}", row.median(Turn::p99)),
        percent(row.spread(Turn::p99)),
        format!("{:.2}", row.median(|turn| turn.p999_ms)),
        row.errors().to_string(),
        format!("{:.1}", row.median(Turn::memory)),
    ];
    if let Some(floor) = floor {
        cells.insert(5, format!("{:.2}", cpu / floor.median(Turn::cpu)));
    }
    if row.case.waiting().is_some() {
        let share = goals::share_of_ideal(row);
        cells.push(share.map_or_else(|| "-".to_string(), |share| format!("{share:.2}")));
    }
    cells
}

/// Rounds that failed and what httpd complained about.
fn remarks(row: &Row) -> String {
    let mut text = String::new();
    if let Some(first) = row.failures.first() {
        let count = row.failures.len();
        let _ = write!(
            text,
            "\n{}: no figure from {count} round{}, {first}\n",
            row.described,
            if count == 1 { "" } else { "s" }
        );
    }
    let complaints = row.turns.iter().flat_map(|turn| &turn.complaints);
    if let Some(first) = complaints.clone().next() {
        let _ = write!(
            text,
            "\n{}: warnings and errors in the log, the first: `{}`\n",
            row.described,
            first.replace('`', "'")
        );
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A plot to be drawn.
struct Picture {
    file: &'static str,
    title: String,
    unit: &'static str,
    bars: Vec<Bar>,
}

fn pictures_of(results: &Results) -> Vec<Picture> {
    type Figure = fn(&Turn) -> f64;
    let plans: [(&str, &str, Case, u32, &str, Figure); 4] = [
        (
            "benchmarks-cpu.svg",
            "CPU a request",
            Case::Hello,
            16,
            "microseconds",
            Turn::cpu,
        ),
        (
            "benchmarks-p99.svg",
            "99th percentile",
            Case::Hello,
            64,
            "milliseconds",
            Turn::p99,
        ),
        (
            "benchmarks-cpu-body.svg",
            "CPU a request",
            Case::Body,
            16,
            "microseconds",
            Turn::cpu,
        ),
        (
            "benchmarks-cpu-django.svg",
            "CPU a request",
            Case::Django,
            16,
            "microseconds",
            Turn::cpu,
        ),
    ];
    let picture = |(file, what, case, connections, unit, figure): (_, &str, Case, u32, _, Figure)| {
        let bars: Vec<Bar> = results
            .of(case, connections)
            .into_iter()
            .map(|row| Bar {
                name: row.described.clone(),
                value: row.median(figure),
                range: row.range(figure),
                ours: row.system.is_ours(),
            })
            .collect();
        (!bars.is_empty()).then(|| Picture {
            file,
            title: format!(
                "{what}, {}, {connections} connections (less is better)",
                case.name()
            ),
            unit,
            bars,
        })
    };
    plans.into_iter().filter_map(picture).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::made_up;

    #[test]
    fn only_the_text_between_the_lines_changes() {
        let page = format!("# Title\n{BEGIN}\nold\n{END}\nlast\n");
        let placed = placed(&page, "new\n").expect("placed");
        assert_eq!(placed, format!("# Title\n{BEGIN}\n\nnew\n\n{END}\nlast\n"));
        assert_eq!(super::placed("no lines", "new"), None);
    }

    #[test]
    fn a_system_without_figures_is_named_with_the_reason() {
        let mut results = made_up(&[
            (System::Floor, Case::Hello, 16, 30.0),
            (System::RwsgiMain, Case::Hello, 16, 33.0),
            (System::RwsgiDaemon, Case::Hello, 16, 60.0),
        ]);
        let daemon = results.rows.last_mut().expect("a row");
        daemon.turns.clear();
        daemon.failures.push("round 1: answered with 500".to_string());
        let text = text(&results);
        assert!(text.contains("granian: no network"), "{text}");
        assert!(
            text.contains("rwsgi-daemon: no figure from 1 round, round 1: answered with 500"),
            "{text}"
        );
        let (_, tables) = text.split_once("### hello").expect("the table of the case");
        let row = tables
            .lines()
            .find(|line| line.starts_with("| rwsgi-main"))
            .expect("a row");
        assert!(row.contains("33.0") && row.contains("1.10"), "{row}");
    }

    #[test]
    fn the_page_and_its_plots_are_written_twice_with_one_result() {
        let results = made_up(&[(System::Floor, Case::Hello, 16, 30.0)]);
        let folder = tempfile::tempdir().expect("a folder");
        write(&results, folder.path()).expect("written");
        let page = folder.path().join("benchmarks.md");
        let first = fs::read_to_string(&page).expect("a page");
        write(&results, folder.path()).expect("written");
        assert_eq!(fs::read_to_string(&page).expect("a page"), first);
        assert!(folder.path().join("benchmarks-cpu.svg").exists());
        assert!(!folder.path().join("benchmarks-p99.svg").exists());
    }
}
