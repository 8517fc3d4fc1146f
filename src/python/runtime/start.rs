//! Python's own configuration, and its start.

use std::ffi::CStr;

use pyo3::ffi;

use super::StartError;
use crate::python::compile::c_string;

/// What Python is started with: the `WSGIPython*` directives.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `PyConfig.home`, from a prefix named by `WSGIPythonHome`.
    pub home: Option<Vec<u8>>,
    /// `PyConfig.program_name`, from a virtual environment named by `WSGIPythonHome`.
    pub program_name: Option<Vec<u8>>,
    /// `-O` level.
    pub optimize: Option<u8>,
    /// `-B`.
    pub dont_write_bytecode: bool,
    /// `-W` options, in order.
    pub warnings: Vec<String>,
    /// `PYTHONHASHSEED`.
    pub hash_seed: Option<HashSeed>,
    /// `-X utf8`; unset, Python decides by the locale and by `PYTHONUTF8`.
    pub utf8_mode: Option<bool>,
    /// `-X gil=0`. Only a free-threaded Python can; `PYTHON_GIL` in the environment has the last word there.
    pub free_threading: bool,
}

/// `PYTHONHASHSEED`'s two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashSeed {
    /// A different seed in every process.
    Random,
    /// The same seed in every process.
    Fixed(u32),
}

/// Owns a `PyConfig` until it is cleared.
struct Config(ffi::PyConfig);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: initialised by `initialize`.
        unsafe { ffi::PyConfig_Clear(&raw mut self.0) }
    }
}

/// Settles how Python decodes text, before it decodes the first.
///
/// Under the C and POSIX locales, which is where init scripts start httpd, Python's own choice is UTF-8
/// mode (PEP 540), unless `PYTHONUTF8=0` says otherwise.
pub(super) fn preinitialize(settings: &Settings) -> Result<(), StartError> {
    // SAFETY: an all-zero PyPreConfig is what PyPreConfig_InitPythonConfig expects to fill.
    let mut config: ffi::PyPreConfig = unsafe { std::mem::zeroed() };
    // SAFETY: exclusive.
    unsafe { ffi::PyPreConfig_InitPythonConfig(&raw mut config) };
    config.parse_argv = 0;
    if let Some(on) = settings.utf8_mode {
        config.utf8_mode = on.into();
        // Python would otherwise put C.UTF-8 in place of the C locale (PEP 538).
        if !on {
            config.coerce_c_locale = 0;
        }
    }
    // SAFETY: a complete PyPreConfig; Python is not initialised in this process.
    check(unsafe { ffi::Py_PreInitialize(&raw const config) })
}

pub(super) fn initialize(settings: &Settings) -> Result<(), StartError> {
    preinitialize(settings)?;
    // SAFETY: an all-zero PyConfig is what PyConfig_InitPythonConfig expects to fill.
    let mut config = Config(unsafe { std::mem::zeroed() });
    // SAFETY: a valid, exclusive PyConfig for all calls below; strings are C strings.
    unsafe {
        ffi::PyConfig_InitPythonConfig(&raw mut config.0);
        config.0.parse_argv = 0;
        // httpd owns the process's signals.
        config.0.install_signal_handlers = 0;
        if settings.dont_write_bytecode {
            config.0.write_bytecode = 0;
        }
        if let Some(level) = settings.optimize {
            config.0.optimization_level = level.into();
        }
        match settings.hash_seed {
            Some(HashSeed::Random) => config.0.use_hash_seed = 0,
            Some(HashSeed::Fixed(seed)) => {
                config.0.use_hash_seed = 1;
                config.0.hash_seed = seed.into();
            }
            None => {}
        }
        #[cfg(Py_GIL_DISABLED)]
        {
            config.0.enable_gil = i32::from(!settings.free_threading);
        }
    }
    if let Some(home) = &settings.home {
        set_string(&mut config, |config| &raw mut config.home, home)?;
    }
    if let Some(program) = &settings.program_name {
        set_string(&mut config, |config| &raw mut config.program_name, program)?;
    }
    for warning in &settings.warnings {
        append_warning(&mut config, warning)?;
    }
    // SAFETY: a complete PyConfig; Python is not initialised in this process.
    check(unsafe { ffi::Py_InitializeFromConfig(&raw const config.0) })
}

fn set_string(
    config: &mut Config,
    field: impl FnOnce(&mut ffi::PyConfig) -> *mut *mut libc::wchar_t,
    value: &[u8],
) -> Result<(), StartError> {
    let value = c_string(value);
    let field = field(&mut config.0);
    // SAFETY: `field` lies inside the config that is passed with it.
    check(unsafe { ffi::PyConfig_SetBytesString(&raw mut config.0, field, value.as_ptr()) })
}

fn append_warning(config: &mut Config, warning: &str) -> Result<(), StartError> {
    let wide: Vec<libc::wchar_t> = warning
        .chars()
        .filter(|c| *c != '\0')
        .map(|c| u32::from(c).cast_signed())
        .chain([0])
        .collect();
    // SAFETY: the list is part of the config; the string ends with a zero and is copied.
    check(unsafe { ffi::PyWideStringList_Append(&raw mut config.0.warnoptions, wide.as_ptr()) })
}

pub(super) fn check(status: ffi::PyStatus) -> Result<(), StartError> {
    // SAFETY: plain inspection of a status returned by CPython.
    if unsafe { ffi::PyStatus_Exception(status) } == 0 {
        return Ok(());
    }
    let text = if status.err_msg.is_null() {
        format!("Python asked to exit with status {}", status.exitcode)
    } else {
        // SAFETY: a static C string of CPython.
        unsafe { CStr::from_ptr(status.err_msg) }
            .to_string_lossy()
            .into_owned()
    };
    Err(StartError(text))
}
