//! The pool against stub workers, without httpd.

mod attempts;
mod site;
mod visitor;

use std::time::Duration;

use super::attempt::{self, Workspace};
use super::failure::Verdict;
use super::queued_now;
use super::{Call, Group, GroupFacts, Groups};
use site::{Site, Stub};
use visitor::Visitor;

/// Longer than anything here takes, shorter than a test may.
const LONG: Duration = Duration::from_secs(20);
/// What a limit of time is set to in tests that wait for it.
const SHORT: Duration = Duration::from_millis(150);
