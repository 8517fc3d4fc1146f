//! One request of another web server.

use std::fmt;

use super::connection::Connection;
use super::desk::Desk;
use super::exchange::{FcgiExchange, Manner};
use super::log;
use super::request::now;
use super::server::Server;
use super::wire::Wire;
use crate::app::{self, Job, Watch};
use crate::cgi::{Absent, Place, Request};
use crate::config::plan::{Protocol, Public};
use crate::fcgi::params::Pairs;
use crate::gateway::{BodyLength, Code, Environ, Key, Level, source_stamp};
use crate::scgi::Headers;
use crate::scoreboard::{Position, Slot};
use crate::sys::{clock, process};
use crate::wsgi::{DaemonTimes, Times};

type Variable<'a> = (&'a [u8], &'a [u8]);

/// Runs the request whose variables have just arrived; whether the connection can be used for another.
pub(super) fn serve(
    server: &Server,
    public: &Public,
    connection: &Connection,
    wire: &mut Wire,
    desk: &mut Desk,
) -> bool {
    let mut params = std::mem::take(&mut desk.params);
    wire.swap_params(&mut params);
    let run = Run {
        server,
        public,
        connection,
    };
    let served = match public.protocol {
        Protocol::FastCgi => run.read(Pairs::new(&params), wire, desk),
        Protocol::Scgi => run.read(Headers::new(&params), wire, desk),
    };
    desk.params = params;
    served.unwrap_or_else(|problem| {
        log::line(Level::Warning, Code::PEER_REFUSED, &problem);
        false
    })
}

/// What a request is run with.
struct Run<'s> {
    server: &'s Server,
    public: &'s Public,
    connection: &'s Connection,
}

impl Run<'_> {
    /// Reads the variables and runs the request; why they cannot be used.
    fn read<'a, F: fmt::Display>(
        &self,
        variables: impl Iterator<Item = Result<Variable<'a>, F>> + Clone,
        wire: &mut Wire,
        desk: &mut Desk,
    ) -> Result<bool, String> {
        if let Some(fault) = variables.clone().find_map(Result::err) {
            return Err(fault.to_string());
        }
        let variables = variables.flatten();
        let request = Request::read(variables.clone()).map_err(|problem| problem.to_string())?;
        let mut place = std::mem::take(&mut desk.place);
        let served = &self.public.served;
        request.place(&mut place, served.mount.as_deref(), Absent::Undivided);
        let reusable = self.run(&request, variables, &place, wire, desk);
        desk.place = place;
        Ok(reusable)
    }

    fn run<'a>(
        &self,
        request: &Request<'a>,
        variables: impl Iterator<Item = Variable<'a>>,
        place: &Place,
        wire: &mut Wire,
        desk: &mut Desk,
    ) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let (server, served) = (self.server, &self.public.served);
        let start = now();
        let script = served.import.script.as_os_str().as_bytes();
        let group = &served.import.application_group;
        let mut environ = Environ::default();
        for (key, value) in [
            (Key::WsgiProcessGroup, &server.parts.group),
            (Key::WsgiApplicationGroup, group),
            (Key::WsgiCallableObject, &served.callable),
        ] {
            environ.server(key, value.as_bytes());
        }
        request.environ(variables, place, script, &mut environ);
        let board = server.board();
        let number = desk.thread.wrapping_sub(1);
        let position = board.and_then(|board| board.position(server.position_number()));
        let slot = board.and_then(|board| board.slot(server.position_number(), number));
        let account = Account::open(
            slot,
            position,
            desk.thread,
            &described(request.method, place.path()),
        );
        let manner = Manner {
            id: wire.request_id(),
            script,
            body: body_length(self.public.protocol, request),
            is_head: request.is_head(),
            framed_log: false,
            public: Some(self.public.protocol),
            activity: position,
            slot: None,
        };
        let job = Job {
            application_group: group,
            script,
            stamp: if served.reload { source_stamp(script) } else { 0 },
            reload: served.reload,
            fold_case: false,
            resource: None,
            callable: &served.callable,
            environ: &environ,
            times: Times {
                request: start,
                daemon: Some(DaemonTimes {
                    queue: start,
                    start,
                    connects: 1,
                }),
            },
            watch: Some(Watch {
                scripts: server.reporter(),
                interruptible: server.interruptible(number),
            }),
        };
        let mut exchange = FcgiExchange::new(server, self.connection, wire, &mut desk.output, manner);
        let outcome = app::run(&job, &mut exchange);
        // Before the answer has been written: a slow peer is no slow request.
        drop(account);
        exchange.conclude(outcome)
    }
}

/// FastCGI tells where a body ends; SCGI has to say before how long it is.
fn body_length(protocol: Protocol, request: &Request<'_>) -> BodyLength {
    match (request.content_length, protocol) {
        (Some(0), _) | (None, Protocol::Scgi) => BodyLength::None,
        (Some(length), _) => BodyLength::Known(length),
        (None, Protocol::FastCgi) => BodyLength::Open,
    }
}

/// What logs say of the request.
fn described(method: &[u8], path: &[u8]) -> Vec<u8> {
    [method, b" ", path].concat()
}

/// The request in the scoreboard, as long as the application runs, however it ends.
struct Account<'b> {
    slot: Option<Slot<'b>>,
    position: Option<Position<'b>>,
}

impl<'b> Account<'b> {
    fn open(slot: Option<Slot<'b>>, position: Option<Position<'b>>, thread: u32, text: &[u8]) -> Self {
        let begin = clock::millis();
        if let Some(slot) = &slot {
            slot.occupy(std::process::id(), thread, begin, text);
        }
        if let Some(position) = &position {
            position.note_activity(begin);
        }
        Account { slot, position }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        if process::is_forked_copy() {
            return;
        }
        if let Some(slot) = &self.slot {
            slot.vacate();
        }
        if let Some(position) = &self.position {
            position.count_served();
        }
    }
}
