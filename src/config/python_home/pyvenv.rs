//! `pyvenv.cfg`.

use std::path::PathBuf;

/// What matters of a `pyvenv.cfg`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PyVenv {
    /// Directory of the interpreter that the environment was made with.
    pub(super) home: Option<PathBuf>,
    /// Its version, if written.
    pub(super) version: Option<(u8, u8)>,
    /// Whether that interpreter is PyPy.
    pub(super) is_pypy: bool,
}

impl PyVenv {
    /// Reads lines `key = value`; keys have any letter case, and the first of a kind counts.
    pub(super) fn parse(content: &[u8]) -> Self {
        let mut parsed = Self::default();
        for line in String::from_utf8_lossy(content).lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "home" if parsed.home.is_none() => parsed.home = Some(value.into()),
                "version" | "version_info" if parsed.version.is_none() => {
                    parsed.version = minor_version(value);
                }
                "implementation" => parsed.is_pypy = value.eq_ignore_ascii_case("pypy"),
                _ => {}
            }
        }
        parsed
    }
}

/// Major and minor number at the beginning of a version such as `3.11.2.final.0`.
pub(super) fn minor_version(text: &str) -> Option<(u8, u8)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_venv_virtualenv_and_uv_are_understood() {
        for (content, version) in [
            (
                "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n",
                (3, 11),
            ),
            (
                "home = /usr/bin\nimplementation = CPython\nversion_info = 3.12.1.final.0\n",
                (3, 12),
            ),
            ("HOME=/usr/bin\r\nuv = 0.4\r\nversion_info = 3.13\r\n", (3, 13)),
        ] {
            let parsed = PyVenv::parse(content.as_bytes());
            assert_eq!(parsed.home, Some("/usr/bin".into()), "{content}");
            assert_eq!(parsed.version, Some(version), "{content}");
            assert!(!parsed.is_pypy);
        }
    }

    #[test]
    fn pypy_says_so() {
        assert!(PyVenv::parse(b"implementation = PyPy\nversion_info = 3.10.14\n").is_pypy);
    }

    #[test]
    fn nonsense_is_no_environment_in_particular() {
        assert_eq!(
            PyVenv::parse(b"\xff\xfe\0 = \n=\nversion = x.y\nhome"),
            PyVenv::default()
        );
        assert_eq!(minor_version("3"), None);
        assert_eq!(minor_version("3.x"), None);
    }
}
