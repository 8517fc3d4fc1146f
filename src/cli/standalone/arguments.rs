//! What the commands are told.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::config::daemon_group::{DAEMON_OPTIONS, DaemonOption, DaemonOptions};

/// Options of `WSGIDaemonProcess` that are about httpd's side, or that a group without httpd has no use for.
const NOT_HERE: [&str; 16] = [
    "chroot",
    "connect-timeout",
    "queue-timeout",
    "socket-user",
    "send-buffer-size",
    "receive-buffer-size",
    "header-buffer-size",
    "response-buffer-size",
    "response-socket-timeout",
    "response-flush-delay",
    "request-buffer",
    "script-user",
    "script-group",
    "server-metrics",
    "display-name",
    "python-eggs",
];

/// What all commands are told.
#[derive(Debug, Clone, Args)]
pub(in super::super) struct CommonArguments {
    /// A folder of workers, with a folder pythonX.Y for each Python, before those that are installed
    #[arg(long, value_name = "FOLDER")]
    pub(in super::super) worker: Vec<PathBuf>,
    /// Which lines are logged
    #[arg(long, value_name = "LEVEL", default_value = "info",
          value_parser = ["error", "warn", "info", "debug"])]
    pub(in super::super) log_level: String,
}

/// What `rwsgi fastcgi` and `rwsgi scgi` are told.
#[derive(Debug, Clone, Args)]
pub(in super::super) struct ServerArguments {
    /// The application: a script, module:callable, module:factory() or the folder of a project
    pub(super) app: String,
    #[command(flatten)]
    pub(super) common: CommonArguments,
    #[command(flatten)]
    pub(super) listen: ListenArguments,
    /// Where the application is mounted, such as /app; without it the web server's SCRIPT_NAME is believed
    #[arg(long, value_name = "PATH")]
    pub(super) mount: Option<String>,
    /// Do not replace processes when the script's file changes
    #[arg(long)]
    pub(super) no_reload: bool,
    /// A UNIX socket that tells the state of all processes, as JSON, to whoever connects
    #[arg(long, value_name = "PATH")]
    pub(super) status: Option<PathBuf>,
    #[command(flatten)]
    pub(super) group: GroupArguments,
}

/// Where web servers connect.
#[derive(Debug, Clone, Args)]
pub(super) struct ListenArguments {
    /// unix:PATH, HOST:PORT, fd:N for a socket that was inherited, or systemd for the one that systemd passes
    #[arg(long, value_name = "ADDRESS", default_value = "systemd")]
    pub(super) listen: String,
    /// Permissions of a UNIX socket, in octal digits
    #[arg(long, value_name = "MODE", default_value = "660")]
    pub(super) socket_mode: String,
    /// Who owns a UNIX socket: a name or #uid; whoever starts this command unless set
    #[arg(long, value_name = "USER")]
    pub(super) socket_owner: Option<String>,
    /// The group of a UNIX socket, a name or #gid: that of the web server, usually
    #[arg(long, value_name = "GROUP")]
    pub(super) socket_group: Option<String>,
}

/// How the processes run: the options of `WSGIDaemonProcess`, as far as they make sense without httpd.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct GroupArguments(Vec<(&'static str, String)>);

impl GroupArguments {
    /// The options that were given, over the defaults.
    ///
    /// # Errors
    /// One line about the first value that is not allowed.
    pub(super) fn options(&self) -> Result<DaemonOptions, String> {
        let mut options = DaemonOptions::default();
        for (name, value) in &self.0 {
            if let Some(doubt) = options.set(name, value)? {
                return Err(format!("--{doubt}"));
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
impl GroupArguments {
    /// How many options were given.
    pub(in super::super) fn given(&self) -> usize {
        self.0.len()
    }
}

impl Args for GroupArguments {
    fn augment_args(command: Command) -> Command {
        DAEMON_OPTIONS
            .iter()
            .filter(|option| !NOT_HERE.contains(&option.name))
            .fold(command, |command, option| {
                let default = match option.default {
                    "" => String::new(),
                    default => format!(" [default: {}]", without_httpd(option.name, default)),
                };
                let argument = Arg::new(option.name)
                    .long(option.name)
                    .value_name(option.values)
                    .help(format!("{}{default}", help_without_httpd(option)))
                    .help_heading("Processes")
                    .allow_hyphen_values(option.name == "cpu-priority")
                    .action(ArgAction::Append);
                command.arg(argument)
            })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What an option does, in other words where those are about httpd.
fn help_without_httpd(option: &DaemonOption) -> &'static str {
    match option.name {
        "user" => "Whom the processes run as; never root. Only root can start them as somebody else.",
        "group" => "Primary group of the processes. Only root can start them in another one.",
        "socket-timeout" => "How long a web server and a process wait for each other to read or write.",
        _ => option.help,
    }
}

/// The defaults that differ from those under httpd.
fn without_httpd<'d>(name: &str, default: &'d str) -> &'d str {
    match name {
        "user" => "whoever starts this command",
        "group" => "the user's",
        "home" => "the application's folder",
        "python-home" => "that of the command, where pip installed it, else VIRTUAL_ENV",
        "socket-timeout" => "60",
        _ => default,
    }
}

impl FromArgMatches for GroupArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Vec::new();
        for option in DAEMON_OPTIONS {
            if NOT_HERE.contains(&option.name) {
                continue;
            }
            let values = matches.get_many::<String>(option.name).into_iter().flatten();
            given.extend(values.map(|value| (option.name, value.clone())));
        }
        Ok(GroupArguments(given))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        server: ServerArguments,
    }

    fn options(line: &[&str]) -> Result<DaemonOptions, String> {
        let line = ["rwsgi", "app.wsgi"].iter().chain(line);
        let parsed = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        parsed.server.group.options()
    }

    #[test]
    fn options_are_those_of_a_daemon_group() {
        let found = options(&[
            "--processes=2",
            "--threads",
            "3",
            "--request-timeout",
            "7",
            "--env=A=b=c",
            "--env",
            "D=e",
            "--cpu-priority=-5",
        ])
        .expect("understood");
        assert_eq!((found.processes, found.threads), (Some(2), 3));
        assert_eq!(found.request_timeout, Some(Duration::from_secs(7)));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found.env, [pair("A", "b=c"), pair("D", "e")]);
        assert_eq!(found.cpu_priority, -5);
        assert_eq!(options(&[]), Ok(DaemonOptions::default()));
    }

    #[test]
    fn values_and_options_that_make_no_sense_are_refused() {
        for line in [
            &["--threads", "many"][..],
            &["--threads", "3x"],
            &["--user", "root"],
            &["--queue-timeout", "3"],
            &["--processes", "0"],
        ] {
            assert!(options(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn what_is_left_out_is_there_to_be_left_out() {
        for name in NOT_HERE {
            assert!(DAEMON_OPTIONS.iter().any(|option| option.name == name), "{name}");
        }
    }
}
