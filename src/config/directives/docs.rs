//! The manual page made from the table.

use std::fmt::Write;

use super::super::daemon_group::DAEMON_OPTIONS;
use super::{DIRECTIVES, Directive};

/// The page `docs/directives.md`, in Markdown.
#[must_use]
pub fn manual() -> String {
    let mut page = String::from(
        "# Directives\n\n\
         This page is made from the directive table in `src/config/directives/table`; change it there.\n\n\
         | Directive | Context | Default |\n|---|---|---|\n",
    );
    for directive in DIRECTIVES {
        let name = name(directive);
        let default = or_none(directive.default);
        let places = directive.context.places();
        let _ = writeln!(
            page,
            "| [{name}](#{}) | {places} | {default} |",
            name.to_ascii_lowercase()
        );
    }
    for directive in DIRECTIVES {
        section(&mut page, directive);
    }
    page
}

fn section(page: &mut String, directive: &Directive) {
    let name = name(directive);
    let usage = directive.usage.to_string_lossy();
    let opening = if directive.is_section() { "<" } else { "" };
    let _ = writeln!(page, "\n## {name}\n\n```\n{opening}{name} {usage}\n```\n");
    if !directive.default.is_empty() {
        let _ = write!(page, "Default: `{}`. ", directive.default);
    }
    let _ = writeln!(
        page,
        "Context: {}.\n\n{}",
        directive.context.places(),
        directive.help
    );
    if name == "WSGIDaemonProcess" {
        daemon_options(page);
    }
}

fn daemon_options(page: &mut String) {
    page.push_str("\n| Option | Values | Default | |\n|---|---|---|---|\n");
    for option in DAEMON_OPTIONS {
        let default = or_none(option.default);
        let values = option.values.replace('|', "\\|");
        let _ = writeln!(
            page,
            "| `{}=` | {values} | {default} | {} |",
            option.name, option.help
        );
    }
}

fn or_none(default: &str) -> &str {
    if default.is_empty() { "none" } else { default }
}

fn name(directive: &Directive) -> String {
    directive.name.to_string_lossy().replace('<', "")
}
