//! A group without threads for requests: its import script is the service, on Python's main thread.

use std::sync::Arc;
use std::time::Duration;

use super::life::beat;
use super::loads::load_script;
use super::server::Server;
use crate::app;
use crate::config::plan::WorkerPlan;

const HEARTBEAT: Duration = Duration::from_secs(1);

/// Runs the service; when this returns the process has nothing left to do.
pub(super) fn run(plan: &WorkerPlan, server: &Arc<Server>) {
    app::exit_at_sigterm();
    // The main thread is the script's, so another one shows that Python's lock can be had.
    let server = Arc::clone(server);
    let _ = std::thread::Builder::new()
        .name("wsgi:pulse".into())
        .spawn(move || {
            loop {
                beat(&server);
                std::thread::sleep(HEARTBEAT);
            }
        });
    for load in &plan.loads {
        load_script(&plan.group, load, true);
    }
}
