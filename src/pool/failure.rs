//! What becomes of a request when its worker has answered, or did not.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Call;
use super::answer::{Answer, AnswerFault, End, FileFault};
use super::choose::{NoWorker, Reservation};
use super::client::Client;
use super::relay::Broken;
use crate::gateway::body::Balance;
use crate::gateway::cgi_head::HeadFault;
use crate::gateway::{BodyError, Code, Level};
use crate::scoreboard::{Death, Grant, Position, since};
use crate::sys::{clock, futex};

/// How long to wait for the supervisor to say how a process ended.
const REPORT: Duration = Duration::from_secs(1);

/// What the client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The response, which is complete.
    Complete,
    /// What httpd answers with this status, in place of a complete response.
    Replace(u16),
    /// The end of a response that is not complete, in a way that it can tell.
    BreakOff,
    /// What httpd answers with this status, if nothing was sent yet.
    Fail(u16),
    /// The same, with the advice to try again after as many seconds.
    Later(u32),
    /// Nothing: it is gone.
    Leave,
    /// What its own error deserves.
    Body(BodyError),
}

/// The answer has ended.
pub(super) fn ended<C: Client>(client: &mut C, answer: &Answer<'_>, end: End) -> Verdict {
    if !answer.has_head() {
        return match u16::try_from(end.app_status) {
            Ok(status @ 400..=599) => Verdict::Fail(status),
            _ => {
                let text = "the process ended the request without a response";
                client.log(Level::Error, Some(Code::NO_ANSWER), text.as_bytes());
                Verdict::Fail(502)
            }
        };
    }
    if let Some(status) = answer.replaced_by() {
        return Verdict::Replace(status);
    }
    if end.app_status != 0 {
        // Why, the worker has logged.
        return Verdict::BreakOff;
    }
    match answer.balance() {
        Balance::Short(missing) => {
            let text = format!("the response is {missing} bytes shorter than its Content-Length");
            client.log(Level::Error, Some(Code::RESPONSE_SHORT), text.as_bytes());
            Verdict::BreakOff
        }
        // What is too long, the worker has cut and logged.
        Balance::Even | Balance::Long(_) => Verdict::Complete,
    }
}

/// The worker would not run the request, nor would others.
pub(super) fn refused<C: Client>(call: &Call<'_, '_>, client: &mut C, end: End) -> Verdict {
    let text = format!(
        "a process of group '{}' refused the request (FastCGI status {})",
        call.group.name(),
        end.protocol_status
    );
    client.log(Level::Error, Some(Code::NO_PROCESS), text.as_bytes());
    Verdict::Later(1)
}

/// There is no worker for the request.
pub(super) fn no_worker<C: Client>(call: &Call<'_, '_>, client: &mut C, reason: NoWorker) -> Verdict {
    let (name, options) = (call.group.name(), call.group.options());
    let (code, text, verdict) = match reason {
        NoWorker::Shut(seconds) => (
            Code::GROUP_SHUT,
            format!("the processes of group '{name}' cannot be started; the next try is in {seconds} s"),
            Verdict::Later(seconds),
        ),
        NoWorker::QueueFull => (
            Code::QUEUE_FULL,
            format!(
                "{} requests wait for a thread of group '{name}' already (listen-backlog=)",
                options.backlog()
            ),
            Verdict::Later(1),
        ),
        NoWorker::QueueTimeout => (
            Code::QUEUE_TIMEOUT,
            format!(
                "no thread of group '{name}' was free within {} s (queue-timeout=)",
                options.queue_timeout.unwrap_or_default().as_secs()
            ),
            Verdict::Fail(504),
        ),
        NoWorker::NoProcess => (
            Code::NO_PROCESS,
            format!(
                "no process of group '{name}' took requests within {} s (connect-timeout=)",
                options.connect_timeout.as_secs()
            ),
            Verdict::Later(1),
        ),
    };
    client.log(Level::Error, Some(code), text.as_bytes());
    verdict
}

/// The worker that was chosen cannot be connected to.
pub(super) fn not_connected<C: Client>(call: &Call<'_, '_>, client: &mut C, error: &io::Error) -> Verdict {
    let name = call.group.name();
    let text = format!("a process of group '{name}' could not be connected to: {error}");
    client.log(Level::Error, Some(Code::CONNECT_FAILED), text.as_bytes());
    Verdict::Later(1)
}

/// The client's body does not come.
pub(super) fn body<C: Client>(client: &mut C, error: BodyError) -> Verdict {
    let text = format!("the request's body could not be read: {error}");
    client.log(Level::Info, Some(Code::CLIENT_BODY_FAILED), text.as_bytes());
    Verdict::Body(error)
}

/// The body cannot be collected.
pub(super) fn no_room<C: Client>(client: &mut C, error: &io::Error) -> Verdict {
    let folder = std::env::temp_dir();
    let text = format!(
        "the request's body could not be collected in '{}': {error}",
        folder.display()
    );
    client.log(Level::Error, Some(Code::NO_ROOM_FOR_BODY), text.as_bytes());
    Verdict::Later(1)
}

/// The group's processes cannot see the script.
pub(super) fn outside_root<C: Client>(call: &Call<'_, '_>, client: &mut C) -> Verdict {
    let text = format!(
        "script '{}' is outside of '{}', the root directory of group '{}' (chroot=)",
        String::from_utf8_lossy(call.plan.script),
        call.group.options().chroot.as_deref().unwrap_or_default(),
        call.group.name()
    );
    client.log(Level::Error, Some(Code::SCRIPT_OUTSIDE_CHROOT), text.as_bytes());
    Verdict::Fail(500)
}

/// The connection is of no use any more.
pub(super) fn broken<C: Client>(
    call: &Call<'_, '_>,
    client: &mut C,
    answer: &Answer<'_>,
    reservation: Reservation<'_>,
    broken: Broken,
) -> Verdict {
    let name = call.group.name();
    // A response that has begun is never taken back, so that what the client sees does not hang on time.
    let or_break_off = |status| {
        if answer.has_head() && answer.replaced_by().is_none() {
            Verdict::BreakOff
        } else {
            Verdict::Fail(status)
        }
    };
    let (code, text, status) = match broken {
        Broken::Client => return Verdict::Leave,
        Broken::Unclaimed => return no_worker(call, client, NoWorker::NoProcess),
        Broken::Body(error) => return body(client, error),
        Broken::Lost => return or_break_off(lost(call, client, reservation)),
        Broken::Silent if answer.has_head() => (
            Code::ANSWER_STALLED,
            format!(
                "a process of group '{name}' sent nothing more of its response for {} s",
                call.groups.socket_timeout(call.group).as_secs()
            ),
            504,
        ),
        Broken::Silent => (
            Code::NO_HEAD_IN_TIME,
            format!(
                "a process of group '{name}' sent no response headers within {} s (socket-timeout=)",
                call.groups.socket_timeout(call.group).as_secs()
            ),
            504,
        ),
        Broken::Fault(fault) => {
            if matches!(fault, AnswerFault::File(FileFault::Lost | FileFault::Refused)) {
                call.group.take_no_files();
            }
            fault_of(name, &fault)
        }
        Broken::System(error) => (
            Code::ANSWER_UNREADABLE,
            format!("the answer of a process of group '{name}' could not be read: {error}"),
            502,
        ),
    };
    client.log(Level::Error, Some(code), text.as_bytes());
    or_break_off(status)
}

fn fault_of(name: &str, fault: &AnswerFault) -> (Code, String, u16) {
    let (code, status) = match fault {
        AnswerFault::Head(HeadFault::LineTooLong(_) | HeadFault::TooLarge) => (Code::HEAD_TOO_LONG, 500),
        AnswerFault::Head(HeadFault::MalformedLine | HeadFault::Invalid(_)) => (Code::HEAD_MALFORMED, 500),
        AnswerFault::Protocol(_) | AnswerFault::Log(_) => (Code::ANSWER_FAULTY, 502),
        AnswerFault::File(_) => (Code::FILE_NOT_TAKEN, 502),
    };
    (
        code,
        format!("a process of group '{name}' sent a {fault}"),
        status,
    )
}

/// The process has ended, or at least its end of the connection. The status to answer with.
fn lost<C: Client>(call: &Call<'_, '_>, client: &mut C, reservation: Reservation<'_>) -> u16 {
    let (grant, board) = (reservation.grant(), reservation.board());
    let seconds = f64::from(since(clock::millis(), reservation.begun())) / 1000.0;
    let position = board.position(grant.position);
    let living = position
        .filter(|position| position.instance() == grant.instance)
        .map(|position| position.pid());
    // Whoever waits for a slot does not have to wait for the report.
    drop(reservation);
    let report = position.and_then(|position| wait_for_report(position, grant));
    let dead = position.and_then(|position| position.dead_pid_of(grant.instance));
    let pid = dead.or(living).unwrap_or(0);
    let how = match &report {
        Some((death, _)) => death.to_string(),
        None => "closed the connection".to_owned(),
    };
    let was_ours = matches!(report, Some((Death::Killed { ours: true, .. }, _)));
    let id = if call.log_id.is_empty() {
        String::new()
    } else {
        format!(", request id {}", String::from_utf8_lossy(call.log_id))
    };
    let mut text = format!(
        "process {pid} of group '{}', running '{}' for {seconds:.3} s{id}, {how}",
        call.group.name(),
        String::from_utf8_lossy(call.request_line),
    )
    .into_bytes();
    if let Some((_, last_words)) = report.filter(|(_, words)| !words.is_empty()) {
        text.push(b'\n');
        text.extend_from_slice(&last_words);
    }
    client.log(Level::Error, Some(Code::PROCESS_LOST), &text);
    // The supervisor ends processes only when a limit of time is over.
    if was_ours { 504 } else { 502 }
}

fn wait_for_report(position: Position<'_>, grant: Grant) -> Option<(Death, Vec<u8>)> {
    let begin = Instant::now();
    loop {
        let word = position.dead_instance_word();
        let value = word.load(Ordering::SeqCst);
        if let Some(report) = position.death_of(grant.instance) {
            return Some(report);
        }
        let left = REPORT.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return None;
        }
        futex::wait(word, value, left);
    }
}
