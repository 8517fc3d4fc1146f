//! From lines to the model.

use std::ops::Range;

use super::super::dump::Line;
use super::{Model, Section, Server};
use crate::config::alias::UriPattern;
use crate::config::args::words;
use crate::config::directives::{DIRECTIVES, Directive, Scope};

/// Sections that begin a server or stand for nothing by themselves.
const GROUPS: [&str; 4] = [
    "requireall",
    "requireany",
    "requirenone",
    "wsgiinterpreteroptions",
];

/// A regular expression that is kept and never compared.
struct Unmatched(String);

impl UriPattern for Unmatched {
    fn captures(&self, _uri: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
        None
    }

    fn source(&self) -> &str {
        &self.0
    }
}

/// Where the next line stands.
#[derive(Default)]
struct Position {
    server: usize,
    /// Sections that are open.
    open: Vec<usize>,
    /// `<RequireAll>` and the like that are open.
    groups: usize,
}

pub(super) fn read(lines: &[Line]) -> Model {
    let mut model = Model {
        servers: vec![Server::default()],
        ..Model::default()
    };
    let mut position = Position::default();
    for line in lines {
        if let Some(name) = line.name.strip_prefix("</") {
            close(&mut position, name.trim_end_matches('>'));
        } else if let Some(name) = line.name.strip_prefix('<') {
            open(
                &mut model,
                &mut position,
                &name.trim_end_matches('>').to_ascii_lowercase(),
                line,
            );
        } else {
            take(&mut model, &position, line);
        }
    }
    model
}

fn close(position: &mut Position, name: &str) {
    let name = name.to_ascii_lowercase();
    if name == "virtualhost" {
        position.server = 0;
    } else if GROUPS.contains(&name.as_str()) {
        position.groups = position.groups.saturating_sub(1);
    } else {
        position.open.pop();
    }
}

fn open(model: &mut Model, position: &mut Position, name: &str, line: &Line) {
    if name == "virtualhost" {
        position.server = model.servers.len();
        model.servers.push(Server::default());
        return;
    }
    if GROUPS.contains(&name) {
        position.groups += 1;
        apply(model, position, line);
        return;
    }
    let arguments = words(line.arguments.trim_end_matches('>')).unwrap_or_default();
    let is_pattern = arguments.first().is_some_and(|first| first == "~");
    let kind = if is_pattern {
        format!("{name}match")
    } else {
        name.to_owned()
    };
    position.open.push(model.sections.len());
    model.sections.push(Section {
        server: position.server,
        kind,
        argument: arguments.into_iter().find(|word| word != "~").unwrap_or_default(),
        within: position.open.iter().rev().nth(1).copied(),
        dir: crate::config::settings::DirSettings::default(),
        requires: Vec::new(),
    });
}

fn take(model: &mut Model, position: &Position, line: &Line) {
    if apply(model, position, line) {
        return;
    }
    let name = line.name.to_ascii_lowercase();
    let arguments = words(&line.arguments).unwrap_or_default();
    let section = position
        .open
        .last()
        .and_then(|index| model.sections.get_mut(*index));
    let first = arguments.first().cloned().unwrap_or_default();
    let Some(server) = model.servers.get_mut(position.server) else {
        return;
    };
    match (name.as_str(), section) {
        ("require", Some(section)) => section.requires.push(line.arguments.clone()),
        (_, Some(_)) => {}
        ("servername", None) => server.name = first,
        ("documentroot", None) => server.document_root = Some(first),
        ("alias", None) => {
            let target = arguments.get(1).cloned().unwrap_or_default();
            server.shown.push((target, line.place.clone()));
        }
        _ => model.others.push((name, arguments, line.place.clone())),
    }
}

/// Carries out a line of ours; whether it is one.
fn apply(model: &mut Model, position: &Position, line: &Line) -> bool {
    let Some(directive) = find(&line.name) else {
        return false;
    };
    let compile = |source: &str| Ok(Box::new(Unmatched(source.to_owned())) as Box<dyn UriPattern>);
    let Some(server) = model.servers.get_mut(position.server) else {
        return true;
    };
    let section = position
        .open
        .last()
        .and_then(|index| model.sections.get_mut(*index));
    let (settings, dir) = match section {
        None => (Some(&mut server.settings), &mut server.dir),
        Some(section) => (None, &mut section.dir),
    };
    let mut scope = Scope {
        server: settings,
        dir,
        place: Some(line.place.clone()),
        compile: &compile,
        notices: Vec::new(),
        needs_python: false,
    };
    // httpd has read the line before and told what is wrong with it.
    let _ = (directive.apply)(&mut scope, &line.arguments);
    true
}

fn find(name: &str) -> Option<&'static Directive> {
    let name = name.trim_end_matches('>');
    DIRECTIVES.iter().find(|row| {
        row.name
            .to_str()
            .is_ok_and(|known| known.eq_ignore_ascii_case(name))
    })
}
