//! The panic boundary of every function that httpd calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::log;
use crate::fault;

/// Runs `body`; a panic is logged in one line and answered with `fallback`.
///
/// `entry` names the entry, in the log line and as an injection point for tests.
pub(super) fn guard<R>(entry: &'static str, fallback: R, body: impl FnOnce() -> R) -> R {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        fault::point(entry);
        body()
    }));
    match outcome {
        Ok(value) => value,
        Err(_) => {
            log::internal_error(&format!(
                "a panic was caught in {entry}{}",
                log::take_panic_place()
            ));
            fallback
        }
    }
}
