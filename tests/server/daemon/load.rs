//! Clients that keep asking at a fixed rate, each answer checked, while something happens to the server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rwsgi_harness::{ClientError, Connection, Response, Server};

/// Clients that share a load.
const CLIENTS: u64 = 32;

/// What a request under load may end in.
pub(super) enum Answer {
    /// What was wanted.
    Good,
    /// What the fault at hand allows.
    Allowed,
    /// Anything else, and why.
    Bad(String),
}

/// What came of all requests.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) good: u64,
    pub(super) allowed: u64,
    pub(super) bad: Vec<String>,
    /// The longest wait for an answer.
    pub(super) longest: Duration,
    /// How long the load lasted.
    elapsed: Duration,
}

impl Report {
    #[track_caller]
    pub(super) fn assert_nothing_bad(&self, what: &str) {
        println!(
            "{what}: {} requests as wanted, {} as the fault allows, {} failed; longest {:?}; {:.0} a second",
            self.good,
            self.allowed,
            self.bad.len(),
            self.longest,
            (self.good + self.allowed) as f64 / self.elapsed.as_secs_f64()
        );
        let shown: Vec<&String> = self.bad.iter().take(5).collect();
        assert!(
            self.bad.is_empty(),
            "{what}: {} failed: {shown:#?}",
            self.bad.len()
        );
        assert!(self.good > 0, "{what}: nothing was asked");
    }
}

/// Requests that go on until the load is stopped.
pub(super) struct Load<'a> {
    pub(super) server: &'a Server,
    /// Requests a second over all clients, at most: each waits for its answer before it asks again.
    pub(super) rate: u64,
    /// Method, target and body of the request with a number.
    pub(super) request: &'a (dyn Fn(u64) -> (String, String) + Sync),
    /// What its answer is worth.
    pub(super) judge: &'a (dyn Fn(u64, Result<&Response, &ClientError>) -> Answer + Sync),
}

impl Load<'_> {
    /// Asks while `during` runs; it gets the count of requests answered so far.
    pub(super) fn run<T>(&self, during: impl FnOnce(&AtomicU64) -> T) -> (T, Report) {
        let (stop, answered, next) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let report = Mutex::new(Report::default());
        let start = Instant::now();
        let result = thread::scope(|scope| {
            let _stops = StopOnDrop(&stop);
            for client in 0..CLIENTS {
                let (stop, answered, next, report) = (&stop, &answered, &next, &report);
                scope.spawn(move || self.ask(client, stop, answered, next, report));
            }
            during(&answered)
        });
        let mut report = report.into_inner().expect("no client panics");
        report.elapsed = start.elapsed();
        (result, report)
    }

    fn ask(
        &self,
        client: u64,
        stop: &AtomicBool,
        answered: &AtomicU64,
        next: &AtomicU64,
        report: &Mutex<Report>,
    ) {
        let pause = Duration::from_secs(1) * u32::try_from(CLIENTS).expect("few")
            / u32::try_from(self.rate).expect("few");
        let mut due = Instant::now()
            + pause * u32::try_from(client).expect("few") / u32::try_from(CLIENTS).expect("few");
        let mut kept = None;
        while !stop.load(Ordering::Acquire) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due = (due + pause).max(Instant::now() - pause);
            let number = next.fetch_add(1, Ordering::AcqRel);
            let (target, body) = (self.request)(number);
            let start = Instant::now();
            let result = ask_kept(self.server, &mut kept, &target, &body);
            let taken = start.elapsed();
            let answer = (self.judge)(number, result.as_ref());
            answered.fetch_add(1, Ordering::AcqRel);
            let mut report = report.lock().expect("no client panics");
            report.longest = report.longest.max(taken);
            match answer {
                Answer::Good => report.good += 1,
                Answer::Allowed => report.allowed += 1,
                Answer::Bad(why) => report
                    .bad
                    .push(format!("request {number} after {taken:?}: {why}")),
            }
        }
    }
}

/// Clients stop also when what they accompany panics.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Sends on a kept connection. One that the server had closed before the request arrived is replaced, as any
/// client does.
fn ask_kept(
    server: &Server,
    kept: &mut Option<Connection>,
    target: &str,
    body: &str,
) -> Result<Response, ClientError> {
    loop {
        let reused = kept.is_some();
        let mut connection = kept.take().unwrap_or_else(|| server.connect());
        let length = body.len();
        connection.send_lossy(format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        match connection.try_response() {
            Ok(response) => {
                if response.complete && !response.says_close() {
                    *kept = Some(connection);
                }
                return Ok(response);
            }
            Err(ClientError::Closed(bytes)) if reused && bytes.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
}
