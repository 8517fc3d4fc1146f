//! What a process loads before it takes requests.

use std::os::unix::ffi::OsStrExt;

use super::bystander::Bystander;
use crate::app;
use crate::config::plan::{GroupPlan, Load};

/// Imports the modules of `preload=`, then loads the scripts; those that failed.
pub(super) fn load(group: &GroupPlan, loads: &[Load]) -> Vec<Load> {
    for module in &group.options.preload {
        app::import_module(module, &mut Bystander { script: b"" });
    }
    if let Some(first) = loads.iter().find(|load| load.import.application_group.is_empty()) {
        app::note_application(first.import.script.as_os_str().as_bytes());
    }
    loads
        .iter()
        .filter(|load| !load_script(group, load, false))
        .cloned()
        .collect()
}

/// Loads one script; whether that worked.
pub(super) fn load_script(group: &GroupPlan, load: &Load, is_service: bool) -> bool {
    let script = load.import.script.as_os_str().as_bytes();
    let import = app::Import {
        application_group: &load.import.application_group,
        script,
        fold_case: group.fold_case,
        is_service,
    };
    app::import(&import, &mut Bystander { script })
}
