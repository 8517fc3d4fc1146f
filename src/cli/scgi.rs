//! `rwsgi scgi`.

use clap::Args;

use super::standalone::{self, ServerArguments};
use crate::config::plan::Protocol;

/// What `rwsgi scgi` is told.
#[derive(Debug, Args)]
pub(super) struct ScgiArguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Serves until a signal ends it.
pub(super) fn run(arguments: &ScgiArguments) -> Result<(), String> {
    standalone::serve(&arguments.server, Protocol::Scgi)
}
