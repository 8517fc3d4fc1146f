//! What is made from the arguments: completions for shells, the manual page, the table of the documents.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Arguments;

/// Completions for a shell.
pub(super) fn completions(shell: Shell) -> Result<String, String> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "rwsgi", &mut text);
    utf8(text)
}

/// The manual page of the command, then those of its subcommands, in troff.
pub(super) fn manual() -> Result<String, String> {
    let mut command = Arguments::command();
    command.build();
    let mut text = Vec::new();
    let told = |error| format!("the manual page: {error}");
    clap_mangen::Man::new(command.clone())
        .render(&mut text)
        .map_err(told)?;
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        clap_mangen::Man::new(inner.clone())
            .render(&mut text)
            .map_err(told)?;
    }
    utf8(text)
}

/// The options of a subcommand as tables of Markdown, one for each heading.
#[cfg(test)]
fn options_table(subcommand: &str) -> String {
    use std::fmt::Write;
    let command = Arguments::command();
    let inner = command.find_subcommand(subcommand).expect("a subcommand");
    let mut text = String::new();
    let mut heading = None;
    for argument in inner.get_arguments().filter(|one| !one.is_hide_set()) {
        let own = argument.get_help_heading().unwrap_or("General");
        if heading != Some(own) {
            write!(text, "\n### {own}\n\n| option | |\n|---|---|\n").expect("written");
            heading = Some(own);
        }
        let values = argument.get_value_names().unwrap_or_default().join(" ");
        let values = if argument.get_action().takes_values() {
            values
        } else {
            String::new()
        };
        let names = argument.get_long_and_visible_aliases().unwrap_or_default();
        let names: Vec<String> = names.iter().map(|name| format!("`--{name}`")).collect();
        let option = match (names.join(" or "), values) {
            (names, values) if names.is_empty() => format!("`{values}`"),
            (names, values) if values.is_empty() => names,
            (names, values) => format!("{names} `{values}`"),
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let variable = argument
            .get_env()
            .map(|name| format!(" (`{}`)", name.to_string_lossy()));
        writeln!(text, "| {option} | {help}{} |", variable.unwrap_or_default()).expect("written");
    }
    text
}

fn utf8(text: Vec<u8>) -> Result<String, String> {
    String::from_utf8(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_and_the_manual_know_the_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            assert!(
                completions(shell).expect("made").contains("tls-certificate"),
                "{shell}"
            );
        }
        let manual = manual().expect("made");
        assert!(manual.contains("tls\\-certificate") && manual.contains("rwsgi fastcgi"));
        assert!(!manual.contains("rwsgi supervisor"));
    }

    /// `RWSGI_BLESS=1` rewrites the page.
    #[test]
    fn the_page_about_serve_lists_the_options_that_there_are() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve.md");
        let page = std::fs::read_to_string(path).expect("docs/serve.md is there");
        let begin = "<!-- options of serve -->\n";
        let end = "\n<!-- end of the options -->";
        let (before, rest) = page.split_once(begin).expect("where the options begin");
        let (_, after) = rest.split_once(end).expect("where they end");
        let wanted = format!("{before}{begin}{}{end}{after}", options_table("serve"));
        if std::env::var_os("RWSGI_BLESS").is_some() {
            std::fs::write(path, &wanted).expect("docs/serve.md is writable");
            return;
        }
        assert!(
            page == wanted,
            "docs/serve.md is stale: run `RWSGI_BLESS=1 cargo test --lib pages`"
        );
    }
}
