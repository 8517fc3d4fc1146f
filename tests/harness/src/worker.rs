//! The worker that belongs to the module under test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The Python that the module and the usual worker are built with.
pub fn usual_python() -> PathBuf {
    env::var_os("PYO3_PYTHON").map_or_else(|| "/usr/bin/python3".into(), PathBuf::from)
}

/// Builds the worker beside the command of a debug build, once a run: cargo builds the module and the command for a
/// test by itself, but an extension for another executable it does not know. Modules that `make` has built have theirs already.
///
/// # Panics
/// When it cannot be built.
pub(crate) fn build_once(module: &Path) {
    static BUILT: OnceLock<()> = OnceLock::new();
    let Some(deps) = module.parent().filter(|folder| folder.ends_with("deps")) else {
        return;
    };
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let built = Command::new(source.join("tools/worker.sh"))
            .arg(usual_python())
            .arg(deps.with_file_name("worker"))
            .env("CARGO_PROFILE", "dev")
            .output()
            .expect("tools/worker.sh runs");
        assert!(
            built.status.success(),
            "the worker cannot be built:\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
    });
}
