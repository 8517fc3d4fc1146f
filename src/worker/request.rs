//! One request, from its variables to its end.

use std::time::{SystemTime, UNIX_EPOCH};

use super::connection::Connection;
use super::desk::Desk;
use super::exchange::{FcgiExchange, Manner};
use super::log;
use super::server::Server;
use super::wire::Wire;
use crate::app::{self, Job, Watch};
use crate::config::target::DEFAULT_CALLABLE;
use crate::fcgi::params::Pairs;
use crate::gateway::wire::{LOG_PARAM, RequestPlan, is_private};
use crate::gateway::{Code, Environ, Key, Level, Name};
use crate::sys::clock;
use crate::wsgi::{DaemonTimes, Times};

/// A request as its variables tell it.
#[derive(Default)]
struct Told<'a> {
    plan: RequestPlan<'a>,
    environ: Environ<'a>,
    application_group: &'a [u8],
    callable: &'a [u8],
    framed_log: bool,
}

impl<'a> Told<'a> {
    /// Reads the variables; why they cannot be used.
    fn read(params: &'a [u8]) -> Result<Told<'a>, String> {
        let mut told = Told::default();
        for pair in Pairs::new(params) {
            let (name, value) = pair.map_err(|fault| fault.to_string())?;
            if is_private(name) {
                told.framed_log |= name == LOG_PARAM;
                if !told.plan.take(name, value) {
                    let name = String::from_utf8_lossy(name);
                    return Err(format!("the variable {name} is not understood"));
                }
                continue;
            }
            if name == Key::WsgiApplicationGroup.name().as_bytes() {
                told.application_group = value;
            } else if name == Key::WsgiCallableObject.name().as_bytes() {
                told.callable = value;
            }
            told.environ.push(Name::Final(name), value);
        }
        if !told.plan.is_complete() {
            return Err("a request does not say which script it is for".into());
        }
        Ok(told)
    }

    /// Has the main interpreter run it.
    fn use_main_interpreter(&mut self) {
        self.application_group = b"";
        self.environ.server(Key::WsgiApplicationGroup, b"");
    }

    fn callable(&self) -> &'a str {
        match std::str::from_utf8(self.callable) {
            Ok(callable) if !callable.is_empty() => callable,
            _ => DEFAULT_CALLABLE,
        }
    }
}

/// Runs the request whose variables have just arrived; whether the connection can be used for another.
pub(super) fn serve(server: &Server, connection: &Connection, wire: &mut Wire, desk: &mut Desk) -> bool {
    let start = now();
    let id = wire.request_id();
    wire.swap_params(&mut desk.params);
    let mut told = match Told::read(&desk.params) {
        Ok(told) => told,
        Err(problem) => {
            log::line(Level::Error, Code::WIRE_BROKEN, &problem);
            return false;
        }
    };
    if told.plan.is_automatic {
        app::note_application(told.plan.script);
        if app::is_first_application(told.plan.script) {
            told.use_main_interpreter();
        }
    }
    let board = server.board();
    let position = board.and_then(|board| board.position(server.position_number()));
    let number = u32::from(id).wrapping_sub(1);
    let slot = board.and_then(|board| board.slot(server.position_number(), number));
    let manner = Manner {
        id,
        script: told.plan.script,
        body: told.plan.body,
        is_head: told.plan.is_head,
        framed_log: told.framed_log,
        public: None,
        activity: position.filter(|_| !told.plan.ignore_activity),
        slot,
    };
    let job = Job {
        application_group: std::str::from_utf8(told.application_group).unwrap_or_default(),
        script: told.plan.script,
        stamp: told.plan.stamp,
        reload: told.plan.reload,
        fold_case: told.plan.fold_case,
        resource: told.plan.resource,
        callable: told.callable(),
        environ: &told.environ,
        times: Times {
            request: seconds(told.plan.request_start_us),
            daemon: Some(DaemonTimes {
                queue: seconds(told.plan.queue_start_us),
                start,
                connects: slot.map_or(1, |slot| slot.tries().max(1)),
            }),
        },
        watch: Some(Watch {
            scripts: server.reporter(),
            interruptible: server.interruptible(number),
        }),
    };
    let begin = clock::millis();
    if let Some(slot) = &slot
        && !slot.start(desk.thread, begin)
    {
        return false;
    }
    let mut exchange = FcgiExchange::new(server, connection, wire, &mut desk.output, manner);
    if let Some(position) = position.filter(|_| !told.plan.ignore_activity) {
        position.note_activity(begin);
    }
    let outcome = app::run(&job, &mut exchange);
    // Before the end is told: then the slot may be somebody else's at once.
    if let Some(slot) = &slot {
        slot.finish();
    }
    if let Some(position) = &position {
        position.count_served();
    }
    exchange.conclude(outcome)
}

/// Seconds since the epoch.
pub(super) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// Microseconds since the epoch fit a float's 53 bits for centuries.
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fcgi::params::push_pair;

    fn params(pairs: &[(&str, &str)], plan: bool) -> Vec<u8> {
        let mut params = Vec::new();
        for (name, value) in pairs {
            push_pair(&mut params, name.as_bytes(), value.as_bytes());
        }
        if plan {
            let plan = RequestPlan {
                script: b"/app.wsgi",
                ..RequestPlan::default()
            };
            plan.push_params(&mut params);
        }
        params
    }

    #[test]
    fn the_plan_is_kept_from_the_environ() {
        let params = params(
            &[
                ("PATH_INFO", "/"),
                ("mod_wsgi.application_group", "group"),
                ("mod_wsgi.x-log", "1"),
            ],
            true,
        );
        let told = Told::read(&params).expect("understood");
        assert_eq!(told.application_group, b"group");
        assert!(told.framed_log);
        assert_eq!(told.plan.script, b"/app.wsgi");
        assert_eq!(told.callable(), "application");
        assert_eq!(told.environ.variables.len(), 2);
    }

    #[test]
    fn a_request_without_a_plan_or_with_half_of_one_is_refused() {
        assert!(Told::read(&params(&[("PATH_INFO", "/")], false)).is_err());
        assert!(Told::read(&params(&[("mod_wsgi.x-new", "1")], true)).is_err());
        assert!(Told::read(b"\x7f").is_err());
    }
}
