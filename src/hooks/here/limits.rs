//! What the configuration asks of Python that this Python cannot do.

use crate::app;
use crate::config::interpreter::{InterpreterLayer, InterpreterOptions, PythonSettings};
use crate::gateway::{Code, Level};
use crate::httpd::log;

fn warn(code: Code, text: &str) {
    log::server(Level::Warning, Some(code), text.as_bytes());
}

/// Whether a line outside of sections, or in one that is for httpd's processes, asks for something. A daemon group
/// may have another Python.
fn any(python: &PythonSettings, asked: fn(&InterpreterOptions) -> bool) -> bool {
    let mut layers = python.layers.iter().filter(|layer| is_for_httpd(layer));
    asked(&python.options) || layers.any(|layer| asked(&layer.options))
}

fn is_for_httpd(layer: &InterpreterLayer) -> bool {
    layer.selectors.process_group.as_deref().is_none_or(str::is_empty)
}

/// Tells of it, once for all processes.
pub(super) fn parent_warn(python: &PythonSettings) {
    let wants_own_gil = any(python, |options| options.per_interpreter_gil == Some(true));
    if !app::HAS_OWN_GIL && wants_own_gil {
        warn(
            Code::OWN_GIL_UNAVAILABLE,
            "WSGIPerInterpreterGIL has no effect: it needs Python 3.12 or later",
        );
    }
    let mut grouped = python
        .layers
        .iter()
        .filter(|layer| layer.selectors.application_group.is_some());
    if grouped.any(|layer| layer.options.free_threading == Some(true)) {
        warn(
            Code::FREE_THREADING_IGNORED,
            "WSGIFreeThreading is ignored in sections that name an application group",
        );
    }
    if !python.interpreter_options("", "").free_threading {
        warn_of_intervals(python);
    } else if app::IS_FREE_THREADED {
        warn_without_gil(python, wants_own_gil);
    } else {
        warn(
            Code::FREE_THREADING_UNAVAILABLE,
            "WSGIFreeThreading has no effect: it needs a free-threaded Python",
        );
    }
}

/// An interval is a matter of a GIL: a group that shares one has no say.
fn warn_of_intervals(python: &PythonSettings) {
    for layer in &python.layers {
        let Some(group) = layer.selectors.application_group.as_deref() else {
            continue;
        };
        let options = python.interpreter_options("", group);
        let own_gil = app::HAS_OWN_GIL && options.per_interpreter_gil && !group.is_empty();
        if is_for_httpd(layer) && layer.options.switch_interval.is_some() && !own_gil {
            let text = format!(
                "WSGISwitchInterval is ignored for application group '{group}', which has no GIL of its own"
            );
            warn(Code::SWITCH_INTERVAL_IGNORED, &text);
        }
    }
}

fn warn_without_gil(python: &PythonSettings, wants_own_gil: bool) {
    if wants_own_gil {
        warn(
            Code::OWN_GIL_WITHOUT_GIL,
            "WSGIPerInterpreterGIL has no effect in processes that run without a GIL (WSGIFreeThreading)",
        );
    }
    if any(python, |options| options.switch_interval.is_some()) {
        warn(
            Code::SWITCH_INTERVAL_WITHOUT_GIL,
            "WSGISwitchInterval has no effect in processes that run without a GIL (WSGIFreeThreading)",
        );
    }
}
