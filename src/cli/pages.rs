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
        assert!(manual.contains("tls\\-certificate") && !manual.contains("supervisor"));
    }
}
