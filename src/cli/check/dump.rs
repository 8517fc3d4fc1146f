//! httpd's own print of its configuration (`-D DUMP_CONFIG` of mod_info): files included, variables put in,
//! conditions decided. What httpd carries out while it reads is not there; some of that is in another
//! (`-D DUMP_RUN_CFG`).

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::place::Place;

/// One line, in the order in which httpd reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it stands.
    pub(super) place: Place,
    /// The name, with `<` or `</` for a section.
    pub(super) name: String,
    /// Everything behind it.
    pub(super) arguments: String,
}

/// The ServerRoot that httpd's other print tells.
pub(super) fn server_root(text: &str) -> Option<PathBuf> {
    let mut lines = text.lines();
    let root = lines.find_map(|line| line.strip_prefix("ServerRoot: \"")?.strip_suffix('"'));
    root.map(PathBuf::from)
}

/// The lines of a dump.
pub(super) fn parse(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut file, mut number): (Arc<str>, u32) = ("".into(), 0);
    for line in text.lines().map(str::trim) {
        if let Some(note) = line.strip_prefix('#') {
            let note = note.trim();
            if let Some(name) = note.strip_prefix("In file: ") {
                file = name.into();
            } else if let Some(Ok(found)) = note.strip_suffix(':').map(str::parse) {
                number = found;
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let (name, arguments) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        lines.push(Line {
            place: Place {
                file: file.clone(),
                line: number,
            },
            name: name.to_owned(),
            arguments: arguments.trim().to_owned(),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_their_file_and_number() {
        let text = "# In file: /a.conf\n#   3:\nListen 80\n<VirtualHost *:80>\n  # In file: /b.conf\n  #  12:\n  \
                    WSGIScriptAlias / \"/a b.wsgi\"\n</VirtualHost>\n";
        let shown: Vec<String> = parse(text)
            .iter()
            .map(|line| format!("{} {} {}", line.place, line.name, line.arguments))
            .collect();
        assert_eq!(
            shown,
            [
                "/a.conf:3 Listen 80",
                "/a.conf:3 <VirtualHost *:80>",
                "/b.conf:12 WSGIScriptAlias / \"/a b.wsgi\"",
                "/b.conf:12 </VirtualHost> ",
            ]
        );
    }

    #[test]
    fn the_server_root_is_told_by_the_other_print() {
        let text = "ServerRoot: \"/srv/a b\"\nMain ErrorLog: \"/x\"\n";
        assert_eq!(server_root(text), Some(PathBuf::from("/srv/a b")));
        assert_eq!(server_root(""), None);
    }
}
