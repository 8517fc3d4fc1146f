//! What workers are told that serve other web servers than ours, or one CGI request.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Import, WorkerPlan};

/// What a web server speaks that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// FastCGI 1.0.
    FastCgi,
    /// SCGI.
    Scgi,
}

impl Protocol {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Protocol::FastCgi => "FastCGI",
            Protocol::Scgi => "SCGI",
        }
    }
}

/// The application that answers every request, whatever its variables say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The script and the interpreter that it runs in.
    pub import: Import,
    /// The global name of the callable.
    pub callable: String,
    /// Whether a changed script is loaded anew.
    pub reload: bool,
    /// Where the application is mounted: its SCRIPT_NAME, without a slash at the end. As the web server says
    /// unless set.
    pub mount: Option<String>,
}

/// How a group serves web servers that are not ours: on one listener that its processes share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Public {
    /// What they speak.
    pub protocol: Protocol,
    /// What they are answered by.
    pub served: Served,
}

/// The command that starts a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starter {
    /// Its version.
    pub version: String,
    /// Its file.
    pub file: PathBuf,
}

/// Everything a process does that answers one request by CGI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgiPlan {
    /// The command that starts it.
    pub starter: Starter,
    /// Its Python, and what its application sees of it; no scoreboard is there.
    pub worker: WorkerPlan,
    /// What the request is answered by.
    pub served: Served,
}

impl CgiPlan {
    /// The command that has written this plan, which can be told where nothing else of it can.
    ///
    /// # Errors
    /// When it is none.
    pub fn starter_of(plan: &[u8]) -> serde_json::Result<Starter> {
        #[derive(Deserialize)]
        struct First {
            starter: Starter,
        }
        serde_json::from_slice(plan).map(|First { starter }| starter)
    }
}
