//! Arguments of directives that stand for the whole server: sockets, telemetry, names of older releases.

use super::super::args::NameValue;
use super::super::interpreter::seconds;
use super::super::server_options::{AcceptMutex, TELEMETRY_INTERVAL, TelemetryService};
use super::call::Call;
use super::{ConfigError, Problem};
use crate::gateway::{Code, Level};

pub(super) fn socket_prefix(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let prefix = call.only_word()?;
    call.server()?.sockets.prefix = Some(prefix);
    Ok(())
}

pub(super) fn command(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let command = call.only_word()?;
    call.server()?.sockets.command = Some(command);
    Ok(())
}

pub(super) fn accept_mutex(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let word = call.only_word()?;
    let kind = match word.to_ascii_lowercase().as_str() {
        "default" => AcceptMutex::Default,
        "flock" => AcceptMutex::Flock,
        "fcntl" => AcceptMutex::Fcntl,
        "sysvsem" | "sem" => AcceptMutex::Sysvsem,
        "posixsem" => AcceptMutex::Posixsem,
        "pthread" => AcceptMutex::Pthread,
        _ => {
            return Err(call.error(Problem::NotOneOf {
                value: word,
                allowed: "default | flock | fcntl | sysvsem | posixsem | pthread",
            }));
        }
    };
    call.server()?.sockets.accept_mutex = Some(kind);
    Ok(())
}

pub(super) fn eggs(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let directory = call.only_word()?;
    call.server()?.python.eggs = Some(directory);
    Ok(())
}

/// `WSGITelemetryService unix:/path [interval=seconds]`
pub(super) fn telemetry_service(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    const WHAT: &str = "telemetry service";
    const OPTIONS: &str = "interval=";
    let target = call.word()?;
    let Some(socket) = target.strip_prefix("unix:").filter(|path| path.starts_with('/')) else {
        let allowed = "unix: and the full path of a socket";
        return Err(call.error(Problem::Value {
            value: target,
            allowed,
        }));
    };
    let mut service = TelemetryService {
        socket: socket.to_owned(),
        interval: TELEMETRY_INTERVAL,
    };
    while let Some(NameValue { name, value, .. }) = call.next_option(WHAT, OPTIONS)? {
        if name != "interval" {
            return Err(call.unknown_option(format!("{name}={value}"), WHAT, OPTIONS));
        }
        match seconds(&value).filter(|interval| interval.as_millis() >= 500) {
            Some(interval) => service.interval = interval,
            None => {
                let allowed = "an interval of at least 0.5 seconds";
                return Err(call.error(Problem::Value { value, allowed }));
            }
        }
    }
    call.server()?.telemetry.service = Some(service);
    let text = "is accepted and has no effect, as this module sends no telemetry";
    call.tell(Level::Warning, Code::TELEMETRY_MISSING, text);
    Ok(())
}

pub(super) fn slow_requests(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let word = call.only_word()?;
    let Some(limit) = seconds(&word) else {
        let allowed = "a number of seconds from 0";
        return Err(call.error(Problem::Value { value: word, allowed }));
    };
    call.server()?.telemetry.slow_requests = Some(limit);
    Ok(())
}

/// `WSGITelemetryOptions [+|-]CaptureUserAgent | None | All`
pub(super) fn telemetry_options(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    let words = call.all_words()?;
    let relative = words.iter().filter(|word| word.starts_with(['+', '-'])).count();
    let mut capture = call.server()?.telemetry.capture_user_agent;
    if relative != words.len() {
        capture = Some(false);
    }
    for word in &words {
        let (on, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.strip_prefix('+').unwrap_or(word)),
        };
        let is_absolute = name.len() == word.len();
        let known = name.eq_ignore_ascii_case("CaptureUserAgent")
            || is_absolute && (name.eq_ignore_ascii_case("None") || name.eq_ignore_ascii_case("All"));
        if !known || (relative != 0 && relative != words.len()) {
            let allowed =
                "CaptureUserAgent, None or All, or only options with a sign as in +CaptureUserAgent";
            let value = word.clone();
            return Err(call.error(Problem::Value { value, allowed }));
        }
        if !name.eq_ignore_ascii_case("None") {
            capture = Some(on);
        }
    }
    call.server()?.telemetry.capture_user_agent = capture;
    Ok(())
}

pub(super) fn verbose_debugging(call: &mut Call<'_, '_>) -> Result<(), ConfigError> {
    call.only_switch()?;
    call.server()?;
    let text = "is deprecated and has no effect; set the level by LogLevel wsgi:debug";
    call.tell(Level::Info, Code::DIRECTIVE_WITHOUT_EFFECT, text);
    Ok(())
}

/// A name that only older releases know.
pub(super) fn removed(call: &mut Call<'_, '_>, advice: &str) -> Result<(), ConfigError> {
    call.only_word()?;
    let text = format!("is a name of older releases and has no effect; {advice}");
    call.tell(Level::Warning, Code::DIRECTIVE_REMOVED, &text);
    Ok(())
}
