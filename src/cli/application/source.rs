//! What a Python file defines at its top level, as far as one can tell without running it.

use std::fs;
use std::path::Path;

use super::{Callable, USUAL_CALLABLE, Unrecognised};

/// Names of applications, the most usual first.
const CALLABLES: [&str; 2] = [USUAL_CALLABLE, "app"];
/// Names of factories.
const FACTORIES: [&str; 2] = ["create_app", "make_app"];
/// What makes an ASGI application when its value begins with it.
const ASGI_MAKERS: [&str; 6] = [
    "FastAPI(",
    "Starlette(",
    "Quart(",
    "Litestar(",
    "get_asgi_application(",
    "ProtocolTypeRouter(",
];

/// Statements whose lines bind names of the file as if they stood at its top level.
const BLOCKS: [&str; 7] = ["if", "elif", "else", "try", "except", "finally", "with"];

/// The lines of a file that may bind names.
#[derive(Debug)]
pub(super) struct Definitions {
    text: String,
}

/// How a name is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wsgi,
    Asgi,
}

impl Definitions {
    /// Reads a file.
    pub(super) fn read(file: &Path) -> Result<Definitions, Unrecognised> {
        let bytes = fs::read(file).map_err(|error| Unrecognised::Unreadable {
            file: file.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Definitions {
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// The callable under the most usual of the names that the file defines.
    pub(super) fn callable(&self, file: &Path) -> Result<Callable, Unrecognised> {
        let mut asgi = None;
        for (names, is_factory) in [(CALLABLES, false), (FACTORIES, true)] {
            for name in names {
                match self.find(name) {
                    Some(Kind::Wsgi) => {
                        return Ok(Callable {
                            name: name.to_owned(),
                            is_factory,
                        });
                    }
                    Some(Kind::Asgi) => asgi = asgi.or(Some(name)),
                    None => {}
                }
            }
        }
        match asgi {
            Some(name) => Err(Unrecognised::Asgi {
                file: file.to_owned(),
                name: name.to_owned(),
            }),
            None if self.may_bind_anything() => Ok(Callable::plain(USUAL_CALLABLE)),
            None => Err(Unrecognised::NoCallable(file.to_owned())),
        }
    }

    /// How the last line that binds `name` does so.
    fn find(&self, name: &str) -> Option<Kind> {
        let (mut found, mut in_block, mut in_import) = (None, false, false);
        for whole in self.text.lines().map(without_comment) {
            let indented = whole.starts_with([' ', '\t']);
            let line = whole.trim();
            if !indented && !line.is_empty() && !line.starts_with([')', ']', '}']) {
                in_block = BLOCKS.contains(&word(line));
            }
            // Within a function or a class, a name is another one.
            let is_ours = !indented || in_block;
            let starts_import = is_ours && (line.starts_with("from ") || line.starts_with("import "));
            in_import = starts_import || (in_import && (indented || line.starts_with(')')));
            if in_import && imports(line, name) {
                found = Some(Kind::Wsgi);
            } else if is_ours && !in_import {
                found = binding(line, name).or(found);
            }
        }
        found
    }

    /// Whether names may come into being that do not stand in the file.
    fn may_bind_anything(&self) -> bool {
        ["import *", "exec(", "globals()"]
            .iter()
            .any(|sign| self.text.contains(sign))
    }
}

/// How `line` binds `name`, by an assignment or a definition.
fn binding(line: &str, name: &str) -> Option<Kind> {
    if let Some(defined) = line.strip_prefix("async def ") {
        return (word(defined) == name).then_some(Kind::Asgi);
    }
    let definition = ["def ", "class "]
        .iter()
        .find_map(|start| line.strip_prefix(start));
    if let Some(defined) = definition {
        return (word(defined) == name).then_some(Kind::Wsgi);
    }
    let value = is_assignment(line)
        .then(|| line.split_once('='))
        .flatten()
        .filter(|(targets, _)| word(targets) == name || line.contains(&format!("= {name} = ")))
        .map(|(_, value)| value.trim())?;
    let is_asgi = ASGI_MAKERS.iter().any(|maker| {
        // `fastapi.FastAPI(` and `app = application = FastAPI(` too.
        value.split(['=', '.', ' ']).any(|part| part.starts_with(maker))
    });
    Some(if is_asgi { Kind::Asgi } else { Kind::Wsgi })
}

/// `name = value` or `name: Type = value`.
fn is_assignment(line: &str) -> bool {
    let after = line.get(word(line).len()..).unwrap_or_default().trim_start();
    let is_plain = after.starts_with('=') && !after.starts_with("==");
    is_plain || (after.starts_with(':') && after.contains('='))
}

/// Whether a line of an import brings `name` in.
fn imports(line: &str, name: &str) -> bool {
    let list = line.split_once("import ").map_or(line, |(_, list)| list);
    list.trim_matches(['(', ')', ' ', '\\'])
        .split(',')
        .filter_map(|item| item.split_whitespace().last())
        .any(|bound| bound.trim_matches(['(', ')']) == name)
}

/// The name that `text` begins with.
fn word(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_alphanumeric() && character != '_');
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}
