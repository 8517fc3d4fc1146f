//! Checks that need the whole configuration, in whichever order its lines stand.

use std::fmt;
use std::sync::Arc;

use super::daemon_group::DaemonGroup;
use super::place::Place;
use super::scripts::ImportScript;
use super::settings::ServerSettings;
use crate::gateway::{Code, Level};

/// The main server or a virtual host, when all lines have been read.
#[derive(Debug, Clone, Copy)]
pub struct ServerEntry<'a> {
    /// Its `ServerName`.
    pub name: &'a str,
    /// Whether it is a virtual host.
    pub is_virtual: bool,
    /// Its settings, laid over those of the main server.
    pub settings: &'a ServerSettings,
}

/// Something that the administrator must or should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// Whether the server must not start.
    pub refuses: bool,
    /// Number of the line.
    pub code: Code,
    /// What is the matter, and what to do.
    pub text: String,
    /// Where, if that is known.
    pub place: Option<Place>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text)?;
        match &self.place {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}

/// A daemon group, and who may use it.
#[derive(Debug, Clone)]
pub struct DefinedGroup {
    /// The first definition.
    pub group: Arc<DaemonGroup>,
    /// Whether the main server defines it, so that all virtual hosts may use it.
    pub everywhere: bool,
    /// Names of the servers whose virtual hosts may use it.
    pub server_names: Vec<String>,
}

impl DefinedGroup {
    /// Whether requests to the server of this name may use it.
    #[must_use]
    pub fn is_visible(&self, server_name: &str) -> bool {
        self.everywhere
            || self
                .server_names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(server_name))
    }
}

/// What all lines together say.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// All daemon groups, each once, in the order of their first definitions.
    pub groups: Vec<DefinedGroup>,
    /// What each process loads when it starts, in order and each script once for a pair of groups.
    pub imports: Vec<Arc<ImportScript>>,
    /// What is to be told.
    pub findings: Vec<Finding>,
    /// Whether some place uses a script that runs in httpd's own processes.
    pub hook_scripts: bool,
}

impl Finished {
    /// Whether the server must not start.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.refuses)
    }

    /// What the processes of a group load when they start; an empty name stands for httpd's own.
    pub fn imports_of<'a>(&'a self, process_group: &'a str) -> impl Iterator<Item = &'a ImportScript> {
        self.imports
            .iter()
            .map(Arc::as_ref)
            .filter(move |import| *import.process_group == *process_group)
    }

    /// The group of this name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&DefinedGroup> {
        self.groups.iter().find(|defined| *defined.group.name == *name)
    }
}

/// Looks at all servers, the main server first.
#[must_use]
pub fn check(servers: &[ServerEntry<'_>]) -> Finished {
    let mut finished = Finished::default();
    for server in servers {
        finished.hook_scripts |= server.settings.hook_scripts;
        for group in own(servers, server, |settings| &settings.daemon_groups) {
            define(&mut finished, server, group);
        }
    }
    for server in servers {
        for alias in own(servers, server, |settings| &settings.aliases) {
            if let Some(import) = alias.preload() {
                finished.import(server, &Arc::new(import));
            }
        }
        for import in own(servers, server, |settings| &settings.imports) {
            finished.import(server, import);
        }
    }
    finished
}

/// What this server's own lines made: a virtual host inherits what the main server has.
fn own<'a, T: 'a>(
    servers: &[ServerEntry<'a>],
    server: &ServerEntry<'a>,
    list: fn(&ServerSettings) -> &Vec<Arc<T>>,
) -> impl Iterator<Item = &'a Arc<T>> {
    let main = servers.iter().find(|server| !server.is_virtual);
    let inherited = main.filter(|_| server.is_virtual).map(|main| list(main.settings));
    list(server.settings).iter().filter(move |item| {
        !inherited.is_some_and(|inherited| inherited.iter().any(|other| Arc::ptr_eq(item, other)))
    })
}

fn define(finished: &mut Finished, server: &ServerEntry<'_>, group: &Arc<DaemonGroup>) {
    let name = &group.name;
    let Some(known) = finished.groups.iter_mut().find(|known| known.group.name == *name) else {
        finished.groups.push(DefinedGroup {
            group: group.clone(),
            everywhere: !server.is_virtual,
            server_names: vec![server.name.to_owned()],
        });
        return;
    };
    let first = known
        .group
        .place
        .as_ref()
        .map_or_else(String::new, |place| format!(" at {place}"));
    let finding = match known.group.options.difference(&group.options) {
        None => {
            known.everywhere |= !server.is_virtual;
            known.server_names.push(server.name.to_owned());
            Finding {
                level: Level::Info,
                refuses: false,
                code: Code::GROUP_REPEATED,
                text: format!(
                    "WSGIDaemonProcess: {name:?} is defined again with the same options{first}; both lines mean one group"
                ),
                place: group.place.clone(),
            }
        }
        Some(difference) => Finding {
            level: Level::Error,
            refuses: true,
            code: Code::GROUP_CONFLICT,
            text: format!(
                "WSGIDaemonProcess: {name:?} is already defined{first} with other options: {difference}; \
                 give one group another name, or both the same options"
            ),
            place: group.place.clone(),
        },
    };
    finished.findings.push(finding);
}

/// Why requests to `server` cannot use the group.
fn unusable(finished: &Finished, server: &ServerEntry<'_>, name: &str) -> Option<(Code, String)> {
    if name.is_empty() {
        return None;
    }
    let Some(defined) = finished.group(name) else {
        let text = format!(
            "WSGI process group {name:?} not yet configured: no WSGIDaemonProcess of this name is in the \
             whole configuration; add one or correct the name"
        );
        return Some((Code::GROUP_UNDEFINED, text));
    };
    if defined.is_visible(server.name) {
        return None;
    }
    let owners = defined.server_names.join(", ");
    let text = format!(
        "WSGI process group {name:?} not accessible from {}: it belongs to the virtual host {owners}; define it \
         outside of any virtual host, or give both hosts the same ServerName",
        server.name
    );
    Some((Code::GROUP_NOT_VISIBLE, text))
}

impl Finished {
    fn import(&mut self, server: &ServerEntry<'_>, import: &Arc<ImportScript>) {
        if let Some((code, text)) = unusable(self, server, &import.process_group) {
            self.findings.push(Finding {
                level: Level::Error,
                refuses: true,
                code,
                text: format!("{}: {text}", import.source),
                place: import.place.clone(),
            });
        } else if !self.imports.iter().any(|known| known.loads_the_same(import)) {
            self.imports.push(import.clone());
        }
    }
}

#[cfg(test)]
mod tests;
