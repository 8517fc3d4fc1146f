//! The file of `--config`, and the command line laid over it.

use std::path::Path;

use toml::{Table, Value};

use super::options::{Options, PER_APPLICATION};

/// Options with everything that was said about them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// Those of the server, and of the applications in general.
    pub server: Options,
    /// Those of each application; none where no application was named.
    pub applications: Vec<Options>,
}

/// What the command line and the text of a file say together. The file's relative paths start at `folder`.
///
/// # Errors
/// What is wrong with the file, with the line it is in.
pub(super) fn read(command_line: &Options, file: Option<(&str, &Path)>) -> Result<Wanted, String> {
    let mut common = Table::new();
    let mut applications = Vec::new();
    if let Some((text, folder)) = file {
        // Mistakes are told with their line, which only reading the text can.
        let whole: Options = toml::from_str(text).map_err(|error| error.to_string())?;
        applications = whole.apps;
        common = toml::from_str(text).map_err(|error| error.to_string())?;
        common.remove("apps");
        absolute_paths(&mut common, folder);
        for application in &mut applications {
            check(application)?;
            absolute_paths(application, folder);
        }
    }
    let said = said(command_line)?;
    let named_here = said.contains_key("app");
    lay_over(&mut common, said.clone());
    let server = options(common.clone())?;
    let mut found = Vec::new();
    // An application on the command line takes the place of the file's.
    for own in applications.iter().filter(|_| !named_here) {
        let mut table = common.clone();
        table.remove("mount-point");
        lay_over(&mut table, own.clone());
        // What the command line says of all applications wins over what the file says of one.
        let mut said = said.clone();
        said.remove("mount-point");
        lay_over(&mut table, said);
        found.push(options(table)?);
    }
    if server.app.is_some() {
        found.insert(0, server.clone());
    }
    for mounted in &server.mount {
        found.push(Options {
            app: Some(mounted.value.clone()),
            mount_point: Some(mounted.name.clone()),
            ..server.clone()
        });
    }
    Ok(Wanted {
        server,
        applications: found,
    })
}

/// What is wrong with an application of the file, if anything.
fn check(application: &Table) -> Result<(), String> {
    if !application.contains_key("app") {
        return Err("an entry of [[apps]] has no app".to_owned());
    }
    let foreign = application
        .keys()
        .find(|name| !PER_APPLICATION.contains(&name.as_str()));
    match foreign {
        Some(name) => Err(format!(
            "[[apps]] does not take {name}; it takes {}",
            PER_APPLICATION.join(", ")
        )),
        None => Ok(()),
    }
}

/// What the command line says, and nothing that it does not.
fn said(command_line: &Options) -> Result<Table, String> {
    let mut table = Table::try_from(command_line).map_err(|error| error.to_string())?;
    table.retain(|_, value| match value {
        Value::Boolean(on) => *on,
        Value::Array(items) => !items.is_empty(),
        Value::Table(entries) => !entries.is_empty(),
        _ => true,
    });
    Ok(table)
}

fn options(table: Table) -> Result<Options, String> {
    table.try_into().map_err(|error| error.to_string())
}

/// Entries of inner tables are laid over one by one.
fn lay_over(below: &mut Table, above: Table) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}

/// Options that are paths; those of the command line start where it was typed.
const PATHS: [&str; 14] = [
    "venv",
    "python",
    "python-path",
    "working-directory",
    "env-file",
    "reload-folder",
    "tls-certificate",
    "tls-key",
    "document-root",
    "log-file",
    "include",
    "httpd",
    "module",
    "worker",
];

fn absolute_paths(table: &mut Table, folder: &Path) {
    let absolute = |text: &mut String| *text = folder.join(&*text).to_string_lossy().into_owned();
    for (name, value) in table.iter_mut() {
        match value {
            Value::String(text) if PATHS.contains(&name.as_str()) => absolute(text),
            Value::Array(items) if PATHS.contains(&name.as_str()) => {
                for item in items {
                    if let Value::String(text) = item {
                        absolute(text);
                    }
                }
            }
            Value::Table(entries) if name == "static" => {
                for (_, entry) in entries.iter_mut() {
                    if let Value::String(text) = entry {
                        absolute(text);
                    }
                }
            }
            // One that is a path leads from the file as well.
            Value::String(text) if name == "app" && folder.join(&*text).exists() => absolute(text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
