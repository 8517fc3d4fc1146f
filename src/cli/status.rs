//! `rwsgi status`: what `--status` of a server tells, for people and for probes.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `rwsgi status` is told.
#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// The socket that --status of `rwsgi fastcgi` or `rwsgi scgi` names
    socket: PathBuf,
    /// Succeed only while requests are taken, and print the state alone
    #[arg(long)]
    ready: bool,
}

/// What is to be printed; an error when nobody answers, or requests are not taken that should be.
pub(super) fn run(arguments: &StatusArguments) -> Result<String, String> {
    let socket = &arguments.socket;
    let text = ask(socket).map_err(|error| format!("{}: {error}", socket.display()))?;
    if !arguments.ready {
        return Ok(text);
    }
    let state = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|status| Some(status.get("state")?.as_str()?.to_owned()))
        .ok_or_else(|| {
            format!(
                "{}: whoever answers there is no rwsgi of this version",
                socket.display()
            )
        })?;
    match state.as_str() {
        "ready" => Ok("ready\n".to_owned()),
        state => Err(format!("requests are not taken: {state}")),
    }
}

fn ask(socket: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
