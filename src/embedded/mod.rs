//! Embedded mode: a request answered by Python in httpd's own process.

mod exchange;

use crate::app::{self, Job};
use crate::gateway::BodyLength;
use crate::httpd::{Request, Status};

use exchange::HttpdExchange;

/// How httpd's side of a request is to be handled.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The length of the request's body.
    pub body: BodyLength,
    /// Whether files may go by the kernel's sendfile (`WSGIEnableSendfile`).
    pub sendfile: bool,
}

/// Runs the application and sends its response.
pub fn serve(request: Request<'_>, job: &Job<'_, '_>, manner: Manner) -> Status {
    let mut exchange = HttpdExchange::new(request, job.script, manner);
    let outcome = app::run(job, &mut exchange);
    exchange.conclude(outcome)
}
