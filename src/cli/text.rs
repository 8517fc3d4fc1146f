//! Lines of httpd's configuration.

use std::path::Path;

/// Lines.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// A comment.
    pub(super) fn comment(&mut self, text: &str) {
        self.0.push_str("# ");
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Text as it is.
    pub(super) fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// A directive that takes a number.
    pub(super) fn number(&mut self, name: &str, number: u32) {
        self.0.push_str(&format!("{name} {number}\n"));
    }

    /// A directive with its arguments, each in quotes.
    ///
    /// # Errors
    /// An argument that a configuration cannot hold.
    pub(super) fn line(&mut self, name: &str, arguments: &[&str]) -> Result<(), String> {
        self.0.push_str(name);
        for argument in arguments {
            self.0.push(' ');
            self.0.push_str(&quoted(argument)?);
        }
        self.0.push('\n');
        Ok(())
    }

    /// Lets clients have the files of a folder, or one file.
    ///
    /// # Errors
    /// A path that a configuration cannot hold.
    pub(super) fn grant(&mut self, path: &Path) -> Result<(), String> {
        if path.is_dir() {
            let folder = quoted(&path.to_string_lossy())?;
            self.0.push_str(&format!(
                "<Directory {folder}>\n    Options FollowSymLinks\n    Require all granted\n</Directory>\n"
            ));
            return Ok(());
        }
        let folder = quoted(&path.parent().unwrap_or(path).to_string_lossy())?;
        let file = quoted(&path.file_name().unwrap_or_default().to_string_lossy())?;
        self.0.push_str(&format!(
            "<Directory {folder}>\n    <Files {file}>\n        Require all granted\n    </Files>\n</Directory>\n"
        ));
        Ok(())
    }

    /// All lines.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// `text` as one argument.
///
/// # Errors
/// Line ends, and `${`, which httpd would put something else in place of.
pub(super) fn quoted(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) || text.contains("${") {
        return Err(format!("{text:?} cannot stand in httpd's configuration"));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_stays_one_argument() {
        assert_eq!(quoted(r#"a "b\c"#).as_deref(), Ok(r#""a \"b\\c""#));
        for text in ["a\nb", "a${HOME}", "\0"] {
            assert!(quoted(text).is_err(), "{text:?}");
        }
    }
}
