//! The threads of the process that run Python: counted, and waited for before Python ends.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Threads that Python must not end under.
#[derive(Default)]
pub(super) struct Crew {
    /// How many run.
    running: Mutex<usize>,
    one_ended: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Crew {
    /// Starts a thread.
    pub(super) fn start(
        self: &Arc<Self>,
        builder: Builder,
        f: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        *lock(&self.running) += 1;
        // Counted off however the thread ends, and if it never begins.
        let counted = Counted(Arc::clone(self));
        let thread = builder.spawn(move || {
            let _counted = counted;
            f();
        })?;
        let mut threads = lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    /// Waits until all threads have ended; whether they have after `patience`, `None` for ever.
    pub(super) fn wait(&self, patience: Option<Duration>) -> bool {
        let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut running = lock(&self.running);
        while *running > 0 {
            let left = deadline.map_or(Duration::from_secs(60), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return false;
            }
            running = self
                .one_ended
                .wait_timeout(running, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(running);
        // Only then has each given back what it holds of Python.
        for thread in lock(&self.threads).drain(..) {
            let _ = thread.join();
        }
        true
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Counted(Arc<Crew>);

impl Drop for Counted {
    fn drop(&mut self) {
        *lock(&self.0.running) -= 1;
        self.0.one_ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_is_waited_for_and_one_that_panics_is_counted_off() {
        let crew = Arc::new(Crew::default());
        let (end, ended) = mpsc::channel::<()>();
        let waiting = move || {
            let _ = ended.recv();
        };
        crew.start(Builder::new(), waiting).expect("started");
        crew.start(Builder::new(), || panic!("a thread's own"))
            .expect("started");
        assert!(!crew.wait(Some(Duration::from_millis(20))));
        drop(end);
        assert!(crew.wait(None));
    }
}
