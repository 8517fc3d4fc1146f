//! The file of `--config`: every option of the command line by its long name, in TOML.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command, FromArgMatches};
use toml::{Table, Value};

use super::arguments::ServerArguments;

/// Options whose values are files and folders, which a relative path leads to from the file.
const PATHS: [&str; 7] = [
    "env-file",
    "home",
    "python",
    "python-home",
    "python-path",
    "status",
    "worker",
];

/// What a file says.
#[derive(Debug)]
pub(super) struct FileArguments {
    /// The options.
    pub(super) arguments: ServerArguments,
    /// Its folder.
    pub(super) folder: PathBuf,
}

/// Reads the file at `path`, an absolute one.
///
/// # Errors
/// What is wrong, with the file's name.
pub(super) fn read(path: &Path) -> Result<FileArguments, String> {
    let told = |problem: String| format!("{}: {problem}", path.display());
    let text = fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
    let folder = path.parent().unwrap_or(path).to_owned();
    Ok(FileArguments {
        arguments: parse(&text, &folder).map_err(told)?,
        folder,
    })
}

/// The options that `text` says; relative paths begin at `folder`.
fn parse(text: &str, folder: &Path) -> Result<ServerArguments, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let command = ServerArguments::augment_args(Command::new("rwsgi").no_binary_name(true));
    let mut line = Vec::new();
    for (name, value) in &table {
        if name == "app" {
            let Value::String(app) = value else {
                return Err("app takes a text".to_owned());
            };
            line.push(app.clone());
            continue;
        }
        let known = command
            .get_arguments()
            .any(|argument| argument.get_long() == Some(name) && name != "config");
        if !known {
            return Err(format!(
                "there is no option {name}; `rwsgi fastcgi --help` lists them all"
            ));
        }
        words(name, value, folder, &mut line)?;
    }
    // What no option may be mistaken for.
    line.sort_by_key(|word| !word.starts_with("--"));
    let matches = command.try_get_matches_from(line).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("error: ").unwrap_or(first).to_owned()
    })?;
    ServerArguments::from_arg_matches(&matches).map_err(|error| error.to_string())
}

/// The words of the command line that say the same as `name = value`.
fn words(name: &str, value: &Value, folder: &Path, line: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::Boolean(true) if name == "no-reload" => line.push(format!("--{name}")),
        Value::Boolean(false) if name == "no-reload" => {}
        Value::Boolean(on) => line.push(format!("--{name}={}", if *on { "On" } else { "Off" })),
        Value::Integer(number) => line.push(format!("--{name}={number}")),
        Value::Float(number) => line.push(format!("--{name}={number}")),
        Value::String(text) => line.push(format!("--{name}={}", from_folder(name, text, folder))),
        Value::Array(items) => {
            for item in items {
                if matches!(item, Value::Array(_) | Value::Table(_)) {
                    return Err(format!("{name} takes a list of plain values"));
                }
                words(name, item, folder, line)?;
            }
        }
        Value::Table(entries) if name == "env" => {
            for (variable, value) in entries {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => value.to_string(),
                    _ => return Err(format!("env: {variable} takes a plain value")),
                };
                line.push(format!("--env={variable}={text}"));
            }
        }
        Value::Table(_) | Value::Datetime(_) => return Err(format!("{name} takes a plain value")),
    }
    Ok(())
}

/// `text` with relative paths led from `folder`.
fn from_folder(name: &str, text: &str, folder: &Path) -> String {
    let joined = |path: &str| folder.join(path).to_string_lossy().into_owned();
    match text.strip_prefix("unix:") {
        Some(path) if name == "listen" => format!("unix:{}", joined(path)),
        _ if name == "python-path" => text.split(':').map(joined).collect::<Vec<_>>().join(":"),
        _ if PATHS.contains(&name) => joined(text),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<ServerArguments, String> {
        parse(text, Path::new("/etc/rwsgi"))
    }

    #[test]
    fn a_file_says_what_the_command_line_can() {
        let found = parsed(
            "app = 'site/wsgi.py'\nlisten = 'unix:shop.sock'\nprocesses = 2\nno-reload = true\n\
             python-home = '/srv/venv'\nworker = ['one', '/two']\nsocket-mode = '600'\n\
             [env]\nDEBUG = 0\nNAME = 'a=b c'\n",
        )
        .expect("understood");
        assert_eq!(found.app.as_deref(), Some("site/wsgi.py"));
        assert_eq!(found.listen.listen.as_deref(), Some("unix:/etc/rwsgi/shop.sock"));
        assert_eq!(found.listen.socket_mode.as_deref(), Some("600"));
        assert!(found.no_reload);
        assert_eq!(
            found.common.worker,
            [PathBuf::from("/etc/rwsgi/one"), PathBuf::from("/two")]
        );
        let options = found.group.options().expect("allowed");
        assert_eq!(options.processes, Some(2));
        assert_eq!(options.python_home.as_deref(), Some("/srv/venv"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(options.env, [pair("DEBUG", "0"), pair("NAME", "a=b c")]);
    }

    #[test]
    fn what_the_command_line_says_wins() {
        let file = parsed("app = 'a.py'\nprocesses = 2\nthreads = 3\nmount = '/a'\nlog-level = 'error'\n");
        let line = parsed("processes = 5\nmount = '/b'\n").expect("understood");
        let found = line.over(file.expect("understood"));
        let options = found.group.options().expect("allowed");
        assert_eq!((options.processes, options.threads), (Some(5), 3));
        assert_eq!(found.mount.as_deref(), Some("/b"));
        assert_eq!(found.common.log_level.as_deref(), Some("error"));
        assert_eq!(found.app.as_deref(), Some("a.py"));
    }

    #[test]
    fn mistakes_are_told_by_their_names() {
        for (text, part) in [
            ("processes = ", "line 1"),
            ("procesess = 2", "no option procesess"),
            ("config = 'other.toml'", "no option config"),
            ("log-level = 'loud'", "'loud'"),
            ("app = 3", "app takes a text"),
            ("threads = [[1]]", "threads"),
            ("[threads]\na = 1", "threads"),
            ("[env]\nA = [1]", "env: A"),
        ] {
            let problem = parsed(text).map(|_| ()).expect_err(text);
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
