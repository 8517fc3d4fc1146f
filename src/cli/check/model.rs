//! A configuration as its rules see it: servers with their settings, sections, and the lines of other modules
//! that matter.

mod read;

use std::sync::Arc;

use super::accounts;
use super::dump::Line;
use crate::config::alias::ScriptAlias;
use crate::config::finish::{Finished, ServerEntry, check};
use crate::config::place::Place;
use crate::config::plan::identity::HttpdAccount;
use crate::config::settings::{DirSettings, ServerSettings};

/// A whole configuration.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// The main server, then virtual hosts.
    pub(super) servers: Vec<Server>,
    /// Sections, outer ones before those in them.
    pub(super) sections: Vec<Section>,
    /// What our own lines say together.
    pub(super) finished: Finished,
    /// Lines of other modules outside of sections: lower-case name, words, place.
    pub(super) others: Vec<(String, Vec<String>, Place)>,
}

/// The main server or a virtual host.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// `ServerName`.
    pub(super) name: String,
    /// What its own lines set.
    pub(super) settings: ServerSettings,
    /// The same for its requests in general.
    pub(super) dir: DirSettings,
    /// `DocumentRoot`.
    pub(super) document_root: Option<String>,
    /// `Alias` and the like of mod_alias: the folder or file that it shows, and where.
    pub(super) shown: Vec<(String, Place)>,
}

/// A section such as `<Directory>`.
#[derive(Debug)]
pub(super) struct Section {
    /// Index of its server.
    pub(super) server: usize,
    /// Lower-case name, without brackets.
    pub(super) kind: String,
    /// Its first argument that is no sign.
    pub(super) argument: String,
    /// Index of the section around it.
    pub(super) within: Option<usize>,
    /// What our lines in it set.
    pub(super) dir: DirSettings,
    /// Lines of `Require` in it, and in what groups them.
    pub(super) requires: Vec<String>,
}

/// An alias of ours with what applies to its requests.
#[derive(Debug, Clone)]
pub(super) struct Mount<'a> {
    pub(super) alias: &'a ScriptAlias,
    pub(super) server: usize,
    /// Process group, empty for httpd's own processes; `None` where each request decides.
    pub(super) process_group: Option<String>,
    /// Whether nothing says where it runs.
    pub(super) is_embedded_by_default: bool,
    /// Application group, empty for the main interpreter; `None` where each request has its own.
    pub(super) application_group: Option<String>,
}

impl Model {
    /// Reads lines.
    pub(super) fn of(lines: &[Line]) -> Model {
        let mut model = read::read(lines);
        let merged: Vec<ServerSettings> = model
            .servers
            .iter()
            .enumerate()
            .map(|(index, server)| match (index, model.servers.first()) {
                (0, _) | (_, None) => server.settings.clone(),
                (_, Some(main)) => ServerSettings::merge(&main.settings, &server.settings),
            })
            .collect();
        let entries: Vec<ServerEntry<'_>> = model
            .servers
            .iter()
            .zip(&merged)
            .enumerate()
            .map(|(index, (server, settings))| ServerEntry {
                name: &server.name,
                is_virtual: index > 0,
                settings,
            })
            .collect();
        model.finished = check(&entries);
        model
    }

    /// The main server.
    pub(super) fn main(&self) -> Option<&Server> {
        self.servers.first()
    }

    /// The words of the last line of this name outside of sections.
    pub(super) fn other(&self, name: &str) -> Option<(&[String], &Place)> {
        let found = self.others.iter().rev().find(|(known, ..)| known == name);
        found.map(|(_, words, place)| (words.as_slice(), place))
    }

    /// Its first word.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        self.other(name)?.0.first().map(String::as_str)
    }

    /// Whom httpd's children run as.
    pub(super) fn account(&self) -> HttpdAccount {
        accounts::httpd(self.word("user"), self.word("group"))
    }

    /// All aliases that lead to scripts.
    pub(super) fn mounts(&self) -> Vec<Mount<'_>> {
        let with_index = self.servers.iter().enumerate();
        with_index
            .flat_map(|(server, found)| found.settings.aliases.iter().map(move |alias| (server, alias)))
            .map(|(server, alias)| self.mount(server, alias))
            .collect()
    }

    fn mount<'a>(&'a self, server: usize, alias: &'a Arc<ScriptAlias>) -> Mount<'a> {
        let mut dir = self.main().map(|main| main.dir.clone()).unwrap_or_default();
        if let Some(found) = self.servers.get(server).filter(|_| server > 0) {
            dir = DirSettings::merge(&dir, &found.dir);
        }
        for section in &self.sections {
            if section.applies_to(server, alias) {
                dir = DirSettings::merge(&dir, &section.dir);
            }
        }
        let process = alias
            .options
            .process_group
            .as_ref()
            .or(dir.process_group.as_ref());
        let application = alias
            .options
            .application_group
            .as_ref()
            .or(dir.application_group.as_ref());
        Mount {
            alias,
            server,
            is_embedded_by_default: process.is_none(),
            process_group: match process.map(|name| &**name) {
                None | Some("%{GLOBAL}") => Some(String::new()),
                Some(name) => fixed(name),
            },
            application_group: match application.map(|name| &**name) {
                Some("%{GLOBAL}" | "auto" | "") => Some(String::new()),
                Some(name) => fixed(name),
                // Each mount point has its own.
                None => Some(format!("{}|{}", server, alias.source_text())),
            },
        }
    }
}

fn fixed(name: &str) -> Option<String> {
    (!name.contains("%{")).then(|| name.to_owned())
}

impl Section {
    /// Whether requests that `alias` of a server takes are in it, as far as one can tell.
    pub(super) fn applies_to(&self, server: usize, alias: &ScriptAlias) -> bool {
        if self.within.is_some() || (self.server != 0 && self.server != server) {
            return false;
        }
        match self.kind.as_str() {
            "directory" => is_below(&alias.target, &self.argument),
            "location" => is_below(&alias.source_text(), &self.argument),
            _ => false,
        }
    }
}

/// Whether `path` is `folder` or lies in it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
