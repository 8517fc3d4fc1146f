//! The manual page made from the table.

use std::fmt::Write;

use super::{DIRECTIVES, Directive};

/// The page `docs/directives.md`, in Markdown.
#[must_use]
pub fn manual() -> String {
    let mut page = String::from(
        "# Directives\n\n\
         This page is made from the directive table in `src/config/directives/table.rs`; change it there.\n\n\
         | Directive | Context | Default |\n|---|---|---|\n",
    );
    for directive in DIRECTIVES {
        let name = name(directive);
        let default = if directive.default.is_empty() {
            "none"
        } else {
            directive.default
        };
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
    let _ = writeln!(page, "\n## {name}\n\n```\n{name} {usage}\n```\n");
    if !directive.default.is_empty() {
        let _ = write!(page, "Default: `{}`. ", directive.default);
    }
    let _ = writeln!(
        page,
        "Context: {}.\n\n{}",
        directive.context.places(),
        directive.help
    );
}

fn name(directive: &Directive) -> String {
    directive.name.to_string_lossy().into_owned()
}
