//! What is set before a Python interpreter starts.

/// `WSGIPythonHashSeed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashSeed {
    /// A seed of its own for every process.
    Random,
    /// The same seed for every process; 0 switches randomisation off.
    Fixed(u32),
}

/// `RWSGIUTF8Mode`: whether Python takes UTF-8 for the encoding of file names and files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Utf8Mode {
    /// Under the C and POSIX locales, and where `PYTHONUTF8=1` is set.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never: the locale decides.
    Off,
}

/// Settings of the Python embedded in httpd's processes: one set for the whole server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PythonSettings {
    /// `WSGIPythonHome` as written.
    pub home: Option<String>,
    /// `WSGIPythonPath`: directories in the order given, without empty ones.
    pub path: Option<Vec<String>>,
    /// `WSGIPythonOptimize`: 0 none, 1 as `-O`, 2 as `-OO`.
    pub optimize: Option<u8>,
    /// `WSGIDontWriteBytecode`.
    pub dont_write_bytecode: Option<bool>,
    /// `WSGIPythonWarnings`: one entry for each use, in the grammar of `python -W`.
    pub warnings: Vec<String>,
    /// `WSGIPythonHashSeed`.
    pub hash_seed: Option<HashSeed>,
    /// `RWSGIUTF8Mode`.
    pub utf8_mode: Option<Utf8Mode>,
    /// `WSGIRestrictStdin`.
    pub restrict_stdin: Option<bool>,
    /// `WSGIRestrictStdout`.
    pub restrict_stdout: Option<bool>,
    /// `WSGIRestrictSignal`.
    pub restrict_signal: Option<bool>,
}

impl PythonSettings {
    /// Whether no directive has set anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Directories to put in front of `sys.path`, in order.
    #[must_use]
    pub fn path(&self) -> &[String] {
        self.path.as_deref().unwrap_or_default()
    }

    /// Level of optimisation; 0 unless set.
    #[must_use]
    pub fn optimize(&self) -> u8 {
        self.optimize.unwrap_or(0)
    }

    /// Whether Python takes UTF-8 for the encoding of files; `Auto` unless set.
    #[must_use]
    pub fn utf8_mode(&self) -> Utf8Mode {
        self.utf8_mode.unwrap_or_default()
    }

    /// Whether imports write no `.pyc` files; they do unless set.
    #[must_use]
    pub fn dont_write_bytecode(&self) -> bool {
        self.dont_write_bytecode.unwrap_or(false)
    }

    /// Whether reading `sys.stdin` is an error; it is not unless set.
    #[must_use]
    pub fn restrict_stdin(&self) -> bool {
        self.restrict_stdin.unwrap_or(false)
    }

    /// Whether writing to `sys.stdout` is an error; it is not unless set.
    #[must_use]
    pub fn restrict_stdout(&self) -> bool {
        self.restrict_stdout.unwrap_or(false)
    }

    /// Whether an application is kept from installing signal handlers; it is unless set.
    #[must_use]
    pub fn restrict_signal(&self) -> bool {
        self.restrict_signal.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_means_the_documented_default() {
        let unset = PythonSettings::default();
        assert!(unset.is_empty());
        assert!(unset.path().is_empty());
        assert_eq!(unset.optimize(), 0);
        assert_eq!(unset.utf8_mode(), Utf8Mode::Auto);
        assert!(!unset.dont_write_bytecode());
        assert!(!unset.restrict_stdin());
        assert!(!unset.restrict_stdout());
        assert!(unset.restrict_signal());
    }

    #[test]
    fn any_setting_makes_it_not_empty() {
        let set = PythonSettings {
            restrict_signal: Some(true),
            ..Default::default()
        };
        assert!(!set.is_empty());
        assert!(
            !PythonSettings {
                path: Some(Vec::new()),
                ..Default::default()
            }
            .is_empty()
        );
    }
}
