//! What is set for Python interpreters: before the first one starts, and for each of them.

mod layers;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use layers::{InterpreterLayer, InterpreterOptions, MergedOptions, Selectors};

/// `WSGIPythonHashSeed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashSeed {
    /// A seed of its own for every process.
    Random,
    /// The same seed for every process; 0 switches randomisation off.
    Fixed(u32),
}

/// `RWSGIUTF8Mode`: whether Python takes UTF-8 for the encoding of file names and files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Utf8Mode {
    /// Under the C and POSIX locales, and where `PYTHONUTF8=1` is set.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never: the locale decides.
    Off,
}

/// Settings of Python in httpd's processes: one set for the whole server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonSettings {
    /// `WSGIPythonHome` as written.
    pub home: Option<String>,
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
    /// `WSGIPythonEggs`: the directory that `PYTHON_EGG_CACHE` names.
    pub eggs: Option<String>,
    /// `WSGIDestroyInterpreter`.
    pub destroy_interpreter: Option<bool>,
    /// What stands outside of any `<WSGIInterpreterOptions>`.
    pub options: InterpreterOptions,
    /// The `<WSGIInterpreterOptions>` sections, in order.
    pub layers: Vec<InterpreterLayer>,
    /// Whether lines now being read belong to the last of `layers`.
    #[serde(skip)]
    pub(super) in_layer: bool,
}

impl PythonSettings {
    /// Whether no directive has set anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What holds for the interpreter of `application_group` in the processes of `process_group`;
    /// empty names stand for httpd's own processes and for the main interpreter.
    #[must_use]
    pub fn interpreter_options(&self, process_group: &str, application_group: &str) -> MergedOptions {
        layers::merge(&self.options, &self.layers, process_group, application_group)
    }

    /// Whether Python takes UTF-8 for the encoding of files; `Auto` unless set.
    #[must_use]
    pub fn utf8_mode(&self) -> Utf8Mode {
        self.utf8_mode.unwrap_or_default()
    }

    /// Directories to put in front of `sys.path` in httpd's own processes, whatever the
    /// application group; in order.
    #[must_use]
    pub fn path(&self) -> &[String] {
        self.options.path.as_deref().unwrap_or_default()
    }

    /// Level of optimisation; 0 unless set.
    #[must_use]
    pub fn optimize(&self) -> u8 {
        self.optimize.unwrap_or(0)
    }

    /// Whether imports write no `.pyc` files; they do unless set.
    #[must_use]
    pub fn dont_write_bytecode(&self) -> bool {
        self.dont_write_bytecode.unwrap_or(false)
    }

    /// Whether a process that stops ends its interpreters in order; it does unless set.
    #[must_use]
    pub fn destroy_interpreter(&self) -> bool {
        self.destroy_interpreter.unwrap_or(true)
    }

    /// Whether reading `sys.stdin` is an error outside of any section; it is not unless set.
    #[must_use]
    pub fn restrict_stdin(&self) -> bool {
        self.options.restrict_stdin.unwrap_or(false)
    }

    /// Whether writing to `sys.stdout` is an error outside of any section; it is not unless set.
    #[must_use]
    pub fn restrict_stdout(&self) -> bool {
        self.options.restrict_stdout.unwrap_or(false)
    }

    /// Whether an application is kept from installing signal handlers outside of any section; it
    /// is unless set.
    #[must_use]
    pub fn restrict_signal(&self) -> bool {
        self.options.restrict_signal.unwrap_or(true)
    }

    /// Where a line that may stand in `<WSGIInterpreterOptions>` stores what it says.
    pub(super) fn current_options(&mut self) -> &mut InterpreterOptions {
        match self.layers.last_mut() {
            Some(layer) if self.in_layer => &mut layer.options,
            _ => &mut self.options,
        }
    }

    /// Begins a section.
    pub(super) fn open_layer(&mut self, selectors: Selectors) {
        self.layers.push(InterpreterLayer {
            selectors,
            options: InterpreterOptions::default(),
        });
        self.in_layer = true;
    }

    /// Ends the section that [`DIRECTIVES`](super::directives::DIRECTIVES) has begun.
    pub fn close_layer(&mut self) {
        self.in_layer = false;
    }
}

/// Reads a number of seconds with decimals; `None` for anything but a finite number from 0.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(number).ok()
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
        assert!(!unset.dont_write_bytecode());
        assert!(unset.destroy_interpreter());
        assert!(!unset.restrict_stdin());
        assert!(!unset.restrict_stdout());
        assert!(unset.restrict_signal());
    }

    #[test]
    fn any_setting_makes_it_not_empty() {
        for options in [
            InterpreterOptions {
                restrict_signal: Some(true),
                ..Default::default()
            },
            InterpreterOptions {
                path: Some(Vec::new()),
                ..Default::default()
            },
        ] {
            let set = PythonSettings {
                options,
                ..Default::default()
            };
            assert!(!set.is_empty());
        }
    }

    #[test]
    fn seconds_are_finite_and_not_negative() {
        assert_eq!(seconds("0.005"), Some(Duration::from_millis(5)));
        assert_eq!(seconds("2"), Some(Duration::from_secs(2)));
        for text in ["", "-1", "inf", "nan", "1s", "1e300"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
