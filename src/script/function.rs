//! Calling the functions of a script.

use super::ScriptError;
use super::load::describe;
use crate::gateway::Code;
use crate::python::{Attached, ErrorKind, Object, Raised};

/// A loaded script.
pub struct Module<'a, 'py> {
    /// The interpreter.
    pub py: Attached<'py>,
    /// The file's name, for messages.
    pub path: &'a [u8],
    /// Its globals.
    pub globals: Object<'py>,
}

impl<'py> Module<'_, 'py> {
    /// The global of this name.
    pub(super) fn find(&self, name: &str) -> Result<Option<Object<'py>>, ScriptError> {
        let key = self.py.text(name).map_err(|raised| self.raised(name, raised))?;
        self.globals
            .get_item(self.py, &key)
            .map_err(|raised| self.raised(name, raised))
    }

    /// The global of this name, which the script has to have; `code` says that it has not.
    pub(super) fn need(&self, name: &str, code: Code) -> Result<Object<'py>, ScriptError> {
        self.find(name)?
            .ok_or_else(|| self.wrong(code, &format!("has no function '{name}'")))
    }

    /// What the function of this name said is of no use.
    pub(super) fn wrong(&self, code: Code, what: &str) -> ScriptError {
        let file = String::from_utf8_lossy(self.path);
        ScriptError {
            code,
            title: format!("[script {file}] WSGI script '{file}' {what}."),
            traceback: Vec::new(),
        }
    }

    /// The function of this name raised.
    pub(super) fn raised(&self, name: &str, raised: Raised<'py>) -> ScriptError {
        let file = String::from_utf8_lossy(self.path);
        let code = if raised.is(ErrorKind::SystemExit) {
            Code::APPLICATION_EXIT
        } else {
            Code::APPLICATION_RAISED
        };
        let title = format!("[script {file}] an exception was raised by '{name}' of WSGI script '{file}'.");
        describe(self.py, code, title, raised)
    }
}
