//! The pool against stub workers, without httpd.

mod answers;
mod attempts;
mod bodies;
mod delivery;
mod files;
mod hostile;
mod queue;
mod site;
mod stub;
mod visitor;

use std::time::Duration;

use super::failure::Verdict;
use site::Site;
use visitor::Visitor;

/// Longer than anything here takes, shorter than a test may.
const LONG: Duration = Duration::from_secs(20);
/// What a limit of time is set to in tests that wait for it.
const SHORT: Duration = Duration::from_millis(150);
