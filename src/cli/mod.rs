//! The `rwsgi` command: what its arguments mean.

pub mod application;
mod cgi;
pub mod check;
mod fastcgi;
pub mod installation;
mod module_config;
mod pages;
mod private_root;
mod scgi;
pub mod serve;
mod standalone;
mod text;

use clap::{Parser, Subcommand};

use crate::config::directives::docs;
use crate::gateway::codes;
use crate::supervisor;

/// Serves Python web applications by Apache httpd.
#[derive(Debug, Parser)]
#[command(name = "rwsgi", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the manual of the module's directives, as Markdown
    Directives,
    /// Serve an application by an httpd of its own, in the foreground
    Serve(Box<serve::Options>),
    /// Look for mistakes in a configuration, before a client finds them
    Check(check::Options),
    /// Print the lines of httpd's configuration that load this installation's module, and install nothing
    ModuleConfig(module_config::Options),
    /// Print what a log code means, or all of them
    Explain {
        /// The code, `WSGI0174` or `174` for example
        code: Option<String>,
    },
    /// Serve an application by FastCGI, for web servers such as nginx and lighttpd
    Fastcgi(fastcgi::FastcgiArguments),
    /// Serve an application by SCGI, for web servers such as nginx and lighttpd
    Scgi(scgi::ScgiArguments),
    /// Answer one request by CGI; also as the interpreter of a script: `#!/usr/bin/rwsgi cgi`
    Cgi(cgi::CgiArguments),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Start and watch the processes of daemon groups; httpd runs this itself
    #[command(hide = true)]
    Supervisor,
}

/// Carries out the command; its output, or what is wrong.
pub fn run(arguments: &Arguments) -> Result<String, String> {
    match &arguments.command {
        Command::Directives => Ok(docs::manual()),
        Command::Explain { code: None } => Ok(codes::errors_page()),
        Command::Explain { code: Some(code) } => explain(code),
        Command::Fastcgi(arguments) => fastcgi::run(arguments).map(|()| String::new()),
        Command::Scgi(arguments) => scgi::run(arguments).map(|()| String::new()),
        Command::Cgi(arguments) => cgi::run(arguments).map(|()| String::new()),
        Command::Serve(options) => serve::serve(options),
        Command::Check(options) => check::check(options),
        Command::ModuleConfig(options) => module_config::lines(options),
        Command::Completions { shell } => pages::completions(*shell),
        Command::Man => pages::manual(),
        Command::Supervisor => supervisor::run().map(|()| String::new()),
    }
}

fn explain(code: &str) -> Result<String, String> {
    let digits = code.trim_start_matches(|character: char| !character.is_ascii_digit());
    let entry = digits.parse().ok().and_then(codes::entry);
    entry
        .map(|entry| {
            format!(
                "{}: {}\n\n{}\n\n{}\n",
                entry.code, entry.summary, entry.cause, entry.fix
            )
        })
        .ok_or_else(|| format!("'{code}' is no log code of this version; `rwsgi explain` lists them all"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_code_is_found_with_and_without_its_prefix() {
        for code in ["WSGI0174", "174", "0174"] {
            assert!(explain(code).expect("known").starts_with("WSGI0174: "), "{code}");
        }
        assert!(explain("WSGI9999").is_err());
        assert!(explain("x").is_err());
    }
}
