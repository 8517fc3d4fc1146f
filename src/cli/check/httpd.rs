//! What httpd itself says of a configuration.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::dump::{self, Line};
use super::report::{Finding, Severity};
use super::usual::{Compiled, Variables};
use crate::cli::installation::Httpd;
use crate::config::place::Place;
use crate::gateway::codes;

/// One reading of a configuration.
pub(super) struct Reading {
    /// The ServerRoot.
    pub(super) root: PathBuf,
    /// Its lines, as far as httpd got.
    pub(super) lines: Vec<Line>,
    accepted: bool,
    said: String,
}

impl Reading {
    /// Has httpd read `config`, or its own.
    pub(super) fn of(httpd: &Httpd, config: Option<&Path>) -> Result<Reading, String> {
        let compiled = Compiled::of(&httpd.program)?;
        let config = config.unwrap_or(&compiled.config);
        if !config.is_file() {
            return Err(format!(
                "{} does not exist, where {} has its configuration: install apache2 (Debian, Ubuntu) or httpd \
                 (Fedora, RHEL), or name a file",
                config.display(),
                httpd.program.display()
            ));
        }
        let variables = Variables::of(config);
        let info = httpd.load_line("info").ok_or_else(|| {
            format!(
                "mod_info.so is not in {}: install that module of httpd, which prints configurations",
                httpd.modules.display()
            )
        })?;
        let print = |what: &str| {
            let mut command = match &variables {
                Some(variables) => variables.command(&httpd.program, &compiled),
                None => Command::new(&httpd.program),
            };
            command.args(["-t", "-D", what]).arg("-f").arg(config);
            if !info.is_empty() {
                command.args(["-C", info.trim_end()]);
            }
            let printed = command.output();
            printed.map_err(|error| format!("{} cannot be run: {error}", httpd.program.display()))
        };
        // Two runs: the other one does not look at what modules would refuse.
        let output = print("DUMP_CONFIG")?;
        let settings = print("DUMP_RUN_CFG")?;
        let root = dump::server_root(&String::from_utf8_lossy(&settings.stdout));
        Ok(Reading {
            root: root.unwrap_or_else(|| compiled.root.clone()),
            lines: dump::parse(&String::from_utf8_lossy(&output.stdout)),
            accepted: output.status.success(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What it said, with what is known about its codes.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for line in self.said.lines() {
            if let Some(finding) = coded(line)
                && !findings.contains(&finding)
            {
                findings.push(finding);
            }
        }
        let is_explained = findings
            .iter()
            .any(|finding| finding.severity == Severity::Problem);
        if !self.accepted && !is_explained {
            findings.push(refusal(&self.said));
        }
        findings
    }
}

/// A line of ours: `[...] [wsgi:error] [pid ...] WSGI1015: text (file:line)`.
fn coded(line: &str) -> Option<Finding> {
    let (before, rest) = line.split_once("WSGI")?;
    let (digits, text) = rest.split_once(": ")?;
    let number: u16 = digits.parse().ok()?;
    let entry = codes::entry(number)?;
    let (what, place) = split_place(text);
    let is_error = before.contains(":error]") || before.contains(":crit]");
    Some(Finding {
        severity: if is_error {
            Severity::Problem
        } else {
            Severity::Warning
        },
        id: entry.code.to_string(),
        what: what.to_owned(),
        place,
        why: entry.cause.to_owned(),
        fix: entry.fix.to_owned(),
    })
}

/// `text (file:line)`.
fn split_place(text: &str) -> (&str, Option<Place>) {
    let place = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
    let Some((what, place)) = place else {
        return (text, None);
    };
    match place.rsplit_once(':').map(|(file, line)| (file, line.parse())) {
        Some((file, Ok(line))) => (
            what,
            Some(Place {
                file: file.into(),
                line,
            }),
        ),
        _ => (text, None),
    }
}

/// `AH00526: Syntax error on line 7 of /x.conf:`, and what follows there or in the next line.
fn refusal(said: &str) -> Finding {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let (place, same_line) = lines.clone().find_map(syntax_error).unzip();
    let is_noise = |line: &&str| line.contains(SYNTAX_ERROR) || line.starts_with("Action '");
    let what = same_line
        .filter(|text| !text.is_empty())
        .or_else(|| lines.find(|line| !is_noise(line)))
        .unwrap_or("httpd says nothing")
        .to_owned();
    let (id, fix) = if what.contains("Invalid command 'WSGI") || what.contains("Invalid command 'RWSGI") {
        (
            "module-not-loaded",
            "Load the module before this line: LoadModule wsgi_module .../mod_rwsgi.so (Debian: a2enmod rwsgi).",
        )
    } else {
        ("httpd-refuses", "Correct the line as the message says.")
    };
    Finding {
        severity: Severity::Problem,
        id: id.to_owned(),
        what,
        place,
        why: "httpd does not start with this configuration, and a running one does not restart.".to_owned(),
        fix: fix.to_owned(),
    }
}

const SYNTAX_ERROR: &str = "Syntax error on line ";

/// The place that a line of httpd tells, the innermost of several, and what the line says of it.
fn syntax_error(line: &str) -> Option<(Place, &str)> {
    let (_, rest) = line.rsplit_once(SYNTAX_ERROR)?;
    let (number, rest) = rest.split_once(" of ")?;
    let (file, text) = rest.split_once(": ").unwrap_or((rest.trim_end_matches(':'), ""));
    let place = Place {
        file: file.into(),
        line: number.parse().ok()?,
    };
    Some((place, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_code_are_explained() {
        let line = "[Wed Nov 25 15:05:40.542403 2026] [wsgi:error] [pid 1:tid 1] WSGI1013: WSGIScriptAlias: no (x) \
                    group (/etc/site.conf:4)";
        let finding = coded(line).expect("a finding");
        assert_eq!(
            (finding.id.as_str(), finding.severity),
            ("WSGI1013", Severity::Problem)
        );
        assert_eq!(finding.what, "WSGIScriptAlias: no (x) group");
        assert_eq!(finding.place.expect("a place").to_string(), "/etc/site.conf:4");
        assert_eq!(coded("[core:error] AH00014: WSGI is fine"), None);
    }

    #[test]
    fn a_syntax_error_is_told_with_its_place() {
        let said =
            "AH00526: Syntax error on line 7 of /x.conf:\nInvalid command 'WSGIScriptAlias', perhaps\n";
        let finding = refusal(said);
        assert_eq!(finding.id, "module-not-loaded");
        assert_eq!(finding.place.expect("a place").to_string(), "/x.conf:7");
        let said = "httpd: Syntax error on line 80 of /a.conf: Syntax error on line 3 of /b.load: Cannot load x.so: gone\n";
        let finding = refusal(said);
        assert_eq!(finding.what, "Cannot load x.so: gone");
        assert_eq!(finding.place.expect("a place").to_string(), "/b.load:3");
    }
}
