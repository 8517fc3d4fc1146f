//! `--setup`: a server to keep, with a script that controls it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::place::{self, told};
use super::site::Site;
use crate::cli::installation::absolute;

/// Controls a server; `@HTTPD@`, `@COMMAND@` and `@ROOT@` stand for words of the shell.
const CONTROL: &str = include_str!("control.sh");

/// Writes the server into `folder`; what to do with it.
pub(super) fn write(site: &Site, folder: &Path) -> Result<String, String> {
    if site.options.reload {
        return Err(
            "--setup: a server to keep shows no tracebacks to clients; leave --reload out".to_owned(),
        );
    }
    let root = absolute(folder);
    fs::create_dir_all(&root).map_err(|error| told(&root, &error))?;
    place::write(site, &place::kept(site, &root))?;
    let control = root.join("control");
    let text = CONTROL
        .replace("@HTTPD@", &word(&site.httpd.program.to_string_lossy()))
        .replace("@COMMAND@", &word(&site.parts.command.to_string_lossy()))
        .replace("@ROOT@", &word(&root.to_string_lossy()));
    fs::write(&control, text)
        .and_then(|()| fs::set_permissions(&control, fs::Permissions::from_mode(0o755)))
        .map_err(|error| told(&control, &error))?;
    Ok(format!(
        "Written to {}.\n\n  {control} start      serves at {}\n  {control} graceful   serves a new version, loses no request\n  \
         {control} stop\n  {control} run        in the foreground\n  {control} check      rwsgi check of it\n",
        root.display(),
        site.address(),
        control = control.display(),
    ))
}

/// `text` as one word of the shell.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_is_one_word() {
        assert_eq!(word("/a b/it's"), r"'/a b/it'\''s'");
    }
}
