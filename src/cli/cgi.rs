//! `rwsgi cgi`.

use clap::Args;

use super::standalone::{AppArguments, GroupArguments};

/// What `rwsgi cgi` is told.
#[derive(Debug, Args)]
pub(super) struct CgiArguments {
    #[command(flatten)]
    app: AppArguments,
    #[command(flatten)]
    group: GroupArguments,
}

/// Becomes the Python that answers the request.
pub(super) fn run(_arguments: &CgiArguments) -> Result<(), String> {
    Err("not there".into())
}
