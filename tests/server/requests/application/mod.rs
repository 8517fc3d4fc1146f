//! Applications that misbehave, numbered as in the catalogue of application faults (W-01 to W-35).
//!
//! Rows and parts of rows without a test, all for the same reason: there is no daemon process to look after.
//!
//! | row | part | why not |
//! |---|---|---|
//! | W-01 | 503 and Retry-After while a start backs off | a supervisor's start-up |
//! | W-17 | 502 for the client, report of the stack | the process that dies is the one that would answer |
//! | W-18 | request timeout, watchdog of the GIL | httpd has no limit on a handler's time |
//! | W-25 | limits of memory, killed for memory | they belong to httpd's process |
//! | W-28 | closing all descriptors | breaks httpd's own event loop, as any module could |
//!
//! A row over the interpreter asks both application groups of one server.

mod end;
mod injection;
mod late;
mod process;
mod python;
mod response;
mod start;

use super::{GROUPS, assert_error_page, mounted};
use rwsgi_harness::{Builder, Mpm, Response, Server};

/// The cases in the main and in a sub-interpreter of one process.
fn cases() -> Builder {
    mounted("application_cases.py").mpm(Mpm::Event)
}

/// Tracebacks of any exception may be logged; the tests name those they wait for.
fn failing() -> Builder {
    cases().allow_log(
        r"^WSGI(0174|0175|0194|1010)|Error|Exception|exception|Traceback|^\s|^$|^(\S+\.)?[A-Z]\w+(: .*)?$",
    )
}

/// What both application groups answer.
#[track_caller]
fn both(server: &Server, case: &str) -> [Response; 2] {
    GROUPS.map(|group| server.get(&format!("{group}/{case}")))
}

/// Both groups refuse with httpd's 500, and the log has this line.
#[track_caller]
fn fails(server: &Server, case: &str, log: &str) {
    for response in both(server, case) {
        assert_error_page(&response, 500);
        assert!(!response.text().contains("secret"), "{case}: {response:?}");
    }
    server.wait_for_log(log);
}

/// Both groups answer 200 with this text, complete, and the connection stays in step.
#[track_caller]
fn answers(server: &Server, case: &str, text: &str) {
    for group in GROUPS {
        let mut connection = server.connect();
        let response = connection.get(&format!("{group}/{case}"));
        assert_eq!((response.status, response.text().as_str()), (200, text), "{case}");
        assert!(response.complete, "{case}: {response:?}");
        assert_eq!(
            connection.get(&format!("{group}/fine")).text(),
            "fine",
            "{case}: out of step"
        );
    }
}

/// Both groups begin with this text and stop visibly short of the end.
#[track_caller]
fn truncates(server: &Server, case: &str, text: &str) {
    for response in both(server, case) {
        assert_eq!((response.status, response.text().as_str()), (200, text), "{case}");
        assert!(!response.complete, "{case}: {response:?}");
    }
}

/// Percent-encodes every byte, so that a request line can carry it.
fn encoded(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("%{byte:02x}")).collect()
}

/// How many alternatives a case of the application has.
fn count(server: &Server, case: &str) -> usize {
    let text = server.get(&format!("/main/{case}")).text();
    text.parse().unwrap_or_else(|_| panic!("{case} says {text}"))
}

/// The process that answers.
fn pid(server: &Server) -> u32 {
    server.get("/main/pid").text().parse().expect("a process id")
}
