//! `rwsgi fastcgi`.

use clap::Args;

use super::standalone::{self, ServerArguments};
use crate::config::plan::Protocol;

/// What `rwsgi fastcgi` is told.
#[derive(Debug, Args)]
pub(super) struct FastcgiArguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Serves until a signal ends it.
pub(super) fn run(arguments: &FastcgiArguments) -> Result<(), String> {
    standalone::serve(&arguments.server, Protocol::FastCgi)
}
