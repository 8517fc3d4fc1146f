//! Sockets, telemetry and names of older releases.

use std::time::Duration;

use super::super::super::server_options::AcceptMutex;
use super::*;

#[test]
fn sockets_are_read() {
    let sockets = |line: &str| Site::accepts(line).server.sockets;
    assert_eq!(
        sockets("WSGISocketPrefix run/wsgi").prefix.as_deref(),
        Some("run/wsgi")
    );
    for (word, kind) in [
        ("default", AcceptMutex::Default),
        ("Flock", AcceptMutex::Flock),
        ("fcntl", AcceptMutex::Fcntl),
        ("sysvsem", AcceptMutex::Sysvsem),
        ("posixsem", AcceptMutex::Posixsem),
        ("pthread", AcceptMutex::Pthread),
    ] {
        assert_eq!(
            sockets(&format!("WSGIAcceptMutex {word}")).accept_mutex,
            Some(kind)
        );
    }
    assert!(refused("WSGIAcceptMutex spin").contains("flock | fcntl"));
    assert!(Site::default().server.sockets.rotation());
}

#[test]
fn telemetry_is_read() {
    let site = Site::warns("WSGITelemetryService unix:/run/t.sock");
    assert_eq!(site.notices[0].code, Code::TELEMETRY_MISSING);
    let service = site.server.telemetry.service.unwrap();
    assert_eq!(
        (service.socket.as_str(), service.interval),
        ("/run/t.sock", Duration::from_secs(1))
    );
    let half = Site::warns("WSGITelemetryService unix:/t interval=0.5");
    let half = half.server.telemetry.service.unwrap();
    assert_eq!(half.interval, Duration::from_millis(500));
    for line in [
        "WSGITelemetryService udp:127.0.0.1:1",
        "WSGITelemetryService unix:t",
        "WSGITelemetryService /t",
        "WSGITelemetryService unix:/t interval=0.4",
        "WSGITelemetryService unix:/t every=2",
        "WSGISlowRequests -1",
        "WSGISlowRequests slow",
    ] {
        refused(line);
    }
    let slow = Site::accepts("WSGISlowRequests 0").server.telemetry.slow_requests;
    assert_eq!(slow, Some(Duration::ZERO));
}

#[test]
fn telemetry_options_are_absolute_or_relative() {
    let capture = |lines: &[&str]| {
        let mut site = Site::default();
        for line in lines {
            site.line(&format!("WSGITelemetryOptions {line}")).unwrap();
        }
        site.server.telemetry.capture_user_agent()
    };
    for (lines, expected) in [
        (&["CaptureUserAgent"][..], true),
        (&["captureuseragent"], true),
        (&["All"], true),
        (&["None"], false),
        (&["All", "-CaptureUserAgent"], false),
        (&["None", "+CaptureUserAgent"], true),
        (&["All", "None"], false),
    ] {
        assert_eq!(capture(lines), expected, "{lines:?}");
    }
    for words in ["Everything", "+All", "-None", "All -CaptureUserAgent", "+Nothing"] {
        refused(&format!("WSGITelemetryOptions {words}"));
    }
}

#[test]
fn removed_names_are_accepted_with_one_warning() {
    for line in [
        "WSGILazyInitialization Off",
        "WSGINewRelicConfigFile /etc/newrelic.ini",
        "WSGINewRelicEnvironment production",
        "WSGIUserAuthoritative Off",
        "WSGIReloadMechanism Process",
        "WSGIPythonExecutable /usr/bin/python",
        "WSGIOutputBuffering On",
        "WSGIPy3kWarningFlag On",
    ] {
        let site = Site::warns(line);
        assert_eq!(site.notices[0].code, Code::DIRECTIVE_REMOVED, "{line}");
        assert_eq!(site.notices[0].level, Level::Warning, "{line}");
        assert!(site.server.is_empty() && site.dir.is_empty(), "{line}");
    }
    let verbose = Site::warns("WSGIVerboseDebugging On");
    assert_eq!(verbose.notices[0].level, Level::Info);
    refused("WSGIVerboseDebugging yes");
}
