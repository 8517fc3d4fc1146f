//! Settings of the whole server that belong to no single application: sockets and telemetry.

use std::time::Duration;

/// How often figures are sent unless `interval=` says otherwise.
pub const TELEMETRY_INTERVAL: Duration = Duration::from_secs(1);

/// `WSGIAcceptMutex`: what keeps several daemon processes from accepting at once.
///
/// Kept for configurations that name one; which one it is makes no difference to requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "httpd's names for its kinds of lock")]
pub enum AcceptMutex {
    #[default]
    Default,
    Flock,
    Fcntl,
    Sysvsem,
    Posixsem,
    Pthread,
}

/// Sockets between httpd's processes and daemon processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketSettings {
    /// `WSGISocketPrefix` as written: relative to the server root unless it begins with a slash.
    pub prefix: Option<String>,
    /// `WSGISocketRotation`.
    pub rotation: Option<bool>,
    /// `WSGIAcceptMutex`.
    pub accept_mutex: Option<AcceptMutex>,
    /// `RWSGICommand` as written: relative to the server root unless it begins with a slash.
    pub command: Option<String>,
}

impl SocketSettings {
    /// Whether a restart may change the sockets' names; it may unless set.
    #[must_use]
    pub fn rotation(&self) -> bool {
        self.rotation.unwrap_or(true)
    }
}

/// `WSGITelemetryService`: where figures go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryService {
    /// Path of the UNIX datagram socket.
    pub socket: String,
    /// How often.
    pub interval: Duration,
}

/// Telemetry of the whole server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// `WSGITelemetryService`.
    pub service: Option<TelemetryService>,
    /// `WSGISlowRequests`: from which duration on a request is told of; zero tells of none.
    pub slow_requests: Option<Duration>,
    /// `WSGITelemetryOptions`: whether User-Agent headers are told.
    pub capture_user_agent: Option<bool>,
}

impl TelemetrySettings {
    /// Whether User-Agent headers are told; they are not unless set.
    #[must_use]
    pub fn capture_user_agent(&self) -> bool {
        self.capture_user_agent.unwrap_or(false)
    }
}
