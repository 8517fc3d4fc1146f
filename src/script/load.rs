//! Loading a script.
//!
//! A script is a module named after a hash of its path, in `sys.modules`, whatever the file's extension.
//! Loads of one interpreter wait for one another without the GIL; other interpreters are not held up.

use std::ffi::CString;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use md5::{Digest, Md5};

use super::table::Table;
use crate::gateway::{Code, SourceStamp};
use crate::python::{Attached, Code as Bytecode, ErrorKind, Object, Raised, Stored, format_exception};

/// The loaded scripts of one interpreter.
#[derive(Default)]
pub struct Scripts {
    loaded: Mutex<Table<Loaded>>,
    /// Held by the thread that loads; never waited for with the GIL held.
    loading: Mutex<()>,
}

struct Loaded {
    globals: Stored,
    stamp: SourceStamp,
}

/// Why a script could not be loaded or gave no answer, with all that its log lines say.
pub struct ScriptError {
    /// The number of the first line.
    pub code: Code,
    /// What happened, in one line.
    pub title: String,
    /// The traceback.
    pub traceback: Vec<u8>,
}

impl Scripts {
    fn loaded(&self) -> MutexGuard<'_, Table<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The globals of the script at `path`, loaded when it is not yet, or, if `reload`, when its stamp is
    /// another than the loaded one's.
    pub fn load<'py>(
        &self,
        py: Attached<'py>,
        path: &[u8],
        stamp: SourceStamp,
        reload: bool,
        fold_case: bool,
    ) -> Result<Object<'py>, ScriptError> {
        if let Some(globals) = self.find(py, path, stamp, reload) {
            return Ok(globals);
        }
        let _loading = match self.loading.try_lock() {
            Ok(guard) => guard,
            Err(std::sync::TryLockError::Poisoned(guard)) => guard.into_inner(),
            // The thread that loads needs the GIL to come to an end.
            Err(std::sync::TryLockError::WouldBlock) => {
                let guard = py.detach(|| Waited(self.loading.lock().unwrap_or_else(PoisonError::into_inner)));
                guard.0
            }
        };
        if let Some(globals) = self.find(py, path, stamp, reload) {
            return Ok(globals);
        }
        let globals = execute(py, path, stamp, fold_case)?;
        let replaced = self.loaded().insert(
            path,
            Loaded {
                globals: globals.clone().store(),
                stamp,
            },
        );
        if let Some(old) = replaced {
            drop(old.globals.release(py));
        }
        Ok(globals)
    }

    /// Forgets the script at `path` if `globals` is still what it was loaded as.
    pub fn forget(&self, py: Attached<'_>, path: &[u8], globals: &Object<'_>) {
        let removed = {
            let mut loaded = self.loaded();
            let is_same = loaded
                .get(path)
                .is_some_and(|found| found.globals.get(py).is(globals));
            is_same.then(|| loaded.remove(path)).flatten()
        };
        if let Some(old) = removed {
            drop(old.globals.release(py));
        }
    }

    /// The globals of the script at `path` and the version they were loaded from, if it is loaded.
    pub fn find_version<'py>(&self, py: Attached<'py>, path: &[u8]) -> Option<(Object<'py>, SourceStamp)> {
        let mut loaded = self.loaded();
        let found = loaded.get(path)?;
        Some((found.globals.get(py).clone(), found.stamp))
    }

    /// The globals of the script at `path`, if it is loaded and not to be loaded again.
    pub fn find<'py>(
        &self,
        py: Attached<'py>,
        path: &[u8],
        stamp: SourceStamp,
        reload: bool,
    ) -> Option<Object<'py>> {
        let mut loaded = self.loaded();
        let found = loaded.get(path)?;
        (!reload || found.stamp == stamp).then(|| found.globals.get(py).clone())
    }
}

/// A lock taken while detached, carried back to the same thread.
struct Waited<'a>(MutexGuard<'a, ()>);

/// `_mod_wsgi_` and a hash of the path; the same for paths that differ in letter case where the file system
/// does not tell them apart.
fn module_name(path: &[u8], fold_case: bool) -> String {
    let path = if fold_case {
        path.to_ascii_lowercase()
    } else {
        path.to_vec()
    };
    let digest = Md5::digest(&path);
    digest.iter().fold(String::from("_mod_wsgi_"), |name, byte| {
        name + &format!("{byte:02x}")
    })
}

fn execute<'py>(
    py: Attached<'py>,
    path: &[u8],
    stamp: SourceStamp,
    fold_case: bool,
) -> Result<Object<'py>, ScriptError> {
    let file = String::from_utf8_lossy(path).into_owned();
    let source = py.detach(|| read_source(path)).map_err(|error| ScriptError {
        code: Code::SCRIPT_UNREADABLE,
        title: format!("[script {file}] WSGI script '{file}' cannot be read: {error}."),
        traceback: Vec::new(),
    })?;
    let name = module_name(path, fold_case);
    let bytecode = Bytecode::compile(py, &source, path).map_err(|raised| {
        let title = format!("[script {file}] WSGI script '{file}' cannot be compiled.");
        describe(py, Code::SCRIPT_UNREADABLE, title, raised)
    })?;
    forget_module(py, &name);
    let module = bytecode.execute_as_module(py, &name, path).map_err(|raised| {
        if raised.is(ErrorKind::SystemExit) {
            let title =
                format!("[script {file}] SystemExit was raised while WSGI script '{file}' was loaded.");
            describe(py, Code::SCRIPT_EXIT, title, raised)
        } else {
            let title = format!("[script {file}] WSGI script '{file}' failed to execute as a Python module.");
            describe(py, Code::SCRIPT_FAILED, title, raised)
        }
    })?;
    finish(py, &module, stamp).map_err(|raised| {
        describe(
            py,
            Code::SCRIPT_FAILED,
            format!("[script {file}] WSGI script '{file}' has no namespace."),
            raised,
        )
    })
}

fn finish<'py>(
    py: Attached<'py>,
    module: &Object<'py>,
    stamp: SourceStamp,
) -> Result<Object<'py>, Raised<'py>> {
    module.setattr_str(py, c"__mtime__", &py.int(stamp)?)?;
    module.getattr_str(py, c"__dict__")
}

fn read_source(path: &[u8]) -> std::io::Result<Vec<u8>> {
    std::fs::read(file_path(path))
}

fn file_path(path: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(path))
}

/// Takes a module out of `sys.modules`, so that its successor starts with a namespace of its own.
fn forget_module(py: Attached<'_>, name: &str) {
    let Ok(name) = CString::new(name) else { return };
    if let Ok(key) = py.interned(&name) {
        let none = py.none();
        drop(py.modules().call_method(py, c"pop", [&key, &none]));
    }
}

pub(super) fn describe<'py>(
    py: Attached<'py>,
    code: Code,
    title: String,
    raised: Raised<'py>,
) -> ScriptError {
    ScriptError {
        code,
        title,
        traceback: format_exception(py, &raised.take()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_named_after_the_path() {
        assert_eq!(
            module_name(b"/a.wsgi", false),
            "_mod_wsgi_2b6563909669df73dedb0c946e685f0a".to_string()
        );
    }

    #[test]
    fn letter_case_counts_only_where_the_file_system_says_so() {
        assert_ne!(module_name(b"/A", false), module_name(b"/a", false));
        assert_eq!(module_name(b"/A", true), module_name(b"/a", true));
    }
}
