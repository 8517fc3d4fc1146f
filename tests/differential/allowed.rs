//! The differences there may be.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use crate::compare::Difference;

/// One row: where, which value, what ours contains, and the heading of `docs/differences.md` that explains it.
struct Row {
    area: &'static str,
    /// A case's name; `*` at the end or the beginning stands for anything.
    case: &'static str,
    /// A field's name, `*` likewise.
    field: &'static str,
    /// What our value contains; a missing value is the empty text.
    ours: &'static str,
    heading: &'static str,
}

const ROWS: &[Row] = &[];

/// The rows, and which of them were needed.
pub(crate) struct Allowed {
    used: Vec<Cell<bool>>,
}

impl Allowed {
    pub(crate) fn new() -> Allowed {
        Allowed {
            used: ROWS.iter().map(|_| Cell::new(false)).collect(),
        }
    }

    /// The heading under which a difference is explained.
    pub(crate) fn heading(&self, area: &str, case: &str, difference: &Difference) -> Option<&'static str> {
        let at = ROWS.iter().position(|row| {
            row.area == area
                && matches(row.case, case)
                && matches(row.field, &difference.field)
                && difference.ours.as_deref().unwrap_or("").contains(row.ours)
        })?;
        self.used[at].set(true);
        Some(ROWS[at].heading)
    }

    /// Rows of these areas that allowed nothing: the difference is gone, and so should the row be.
    pub(crate) fn unused(&self, areas: &[&str]) -> Vec<String> {
        ROWS.iter()
            .zip(&self.used)
            .filter(|(row, used)| areas.contains(&row.area) && !used.get())
            .map(|(row, _)| format!("{}: {}: {}", row.area, row.case, row.field))
            .collect()
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), None) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => pattern == name,
    }
}

#[test]
fn every_allowed_difference_is_explained_under_its_heading() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/differences.md");
    let page = fs::read_to_string(path).expect("docs/differences.md");
    for row in ROWS {
        let is_heading = |line: &str| line.strip_prefix("### ") == Some(row.heading);
        assert!(page.lines().any(is_heading), "no heading {:?}", row.heading);
    }
}

#[test]
fn a_star_stands_for_anything() {
    assert!(matches("header *", "header date") && matches("*", "x") && matches("* gzip", "HEAD / gzip"));
    assert!(!matches("header", "header date") && !matches("* gzip", "gzip HEAD"));
}
