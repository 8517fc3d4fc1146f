//! Findings, and how they are printed.

use serde::Serialize;

use crate::config::place::Place;

/// How much a finding matters; the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Requests will fail, or what must stay private does not.
    Problem,
    /// It works, and not as it was meant.
    Warning,
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// A word that stays the same from version to version, or the code of httpd's line.
    pub(super) id: String,
    /// What it is.
    pub(super) what: String,
    /// Where it stands.
    pub(super) place: Option<Place>,
    /// Why it matters.
    pub(super) why: String,
    /// What to do.
    pub(super) fix: String,
}

/// As JSON has it.
#[derive(Serialize)]
struct Entry<'a> {
    severity: Severity,
    id: &'a str,
    what: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    why: &'a str,
    fix: &'a str,
}

/// All findings, for people or for programs.
pub(super) fn text(findings: &[Finding], json: bool) -> Result<String, String> {
    if json {
        let entries: Vec<Entry<'_>> = findings.iter().map(entry).collect();
        return serde_json::to_string_pretty(&entries)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string());
    }
    if findings.is_empty() {
        return Ok("Nothing is wrong with this configuration as far as can be told.\n".to_owned());
    }
    Ok(findings.iter().map(paragraph).collect())
}

fn entry(finding: &Finding) -> Entry<'_> {
    Entry {
        severity: finding.severity,
        id: &finding.id,
        what: &finding.what,
        file: finding.place.as_ref().map(|place| &*place.file),
        line: finding.place.as_ref().map(|place| place.line),
        why: &finding.why,
        fix: &finding.fix,
    }
}

fn paragraph(finding: &Finding) -> String {
    let Finding {
        id, what, why, fix, ..
    } = finding;
    let severity = match finding.severity {
        Severity::Problem => "problem",
        Severity::Warning => "warning",
    };
    let place = finding
        .place
        .as_ref()
        .map_or_else(String::new, |place| format!("\n  at   {place}"));
    format!("{severity} {id}: {what}{place}\n  why  {why}\n  fix  {fix}\n\n")
}
