//! Embedded mode: a request answered by Python in httpd's own process.

mod bystander;
mod exchange;

use crate::app::{self, Job};
use crate::gateway::BodyLength;
use crate::httpd::{Request, Status};

pub use bystander::Bystander;
use exchange::HttpdExchange;

/// Runs the application and sends its response. `body` is the length of the request's body.
pub fn serve(request: Request<'_>, job: &Job<'_, '_>, body: BodyLength) -> Status {
    let mut exchange = HttpdExchange::new(request, job.script, body);
    let outcome = app::run(job, &mut exchange);
    exchange.conclude(outcome)
}
