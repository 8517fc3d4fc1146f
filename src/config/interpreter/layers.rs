//! `<WSGIInterpreterOptions>`: options for some interpreters only.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Options that may differ from one interpreter to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterOptions {
    /// `WSGIPythonPath`: directories in the order given, without empty ones.
    pub path: Option<Vec<String>>,
    /// `WSGISwitchInterval`.
    pub switch_interval: Option<Duration>,
    /// `WSGIPerInterpreterGIL`.
    pub per_interpreter_gil: Option<bool>,
    /// `WSGIFreeThreading`.
    pub free_threading: Option<bool>,
    /// `WSGIRestrictStdin`.
    pub restrict_stdin: Option<bool>,
    /// `WSGIRestrictStdout`.
    pub restrict_stdout: Option<bool>,
    /// `WSGIRestrictSignal`.
    pub restrict_signal: Option<bool>,
}

/// Which interpreters a section is for; one that names nothing is for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selectors {
    /// `process-group=`; empty for httpd's own processes.
    pub process_group: Option<Arc<str>>,
    /// `application-group=`; empty for the main interpreter.
    pub application_group: Option<Arc<str>>,
}

impl Selectors {
    fn matches(&self, process_group: &str, application_group: &str) -> bool {
        let fits = |wanted: &Option<Arc<str>>, name: &str| wanted.as_deref().is_none_or(|w| w == name);
        fits(&self.process_group, process_group) && fits(&self.application_group, application_group)
    }

    fn specificity(&self) -> usize {
        usize::from(self.process_group.is_some()) + usize::from(self.application_group.is_some())
    }
}

/// One section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterLayer {
    /// For which interpreters.
    pub selectors: Selectors,
    /// What it sets.
    pub options: InterpreterOptions,
}

/// What holds for one interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedOptions {
    /// Directories for the front of `sys.path`, in order: those of the most specific section
    /// first. In daemon processes, none from outside of sections that name a group.
    pub path: Vec<String>,
    /// How long a thread keeps the GIL while others wait; Python's own unless set.
    pub switch_interval: Option<Duration>,
    /// Whether `switch_interval` comes from a section that names an application group, so that it
    /// makes sense only for an interpreter with a GIL of its own.
    pub switch_interval_of_application: bool,
    /// Whether a sub-interpreter gets a GIL of its own; it does not unless set.
    pub per_interpreter_gil: bool,
    /// Whether a free-threaded Python runs without its GIL; it does not unless set. Sections that
    /// name an application group have no say, as the GIL belongs to the process.
    pub free_threading: bool,
    /// Whether a section that names an application group asked for `WSGIFreeThreading` in vain.
    pub free_threading_ignored: bool,
    /// Whether reading `sys.stdin` is an error; it is not unless set.
    pub restrict_stdin: bool,
    /// Whether writing to `sys.stdout` is an error; it is not unless set.
    pub restrict_stdout: bool,
    /// Whether installing signal handlers has no effect; it has none unless set.
    pub restrict_signal: bool,
}

/// Lays the sections that match over `base`: the more groups one names the higher, and of equals the
/// later.
pub(super) fn merge(
    base: &InterpreterOptions,
    layers: &[InterpreterLayer],
    process_group: &str,
    application_group: &str,
) -> MergedOptions {
    let all = Selectors::default();
    let mut order: Vec<(&Selectors, &InterpreterOptions)> = layers
        .iter()
        .filter(|layer| layer.selectors.matches(process_group, application_group))
        .map(|layer| (&layer.selectors, &layer.options))
        .collect();
    order.insert(0, (&all, base));
    order.sort_by_key(|(selectors, _)| selectors.specificity());

    let mut merged = MergedOptions {
        path: Vec::new(),
        switch_interval: None,
        switch_interval_of_application: false,
        per_interpreter_gil: false,
        free_threading: false,
        free_threading_ignored: false,
        restrict_stdin: false,
        restrict_stdout: false,
        restrict_signal: true,
    };
    for (selectors, options) in order {
        let of_application = selectors.application_group.is_some();
        if let Some(path) = &options.path
            && (process_group.is_empty() || selectors.specificity() > 0)
        {
            merged.path.splice(0..0, path.iter().cloned());
        }
        if options.switch_interval.is_some() {
            merged.switch_interval = options.switch_interval;
            merged.switch_interval_of_application = of_application;
        }
        match options.free_threading {
            Some(_) if of_application => merged.free_threading_ignored = true,
            Some(on) => merged.free_threading = on,
            None => {}
        }
        let overlay = |value: &mut bool, over: Option<bool>| *value = over.unwrap_or(*value);
        overlay(&mut merged.per_interpreter_gil, options.per_interpreter_gil);
        overlay(&mut merged.restrict_stdin, options.restrict_stdin);
        overlay(&mut merged.restrict_stdout, options.restrict_stdout);
        overlay(&mut merged.restrict_signal, options.restrict_signal);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(
        process: Option<&str>,
        application: Option<&str>,
        options: InterpreterOptions,
    ) -> InterpreterLayer {
        InterpreterLayer {
            selectors: Selectors {
                process_group: process.map(Arc::from),
                application_group: application.map(Arc::from),
            },
            options,
        }
    }

    fn path(directory: &str) -> InterpreterOptions {
        InterpreterOptions {
            path: Some(vec![directory.into()]),
            ..Default::default()
        }
    }

    fn gil(on: bool) -> InterpreterOptions {
        InterpreterOptions {
            per_interpreter_gil: Some(on),
            ..Default::default()
        }
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let merged = merge(&InterpreterOptions::default(), &[], "", "");
        assert!(merged.path.is_empty() && merged.switch_interval.is_none());
        assert!(!merged.per_interpreter_gil && !merged.free_threading);
        assert!(!merged.restrict_stdin && !merged.restrict_stdout && merged.restrict_signal);
    }

    #[test]
    fn a_section_is_for_those_it_names() {
        let layers = [
            layer(None, Some("app"), gil(true)),
            layer(Some(""), Some("other"), gil(true)),
        ];
        let of = |process, application| {
            merge(&InterpreterOptions::default(), &layers, process, application).per_interpreter_gil
        };
        assert!(of("", "app") && of("daemon", "app"));
        assert!(of("", "other") && !of("daemon", "other"));
        assert!(!of("", ""));
    }

    #[test]
    fn the_more_specific_wins_and_of_equals_the_later() {
        let layers = [
            layer(Some(""), Some("app"), gil(true)),
            layer(None, Some("app"), gil(false)),
        ];
        let of = |layers: &[_]| merge(&gil(false), layers, "", "app").per_interpreter_gil;
        assert!(of(&layers));
        let equal = [
            layer(None, Some("app"), gil(false)),
            layer(Some(""), None, gil(true)),
        ];
        assert!(of(&equal));
        let [first, second] = equal;
        assert!(!of(&[second, first]));
    }

    #[test]
    fn paths_add_up_with_the_most_specific_first() {
        let layers = [
            layer(Some(""), Some("app"), path("/both")),
            layer(None, None, path("/all")),
            layer(None, Some("app"), path("/application")),
        ];
        let merged = merge(&path("/base"), &layers, "", "app");
        assert_eq!(merged.path, ["/both", "/application", "/all", "/base"]);
        // A daemon's own option python-path= stands for what is not meant for some group.
        let daemon = merge(&path("/base"), &layers, "daemon", "app");
        assert_eq!(daemon.path, ["/application"]);
    }

    #[test]
    fn the_gil_of_the_process_is_no_matter_of_an_application() {
        let on = InterpreterOptions {
            free_threading: Some(true),
            switch_interval: Some(Duration::from_millis(1)),
            ..Default::default()
        };
        let layers = [layer(None, Some("app"), on.clone())];
        let merged = merge(&InterpreterOptions::default(), &layers, "", "app");
        assert!(!merged.free_threading && merged.free_threading_ignored);
        assert!(merged.switch_interval_of_application);
        let process = [layer(Some(""), None, on)];
        let merged = merge(&InterpreterOptions::default(), &process, "", "app");
        assert!(merged.free_threading && !merged.free_threading_ignored);
        assert!(!merged.switch_interval_of_application);
    }
}
