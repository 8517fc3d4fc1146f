//! Requests that arrive at a fixed rate, whether or not those before are answered, each answer checked, while
//! something happens to the server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rwsgi_harness::{ClientError, Connection, Response, Server};

/// Clients that share a load: so many requests can be under way before one has to be sent late.
const CLIENTS: usize = 128;
/// A thread of httpd for each client of a load.
pub(super) const LIMITS: &str = "StartServers 4\nServerLimit 16\nThreadsPerChild 16\nMinSpareThreads 32\nMaxSpareThreads 128\n\
    MaxRequestWorkers 256";
/// One request in so many comes on a connection of its own, the others on kept ones.
const NEW_CONNECTION: u64 = 4;

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
    /// How long each request waited for its answer, by its number.
    pub(super) waits: Vec<(u64, Duration)>,
    /// The longest that a request was sent after it was due, as all clients were waiting.
    latest: Duration,
    /// Answers while the load lasted, and how long it did.
    reached: (u64, Duration),
}

impl Report {
    /// Answers a second, from the first request until the load was stopped.
    pub(super) fn rate(&self) -> f64 {
        self.reached.0 as f64 / self.reached.1.as_secs_f64()
    }

    /// The longest wait of requests whose number is one of these.
    pub(super) fn longest(&self, of: impl Fn(u64) -> bool) -> Duration {
        let waits = self.waits.iter().filter(|(number, _)| of(*number));
        waits.map(|(_, wait)| *wait).max().unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn assert_nothing_bad(&self, what: &str) {
        println!(
            "{what}: {} requests as wanted, {} as the fault allows, {} failed; longest {:?}; {:.1} a second, \
             none sent more than {:?} late",
            self.good,
            self.allowed,
            self.bad.len(),
            self.longest(|_| true),
            self.rate(),
            self.latest,
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
    /// Requests a second.
    pub(super) rate: u32,
    /// Method, target and body of the request with a number.
    pub(super) request: &'a (dyn Fn(u64) -> (String, String) + Sync),
    /// What its answer is worth.
    pub(super) judge: &'a (dyn Fn(u64, Result<&Response, &ClientError>) -> Answer + Sync),
}

/// What the clients of a load share.
struct Shared {
    begin: Instant,
    stop: AtomicBool,
    next: AtomicU64,
    answered: AtomicU64,
    report: Mutex<Report>,
}

impl Load<'_> {
    /// Asks while `during` runs; it gets the count of requests answered so far.
    pub(super) fn run<T>(&self, during: impl FnOnce(&AtomicU64) -> T) -> (T, Report) {
        let shared = Shared {
            begin: Instant::now(),
            stop: AtomicBool::new(false),
            next: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            report: Mutex::default(),
        };
        let (result, reached) = thread::scope(|scope| {
            let _stops = StopOnDrop(&shared.stop);
            for _ in 0..CLIENTS {
                scope.spawn(|| self.ask(&shared));
            }
            let result = during(&shared.answered);
            let answered = shared.answered.load(Ordering::Acquire);
            (result, (answered, shared.begin.elapsed()))
        });
        let mut report = shared.report.into_inner().expect("no client panics");
        report.reached = reached;
        (result, report)
    }

    /// One client: takes the request that is due next, whichever that is.
    fn ask(&self, shared: &Shared) {
        let mut kept = None;
        loop {
            let number = shared.next.fetch_add(1, Ordering::AcqRel);
            let due = shared.begin + Duration::from_secs_f64(number as f64 / f64::from(self.rate));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if shared.stop.load(Ordering::Acquire) {
                return;
            }
            let (target, body) = (self.request)(number);
            let start = Instant::now();
            let mut own = None;
            let connection = match number % NEW_CONNECTION {
                0 => &mut own,
                _ => &mut kept,
            };
            let result = ask_kept(self.server, connection, &target, &body);
            let wait = start.elapsed();
            let answer = (self.judge)(number, result.as_ref());
            shared.answered.fetch_add(1, Ordering::AcqRel);
            let mut report = shared.report.lock().expect("no client panics");
            report.waits.push((number, wait));
            report.latest = report.latest.max(start.saturating_duration_since(due));
            match answer {
                Answer::Good => report.good += 1,
                Answer::Allowed => report.allowed += 1,
                Answer::Bad(why) => report.bad.push(format!("request {number} after {wait:?}: {why}")),
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
