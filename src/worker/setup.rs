//! What Python is set up with, by the plan.

use std::sync::Arc;

use super::server::Server;
use super::{log, metrics};
use crate::config::plan::WorkerPlan;
use crate::gateway::COMPATIBLE_WITH;
use crate::pymodule::{InterpreterSetup, ServerReporter, ServerText, Setup};
use crate::wsgi::Constants;

/// The set-up of a process that the plan is for, and of its server if it has one.
pub(super) fn setup(plan: &WorkerPlan, server: Option<&Arc<Server>>) -> Setup {
    let options = &plan.group.options;
    let httpd = &plan.httpd;
    Setup {
        constants: Constants {
            multithread: options.threads != 1,
            multiprocess: options.multiprocess(),
            run_once: options.threads == 1 && options.maximum_requests == Some(1),
            version: COMPATIBLE_WITH,
            server_version: httpd.version,
        },
        process_group: plan.group.name.clone(),
        maximum_processes: options.processes().into(),
        threads_per_process: options.threads.into(),
        server: ServerText {
            description: httpd.description.clone(),
            mpm_name: httpd.mpm_name.clone(),
            build_date: httpd.build_date.clone(),
            maximum_processes: httpd.maximum_processes,
            threads_per_process: httpd.threads_per_process,
        },
        environment: std::env::vars_os()
            .map(|(name, value)| (name.into_encoded_bytes(), value.into_encoded_bytes()))
            .collect(),
        interpreter: interpreter_setups(plan),
        debugging: false,
        log: log::process,
        origin_log: log::process_from,
        server_reporter: server.filter(|_| options.server_metrics).map(|server| {
            let server = Arc::clone(server);
            let report = move || Some(metrics::report(&server.board()?, server.position_number()));
            Arc::new(report) as ServerReporter
        }),
    }
}

/// Settings of each interpreter by name.
fn interpreter_setups(plan: &WorkerPlan) -> Box<dyn Fn(&str) -> InterpreterSetup + Send + Sync> {
    let group = plan.group.clone();
    Box::new(move |name| {
        let merged = group.python.interpreter_options(&group.name, name);
        let own_gil = merged.per_interpreter_gil && !name.is_empty();
        // Interpreters that share a GIL share its interval.
        let fitting = own_gil || !merged.switch_interval_of_application;
        let interval = merged
            .switch_interval
            .filter(|_| fitting)
            .or(group.options.switch_interval);
        let mut python_path = merged.path;
        python_path.extend(group.options.python_path.iter().cloned());
        InterpreterSetup {
            python_path,
            home: group.options.home.clone(),
            restrict_stdin: merged.restrict_stdin,
            restrict_stdout: merged.restrict_stdout,
            // A service handles its signals itself.
            restrict_signal: merged.restrict_signal && group.options.threads > 0,
            switch_interval: interval.map(|interval| interval.as_secs_f64()),
            own_gil,
        }
    })
}
