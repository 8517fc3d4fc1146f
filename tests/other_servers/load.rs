//! Requests without a pause, and what became of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rwsgi_harness::wait_until;

use super::client::Ask;
use super::rig::PATIENCE;

/// What became of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// How many were answered, by the first word of the answer: the machine.
    pub(crate) answered: BTreeMap<String, usize>,
    /// What the others got.
    pub(crate) failed: Vec<String>,
    /// The longest that an answer took.
    pub(crate) slowest: Duration,
}

impl Tally {
    pub(crate) fn total(&self) -> usize {
        self.answered.values().sum()
    }

    fn note(&mut self, answer: Result<String, String>, took: Duration) {
        match answer {
            Ok(text) => {
                let machine = text.split_whitespace().next().unwrap_or_default();
                *self.answered.entry(machine.to_owned()).or_default() += 1;
                self.slowest = self.slowest.max(took);
            }
            Err(problem) => self
                .failed
                .push(format!("{problem} after {:.1} s", took.as_secs_f64())),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answered (by {:?}, slowest {:.2} s), {} failed {:?}",
            self.total(),
            self.answered,
            self.slowest.as_secs_f64(),
            self.failed.len(),
            self.failed
        )
    }
}

/// The body of an answer with status 200; else what came instead.
pub(crate) fn answer(ask: &Ask, address: SocketAddr) -> Result<String, String> {
    let response = ask.send(address)?;
    if response.status == 200 && response.complete {
        Ok(response.text())
    } else {
        Err(response.status.to_string())
    }
}

/// Clients that send the same request again and again.
pub(crate) struct Load {
    tally: Arc<Mutex<Tally>>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(clients: usize, ask: &Ask, address: SocketAddr) -> Load {
        let (tally, stop) = (Arc::<Mutex<Tally>>::default(), Arc::<AtomicBool>::default());
        let clients = (0..clients)
            .map(|_| {
                let (tally, stop, ask) = (Arc::clone(&tally), Arc::clone(&stop), ask.clone());
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let begun = Instant::now();
                        let answer = answer(&ask, address);
                        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                        tally.note(answer, begun.elapsed());
                    }
                })
            })
            .collect();
        Load { tally, stop, clients }
    }

    /// What has been so far.
    pub(crate) fn now(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What has been since this was asked last.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until so many more are answered.
    pub(crate) fn wait_for(&self, count: usize) {
        let before = self.now().total();
        let answered = wait_until(PATIENCE, || self.now().total() >= before + count);
        assert!(answered, "no further answers: {}", self.now());
    }

    /// Waits for the last answers; what has been since [`take`](Self::take).
    pub(crate) fn finish(mut self) -> Tally {
        self.stop();
        self.take()
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // A client that panicked has said so.
            let _ = client.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}
