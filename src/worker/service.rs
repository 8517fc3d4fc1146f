//! A group without threads for requests: its import script is the service, on Python's main thread.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::Builder;
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
    let pulse = Builder::new().name("wsgi:pulse".into());
    let (end, ended) = mpsc::channel::<()>();
    let beating = Arc::clone(server);
    let _ = server.crew().start(pulse, move || {
        beat(&beating);
        while ended.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
            beat(&beating);
        }
    });
    for load in &plan.loads {
        load_script(&plan.group, load, true);
    }
    // Python ends next, and nobody may attach then.
    drop(end);
    server.crew().wait(None);
}
